package cron_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// After a promotion each job waits for its first run. One that stays silent is
// told of with the operation; one that was silent before is not; and a rerun
// by hand, or the run itself, ends the waiting.
func TestSilenceAfterAPromotionIsTiedToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDesk(t, storetest.Open(t))
		synctest.Wait()
		d.plan(t, "prod", every("/good", "*/10 * * * *"), every("/dies", "*/10 * * * *"), every("/dead", "*/10 * * * *"), every("/daily", "0 12 * * *"))
		ran := func(path string, signal cron.Signal) {
			d.send(t, cron.Report{To: to(path), Signal: signal, Duration: time.Second, Timed: true})
		}
		for _, at := range []string{"00:10:02", "00:20:02", "00:30:02"} {
			until(t, at)
			ran("/good", cron.Success)
			ran("/dies", cron.Success)
		}
		until(t, "00:33:00")
		move := cron.Switch{Operation: "op_1", Kind: cron.Promoted, Commit: "abc1234", At: time.Now()}
		d.moved(t, "prod", move)
		pass(time.Second)
		for path, want := range map[string]bool{"/good": true, "/dies": true, "/daily": true} {
			if got := d.info(t, path).Environments["prod"].Awaiting; (got != nil) != want || got != nil && (got.OperationID != "op_1" || got.Silent) {
				t.Errorf("%s just after the move waits: %+v", path, got)
			}
		}
		if sw, quiet := d.Quiet("shop", "prod"); !quiet || sw.Operation != "op_1" {
			t.Error("an operation is under way and nobody is quiet")
		}
		until(t, "00:38:00")
		move.Until = time.Now()
		d.moved(t, "prod", move)
		if _, quiet := d.Quiet("shop", "prod"); quiet {
			t.Error("the operation is over and it is still quiet")
		}
		until(t, "00:40:02")
		ran("/good", cron.Success)
		// The run's own patience and five seconds.
		until(t, "00:52:00")
		page := d.page(t, "/dies")
		if n := len(page.Misses); n == 0 || page.Misses[0].Operation != "op_1" || page.Misses[0].Quiet || page.Misses[0].NoticedAt.Sub(page.Misses[0].Deadline) > 5*time.Second {
			t.Errorf("the job that died: %+v", page.Misses)
		}
		if page.Awaited == nil || !page.Awaited.Silent {
			t.Errorf("it waits: %+v", page.Awaited)
		}
		for _, m := range d.page(t, "/dead").Misses {
			if m.Operation != "" {
				t.Errorf("a job that never ran is blamed on %s: %+v", m.Operation, m)
			}
		}
		if got := d.page(t, "/good"); len(got.Misses) != 0 || got.Awaited != nil {
			t.Errorf("the good job: %+v %+v", got.Misses, got.Awaited)
		}
		jobs, sw, ok, err := d.After(t.Context(), viewer, "op_1")
		if err != nil || !ok || sw.Commit != "abc1234" {
			t.Fatalf("after op_1: %t %v", ok, err)
		}
		text := ""
		for _, j := range jobs {
			text += fmt.Sprint(j.Job.Path, " ", j.State, "; ")
		}
		if want := "/dies silent; /daily waiting; /dead unknown; /good back; "; text != want {
			t.Errorf("after op_1: %s, want %s", text, want)
		}
		// It comes back: the misses of its slots stay, and nothing waits.
		until(t, "01:00:02")
		ran("/dies", cron.Failure)
		if got := d.page(t, "/dies"); got.Awaited != nil {
			t.Errorf("it ran and still waits: %+v", got.Awaited)
		}
		if jobs, _, _, _ = d.After(t.Context(), viewer, "op_1"); len(jobs) != 4 {
			t.Errorf("%d jobs", len(jobs))
		}
		if _, _, ok, err := d.After(t.Context(), viewer, "op_2"); ok || err != nil {
			t.Errorf("an operation that moved nothing: %t %v", ok, err)
		}
	})
}

