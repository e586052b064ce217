package cron_test

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/cron/expr"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// shop is a project with three environments.
var shop = catalog.Project{Name: "shop", Environments: []catalog.Environment{
	{Name: "dev", Kind: catalog.Local}, {Name: "next", Kind: catalog.Staging}, {Name: "prod", Kind: catalog.Production, URL: &url.URL{Scheme: "https", Host: "shop.example"}},
}}

var (
	reporter = access.Actor{Kind: access.Machine, ID: "usr_1", Role: access.Admin, Scope: access.Report, TokenID: "tok_1"}
	viewer   = access.Actor{Kind: access.Machine, ID: "usr_1", Role: access.Admin, Scope: access.API, TokenID: "tok_2"}
)

// desk is a book on a real database.
type desk struct {
	*cron.Book
	db   *store.DB
	stop func()
	dead *deadStore
}

// crash ends the book as kill -9 does: from now on nothing reaches the disk.
func (d *desk) crash() {
	d.dead.dead.Store(true)
	d.stop()
}

// deadStore is the real database until the process is killed.
type deadStore struct {
	*store.DB
	dead atomic.Bool
}

func (s *deadStore) RecordCrons(ctx context.Context, do func(cron.Ledger) error) error {
	if s.dead.Load() {
		return errors.New("killed")
	}
	return s.DB.RecordCrons(ctx, do)
}

func parse(t testing.TB, schedule string) expr.Schedule {
	t.Helper()
	s, err := expr.Parse(schedule, expr.Unix)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sortScript(script []happening) {
	slices.SortStableFunc(script, func(a, b happening) int { return a.at.Compare(b.at) })
}

// newGate is the real gate on the same database.
func newGate(t testing.TB, db *store.DB) *access.Gate {
	t.Helper()
	keys, err := access.NewKeys(secret.New(strings.Repeat("k", 40)))
	if err != nil {
		t.Fatal(err)
	}
	control, err := access.New(context.Background(), access.Config{Store: db, Keys: keys, Clock: clock.Real(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return control.Gate
}

func openDesk(t testing.TB, db *store.DB, change ...func(*cron.Options)) *desk {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	memory := cache.NewMemory()
	dead := &deadStore{DB: db}
	o := cron.Options{
		Projects: []cron.Project{{Catalog: shop}}, Store: dead, Gate: newGate(t, db),
		Keeper: cache.NewKeeper(memory, clock.Real(), log), Clock: clock.Real(), Log: log,
	}
	for _, fn := range change {
		fn(&o)
	}
	book, err := cron.New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := book.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	d := &desk{Book: book, db: db, dead: dead}
	d.stop = sync.OnceFunc(func() { cancel(); running.Wait(); memory.Close() })
	t.Cleanup(d.stop)
	return d
}

func (d *desk) plan(t testing.TB, environment string, jobs ...cron.Planned) {
	t.Helper()
	if err := d.Plan(context.Background(), "shop", environment, cron.FromConfig, jobs); err != nil {
		t.Fatal(err)
	}
}

func (d *desk) send(t testing.TB, r cron.Report) cron.Accepted {
	t.Helper()
	if r.ExitCode == 0 {
		r.ExitCode = -1
	}
	a, err := d.Report(context.Background(), reporter, r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (d *desk) info(t testing.TB, path string) cron.JobInfo {
	t.Helper()
	synctest.Wait()
	s, _, err := d.Status(context.Background(), viewer, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range s.Value.Crons {
		if i.Path == path {
			return i
		}
	}
	t.Fatalf("no job %s in %s", path, s.JSON)
	return cron.JobInfo{}
}

func every(path, schedule string) cron.Planned {
	return cron.Planned{Path: path, Timetable: cron.Timetable{Schedule: schedule}}
}

func to(path string) cron.Target { return cron.Target{Path: path, Create: true} }

// pass lets the bubble's time go on.
func pass(d time.Duration) {
	_ = clock.Real().Sleep(context.Background(), d)
	synctest.Wait()
}

// until sleeps to a time of the bubble's first hour.
func until(t testing.TB, clockTime string) {
	t.Helper()
	at, err := time.Parse("15:04:05.999", clockTime)
	if err != nil {
		t.Fatal(err)
	}
	day := time.Now().UTC().Truncate(24 * time.Hour)
	pass(time.Until(day.Add(at.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)))))
}

func TestWhatTheSeedsJobsReportIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDesk(t, storetest.Open(t))
		synctest.Wait()
		d.plan(t, "prod", every("/api/cron/pulse-metrics", "*/15 * * * *"))
		until(t, "00:15:03")
		d.send(t, cron.Report{
			To: to("/api/cron/pulse-metrics"), Signal: cron.Failure, Ended: time.Now(), Duration: 812 * time.Millisecond, Timed: true,
			StatusCode: 500, Error: "boom",
		})
		pass(time.Second)
		got := d.info(t, "/api/cron/pulse-metrics")
		if got.LastRun == nil || got.LastRun.Status != "failure" || *got.LastRun.DurationMs != 812 || *got.LastRun.StatusCode != 500 || got.LastRun.ErrorMessage != "boom" {
			t.Errorf("last run: %+v", got.LastRun)
		}
		if got.Schedule == nil || *got.Schedule != "*/15 * * * *" || *got.ScheduleHuman != "Every 15 minutes" || got.NextRun.Format("15:04") != "00:30" {
			t.Errorf("schedule: %+v", got)
		}
		if got.Stats.FailureCount7d != 1 || got.Stats.SuccessCount7d != 0 || *got.Stats.AvgDurationMs != 812 || !got.Stats.CoveredFrom.Equal(time.Now().Truncate(time.Hour)) {
			t.Errorf("stats: %+v", got.Stats)
		}
		if got.State != cron.StandFailing {
			t.Errorf("state: %s", got.State)
		}
		// The same report again, as a client that lost the answer sends it.
		again := d.send(t, cron.Report{
			To: to("/api/cron/pulse-metrics"), Signal: cron.Failure, Ended: time.Now().Add(-time.Second), Duration: 812 * time.Millisecond, Timed: true, StatusCode: 500,
		})
		if !again.Known || d.info(t, "/api/cron/pulse-metrics").Stats.FailureCount7d != 1 {
			t.Errorf("a repeated report counted twice: %+v", again)
		}
	})
}

func TestAMissIsNoticedAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDesk(t, storetest.Open(t))
		synctest.Wait()
		d.plan(t, "prod", cron.Planned{Path: "nightly", Timetable: cron.Timetable{Schedule: "10 * * * *", Grace: 5 * time.Minute, MaxRun: time.Minute}})
		until(t, "00:15:59")
		if got := d.info(t, "nightly"); got.State != cron.StandWaiting {
			t.Errorf("before the deadline: %s", got.State)
		}
		until(t, "00:16:02") // slot, grace, and the time a run of unknown length may take
		if got := d.info(t, "nightly"); got.State != cron.StandMissed || got.Stats.MissedCount7d != 1 {
			t.Errorf("after the deadline: %s %+v", got.State, got.Stats)
		}
		until(t, "00:20:00")
		a := d.send(t, cron.Report{To: to("nightly"), Signal: cron.Success})
		if a.Run.Timing != cron.Late || a.Run.Slot.Format("15:04") != "00:10" {
			t.Errorf("the run that came after all: %+v", a.Run)
		}
		pass(time.Second)
		if got := d.info(t, "nightly"); got.State != cron.StandLate || got.Stats.MissedCount7d != 0 || got.Stats.LateCount7d != 1 {
			t.Errorf("after it came: %s %+v", got.State, got.Stats)
		}
	})
}

func TestUnknownProjectsAndBadReportsChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDesk(t, storetest.Open(t))
		synctest.Wait()
		for name, c := range map[string]struct {
			r    cron.Report
			kind fault.Kind
		}{
			"project":     {cron.Report{To: cron.Target{Project: "nope", Path: "/x", Create: true}, Signal: cron.Success}, fault.NotFound},
			"environment": {cron.Report{To: cron.Target{Environment: "nope", Path: "/x", Create: true}, Signal: cron.Success}, fault.NotFound},
			"no path":     {cron.Report{To: cron.Target{Create: true}, Signal: cron.Success}, fault.Invalid},
			"not made":    {cron.Report{To: cron.Target{Path: "/x"}, Signal: cron.Success}, fault.NotFound},
			"expression":  {cron.Report{To: cron.Target{Path: "/x", Create: true, Timetable: cron.Timetable{Schedule: "61 * * * *"}}, Signal: cron.Success}, fault.Invalid},
			"zone":        {cron.Report{To: cron.Target{Path: "/x", Create: true, Timetable: cron.Timetable{Schedule: "* * * * *", Zone: "Mars"}}, Signal: cron.Success}, fault.Invalid},
			"run id":      {cron.Report{To: to("/x"), RunID: "a\nb", Signal: cron.Success}, fault.Invalid},
			"future":      {cron.Report{To: to("/x"), Ended: time.Now().Add(48 * time.Hour), Signal: cron.Success}, fault.Invalid},
		} {
			if _, err := d.Report(t.Context(), reporter, c.r); fault.KindOf(err) != c.kind {
				t.Errorf("%s: %v, want %s", name, err, c.kind)
			}
		}
		if _, err := d.Report(t.Context(), viewer, cron.Report{To: to("/x"), Signal: cron.Success}); fault.KindOf(err) != fault.Denied {
			t.Errorf("a token that may look may report: %v", err)
		}
		if jobs, err := d.db.CronJobs(t.Context()); err != nil || len(jobs) != 0 {
			t.Errorf("there are jobs: %v %v", jobs, err)
		}
	})
}
