package release_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/simulator"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// reporting has deploys reported to Sentry, and short watches.
func reporting(o *release.Options) {
	o.Projects[0].Rules.Bake = 2 * time.Minute
	o.Projects[0].Rules.ReportTo = "sentry"
}

func sentryFault(method, path, preset string, times int) wire.Rule {
	return wire.Rule{Provider: "sentry", Method: method, Path: path, Preset: preset, Times: times}
}

// posted are the deploys that reached Sentry and are on record there.
func (r *rig) posted() []string {
	var out []string
	for _, e := range r.sim.Exchange().Calls.List(wire.Filter{Provider: "sentry", Method: "POST"}) {
		if e.Changed && strings.HasSuffix(e.Path, "/deploys/") {
			parts := strings.Split(e.Path, "/")
			out = append(out, parts[len(parts)-3])
		}
	}
	return out
}

// sentryWrites are the calls that reached Sentry and were meant to change
// something.
func (r *rig) sentryWrites() int {
	n := 0
	for _, e := range r.sim.Exchange().Calls.List(wire.Filter{Provider: "sentry"}) {
		if e.Method != "GET" {
			n++
		}
	}
	return n
}

func (r *rig) told(d *release.Desk, id string) release.Operation {
	return r.until(d, id, "the end of its reports", func(o release.Operation) bool {
		return len(o.Reports) > 0 && !slices.ContainsFunc(o.Reports, func(p release.DeployReport) bool { return p.DoneAt == nil })
	})
}

// A bad build's issue is seen in production for the first time: it is told
// while the build is watched, and those that were there before are not.
func TestNewIssuesOfABadBuild(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		ill(r, world.Ill{Kind: world.IllErrors, After: 5 * time.Second, Factor: 4000})
		d, _ := r.desk(r.rules("errors abound"))
		op := r.promote(d)
		watched := r.until(d, op.ID, "its first new issue", func(o release.Operation) bool { return o.NewIssues != nil && len(o.NewIssues.Issues) > 0 })
		if watched.Phase != release.Baking || watched.NewIssues.Until != nil || watched.NewIssues.Settled {
			t.Errorf("first told in phase %s: %+v", watched.Phase, watched.NewIssues)
		}
		op = r.end(d, op.ID)
		want(t, op, release.RolledBack, release.CauseErrors)
		op = r.until(d, op.ID, "its last look", func(o release.Operation) bool { return o.NewIssues.Settled })
		n := op.NewIssues
		if n.Problem != "" || n.Until == nil || n.Total < 1 || n.Source != "sentry" || !strings.Contains(n.Issues[0].Title, "perMegapixel") || n.Issues[0].Count < 20 || n.Issues[0].URL == "" {
			t.Errorf("new issues: %+v", n)
		}
		for _, i := range n.Issues {
			if i.FirstSeen.Before(n.Since.Truncate(time.Second)) || strings.Contains(i.Title, "aborted due to timeout") {
				t.Errorf("%q was first seen %s, the switch was %s", i.Title, i.FirstSeen, n.Since)
			}
		}
		if r.sentryWrites() != 0 {
			t.Error("a deploy was reported though nobody asked for it")
		}
	})
}

