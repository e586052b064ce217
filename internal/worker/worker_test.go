package worker_test

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/cloudflare"
	"github.com/envdeck/envdeck/internal/provider/providertest"
	"github.com/envdeck/envdeck/internal/secret"
	simulated "github.com/envdeck/envdeck/internal/simulator/cloudflare"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
	"github.com/envdeck/envdeck/internal/store/storetest"
	"github.com/envdeck/envdeck/internal/worker"
)

const token = "a-good-token-of-somebody"

// rig is the room on the simulated outside, in virtual time.
type rig struct {
	t        *testing.T
	world    *world.World
	exchange *wire.Exchange
	board    *worker.Board
	boards   *worker.Boards
	viewer   access.Actor
	api      *cloudflare.Client
}

// inBubble runs a test on a fresh world. change may alter what is configured.
func inBubble(t *testing.T, change func(*cloudflare.Block), test func(*testing.T, *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, world: world.New(world.Options{Seed: 3, Clock: clock.Real()}), exchange: wire.NewExchange(clock.Real(), 3)}
		simulated.New(r.exchange, r.world, map[string]simulated.Token{token: {Name: "good"}})
		network := new(providertest.Network)
		network.Serve(t, providertest.Host, r.exchange.Handler())
		t.Cleanup(r.exchange.Release)
		b := &cloudflare.Block{
			Account: secret.New(simulated.Account), Token: secret.New(token), BaseURL: providertest.BaseURL + "/cloudflare/client/v4", Zones: []string{simulated.Zone},
			Workers: map[string]string{"code": simulated.Code, "transpiler": simulated.Transpiler, "backend": simulated.Backend},
		}
		change(b)
		log := slog.New(slog.DiscardHandler)
		api, err := cloudflare.Kind().Open(b, provider.Deps{Clock: clock.Real(), Dial: network.Dial, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		keys, err := access.NewKeys(secret.New(strings.Repeat("k", 32)))
		if err != nil {
			t.Fatal(err)
		}
		control, err := access.New(t.Context(), access.Config{Store: storetest.Open(t), Keys: keys, Clock: clock.Real(), Log: log})
		if err != nil {
			t.Fatal(err)
		}
		memory := cache.NewMemory()
		t.Cleanup(memory.Close)
		keeper := cache.NewKeeper(memory, clock.Real(), log)
		r.api = api.(*cloudflare.Client)
		r.board = worker.New(worker.Options{
			Project: catalog.Project{Name: "spike.land"}, Providers: provider.Set{{Name: "cloudflare", API: api}}, Keeper: keeper, Clock: clock.Real(), Log: log,
		})
		r.boards = worker.NewBoards(control.Gate, []*worker.Board{r.board})
		r.viewer = access.Actor{Kind: access.Person, ID: "u", SessionID: "s", Role: access.Admin}
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		var running sync.WaitGroup
		running.Go(func() { _ = keeper.Run(ctx) })
		running.Go(func() { _ = r.board.Run(ctx) })
		t.Cleanup(func() { cancel(); running.Wait() })
		test(t, r)
	})
}

func asIs(*cloudflare.Block) {}

