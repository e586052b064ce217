package vercel_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/providertest"
	"github.com/envdeck/envdeck/internal/provider/vercel"
	"github.com/envdeck/envdeck/internal/secret"
	simulated "github.com/envdeck/envdeck/internal/simulator/vercel"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// rig is the simulated Vercel and a way to open clients on it.
type rig struct {
	world    *world.World
	exchange *wire.Exchange
	network  *providertest.Network
	project  world.Project
	team     world.Team
}

// simulate runs a test against a fresh simulated Vercel, in virtual time.
func simulate(t *testing.T, run func(*testing.T, *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{world: world.New(world.Options{Seed: 3, Clock: clock.Real()}), exchange: wire.NewExchange(clock.Real(), 3), network: new(providertest.Network)}
		r.world.View(func(s *world.State) { r.project, r.team = s.Project, s.Team })
		simulated.New(r.exchange, r.world, map[string]simulated.Token{
			"full": {Name: "full"}, "project": {Name: "project", Project: r.project.ID}, "expired": {Name: "expired", Expired: true},
			"outside": {Name: "outside", User: "tobias-ek", Outside: true},
		})
		r.network.Serve(t, providertest.Host, r.exchange.Handler())
		t.Cleanup(r.exchange.Release)
		run(t, r)
	})
}

func (r *rig) open(t *testing.T, change func(*vercel.Block)) *vercel.Client {
	t.Helper()
	b := &vercel.Block{Project: r.project.ID, Team: r.team.ID, Token: secret.New("full"), BaseURL: providertest.BaseURL + "/vercel"}
	if change != nil {
		change(b)
	}
	if b.Team == "SLUG" {
		b.Team = r.team.Slug
	}
	api, err := vercel.Kind().Open(b, provider.Deps{Clock: clock.Real(), Dial: r.network.Dial, Log: slog.New(slog.DiscardHandler), UserAgent: "envdeck/test"})
	if err != nil {
		t.Fatal(err)
	}
	return api.(*vercel.Client)
}