// A miss that is noticed while the operation is still under way says so.
func TestMissesDuringAnOperationAreQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDesk(t, storetest.Open(t))
		synctest.Wait()
		d.plan(t, "prod", cron.Planned{Path: "/minute", Timetable: cron.Timetable{Schedule: "* * * * *", MaxRun: 10 * time.Second}})
		until(t, "00:01:01")
		d.send(t, cron.Report{To: to("/minute"), Signal: cron.Success, Duration: time.Second, Timed: true})
		until(t, "00:01:30")
		move := cron.Switch{Operation: "op_1", Kind: cron.RolledBack, At: time.Now()}
		d.moved(t, "prod", move)
		until(t, "00:05:30")
		move.Until = time.Now()
		d.moved(t, "prod", move)
		until(t, "00:10:00")
		quiet, loud := 0, 0
		for _, m := range d.page(t, "/minute").Misses {
			if m.Operation != "op_1" {
				t.Errorf("%s is of %q", m.Slot, m.Operation)
			}
			if m.Quiet {
				quiet++
			} else {
				loud++
			}
		}
		if quiet < 2 || loud < 2 {
			t.Errorf("%d quiet and %d loud misses", quiet, loud)
		}
	})
}

// Jobs that run are never blamed on anything, however often production moves.
// CRON_MOVES=1000 makes a thousand moves; without it there are ten.
func TestMovesBlameNobodyWhoRuns(t *testing.T) {
	moves := 10
	if v := os.Getenv("CRON_MOVES"); v != "" {
		if _, err := fmt.Sscan(v, &moves); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		d := openDesk(t, storetest.Open(t), func(o *cron.Options) { o.Beat = time.Hour })
		synctest.Wait()
		d.plan(t, "prod", every("/quarter", "*/15 * * * *"), every("/hour", "7 * * * *"))
		rng := rand.New(rand.NewPCG(3, 4))
		var all []cron.Switch
		for quarter := time.Now(); len(all) < moves; quarter = quarter.Add(15 * time.Minute) {
			run := func(path string, after time.Duration) {
				pass(time.Until(quarter.Add(after)))
				d.send(t, cron.Report{To: to(path), Signal: cron.Success, Duration: time.Second, Timed: true})
			}
			move := func(after time.Duration) {
				pass(time.Until(quarter.Add(after)))
				sw := cron.Switch{Operation: fmt.Sprint("op_", len(all)), Kind: []cron.SwitchKind{cron.Promoted, cron.RolledBack}[rng.IntN(2)], At: time.Now()}
				if rng.IntN(3) > 0 {
					sw.Until = sw.At.Add(time.Second)
				}
				all = append(all, sw)
				d.moved(t, "prod", all[max(0, len(all)-50):]...)
			}
			within := func(from, to time.Duration) time.Duration { return from + time.Duration(rng.Int64N(int64(to-from))) }
			run("/quarter", within(time.Millisecond, 20*time.Second))
			if rng.IntN(2) == 0 {
				move(within(30*time.Second, 6*time.Minute))
			}
			if quarter.Equal(quarter.Truncate(time.Hour)) {
				run("/hour", within(7*time.Minute, 7*time.Minute+20*time.Second))
			}
			if rng.IntN(2) == 0 {
				move(within(8*time.Minute, 14*time.Minute))
			}
		}
		for _, path := range []string{"/quarter", "/hour"} {
			if got := d.page(t, path); len(got.Misses) != 0 || got.Standing != cron.StandOK {
				t.Errorf("%s after %d moves: %s %+v", path, moves, got.Standing, got.Misses)
			}
		}
	})
}

func (d *desk) moved(t *testing.T, environment string, all ...cron.Switch) {
	t.Helper()
	if err := d.Moved(t.Context(), "shop", environment, all); err != nil {
		t.Fatal(err)
	}
}

func (d *desk) page(t *testing.T, path string) cron.Page {
	t.Helper()
	synctest.Wait() // a report is answered before its job is shown anew
	p, err := d.Page(t.Context(), viewer, cron.Ask{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