func (r *rig) answer() (worker.Workers, string) {
	r.t.Helper()
	if err := r.board.Filled(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	s, ages, err := r.boards.Workers(r.t.Context(), r.viewer, "")
	if err != nil {
		r.t.Fatal(err)
	}
	return s.Value, ages.Header
}

func (r *rig) one(name string) worker.Worker {
	r.t.Helper()
	all, _ := r.answer()
	for _, w := range all.Workers {
		if w.Name == name {
			return w
		}
	}
	r.t.Fatalf("no worker %s in %+v", name, all)
	return worker.Worker{}
}

func (r *rig) spoil(rule wire.Rule) {
	r.t.Helper()
	if _, err := r.exchange.Faults.Add(rule); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) wait(d time.Duration) {
	r.t.Helper()
	if err := clock.Real().Sleep(r.t.Context(), d); err != nil {
		r.t.Fatal(err)
	}
}

// The vendor's numbers, and what they mean: microseconds are not milliseconds,
// the processor's time is an average over requests, and errors are a percentage.
func TestTheWorkedExample(t *testing.T) {
	inBubble(t, asIs, func(t *testing.T, r *rig) {
		r.world.Change(func(s *world.State) {
			s.Knobs.Workers = map[string]world.WorkerKnob{
				simulated.Backend: {
					Requests: 1200, Errors: 6, ClientDisconnects: 2, Subrequests: 300, CPUTimeUs: 2_400_000, WallTime: 96_000_000,
					CPUTimeP50: 1500, CPUTimeP99: 9800.5, WallTimeP50: 42_000, WallTimeP99: 910_000,
				},
				simulated.Code: {},
			}
		})
		want := worker.Traffic{
			Requests24h: new(int64(1200)), Errors24h: new(int64(6)), ErrorRate: new(0.5), P50Latency: new(42.0), P99Latency: new(910.0), CPUTimeAvg: new(2.0),
			Flow: worker.FlowSome,
		}
		backend := r.one("backend")
		if diff := cmp.Diff(want, backend.Stats); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if len(backend.Hours) != 24 && len(backend.Hours) != 25 {
			t.Errorf("%d hours", len(backend.Hours))
		}
		// No row is no traffic: known to be nothing, and no error.
		code := r.one("code")
		want = worker.Traffic{Requests24h: new(int64(0)), Errors24h: new(int64(0)), Flow: worker.FlowNone}
		if diff := cmp.Diff(want, code.Stats); diff != "" || code.Unknown["stats.errorRate"] != "There was no traffic." {
			t.Errorf("%v (-want +got):\n%s", code.Unknown, diff)
		}
	})
}

func TestWhatServesAndWhereIt(t *testing.T) {
	inBubble(t, asIs, func(t *testing.T, r *rig) {
		all, ages := r.answer()
		if len(all.Workers) != 3 || all.Workers[0].Name != "backend" || all.Workers[0].ScriptName != simulated.Backend || !strings.HasPrefix(ages, "cloudflare=") {
			t.Fatalf("%+v, %s", all, ages)
		}
		if diff := cmp.Diff([]string{"*.spike.land/rt/*", "https://testing.spike.land"}, all.Workers[0].Routes); diff != "" {
			t.Error(diff)
		}
		for _, w := range all.Workers {
			if w.LastDeployed == nil || w.DeployedBy == nil || len(w.Serving) == 0 || w.Serving[0].Tag == nil || len(w.Unknown) > 1 {
				t.Errorf("%s: %+v", w.Name, w)
			}
		}
		h, _, err := r.boards.Worker(t.Context(), r.viewer, "", "backend")
		if err != nil || len(h.Rollouts) < 2 || !h.Rollouts[0].Live || h.Rollouts[1].Live || len(h.Versions) < 2 || len(h.Triggers) != 3 {
			t.Fatalf("%+v, %v", h, err)
		}
		// The platform counts the days of the week from 1, Sunday.
		if got := h.Triggers[1]; got.Schedule != "0 3 * * 1" || !strings.Contains(got.Human, "Sunday") || got.NextRun == nil || got.NextRun.Weekday() != time.Sunday {
			t.Errorf("%+v", got)
		}
		if _, _, err := r.boards.Worker(t.Context(), r.viewer, "", "nosuch"); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
		if _, _, err := r.boards.Workers(t.Context(), access.Actor{}, ""); !fault.Is(err, fault.Unauthenticated) {
			t.Error(err)
		}
	})
}

// Both versions show while one goes live gradually; a new deployment is seen
// within its lifetime.
func TestAGradualDeploymentShowsBothVersions(t *testing.T) {
	inBubble(t, asIs, func(t *testing.T, r *rig) {
		h, _, err := r.boards.Worker(t.Context(), r.viewer, "", "code")
		for ; err == nil && len(h.Versions) < 2; h, _, err = r.boards.Worker(t.Context(), r.viewer, "", "code") {
			r.answer()
		}
		if err != nil {
			t.Fatal(err)
		}
		shares := []provider.WorkerShare{{VersionID: h.Versions[0].ID, Percent: 10}, {VersionID: h.Versions[1].ID, Percent: 90}}
		if _, err := r.api.DeployWorker(t.Context(), simulated.Code, shares, "careful", true); err != nil {
			t.Fatal(err)
		}
		r.wait(61 * time.Second)
		w := r.one("code")
		if len(w.Serving) != 2 || w.Serving[0].Percent != 10 || w.Serving[1].Percent != 90 || w.Serving[0].Tag == nil || w.Serving[1].Tag == nil || *w.Serving[0].Tag == *w.Serving[1].Tag {
			t.Errorf("%+v", w.Serving)
		}
		if len(w.Notes) != 1 || w.Notes[0].Code != "gradual" || *w.Message != "careful" || *w.DeployedWith != "api" {
			t.Errorf("%+v", w)
		}
	})
}

// Without a map every script of the account is there, and one that is uploaded
// later comes by itself.
func TestWithoutNamesEveryScriptIsShown(t *testing.T) {
	inBubble(t, func(b *cloudflare.Block) { b.Workers = nil }, func(t *testing.T, r *rig) {
		all, _ := r.answer()
		var names []string
		for _, w := range all.Workers {
			names = append(names, w.Name)
			if w.LastDeployed == nil || w.Routes == nil {
				t.Errorf("%s: %v", w.Name, w.Unknown)
			}
		}
		if diff := cmp.Diff([]string{simulated.Transpiler, simulated.Backend, simulated.Code}, names); diff != "" {
			t.Error(diff)
		}
	})
}

// The lifetimes hold however many look, and no reader ever waits for a provider.
func TestReadersCauseNoCalls(t *testing.T) {
	inBubble(t, asIs, func(t *testing.T, r *rig) {
		r.answer()
		synctest.Wait()
		before := r.exchange.Calls.Last()
		for range 600 {
			if _, _, err := r.boards.Workers(t.Context(), r.viewer, ""); err != nil {
				t.Fatal(err)
			}
			r.wait(time.Second)
		}
		synctest.Wait()
		byRoute := map[string]int{}
		for _, e := range r.exchange.Calls.List(wire.Filter{Since: before, Limit: 1000}) {
			byRoute[e.Route]++
		}
		calls := 0
		for _, n := range byRoute {
			calls += n
		}
		// Ten minutes: ten times the deployments of three workers and the
		// analytics; twice their versions; once the timetables and the routes.
		if calls < 40 || calls > 66 {
			t.Errorf("%d calls in ten minutes: %v", calls, byRoute)
		}
	})
}

// usual are the faults of the normal run. WORKER_FAULTS_ALL=1 takes all of them;
// the provider's own tests always do.
var usual = []string{"error_503", "wrong_types"}

// TestEveryFault spoils Cloudflare in every way there is. At first nothing is
// known, and everything says why; later the last good value stays, with its age.
func TestEveryFault(t *testing.T) {
	for name, rule := range wire.Presets() {
		if os.Getenv("WORKER_FAULTS_ALL") == "" && !slices.Contains(usual, name) || rule.Kind == wire.AppliedButFailed || rule.Kind == wire.NotAppliedButOK {
			continue // the last two are faults of writes
		}
		if rule.MB > 5 {
			rule.MB = 5
		}
		t.Run(name, func(t *testing.T) {
			inBubble(t, asIs, func(t *testing.T, r *rig) {
				truth := r.one("backend")
				r.spoil(rule)
				r.wait(5 * time.Minute)
				all, ages := r.answer()
				late := r.one("backend")
				if late.LastDeployed == nil || late.DeploymentID == nil || *late.DeploymentID != *truth.DeploymentID {
					t.Errorf("the last good value is gone: %+v", late)
				}
				if late.Stats.Requests24h == nil {
					t.Error("the last count is gone")
				}
				broken := rule.Kind != wire.Skew && rule.Kind != wire.Latency && rule.Kind != wire.PartialPage && rule.Kind != wire.LoopingPage && rule.Kind != wire.Drip
				if src := all.Sources[0]; broken && (src.Error == nil || !src.Stale || !strings.Contains(ages, ";stale")) {
					t.Errorf("nothing says that it is old: %+v, %s", src, ages)
				}
			})
			inBubble(t, asIs, func(t *testing.T, r *rig) {
				r.spoil(rule)
				all, _ := r.answer()
				for _, w := range all.Workers {
					unknown := w.LastDeployed == nil
					if unknown != (w.Unknown["lastDeployed"] != "") || unknown != (w.Serving == nil) {
						t.Errorf("%s: %v, %q", w.Name, w.LastDeployed, w.Unknown["lastDeployed"])
					}
					if (w.Stats.Requests24h == nil) != (w.Stats.Flow == worker.FlowUnknown) || w.Stats.Flow == worker.FlowUnknown && w.Unknown["stats.requests24h"] == "" {
						t.Errorf("%s: %+v %v", w.Name, w.Stats, w.Unknown)
					}
					if (w.Routes == nil) != (w.Unknown["routes"] != "") || (w.Hours == nil) != (w.Unknown["hours"] != "") {
						t.Errorf("%s: routes and hours: %v", w.Name, w.Unknown)
					}
					for field, why := range w.Unknown {
						if strings.Contains(why, token) || strings.Contains(why, "inside envdeck") {
							t.Errorf("%s: %s", field, why)
						}
					}
				}
			})
		})
	}
}

// A refused question about traffic leaves what serves standing.
func TestOneBrokenQuestionHidesNothingElse(t *testing.T) {
	inBubble(t, asIs, func(t *testing.T, r *rig) {
		r.spoil(wire.Rule{Path: "*/graphql", Kind: wire.Status, Status: 200, Body: []byte(`{"data":null,"errors":[{"message":"authorization denied"}]}`)})
		w := r.one("backend")
		if w.LastDeployed == nil || w.Routes == nil || w.Stats.Flow != worker.FlowUnknown || !strings.Contains(w.Unknown["stats.requests24h"], "Account Analytics: Read") {
			t.Errorf("%+v", w)
		}
	})
	inBubble(t, asIs, func(t *testing.T, r *rig) {
		r.world.Change(func(s *world.State) { s.Knobs.AnalyticsHide = []string{"cpuTimeUs"} })
		w := r.one("backend")
		if w.Stats.Requests24h == nil || w.Stats.P50Latency == nil || w.Stats.CPUTimeAvg != nil || w.Unknown["stats.cpuTimeAvg"] == "" {
			t.Errorf("%+v %v", w.Stats, w.Unknown)
		}
	})
}
