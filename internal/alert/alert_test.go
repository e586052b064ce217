package alert_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/release"
)

func (r *rig) hears(want ...string) {
	r.t.Helper()
	if got := r.inbox.heard(); !slices.Equal(got, want) {
		r.t.Errorf("heard %q, want %q", got, want)
	}
}

// A miss is told within 2 s of its deadline, and its end with the next run.
func TestAMissIsToldAtOnceAndItsEnd(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.report("/api/cron/a", "*/10 * * * *", cron.Success) // midnight, 2000
		r.wait(time.Until(time.Date(2000, 1, 1, 0, 10, 0, 0, time.UTC)))
		r.hears()
		deadline := time.Date(2000, 1, 1, 0, 11, 0, 0, time.UTC) // the grace, and how long the job is usually silent
		var at []time.Time
		for len(at) == 0 {
			r.wait(250 * time.Millisecond)
			_, at = r.inbox.all()
			if time.Since(deadline) > 10*time.Minute+2*time.Second {
				t.Fatal("nobody was told of the miss")
			}
		}
		one := r.only()
		if late := at[0].Sub(missDeadline(t, r)); late > 2*time.Second || late < 0 {
			t.Errorf("told %s after the deadline", late)
		}
		r.hears("opened cron.missed")
		if one.Event != alert.CronMissed || one.Subject != "/api/cron/a" || !strings.Contains(one.Title, "did not run in prod") {
			t.Errorf("the incident is %+v", one)
		}
		r.report("/api/cron/a", "*/10 * * * *", cron.Success)
		r.wait(2 * time.Second)
		r.hears("closed cron.missed")
		if all := r.incidents(); len(all) != 1 || all[0].Open() {
			t.Errorf("incidents %+v", all)
		}
	})
}

func missDeadline(t *testing.T, r *rig) time.Time {
	t.Helper()
	misses, err := r.db.CronMisses(t.Context(), 1, time.Unix(0, 0), time.Now().Add(time.Hour))
	if err != nil || len(misses) != 1 {
		t.Fatal(misses, err)
	}
	return misses[0].Deadline
}

func TestHealthOpensThreeOfFiveAndClosesThreeGood(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.probes("hhhdhhhhudhuhh") // blips, and what nobody could tell
		r.hears()
		r.probes("dd")
		r.hears()
		r.probes("d")
		r.hears("opened health.down")
		one := r.only()
		if one.Severity != alert.Critical || kinds(one) != "evidence evidence evidence opened sent" {
			t.Errorf("%s: %s", one.Severity, kinds(one))
		}
		r.probes("hh")
		r.hears()
		r.probes("h")
		r.hears("closed health.down")
	})
}

// F F S F F S never alarms where only failures in a row count.
func TestEveryThirdGoodIsStillDown(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.probes("hhhhhddhddh")
		r.hears("opened health.down")
	})
}

func TestADevelopersMachineMayBeOff(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		for range 8 {
			r.probeOf("dev", false)
			r.wait(10 * time.Second)
		}
		r.hears()
	})
}

func TestReleases(t *testing.T) {
	for phase, event := range map[release.Phase]string{
		release.Failed: "release.failed", release.RolledBack: "release.rolled_back", release.RollbackFailed: "release.rollback_failed",
		release.NeedsHuman: "release.needs_human", release.Superseded: "release.superseded",
	} {
		t.Run(string(phase), func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.begin("op_1")(phase, "3 of the last 5 health checks failed.")
				r.wait(3 * time.Second)
				r.hears("opened " + event)
				one := r.only()
				if one.Operation != "op_1" || len(one.Suspects) != 1 || one.Suspects[0].To != strings.Repeat("b", 40) || !strings.Contains(kinds(one), "step") {
					t.Errorf("%+v", one)
				}
				if phase == release.RolledBack && len(one.Remains) != 1 {
					t.Errorf("what was not undone is %q", one.Remains)
				}
				r.begin("op_2")(release.Succeeded, "It is live.")
				r.wait(3 * time.Second)
				got := r.inbox.heard()
				slices.Sort(got)
				if want := []string{"closed " + event, "news release.succeeded"}; !slices.Equal(got, want) {
					t.Errorf("heard %q, want %q", got, want)
				}
			})
		})
	}
}

// A broken glass is told when the operation begins, once, however it ends.
func TestABrokenGlassIsToldAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		broken := func(o *release.Operation) {
			o.By.Name, o.Work.Ask.Glass = "ada", true
			o.Glass = &release.Glass{Passed: []release.Passed{{Cause: release.CauseFrozen, Text: "prod is frozen."}}}
		}
		end := r.begin("op_1", broken)
		r.wait(3 * time.Second)
		r.hears("news release.break_glass")
		end(release.Succeeded, "It is live.")
		r.wait(3 * time.Second)
		r.hears("news release.succeeded")
		r.begin("op_2", broken)(release.Succeeded, "It is live.") // over before anybody looked
		r.wait(3 * time.Second)
		got := r.inbox.heard()
		slices.Sort(got)
		if want := []string{"news release.break_glass", "news release.succeeded"}; !slices.Equal(got, want) {
			t.Errorf("heard %q, want %q", got, want)
		}
	})
}

