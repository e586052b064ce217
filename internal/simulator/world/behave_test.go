package world_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/simulator/world"
)

func promote(t *testing.T, w *world.World) string {
	t.Helper()
	var id string
	w.Change(func(s *world.State) {
		id = s.NewestStaged().ID
		if _, err := s.Promote(id, s.People[0]); err != nil {
			t.Fatal(err)
		}
	})
	return id
}

func TestGoingLiveMigratesProduction(t *testing.T) {
	w, h := start(t)
	before := 0
	w.View(func(s *world.State) { before = len(s.Applied(world.ProductionBranch)) })
	id := promote(t, w)
	h.move(time.Minute)
	w.View(func(s *world.State) {
		applied := s.Applied(world.ProductionBranch)
		if len(applied) != before+1 || applied[before].Deployment != id {
			t.Errorf("%d migrations applied, the last by %s; want %d, by %s", len(applied), applied[len(applied)-1].Deployment, before+1, id)
		}
	})
	w.Change(func(s *world.State) {
		if err := s.Rollback(s.Jobs()[0].From, "", nil); err != nil {
			t.Fatal(err)
		}
	})
	h.move(time.Minute)
	w.View(func(s *world.State) {
		if got := len(s.Applied(world.ProductionBranch)); got != before+1 {
			t.Errorf("a rollback left %d migrations, want %d: nothing takes them back", got, before+1)
		}
	})
}

func TestABadBuildIsSeenWhereItServes(t *testing.T) {
	w, h := start(t)
	w.Change(func(s *world.State) {
		s.NewestStaged().LiveIlls = []world.Ill{{Kind: world.IllErrors, After: 10 * time.Second}, {Kind: world.IllDatabase, After: 20 * time.Second, For: time.Minute}}
	})
	id := promote(t, w)
	var seen []string
	var last string
	for range 150 {
		h.move(time.Second)
		w.View(func(s *world.State) {
			prod, next := s.Serving(world.Prod), s.Serving(world.Next)
			if next.Status != "ok" {
				t.Fatalf("next is %s", next.Status)
			}
			if now := prod.Status + " " + prod.Database; prod.Deployment == id && now != last {
				last = now
				seen = append(seen, now)
			}
		})
	}
	if diff := cmp.Diff([]string{"ok ok", "down error", "ok ok"}, seen); diff != "" {
		t.Error(diff)
	}
	w.View(func(s *world.State) {
		hourBefore := s.Errors(world.Prod, s.Epoch.Add(-time.Hour), s.Epoch)
		since := s.Errors(world.Prod, s.Epoch.Add(30*time.Second), s.Now())
		if since < 10*max(1, hourBefore)/30 {
			t.Errorf("%d errors since it went bad, %d in the hour before", since, hourBefore)
		}
	})
}

func TestErrorsFollowTrafficAndAddUp(t *testing.T) {
	w, _ := start(t)
	w.View(func(s *world.State) {
		day := s.Epoch.AddDate(0, 0, -7)
		sum := 0
		for _, n := range s.ErrorsBetween(world.Prod, day, day.AddDate(0, 0, 1), 10*time.Minute) {
			sum += n
		}
		if all := s.Errors(world.Prod, day, day.AddDate(0, 0, 1)); sum != all || all < 20 || all > 400 {
			t.Errorf("%d in buckets, %d in all", sum, all)
		}
		if night, noon := s.Traffic(world.Prod, s.Epoch.Truncate(24*time.Hour).Add(3*time.Hour), s.Epoch.Truncate(24*time.Hour).Add(5*time.Hour)).Visitors,
			s.Traffic(world.Prod, s.Epoch.Truncate(24*time.Hour).Add(11*time.Hour), s.Epoch.Truncate(24*time.Hour).Add(13*time.Hour)).Visitors; night >= noon {
			t.Errorf("%d visitors at night, %d at noon", night, noon)
		}
		if got := s.Traffic(world.Prod, s.Now(), s.Now().Add(time.Hour)); got.Visitors != 0 {
			t.Errorf("visitors of the future: %v", got)
		}
	})
}