func TestTheSimulatedVercelIsUnderstood(t *testing.T) {
	for _, version := range []string{"v6", "v7"} {
		t.Run(version, func(t *testing.T) {
			simulate(t, func(t *testing.T, r *rig) {
				c := r.open(t, func(b *vercel.Block) { b.APIVersion = version })
				var live, staged world.Deployment
				r.world.View(func(s *world.State) { live, staged = *s.Live(), *s.NewestStaged() })

				now, err := c.Live(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if d := now.Deployment; d.ID != live.ID || d.Commit != live.SHA || d.Stage != provider.Promoted || d.Branch != live.Branch || d.Creator == "" || d.CreatedAt.IsZero() {
					t.Errorf("live is %+v, want %s of %s", d, live.ID, live.SHA)
				}
				if now.Split || now.RolledBack || len(now.Domains) == 0 || now.AutoAssign == nil || now.Crons == nil || len(now.Crons.Jobs) == 0 {
					t.Errorf("%+v", now)
				}
				if next, err := c.Newest(t.Context(), catalog.Source{Mode: catalog.FromStaged}); err != nil || next.ID != staged.ID || next.Stage != provider.Staged {
					t.Errorf("staged is %+v, %v; want %s", next, err, staged.ID)
				}
				one, err := c.Deployment(t.Context(), staged.ID)
				if err != nil || one.ID != staged.ID || one.Commit != staged.SHA {
					t.Errorf("%+v, %v", one, err)
				}
				if n, err := c.Visitors(t.Context(), time.Now().Add(-time.Hour), time.Now()); err != nil || n <= 0 {
					t.Errorf("%d visitors, %v", n, err)
				}
				if err := c.Check(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Vercel's pages say both that a rollback takes the schedule back and that it
// leaves it: whichever is true, whose schedule runs is read and not assumed.
func TestWhoseScheduleRuns(t *testing.T) {
	for _, stay := range []bool{false, true} {
		t.Run(fmt.Sprint("stays ", stay), func(t *testing.T) {
			simulate(t, func(t *testing.T, r *rig) {
				c := r.open(t, nil)
				var before, after world.Deployment
				r.world.Change(func(s *world.State) {
					s.Knobs.CronsStay = stay
					before = *s.Live()
					for _, d := range s.Deployments() {
						if s.RollbackCandidate(d) {
							after = *d
							break
						}
					}
					if err := s.Rollback(after.ID, "", s.People[0]); err != nil {
						t.Fatal(err)
					}
				})
				time.Sleep(2 * time.Minute)
				r.world.Advance()
				set, err := c.Crons(t.Context())
				if err != nil || set.LiveID != after.ID || !set.Enabled {
					t.Fatalf("%+v, %v", set, err)
				}
				switch {
				case !stay && (set.DeploymentID != after.ID || set.Behind != nil):
					t.Errorf("%+v", set)
				case stay && (set.DeploymentID != before.ID || set.Behind == nil):
					t.Errorf("%+v", set)
				case stay:
					if b := set.Behind; b.Commit != before.SHA || b.LiveCommit != after.SHA || len(b.Live) == 0 {
						t.Errorf("%+v", b)
					}
				}
			})
		})
	}
}

func TestEveryBuildIsListed(t *testing.T) {
	simulate(t, func(t *testing.T, r *rig) {
		c := r.open(t, nil)
		var want int
		r.world.View(func(s *world.State) {
			for _, d := range s.Deployments() {
				if d.Target == world.Production {
					want++
				}
			}
		})
		got, err := c.Deployments(t.Context(), provider.DeploymentQuery{Target: provider.TargetProduction, Limit: 100})
		if err != nil || got.Incomplete || len(got.Items) != min(want, 100) {
			t.Errorf("%d of %d builds, incomplete %v, %v", len(got.Items), want, got.Incomplete, err)
		}
		for i, d := range got.Items {
			if d.Target != provider.TargetProduction || i > 0 && d.CreatedAt.After(got.Items[i-1].CreatedAt) {
				t.Errorf("build %d is %+v", i, d)
			}
		}
	})
}

func TestWrongCredentialsSaySo(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*vercel.Block)
		want   []fault.Kind
	}{
		"project token, no team": {func(b *vercel.Block) { b.Token, b.Team = secret.New("project"), "" }, nil},
		"team by slug":           {func(b *vercel.Block) { b.Team = "SLUG" }, nil},
		"no team":                {func(b *vercel.Block) { b.Team = "" }, []fault.Kind{fault.NotFound, fault.Denied}},
		"expired":                {func(b *vercel.Block) { b.Token = secret.New("expired") }, []fault.Kind{fault.Rejected}},
		"unknown":                {func(b *vercel.Block) { b.Token = secret.New("who") }, []fault.Kind{fault.Rejected}},
		"of an outsider":         {func(b *vercel.Block) { b.Token = secret.New("outside") }, []fault.Kind{fault.Denied}},
		"wrong team":             {func(b *vercel.Block) { b.Team = "team_nobody" }, []fault.Kind{fault.Denied, fault.NotFound}},
		"wrong project":          {func(b *vercel.Block) { b.Project = "prj_nothing" }, []fault.Kind{fault.NotFound}},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, r *rig) {
				err := r.open(t, c.change).Check(t.Context())
				if c.want == nil {
					if err != nil {
						t.Error(err)
					}
					return
				}
				for _, k := range c.want {
					if fault.Is(err, k) {
						return
					}
				}
				t.Errorf("%v, want one of %v", err, c.want)
			})
		})
	}
}

// TestNoFaultMakesAFalseFact spoils every call in every way that the simulator
// knows: the answer is a fault of an outside kind, or the truth.
func TestNoFaultMakesAFalseFact(t *testing.T) {
	var rules []wire.Rule
	for _, kind := range wire.FaultKinds() {
		rule := wire.Rule{Kind: kind, Delay: wire.Duration(time.Second)}
		switch kind {
		case wire.AppliedButFailed, wire.NotAppliedButOK: // faults of writes
			continue
		case wire.Malformed:
			for _, shape := range wire.MalformedShapes() {
				rules = append(rules, wire.Rule{Kind: kind, Shape: shape})
			}
			continue
		case wire.RateLimited:
			for _, shape := range wire.RetryShapes() {
				rules = append(rules, wire.Rule{Kind: kind, RetryAfter: shape, Seconds: 30})
			}
			continue
		case wire.Status:
			for _, status := range []int{400, 401, 403, 404, 409, 410, 500, 502, 503, 504} {
				rules = append(rules, wire.Rule{Kind: kind, Status: status})
			}
			continue
		case wire.Redirect:
			rule.Location, rule.Status = "http://127.0.0.2/steal", 302
		case wire.Skew:
			rule.By = wire.Duration(time.Hour)
		case wire.Huge, wire.GzipBomb:
			rule.MB = 8
		}
		rules = append(rules, rule)
	}
	for _, rule := range rules {
		t.Run(string(rule.Kind)+" "+rule.Shape+rule.RetryAfter, func(t *testing.T) {
			simulate(t, func(t *testing.T, r *rig) {
				if _, err := r.exchange.Faults.Add(rule); err != nil {
					t.Fatal(err)
				}
				c := r.open(t, nil)
				var live string
				r.world.View(func(s *world.State) { live = s.Live().ID })
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if got, err := c.Live(ctx); err == nil && got.Deployment.ID != live {
					t.Errorf("%s is shown as live, which is %s", got.Deployment.ID, live)
				} else if err != nil && fault.KindOf(err) == fault.Internal {
					t.Error(err)
				}
				got, err := c.Deployments(ctx, provider.DeploymentQuery{Limit: 100})
				if err != nil && fault.KindOf(err) == fault.Internal {
					t.Error(err)
				}
				for _, d := range got.Items {
					if d.ID == "" || d.State == "" {
						t.Errorf("a build without id or state: %+v", d)
					}
				}
				if rule.Kind == wire.LoopingPage && err == nil && !got.Incomplete && len(got.Items) < 100 {
					t.Error("a list that goes in a circle looks complete")
				}
				for _, address := range r.network.Dialed() {
					if address != providertest.Host {
						t.Errorf("dialled %s", address)
					}
				}
			})
		})
	}
}
