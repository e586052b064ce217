package ping_test

import (
	"context"
	"database/sql"
	"fmt"
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
// same kind of database and does nothing else.
func BenchmarkDurable(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		raw := storetest.Raw(b, storetest.Open(b))
		raw.SetMaxOpenConns(1)
		for _, q := range []string{`PRAGMA synchronous=FULL`, `CREATE TABLE bare (id INTEGER PRIMARY KEY, at BIGINT, body BLOB)`} {
			if _, err := raw.ExecContext(b.Context(), q); err != nil {
				b.Fatal(err)
			}
		}
		queue := make(chan chan struct{}, 4096)
		var loop sync.WaitGroup
		loop.Go(func() { bareLoop(b, raw, queue) })
		parallel(b, func(int) {
			done := make(chan struct{})
			queue <- done
			<-done
		})
		close(queue)
		loop.Wait()
	})
	b.Run("reports", func(b *testing.B) {
		s := open(b)
		var jobs []cron.Planned
		for i := range 1650 {
			jobs = append(jobs, cron.Planned{Path: fmt.Sprintf("/job/%d", i), Timetable: cron.Timetable{Schedule: "* * * * *"}})
		}
		if err := s.book.Plan(b.Context(), "shop", "next", cron.FromConfig, jobs); err != nil {
			b.Fatal(err)
		}
		who := access.Actor{Kind: access.Machine, ID: "u", Role: access.Admin, Scope: access.Report}
		parallel(b, func(i int) {
			_, err := s.book.Report(context.Background(), who, cron.Report{
				To: cron.Target{Environment: "next", Path: jobs[i%len(jobs)].Path}, Signal: cron.Success, ExitCode: -1, Output: body, Via: "ping",
			})
			if err != nil {
				b.Error(err)
			}
		})
	})
}

// parallel does b.N acts from so many writers.
func parallel(b *testing.B, act func(i int)) {
	var next atomic.Int64
	var running sync.WaitGroup
	b.ResetTimer()
	began := time.Now()
	for range writers {
		running.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				act(int(i))
			}
		})
	}
	running.Wait()
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "pings/s")
}

func bareLoop(b *testing.B, db *sql.DB, queue <-chan chan struct{}) {
	for first := range queue {
		batch := []chan struct{}{first}
	gather:
		for len(batch) < 256 {
			select {
			case done, ok := <-queue:
				if !ok {
					break gather
				}
				batch = append(batch, done)
			default:
				break gather
			}
		}
		tx, err := db.BeginTx(b.Context(), nil)
		if err != nil {
			b.Error(err)
			return
		}
		insert, err := tx.PrepareContext(b.Context(), `INSERT INTO bare (at, body) VALUES ($1, $2)`) //nolint:sqlclosecheck // the commit closes it
		if err != nil {
			b.Error(err)
			return
		}
		for range batch {
			if _, err := insert.ExecContext(b.Context(), time.Now().UnixMicro(), body); err != nil {
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