func TestTheEdgeMayLag(t *testing.T) {
	w, h := start(t)
	var old string
	w.Change(func(s *world.State) { s.Knobs.EdgeLag, old = 30*time.Second, s.Live().SHA })
	id := promote(t, w)
	h.move(20 * time.Second)
	w.View(func(s *world.State) {
		if s.Live().ID != id || s.Serving(world.Prod).SHA != old {
			t.Error("the alias has moved, but the old commit should be served for 30 s")
		}
	})
	h.move(30 * time.Second)
	w.View(func(s *world.State) {
		if s.Serving(world.Prod).SHA == old {
			t.Error("the old commit is served for ever")
		}
	})
}

func TestCronsFireOnTheLiveDeployment(t *testing.T) {
	w, h := start(t)
	var fired []world.CronFiring
	w.Listen(func(e world.Event) {
		if e.Kind == world.CronFired {
			fired = append(fired, *e.Cron)
		}
	})
	h.move(time.Hour)
	w.Advance()
	count := map[string]int{}
	for _, f := range fired {
		count[f.Path]++
		if f.Took <= 0 || f.Status == 0 || f.Deployment == "" {
			t.Fatalf("%+v", f)
		}
	}
	if count["/api/cron/publish-scheduled-posts"] != 60 || count["/api/cron/pulse-metrics"] != 4 || count["/api/cron/marketing-sync"] != 1 || count["/api/cron/cleanup-bin"] != 0 {
		t.Errorf("an hour fired %v", count)
	}
	w.View(func(s *world.State) {
		var listed []world.CronFiring
		for _, f := range s.CronRuns("/api/cron/pulse-metrics", s.Epoch, s.Now()) {
			listed = append([]world.CronFiring{f}, listed...)
		}
		var told []world.CronFiring
		for _, f := range fired {
			if f.Path == "/api/cron/pulse-metrics" {
				told = append(told, f)
			}
		}
		if diff := cmp.Diff(told, listed); diff != "" {
			t.Errorf("what was told and what is listed differ: %s", diff)
		}
	})
}

