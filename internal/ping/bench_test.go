package ping_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// writers are how many wait for an answer at the same time.
const writers = 64

var body = []byte(strings.Repeat("x", 2000))

// BenchmarkDurable compares reports through the cron room, answered when they
// are on disk, with a bare loop that inserts the same bodies in groups into the
// same kind of database and does nothing else. They take turns, so that what
// else the machine does hits both.
//
// Of 1,650 jobs each reports a run a minute, as a job does that is well: every
// report answers a slot of its own. The time of both ends when the database is
// closed, so that what was put off counts too.
func BenchmarkDurable(b *testing.B) {
	bare, endBare := openBare(b)
	reports, endReports := openReports(b, 1650)
	const round = 4096
	var took [2]time.Duration
	var ratios []float64
	b.ResetTimer()
	for done := 0; done < b.N; done += round {
		n := min(round, b.N-done)
		insert := parallel(n, bare)
		report := parallel(n, reports)
		took[0] += insert
		took[1] += report
		ratios = append(ratios, insert.Seconds()/report.Seconds())
	}
	took[0] += timed(endBare)
	took[1] += timed(endReports)
	b.ReportMetric(float64(b.N)/took[0].Seconds(), "bare/s")
	b.ReportMetric(float64(b.N)/took[1].Seconds(), "pings/s")
	b.ReportMetric(took[0].Seconds()/took[1].Seconds(), "of-bare")
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "of-bare-median")
}

func timed(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

// openBare is the bare loop: what act answers returns when a body is on disk.
func openBare(b *testing.B) (act, end func()) {
	b.Helper()
	db := storetest.Open(b)
	raw := storetest.Raw(b, db)
	raw.SetMaxOpenConns(1)
	for _, q := range []string{`PRAGMA synchronous=FULL`, `PRAGMA cache_size=-2048`, `PRAGMA wal_autocheckpoint=4000`, `CREATE TABLE bare (id INTEGER PRIMARY KEY, at BIGINT, body BLOB)`} {
		if _, err := raw.ExecContext(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
	queue := make(chan chan struct{}, 4096)
	var loop sync.WaitGroup
	loop.Go(func() { bareLoop(b, raw, queue) })
	act = func() {
		done := make(chan struct{})
		queue <- done
		<-done
	}
	return act, func() {
		close(queue)
		loop.Wait()
		if err := errors.Join(raw.Close(), db.Close()); err != nil {
			b.Error(err)
		}
	}
}

// openReports is a server with so many jobs; act reports the next run of one of
// them.
func openReports(b *testing.B, n int) (act, end func()) {
	b.Helper()
	s := open(b)
	var jobs []cron.Planned
	for i := range n {
		jobs = append(jobs, cron.Planned{Path: fmt.Sprintf("/job/%d", i), Timetable: cron.Timetable{Schedule: "* * * * *"}})
	}
	if err := s.book.Plan(b.Context(), "shop", "next", cron.FromConfig, jobs); err != nil {
		b.Fatal(err)
	}
	who := access.Actor{Kind: access.Machine, ID: "u", Role: access.Admin, Scope: access.Report}
	began := time.Now().Add(-60 * 24 * time.Hour).Truncate(time.Minute)
	var next atomic.Int64
	act = func() {
		i := int(next.Add(1) - 1)
		_, err := s.book.Report(context.Background(), who, cron.Report{
			To: cron.Target{Environment: "next", Path: jobs[i%n].Path}, Signal: cron.Success, ExitCode: -1, Output: body, Via: "ping",
			Ended: began.Add(time.Duration(i/n) * time.Minute),
		})
		if err != nil {
			b.Error(err)
		}
	}
	return act, func() {
		s.stop()
		if err := s.db.Close(); err != nil {
			b.Error(err)
		}
	}
}

// parallel does n acts from so many writers and says how long that took.
func parallel(n int, act func()) time.Duration {
	var left atomic.Int64
	left.Store(int64(n))
	var running sync.WaitGroup
	began := time.Now()
	for range writers {
		running.Go(func() {
			for left.Add(-1) >= 0 {
				act()
			}
		})
	}
	running.Wait()
	return time.Since(began)
}

func bareLoop(b *testing.B, db *sql.DB, queue <-chan chan struct{}) {
	ctx := context.WithoutCancel(b.Context()) // as our own writer: the driver watches a context that can end, with a goroutine a statement
	for first := range queue {
		batch := []chan struct{}{first}
		for yielded := false; len(batch) < 256; {
			select {
			case done, ok := <-queue:
				if ok {
					batch = append(batch, done)
					continue
				}
			default:
			}
			if yielded {
				break
			}
			yielded = true // as our own loop does
			runtime.Gosched()
		}
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			b.Error(err)
			return
		}
		insert, err := tx.PrepareContext(ctx, `INSERT INTO bare (at, body) VALUES ($1, $2)`) //nolint:sqlclosecheck // the commit closes it
		if err != nil {
			b.Error(err)
			return
		}
		for range batch {
			if _, err := insert.ExecContext(ctx, time.Now().UnixMicro(), body); err != nil {
				b.Error(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Error(err)
		}
		for _, done := range batch {
			close(done)
		}
	}
}
