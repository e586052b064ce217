package cron_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// Two servers on one database, where there can be two: a run that begins at
// one and ends at the other is one run, and nothing is counted twice.
func TestBothDatabases(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		first := openDesk(t, db)
		first.plan(t, "prod", every("/job", "* * * * *"), every("/twice", "0 1 * * *"), every("/twice", "0 2 * * *"))
		second := first
		if db.CronsShared() {
			second = openDesk(t, db)
		}
		var running sync.WaitGroup
		for i := range 20 {
			running.Go(func() {
				id := fmt.Sprintf("run-%d", i)
				for _, r := range []struct {
					d *desk
					s cron.Signal
				}{{first, cron.Start}, {second, cron.Success}, {first, cron.Success}} {
					report := cron.Report{To: to("/job"), Signal: r.s, RunID: id}
					if r.s == cron.Success {
						report.Output = []byte("done " + id)
					}
					r.d.send(t, report)
				}
			})
		}
		running.Wait()
		job := jobOf(t, db, "/job")
		runs, err := db.CronRuns(t.Context(), job.ID, time.Unix(0, 0), time.Now().Add(time.Hour), 100)
		if err != nil || len(runs) != 20 {
			t.Fatalf("%d runs, %v", len(runs), err)
		}
		for _, r := range runs {
			body, err := db.CronOutput(t.Context(), job.ID, r.At, r.Seq)
			if err != nil || r.State != cron.Succeeded || string(body) != "done "+r.ID || !r.Begun || !r.Timed {
				t.Errorf("%+v printed %q, %v", r, body, err)
			}
		}
		sums, err := db.CronSums(t.Context(), job.ID, false, time.Unix(0, 0), time.Now().Add(time.Hour))
		var good int64
		for _, s := range sums {
			good += s.Good
		}
		if err != nil || good != 20 {
			t.Errorf("counted %d good runs, %v", good, err)
		}
		// A week later the runs go and the days stay.
		later := time.Now().Add(24 * time.Hour)
		more, err := db.SweepCrons(t.Context(), job.ID, cron.Keep{Raw: later, Hours: time.Unix(0, 0), Days: time.Unix(0, 0)})
		if err != nil || more {
			t.Fatalf("sweep: %t %v", more, err)
		}
		if runs, err = db.CronRuns(t.Context(), job.ID, time.Unix(0, 0), later, 100); err != nil || len(runs) != 0 {
			t.Errorf("after the sweep: %d runs, %v", len(runs), err)
		}
		var outputs int
		if err := storetest.Raw(t, db).QueryRowContext(t.Context(), `SELECT COUNT(*) FROM cron_outputs`).Scan(&outputs); err != nil || outputs != 0 {
			t.Errorf("after the sweep: %d outputs, %v", outputs, err)
		}
	})
}

func jobOf(t *testing.T, db *store.DB, path string) cron.Job {
	t.Helper()
	jobs, err := db.CronJobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		if j.Path == path {
			return j
		}
	}
	t.Fatalf("no job %s", path)
	return cron.Job{}
}