// What goes wrong while a release runs is the release's, and not told twice.
func TestQuietWhileAReleaseRuns(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		end := r.begin("op_1")
		r.report("/api/cron/a", "0 * * * *", cron.Failure)
		r.probes("ddddd")
		r.hears()
		end(release.RolledBack, "Back on aaaaaaa.")
		r.wait(10 * time.Second)
		r.hears("opened release.rolled_back")
		if one := r.only(); one.Folded != 2 || strings.Count(kinds(one), "folded") != 2 {
			t.Errorf("part of it are %d: %s", one.Folded, kinds(one))
		}
		r.probes("hhh")
		r.report("/api/cron/a", "0 * * * *", cron.Success)
		r.wait(5 * time.Minute)
		r.hears()
		// What goes wrong afterwards is its own.
		r.report("/api/cron/a", "0 * * * *", cron.Failure)
		r.wait(5 * time.Second)
		r.hears("opened cron.failed")
	})
}

// What a good release broke is told when it has settled, with its suspect.
func TestAfterAGoodReleaseTheReleaseIsSuspect(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		end := r.begin("op_1")
		r.report("/api/cron/a", "0 * * * *", cron.Failure)
		end(release.Succeeded, "It is live.")
		r.wait(time.Minute)
		r.hears("news release.succeeded")
		r.wait(90 * time.Second)
		r.hears("opened cron.failed")
		if one := r.only(); len(one.Suspects) != 1 || one.Suspects[0].Operation != "op_1" || !strings.Contains(one.Suspects[0].Message, "Break it") {
			t.Errorf("suspects are %+v", one.Suspects)
		}
	})
}

// An environment that is down is one incident, whatever fails with it.
func TestFoldIntoOneIncident(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.report("/api/cron/first", "0 * * * *", cron.Failure) // before anybody knows why
		r.wait(2 * time.Second)
		r.probes("dd")
		for i := range 50 {
			r.report("/api/cron/job-"+string(rune('a'+i%26))+string(rune('a'+i/26)), "0 * * * *", cron.Failure)
		}
		r.probes("ddd")
		r.wait(20 * time.Second)
		r.hears("opened cron.failed", "opened health.down")
		one := r.only()
		if one.Folded != 51 {
			t.Errorf("%d are part of it, want 51", one.Folded)
		}
		r.probes("hhh")
		r.hears("closed health.down")
		if n, err := r.desk.Open(t.Context(), r.boss, ""); err != nil || n != 0 {
			t.Errorf("%d are open, %v", n, err)
		}
		// Only what fails from now on counts.
		r.report("/api/cron/first", "0 * * * *", cron.Failure)
		r.wait(5 * time.Second)
		r.hears("opened cron.failed")
	})
}

func TestFlappingIsToldOnceAndHeld(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		var heard []string
		for range 8 {
			r.report("/api/cron/a", "*/5 * * * *", cron.Failure)
			r.wait(time.Minute)
			r.report("/api/cron/a", "*/5 * * * *", cron.Success)
			r.wait(time.Minute)
			heard = append(heard, r.inbox.heard()...)
		}
		heard = slices.DeleteFunc(heard, func(s string) bool { return !strings.HasSuffix(s, "cron.failed") })
		want := []string{"opened cron.failed", "closed cron.failed", "opened cron.failed", "closed cron.failed", "flapping cron.failed"}
		if !slices.Equal(heard, want) {
			t.Errorf("heard %q, want %q", heard, want)
		}
		r.wait(20 * time.Minute)
		if got := r.inbox.heard(); slices.Contains(got, "closed cron.failed") {
			t.Errorf("it was let go too early: %q", got)
		}
		r.wait(15 * time.Minute)
		if got := r.inbox.heard(); !slices.Contains(got, "closed cron.failed") {
			t.Errorf("it was not let go: %q", got)
		}
	})
}