// Whatever Sentry does, a release goes on as if it were well; what is not known
// says why, what was known stays, and nothing in the answer is the token.
func TestTroubleWithSentryBlocksNothing(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		ill(r, world.Ill{Kind: world.IllErrors, After: time.Second, Factor: 100}) // some, and too few to go back
		hang, err := r.sim.Exchange().Faults.Add(sentryFault("", "*", "hang", 0))
		if err != nil {
			t.Fatal(err)
		}
		d, _ := r.desk(r.rules(""))
		began := time.Now()
		op := r.end(d, r.promote(d).ID)
		want(t, op, release.Succeeded, "")
		if took := time.Since(began); took > 4*time.Minute {
			t.Errorf("it took %s while Sentry hung", took)
		}
		op = r.until(d, op.ID, "a look that failed", func(o release.Operation) bool { return o.NewIssues.Problem != "" })
		if n := op.NewIssues; n.Issues != nil || n.CheckedAt != nil || n.Total != 0 || n.Settled {
			t.Errorf("something is known of what could not be asked: %+v", n)
		}
		r.sim.Exchange().Faults.Delete(hang.ID)
		well := func(o release.Operation) bool { return o.NewIssues.Problem == "" && o.NewIssues.CheckedAt != nil }
		known := r.until(d, op.ID, "a look that worked", well)
		for _, preset := range []string{"unauthorized", "forbidden", "not_found", "rate_limited", "error_500", "hang_body", "malformed", "wrong_types", "empty", "html", "null", "reset", "echo_token"} {
			fault, err := r.sim.Exchange().Faults.Add(sentryFault("", "*/issues/*", preset, 0))
			if err != nil {
				t.Fatal(err)
			}
			op = r.until(d, op.ID, preset, func(o release.Operation) bool { return o.NewIssues.Problem != "" })
			text, err := json.Marshal(op)
			if err != nil || len(op.NewIssues.Issues) == 0 || op.NewIssues.CheckedAt.Before(*known.NewIssues.CheckedAt) {
				t.Errorf("%s: what was known is gone: %+v", preset, op.NewIssues)
			}
			if strings.Contains(string(text), simulator.SentryToken) || !strings.Contains(op.NewIssues.Problem, "Sentry") {
				t.Errorf("%s: the problem is %q", preset, op.NewIssues.Problem)
			}
			r.sim.Exchange().Faults.Delete(fault.ID)
			known = r.until(d, op.ID, "the end of "+preset, well)
		}
	})
}

// shifted is a product's clock that is ahead, so that a day need not be waited
// for.
type shifted struct {
	clock.Clock
	by time.Duration
}

func (c shifted) Now() time.Time { return c.Clock.Now().Add(c.by) }

// A day after the release nothing is looked at any more, and no job is left.
func TestAFollowUpEnds(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, stop := r.desk(reporting)
		op := r.told(d, r.end(d, r.promote(d).ID).ID)
		stop()
		_, stop = r.deskWith(shifted{r.clock, 25 * time.Hour}, reporting)
		waitFor(r, time.Minute)
		op, err := r.db.Operation(t.Context(), op.ID)
		if err != nil || !op.NewIssues.Settled || op.NewIssues.Until != nil || op.NewIssues.CheckedAt == nil {
			t.Errorf("%+v, %v", op.NewIssues, err)
		}
		stop()
		before := len(r.sim.Exchange().Calls.List(wire.Filter{Provider: "sentry"}))
		r.deskWith(shifted{r.clock, 27 * time.Hour}, reporting)
		waitFor(r, time.Minute)
		if after := len(r.sim.Exchange().Calls.List(wire.Filter{Provider: "sentry"})); after != before {
			t.Errorf("%d calls after its end", after-before)
		}
	})
}

// A promotion is one deploy, and one that was taken back is two: the recorder
// takes the newest for what is live.
func TestDeploysAreReported(t *testing.T) {
	for name, c := range map[string]struct {
		ill   []world.Ill
		phase release.Phase
		moves int
	}{
		"good": {nil, release.Succeeded, 1},
		"bad":  {[]world.Ill{{Kind: world.IllDatabase, After: 10 * time.Second}}, release.RolledBack, 2},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, options{}, func(t *testing.T, r *rig) {
				ill(r, c.ill...)
				d, _ := r.desk(reporting)
				op := r.promote(d)
				ended := r.end(d, op.ID)
				want(t, ended, c.phase, map[release.Phase]release.Cause{release.RolledBack: release.CauseSick}[c.phase])
				op = r.told(d, op.ID)
				versions := []string{r.staged.SHA, r.live.SHA}[:c.moves]
				if posted := r.posted(); !slices.Equal(posted, versions) || len(op.Reports) != c.moves {
					t.Fatalf("reported %v, want %v\n%+v", posted, versions, op.Reports)
				}
				recorder, _, _ := provider.Find[provider.DeployRecorder](r.open(r.config.Projects[0], r.network.Dial))
				for i, report := range op.Reports {
					record, err := recorder.Deploys(t.Context(), versions[i])
					if err != nil || len(record.Last) == 0 {
						t.Fatalf("%+v, %v", record, err)
					}
					last := record.Last[slices.IndexFunc(record.Last, func(d provider.Deploy) bool { return d.Environment == "production" })]
					if report.State != release.Reported || last.Name != report.Name || !last.FinishedAt.Equal(report.FinishedAt.Truncate(time.Microsecond)) || last.StartedAt.IsZero() || last.StartedAt.After(last.FinishedAt) {
						t.Errorf("report %+v is on record as %+v", report, last)
					}
				}
				if report := op.Reports[0]; report.DoneAt.Before(*ended.EndedAt) || report.DoneAt.Sub(*ended.EndedAt) > 10*time.Second || report.Attempts != 1 {
					t.Errorf("told before the end, long after it, or more than once: %+v", report)
				}
				acts := strings.Join(r.audit(), "\n")
				if strings.Count(acts, "report_deploy requested") != c.moves || strings.Count(acts, "report_deploy done") != c.moves {
					t.Errorf("audit:\n%s", acts)
				}
				r.verifyAudit()
			})
		})
	}
}

