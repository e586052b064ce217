package cron_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// eleven are the jobs of a real app.
var eleven = []cron.Planned{
	every("/api/cron/publish", "* * * * *"), every("/api/cron/pulse", "*/15 * * * *"), every("/api/cron/jobs", "*/15 * * * *"),
	every("/api/cron/autopilot", "*/15 * * * *"), every("/api/cron/sandboxes", "*/15 * * * *"), every("/api/cron/marketing", "0 * * * *"),
	every("/api/cron/alert", "0 * * * *"), every("/api/cron/tracking", "0 3 * * *"), every("/api/cron/errors", "0 4 * * *"),
	every("/api/cron/bin", "0 2 * * *"), every("/api/cron/credits", "0 0 * * *"),
}

// happening is what one run of the script does.
type happening struct {
	at     time.Time
	env    string
	path   string
	report cron.Report
}

// playJob writes the script of one job of one environment, with a fault in
// some of its slots, and what has to be said of each slot.
func playJob(rng *rand.Rand, env string, slots []time.Time, gap time.Duration, path string) (script []happening, labels map[string]string) {
	labels = map[string]string{}
	say := func(slot time.Time, label string) {
		labels[env+path+slot.UTC().Format(" 02 15:04")] = label
	}
	for i, slot := range slots {
		start := slot.Add(time.Duration(rng.Int64N(int64(7 * time.Second))))
		took := time.Duration(500+rng.IntN(2500)) * time.Millisecond
		id := fmt.Sprintf("%s-%d", env+path, slot.Unix())
		signal, wrong := cron.Success, ""
		fault := -1
		if i > 20 && i < len(slots)-2 && rng.IntN(max(len(slots)/12, 4)) == 0 {
			fault = rng.IntN(6)
		}
		switch fault {
		case 0:
			say(slot, "missed")
			continue
		case 1:
			signal, wrong = cron.Failure, "boom"
			say(slot, "failure")
		case 2:
			if gap < 10*time.Minute {
				break // a minute late of a minute is the next one's
			}
			start = slot.Add(gap / 3)
			say(slot, "late")
		case 3:
			if gap < 10*time.Minute {
				break
			}
			start = slot.Add(-min(gap/20, 4*time.Minute))
			say(slot, "early")
		case 4:
			script = append(script, happening{start.Add(20 * time.Second), env, path, cron.Report{Signal: cron.Success, RunID: id + "-again", Duration: time.Second, Timed: true}})
			say(slot, "duplicate")
		case 5:
			script = append(script, happening{start, env, path, cron.Report{Signal: cron.Start, RunID: id}})
			say(slot, "lost")
			continue
		}
		script = append(script,
			happening{start, env, path, cron.Report{Signal: cron.Start, RunID: id}},
			happening{start.Add(took), env, path, cron.Report{Signal: signal, RunID: id, Error: wrong}})
	}
	return script, labels
}

// TestAMonthOfLabelledFaults lets jobs run in three environments and puts
// faults into some of their slots: every fault has to be named, and nothing
// else may be. CRON_DAYS=30 runs the whole month, which takes a quarter of an
// hour; without it five hours, by the same rules.
func TestAMonthOfLabelledFaults(t *testing.T) {
	days := 0.2
	if os.Getenv("CRON_DAYS") != "" {
		if _, err := fmt.Sscan(os.Getenv("CRON_DAYS"), &days); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		db := storetest.Open(t)
		d := openDesk(t, db, func(o *cron.Options) { o.Beat = 10 * time.Minute })
		synctest.Wait()
		var jobs []cron.Planned
		for _, j := range eleven {
			j.MaxRun = 10 * time.Minute
			jobs = append(jobs, j)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		began := time.Now().UTC()
		end := began.Add(time.Duration(days * 24 * float64(time.Hour)))
		var script []happening
		want := map[string]string{}
		for _, env := range []string{"dev", "next", "prod"} {
			d.plan(t, env, jobs...)
			for _, j := range jobs {
				slots := slotsOf(t, j.Schedule, began, end)
				gap := 24 * time.Hour
				if len(slots) > 1 {
					gap = slots[1].Sub(slots[0])
				}
				more, labels := playJob(rng, env, slots, gap, j.Path)
				script = append(script, more...)
				maps.Copy(want, labels)
			}
		}
		// Runs are kept for a week, so what is said of them is read in pieces,
		// each a day after its end.
		sent := len(script)
		got := map[string]string{}
		for from := began; from.Before(end); from = from.Add(5 * 24 * time.Hour) {
			to := from.Add(5 * 24 * time.Hour)
			if to.After(end) {
				to = end
			}
			script = play(t, d, script, to.Add(24*time.Hour))
			if left := time.Until(end.Add(2 * time.Hour)); len(script) == 0 && left > 0 {
				pass(left)
			}
			maps.Copy(got, verdicts(t, d, from, to))
		}
		wrong := 0
		for k, v := range want {
			if got[k] != v {
				if wrong++; wrong < 20 {
					t.Errorf("%s: %q, want %q", k, got[k], v)
				}
			}
			delete(got, k)
		}
		for k, v := range got {
			if wrong++; wrong < 40 {
				t.Errorf("%s: %q, and nothing was wrong", k, v)
			}
		}
		t.Logf("%g days, %d reports, %d labelled faults, %d wrong", days, sent, len(want), wrong)
	})
}