func TestWorkflowsDoWhatTheySay(t *testing.T) {
	w, h := start(t)
	var run *world.WorkflowRun
	var pinned, before string
	w.Change(func(s *world.State) {
		pinned, before = s.NewestStaged().SHA, s.Live().ID
		var err error
		run, err = s.DispatchWorkflow(world.DeployWorkflow, "main", map[string]string{"environment": "production", "ref": pinned}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.DispatchWorkflow(world.DeployWorkflow, "main", map[string]string{"colour": "red"}, nil); !errors.Is(err, world.ErrInvalid) {
			t.Errorf("an unknown input: %v", err)
		}
	})
	h.move(10 * time.Minute)
	w.View(func(s *world.State) {
		if run.Conclusion != "success" || s.Live().SHA != pinned || s.Live().ID == before || s.Live().ID != run.Deployment {
			t.Errorf("deploy.yml: %s/%s, live is %s", run.Status, run.Conclusion, s.Live().ID)
		}
	})
	w.Change(func(s *world.State) {
		run, _ = s.DispatchWorkflow(world.RollbackWorkflow, "main", nil, nil)
	})
	h.move(10 * time.Minute)
	w.View(func(s *world.State) {
		if run.Conclusion != "success" || s.Live().ID != before || !s.Project.RolledBack {
			t.Errorf("rollback.yml: %s/%s, live is %s, want %s", run.Status, run.Conclusion, s.Live().ID, before)
		}
	})
}

func TestWhatAutoAssignDoes(t *testing.T) {
	w, h := start(t)
	push := func() (id string) {
		w.Change(func(s *world.State) {
			_, d := s.PushCommit(world.Push{Message: "fix: one more"})
			id = d.ID
		})
		h.move(5 * time.Minute)
		return id
	}
	live := func() (id string) {
		w.View(func(s *world.State) { id = s.Live().ID })
		return id
	}
	if id := push(); live() == id {
		t.Error("a staged build went live by itself")
	}
	w.Change(func(s *world.State) { s.SetAutoAssign(true, nil) })
	if id := push(); live() != id {
		t.Error("with auto-assign on, a production build goes live")
	}
	w.Change(func(s *world.State) {
		if err := s.Rollback(s.LiveHistory()[3].ID, "", nil); err != nil {
			t.Fatal(err)
		}
	})
	h.move(time.Minute)
	if id := push(); live() == id {
		t.Error("a rollback pins production: pushes must not go live")
	}
}

// faults records what a script asked for.
type faults struct{ log []string }

func (f *faults) Spoil(x world.Fault) (func(), error) {
	name := x.Provider + " " + x.Preset
	f.log = append(f.log, name)
	return func() { f.log = append(f.log, "end "+name) }, nil
}

func TestScriptsPlayToTheirEnd(t *testing.T) {
	for name := range world.Scripts() {
		t.Run(name, func(t *testing.T) {
			w, h := start(t)
			f := &faults{}
			var before int
			var staged string
			w.View(func(s *world.State) { before, staged = len(s.Pulls("all")), s.NewestStaged().ID })
			if err := w.Play(name, f); err != nil {
				t.Fatal(err)
			}
			h.move(9 * time.Hour)
			w.View(func(s *world.State) {
				opened := len(s.Pulls("all")) - before
				switch name {
				case "good-promotion":
					if s.Live() != s.NewestStaged() || s.Live().ID == staged {
						t.Error("the new build is not live")
					}
				case "bad-build":
					if n := s.NewestStaged(); n.ID == staged || len(n.LiveIlls) == 0 || s.Live() == n {
						t.Error("no bad build is staged")
					}
				case "busy-day":
					if opened != 32 || len(s.LiveHistory()) < 3 {
						t.Errorf("%d pull requests", opened)
					}
				case "lost-answer":
					if diff := cmp.Diff([]string{"vercel lost_answer"}, f.log); diff != "" {
						t.Error(diff)
					}
				case "provider-outage":
					if len(f.log) != 12 || !strings.HasPrefix(f.log[11], "end ") {
						t.Errorf("faults: %v", f.log)
					}
				}
			})
		})
	}
	w, _ := start(t)
	if err := w.Play("no-such", nil); !errors.Is(err, world.ErrNotFound) {
		t.Errorf("an unknown script: %v", err)
	}
}

func TestAListenerMayUseTheWorld(t *testing.T) {
	w, h := start(t)
	heard := 0
	w.Listen(func(e world.Event) {
		heard++
		if e.Kind == world.DeploymentReady {
			w.Change(func(s *world.State) { s.PushCommit(world.Push{Message: "chore: after a build", NoBuild: true}) })
		}
	})
	w.Change(func(s *world.State) { s.PushCommit(world.Push{Message: "fix: one"}) })
	h.move(5 * time.Minute)
	w.Advance()
	w.View(func(s *world.State) {
		if got := s.Resolve("main").Title(); got != "chore: after a build" || heard < 4 {
			t.Errorf("main is at %q after %d events", got, heard)
		}
	})
}

func TestSomebodyElsePromotesInBetween(t *testing.T) {
	w, h := start(t)
	w.Change(func(s *world.State) { s.Knobs.Rival = true })
	id := promote(t, w)
	h.move(time.Minute)
	w.View(func(s *world.State) {
		jobs := s.Jobs()
		if s.Live().ID == id || jobs[0].From != id || jobs[0].By == jobs[1].By || s.Knobs.Rival {
			t.Errorf("live is %s after a rival's promotion; the last job: %+v", s.Live().ID, jobs[0])
		}
	})
}