// Each trouble with the report has its end.
func TestEveryFaultOfAReportHasItsEnd(t *testing.T) {
	type row struct {
		rule   wire.Rule
		state  release.ReportState
		says   string
		deploy int
	}
	rows := map[string]row{
		"answer lost, carried out":     {sentryFault("POST", "deploys/", "lost_answer", 1), release.Reported, "had been lost", 1},
		"timeout, carried out":         {sentryFault("POST", "deploys/", "timeout_after", 1), release.Reported, "had been lost", 1},
		"500, carried out":             {wire.Rule{Method: "POST", Path: "deploys/", Kind: wire.AppliedButFailed, Times: 1}, release.Reported, "had been lost", 1},
		"500 once, not carried out":    {sentryFault("POST", "deploys/", "error_500", 1), release.Reported, "on record", 1},
		"hang once, not carried out":   {sentryFault("POST", "deploys/", "hang", 1), release.Reported, "on record", 1},
		"429 three times":              {sentryFault("POST", "deploys/", "rate_limited", 3), release.Reported, "on record", 1},
		"the record cannot be read":    {sentryFault("GET", "deploys/", "malformed", 5), release.Reported, "on record", 1},
		"away for an hour":             {wire.Rule{Path: "*", Preset: "error_503", For: wire.Duration(time.Hour)}, release.Reported, "on record", 1},
		"away for days":                {sentryFault("", "*", "error_503", 0), release.ReportGivenUp, "not tried any more", 0},
		"forbidden":                    {sentryFault("POST", "deploys/", "forbidden", 0), release.ReportGivenUp, "project:releases", 0},
		"the token is unknown by now":  {sentryFault("", "*", "unauthorized", 0), release.ReportGivenUp, "sentry.token", 0},
		"accepted and never done once": {wire.Rule{Method: "POST", Path: "deploys/", Kind: wire.NotAppliedButOK, Times: 1}, release.Reported, "on record", 0},
	}
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		names := slices.Sorted(maps.Keys(rows))
		for i, name := range names {
			rule := rows[name].rule
			rule.Provider, rule.Path = "sentry", "*/releases/"+commitOf(i)+"/"+rule.Path
			r.spoil(rule)
			r.movedOnce(i)
		}
		_, stop := r.desk(reporting)
		waitFor(r, 100*time.Minute)
		stop()
		r.deskWith(shifted{r.clock, 25 * time.Hour}, reporting)
		waitFor(r, time.Minute)
		posted := r.posted()
		for i, name := range names {
			c := rows[name]
			op, err := r.db.Operation(t.Context(), operationOf(i))
			if err != nil || len(op.Reports) != 1 {
				t.Fatalf("%s: %+v, %v", name, op.Reports, err)
			}
			deploys := 0
			for _, version := range posted {
				if version == commitOf(i) {
					deploys++
				}
			}
			if report := op.Reports[0]; report.State != c.state || !strings.Contains(report.Message, c.says) || deploys != c.deploy || report.DoneAt == nil {
				t.Errorf("%s: %d on record; %+v", name, deploys, report)
			}
			if text, _ := json.Marshal(op); strings.Contains(string(text), simulator.SentryToken) {
				t.Errorf("%s: the token is in the answer", name)
			}
		}
	})
}

