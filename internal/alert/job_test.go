package alert_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/release"
)

// ran reports a run that ends now, of a job that is due every two minutes.
func (r *rig) ran(s cron.Signal, took time.Duration) {
	r.t.Helper()
	r.tell(cron.Report{Signal: s, Duration: took, Timed: true})
}

func (r *rig) tell(report cron.Report) {
	r.t.Helper()
	report.ExitCode, report.Via = -1, "test"
	report.To = cron.Target{Project: "shop", Environment: "prod", Path: "/job", Create: true, Timetable: cron.Timetable{Schedule: "*/2 * * * *", Grace: time.Minute}}
	_, err := r.book.Report(r.t.Context(), access.Actor{Kind: access.Machine, ID: "u", Role: access.Admin, Scope: access.Report, TokenID: "t"}, report)
	if err != nil {
		r.t.Fatal(err)
	}
}

// slot waits until so long after the next time the job is due.
func (r *rig) slot(after time.Duration) {
	r.t.Helper()
	r.wait(time.Until(time.Now().Truncate(2 * time.Minute).Add(2*time.Minute + after)))
}

// play makes a run for each letter, in its slot: o good, f failed, l late, s
// slow, q quick; 2 is two more good ones in a slot that had its own.
func (r *rig) play(letters string) {
	r.t.Helper()
	for _, letter := range letters {
		r.slot(25 * time.Second)
		switch letter {
		case 'o':
			r.ran(cron.Success, 20*time.Second)
		case 'f':
			r.ran(cron.Failure, 20*time.Second)
		case 'q':
			r.ran(cron.Success, time.Second)
		case 's':
			r.wait(20 * time.Second)
			r.ran(cron.Success, 45*time.Second)
		case 'l':
			r.wait(70 * time.Second)
			r.ran(cron.Success, 20*time.Second)
		case '2':
			for range 3 {
				r.ran(cron.Success, 20*time.Second)
				r.wait(5 * time.Second)
			}
		}
		r.wait(3 * time.Second)
	}
}

// Each rule about runs opens on two of three, or at once where one is certain,
// and closes when it is well again.
func TestRulesOfRuns(t *testing.T) {
	for event, c := range map[alert.Event]struct{ quiet, opens, lasts, closes string }{
		alert.CronFailed: {"oo", "f", "f", "o"},
		alert.CronLate:   {"ool", "l", "o", "o"},
		alert.CronSlow:   {"oooooooooooos", "s", "o", "o"},
		alert.CronFast:   {"ooooooooooooq", "q", "o", "o"},
		alert.CronOften:  {"oo", "2", "o", "o"},
	} {
		t.Run(string(event), func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.play(c.quiet)
				r.hears()
				r.play(c.opens)
				r.hears("opened " + string(event))
				one := r.only()
				if one.Subject != "/job" || one.Environment != "prod" || one.Severity != alert.Warning || one.Reason == "" || one.Operation != "" {
					t.Errorf("the incident is %+v", one)
				}
				r.play(c.lasts)
				r.hears()
				r.play(c.closes)
				r.hears("closed " + string(event))
			})
		})
	}
}

// moved tells the cron room of a promotion, as the releases do.
func (r *rig) moved(id string, at, until time.Time) {
	r.t.Helper()
	err := r.book.Moved(r.t.Context(), "shop", "prod", []cron.Switch{{Operation: id, Kind: cron.Promoted, Commit: strings.Repeat("b", 40), At: at, Until: until}})
	if err != nil {
		r.t.Fatal(err)
	}
}

// A job that ran until a promotion and not since is told with the promotion,
// long after a release counts as a suspect by itself.
func TestSilenceAfterAPromotionNamesIt(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.report("/nightly", "0 8 * * *", cron.Success)
		r.wait(10 * time.Minute)
		end := r.begin("op_1")
		began := time.Now()
		r.moved("op_1", began, time.Time{})
		r.wait(time.Minute)
		end(release.Succeeded, "It is live.")
		ended := time.Now()
		r.wait(3 * time.Second)
		r.hears("news release.succeeded")
		r.stop() // the hours in between are nobody's
		r.wait(time.Until(time.Date(2000, 1, 1, 7, 50, 0, 0, time.UTC)))
		r.start()
		r.moved("op_1", began, ended)
		r.wait(25 * time.Minute)
		got, _ := r.inbox.all()
		i := slices.IndexFunc(got, func(d alert.Delivery) bool { return d.Event == alert.CronMissed })
		if i < 0 {
			t.Fatalf("nobody was told: %q", r.inbox.heard())
		}
		told := got[i]
		for _, want := range []string{"It ran until op_1 moved the environment", "op_1 was the promote of prod to bbbbbbb", "https://deck.example.com/admin/environments/operations/op_1"} {
			if !strings.Contains(told.Text, want) {
				t.Errorf("it says %q, without %q", told.Text, want)
			}
		}
		one := r.only()
		if told.Operation != "op_1" || one.Operation != "op_1" || len(one.Suspects) != 1 || one.Suspects[0].Operation != "op_1" || strings.Contains(kinds(one), "step") {
			t.Errorf("the incident is %+v", one)
		}
		r.report("/nightly", "0 8 * * *", cron.Success)
		r.wait(3 * time.Second)
		if heard := r.inbox.heard(); !slices.Contains(heard, "closed cron.missed") {
			t.Errorf("it ran, and heard was %q", heard)
		}
	})
}

// What a job misses while an operation is under way is told when that is over,
// if it is still missing then, and says so; and after half an hour in any case.
func TestMissesDuringAnOperationWaitForItsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		lasts   time.Duration
		returns bool
		want    []string
	}{
		"still missing":            {20 * time.Minute, false, []string{"news release.succeeded", "opened cron.missed"}},
		"back before the end":      {20 * time.Minute, true, []string{"news release.succeeded"}},
		"the operation has no end": {46 * time.Minute, false, []string{"opened cron.missed"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.play("ooo")
				end := r.begin("op_1")
				began := time.Now()
				r.moved("op_1", began, time.Time{})
				r.wait(min(c.lasts, 30*time.Minute))
				r.hears()
				if c.returns {
					r.ran(cron.Success, 20*time.Second)
					r.wait(2 * time.Second)
				}
				if c.lasts < 30*time.Minute {
					end(release.Succeeded, "It is live.")
					r.moved("op_1", began, time.Now())
					r.wait(2 * time.Minute)
				} else {
					r.wait(c.lasts - 30*time.Minute)
				}
				got := r.inbox.heard()
				slices.Sort(got)
				if !slices.Equal(got, c.want) {
					t.Fatalf("heard %q, want %q", got, c.want)
				}
				if slices.Contains(c.want, "opened cron.missed") {
					one := r.only()
					if one.Operation != "op_1" || strings.Contains(one.Reason, "while an operation was under way") != (c.lasts > 30*time.Minute) {
						t.Errorf("the incident is %+v", one)
					}
				}
			})
		})
	}
}