// What nobody was there to see never alarms; a miss from just before is told
// within 5 s of the start.
func TestOwnOutage(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.report("/api/cron/a", "*/30 * * * *", cron.Success)
		r.report("/api/cron/b", "50 * * * *", cron.Success)
		r.probes("hdd")
		// a is due at 0:30; its miss is judged while nobody can be told, and the
		// process dies then.
		r.inbox.breaks(func(alert.Delivery) error { return errBroken })
		r.wait(time.Until(time.Date(2000, 1, 1, 0, 30, 0, 0, time.UTC)))
		judged := false
		for ; !judged && time.Now().Before(time.Date(2000, 1, 1, 0, 49, 0, 0, time.UTC)); r.wait(time.Second) {
			misses, err := r.db.CronMisses(t.Context(), 1, time.Unix(0, 0), time.Now().Add(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			judged = len(misses) > 0
		}
		if !judged {
			t.Fatal("the miss was not judged before the process died")
		}
		r.stop()
		r.wait(25 * time.Minute) // b's time passes unseen
		r.inbox.breaks(nil)
		r.start()
		began := time.Now()
		r.wait(5 * time.Second)
		got, _ := r.inbox.all()
		if !slices.ContainsFunc(got, func(d alert.Delivery) bool { return d.Subject == "/api/cron/a" && d.Event == alert.CronMissed }) {
			t.Errorf("the miss from just before is not told within 5 s of the start: %q", r.inbox.heard())
		}
		for _, d := range got {
			if d.Subject == "/api/cron/b" || d.Event == alert.HealthDown {
				t.Errorf("told of what nobody saw: %s", d.Title)
			}
		}
		r.probes("d")
		got, _ = r.inbox.all()
		for _, d := range got {
			if d.Event == alert.HealthDown {
				t.Errorf("two samples from before and one from after were taken together, %s after the start", time.Since(began))
			}
		}
	})
}

// A miss that was committed and not told survives the process.
func TestNothingIsLostBetweenFactAndMessage(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.stop()
		// Facts while no engine runs, as when it dies right after their commit.
		r.begin("op_1")(release.RolledBack, "Back.")
		r.probes("ddd")
		r.hears()
		r.start()
		r.wait(5 * time.Second)
		got := r.inbox.heard()
		if len(got) != 1 || got[0] != "opened release.rolled_back" && got[0] != "opened health.down" {
			t.Errorf("heard %q, want one message: the two are one incident", got)
		}
	})
}

func TestDeliveryIsTriedForADayInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		tries := 0
		r.inbox.breaks(func(alert.Delivery) error {
			tries++
			return fault.New(fault.Unavailable, "The webhook answered HTTP 503.")
		})
		r.begin("op_1")(release.RolledBack, "Back.")
		r.wait(30 * time.Minute)
		if tries < 5 || tries > 12 {
			t.Errorf("%d tries in half an hour", tries)
		}
		r.begin("op_2")(release.Succeeded, "Good.")
		r.wait(time.Minute)
		r.stop() // it dies in the middle of that
		r.start()
		r.inbox.breaks(nil)
		r.wait(time.Hour)
		got := r.inbox.heard()
		opened, closed := slices.Index(got, "opened release.rolled_back"), slices.Index(got, "closed release.rolled_back")
		if len(got) != 3 || opened < 0 || closed < opened {
			t.Errorf("heard %q", got)
		}
		one, err := r.desk.Incident(t.Context(), r.boss, r.incidents()[0].ID)
		if err != nil || !strings.Contains(kinds(one), "undelivered") || strings.Count(kinds(one), "sent") != 2 {
			t.Errorf("the timeline is %s, %v", kinds(one), err)
		}
	})
}

func TestAfterADayAMessageIsGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.inbox.breaks(func(alert.Delivery) error { return errBroken })
		r.begin("op_1")(release.RolledBack, "Back.")
		r.wait(time.Minute)
		r.stop()
		r.wait(24 * time.Hour)
		r.start()
		r.wait(time.Minute)
		all, err := r.db.Messages(t.Context(), r.only().ID)
		if err != nil || all[0].Kind != alert.TellOpened || all[0].Outcome != alert.GivenUp || strings.Contains(all[0].Problem, "fire") {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

// A process that is killed while it sends leaves the message to the next one,
// which sends it when the claim of the dead one has run out.
func TestKilledWhileSending(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.inbox.breaks(func(alert.Delivery) error { return errBroken })
		r.begin("op_1")(release.RolledBack, "Back.")
		r.wait(3 * time.Second)
		r.stop()
		r.wait(10 * time.Second)
		now := time.Now()
		claim := alert.MessageClaim{Receiver: "inbox", Owner: "dead", Now: now, Real: now, TTL: 30 * time.Second}
		if _, ok, err := r.db.ClaimMessage(t.Context(), claim); err != nil || !ok {
			t.Fatal(ok, err)
		}
		if _, ok, err := r.db.ClaimMessage(t.Context(), claim); err != nil || ok {
			t.Fatal("claimed twice", err)
		}
		r.inbox.breaks(nil)
		r.start()
		r.wait(25 * time.Second)
		r.hears()
		r.wait(10 * time.Second)
		r.hears("opened release.rolled_back")
	})
}