// A process that dies around the call leaves one deploy, by whoever goes on.
func TestADeadProcessReportsOnce(t *testing.T) {
	for _, point := range []string{"report.before", "report.after"} {
		t.Run(point, func(t *testing.T) {
			inBubble(t, options{}, func(t *testing.T, r *rig) {
				died := make(chan struct{})
				first, stop := r.desk(reporting, func(o *release.Options) {
					o.Point = func(at string) {
						if at == point {
							r.cut()
							close(died)
							<-t.Context().Done() // nothing more comes of this process
						}
					}
				})
				_ = stop
				op := r.promote(first)
				<-died
				d, _ := r.desk(reporting)
				op = r.told(d, op.ID)
				if posted := r.posted(); len(posted) != 1 || op.Reports[0].State != release.Reported {
					t.Errorf("%v on record; %+v", posted, op.Reports)
				}
			})
		})
	}
}

// Calls are carried out and their answers lost: one deploy each. 200 of them
// with RELEASE_ROUNDS=200.
func TestALostAnswerNeverMakesASecondDeploy(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		all := rounds(30)
		presets := []string{"lost_answer", "timeout_after", ""}
		for i := range all {
			rule := wire.Rule{Provider: "sentry", Method: "POST", Path: fmt.Sprintf("*/%s/deploys/*", commitOf(i)), Preset: presets[i%3], Times: 1}
			if rule.Preset == "" {
				rule.Kind = wire.AppliedButFailed
			}
			r.spoil(rule)
			r.movedOnce(i)
		}
		r.desk(reporting)
		over := 0
		for range 60 {
			waitFor(r, 2*time.Minute)
			over = 0
			for i := range all {
				op, err := r.db.Operation(t.Context(), operationOf(i))
				if err != nil {
					t.Fatal(err)
				}
				if len(op.Reports) == 1 && op.Reports[0].DoneAt != nil {
					over++
					if op.Reports[0].State != release.Reported {
						t.Fatalf("%+v", op.Reports[0])
					}
				}
			}
			if over == all {
				break
			}
		}
		times := map[string]int{}
		for _, version := range r.posted() {
			times[version]++
		}
		for i := range all {
			if n := times[commitOf(i)]; n != 1 {
				t.Errorf("%s is on record %d times", commitOf(i), n)
			}
		}
		if over != all {
			t.Errorf("%d of %d came to an end", over, all)
		}
	})
}

func commitOf(i int) string    { return fmt.Sprintf("%040x", 0xabc000+i) }
func operationOf(i int) string { return fmt.Sprintf("op_told%03d", i) }

// movedOnce is an operation that has moved production and ended, whose deploy
// is to be reported.
func (r *rig) movedOnce(i int) {
	r.t.Helper()
	now := r.clock.Now()
	build := &release.Build{ID: fmt.Sprintf("dpl_%d", i), Commit: commitOf(i), URL: "https://x.example/"}
	op := release.Operation{
		ID: operationOf(i), Project: r.config.Projects[0].Name, Environment: "prod", Action: release.Promote, Phase: release.Requested, Reason: "x",
		CreatedAt: now, PhaseAt: now, RecordEnvironment: "production", To: build,
	}
	permit, err := r.control.Gate.Allow(r.t.Context(), r.boss, access.Promote, access.On{})
	if err == nil {
		err = r.db.Begin(r.t.Context(), op, "", permit.Receipt(access.Note{Reason: "x"}))
	}
	if err != nil {
		r.t.Fatal(err)
	}
	l, op, _, ok, err := r.db.Claim(r.t.Context(), release.Claim{Owner: "test", Now: now, Real: now, TTL: time.Minute})
	if err != nil || !ok {
		r.t.Fatalf("%v, %v", ok, err)
	}
	op.Phase, op.EndedAt = release.Succeeded, &now
	op.Work.Intended, op.Work.Followed = true, true
	op.Work.Moves = []release.Move{{At: now, Build: build.ID, Commit: build.Commit}}
	err = r.db.Save(context.WithoutCancel(r.t.Context()), l, release.Change{Operation: op, WakeAt: now, Follow: &release.FollowUp{
		Operation: op.ID, Project: op.Project, Environment: op.Environment, Since: now, TellAt: now,
	}})
	if err != nil {
		r.t.Fatal(err)
	}
}