func slotsOf(t *testing.T, schedule string, from, to time.Time) (slots []time.Time) {
	t.Helper()
	s := parse(t, schedule)
	for slot := range s.Between(from.Add(time.Minute), to, time.UTC) {
		slots = append(slots, slot)
	}
	return slots
}

// play sends what the script says until a time, and answers the rest.
func play(t *testing.T, d *desk, script []happening, end time.Time) []happening {
	t.Helper()
	sortScript(script)
	for i, h := range script {
		if h.at.After(end) {
			return script[i:]
		}
		if wait := time.Until(h.at); wait > 0 {
			_ = clock.Real().Sleep(context.Background(), wait)
		}
		h.report.To = cron.Target{Environment: h.env, Path: h.path}
		d.send(t, h.report)
	}
	return nil
}

// verdicts is what the book says of each slot that was not simply on time.
func verdicts(t *testing.T, d *desk, from, to time.Time) map[string]string {
	t.Helper()
	all := map[string]string{}
	jobs, err := d.db.CronJobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		name := func(at time.Time) string { return j.Environment + j.Path + at.UTC().Format(" 02 15:04") }
		runs, err := d.db.CronRuns(t.Context(), j.ID, from.Add(-time.Hour), to.Add(24*time.Hour), 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range runs {
			switch {
			case !r.Slot.IsZero() && (r.Slot.Before(from) || !r.Slot.Before(to)):
			case r.State == cron.Failed, r.State == cron.Lost:
				all[name(r.Slot)] = r.State.String()
			case r.Timing != cron.OnTime:
				all[name(r.Slot)] = r.Timing.String()
			}
		}
		misses, err := d.db.CronMisses(t.Context(), j.ID, from, to)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range misses {
			all[name(m.Slot)] = "missed"
			if late := m.NoticedAt.Sub(m.Deadline); late > 2*time.Second {
				t.Errorf("%s was noticed %s after its deadline", name(m.Slot), late)
			}
		}
	}
	return all
}

// Ten minutes in which nobody is there: no job is blamed for them, and what
// was missed before is still told.
func TestOurOwnOutageBlamesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		first := openDesk(t, storetest.OpenDir(t, dir))
		synctest.Wait()
		first.plan(t, "prod",
			cron.Planned{Path: "/minute", Timetable: cron.Timetable{Schedule: "* * * * *", MaxRun: time.Minute}},
			cron.Planned{Path: "/quarter", Timetable: cron.Timetable{Schedule: "*/15 * * * *", MaxRun: time.Minute}},
			cron.Planned{Path: "/silent", Timetable: cron.Timetable{Schedule: "18 * * * *", Grace: time.Minute, MaxRun: time.Second}},
			cron.Planned{Path: "/during", Timetable: cron.Timetable{Schedule: "25 * * * *", Grace: time.Minute, MaxRun: time.Second}},
			cron.Planned{Path: "/across", Timetable: cron.Timetable{Schedule: "19 * * * *", Grace: 5 * time.Minute, MaxRun: time.Second}})
		ran := func(d *desk, path string) {
			d.send(t, cron.Report{To: cron.Target{Path: path}, Signal: cron.Success, Duration: time.Second, Timed: true})
		}
		for minute := 1; minute <= 20; minute++ {
			until(t, fmt.Sprintf("00:%02d:03", minute))
			ran(first, "/minute")
			if minute == 15 {
				ran(first, "/quarter")
			}
		}
		until(t, "00:20:31")
		// The process is killed: nothing is said, nothing is written.
		first.crash()
		until(t, "00:30:30")
		second := openDesk(t, storetest.OpenDir(t, dir))
		pass(5 * time.Second)
		if got := second.info(t, "/silent"); got.State != cron.StandMissed || got.Stats.MissedCount7d != 1 {
			t.Errorf("missed before the outage: %s %+v", got.State, got.Stats)
		}
		for minute := 31; minute <= 50; minute++ {
			until(t, fmt.Sprintf("00:%02d:03", minute))
			ran(second, "/minute")
			if minute == 45 {
				ran(second, "/quarter")
			}
		}
		for _, path := range []string{"/minute", "/quarter", "/during", "/across"} {
			if got := second.info(t, path); got.Stats.MissedCount7d != 0 {
				t.Errorf("%s is blamed for our outage: %s %+v", path, got.State, got.Stats)
			}
		}
		until(t, "01:30:00")
		if got := second.info(t, "/during"); got.Stats.MissedCount7d != 1 {
			t.Errorf("an hour later nobody noticed that it is silent: %+v", got)
		}
		page, err := second.Page(t.Context(), viewer, cron.Ask{Path: "/across"})
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, s := range page.Slots {
			if s.State != cron.SlotDue {
				text += s.At.Format("15:04 ") + string(s.State) + ","
			}
		}
		if !strings.HasPrefix(text, "00:19 unobserved,01:19 missed,") {
			t.Errorf("slots of /across: %s", text)
		}
	})
}
