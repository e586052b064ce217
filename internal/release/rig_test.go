package release_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/all"
	"github.com/envdeck/envdeck/internal/provider/github"
	"github.com/envdeck/envdeck/internal/provider/providertest"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/simulator"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// rig is the room on the simulated outside: the real providers, the real
// probes and a real database, in virtual time.
type rig struct {
	t       *testing.T
	sim     *simulator.Simulator
	network *providertest.Network
	db      *store.DB
	control *access.Control
	clock   clock.Clock
	catalog catalog.Catalog
	config  config.Config
	log     *slog.Logger

	boss, admin access.Actor
	noWorkflows bool     // the configuration names none
	workers     []string // those that belong to releases

	live, staged world.Deployment // as the world was made
	// cut ends the last desk's context and waits for nothing; first is the cut of
	// the desk that began.
	cut, first func()
}

type options struct {
	seed  uint64
	clock clock.Clock // of the product
}

// inBubble runs a test in virtual time on a fresh world.
func inBubble(t *testing.T, o options, test func(*testing.T, *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newRig(t, o)) })
}

func newRig(t *testing.T, o options) *rig {
	t.Helper()
	if o.seed == 0 {
		o.seed = 3
	}
	if o.clock == nil {
		o.clock = clock.Real()
	}
	r := &rig{t: t, network: new(providertest.Network), clock: o.clock, log: slog.New(slog.DiscardHandler)}
	if os.Getenv("RELEASE_LOG") != "" {
		r.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	r.sim = simulator.New(simulator.Options{Seed: o.seed, Clock: clock.Real()})
	t.Cleanup(func() { r.sim.Exchange().Release() })
	r.network.Serve(t, providertest.Host, r.sim.Handler())
	var err error
	r.config, err = config.Load("the simulator's", []byte(r.sim.Config(providertest.BaseURL)), func(string) string { return "" }, blocks())
	if err != nil {
		t.Fatal(err)
	}
	r.catalog = r.config.Catalog()
	r.db = storetest.Open(t)
	r.control = newControl(t, r.db, r.log)
	r.people()
	r.sim.World().View(func(s *world.State) { r.live, r.staged = *s.Live(), *s.NewestStaged() })
	if r.live.ID == r.staged.ID {
		t.Fatalf("seed %d has nothing staged", o.seed)
	}
	return r
}

func newControl(t *testing.T, db *store.DB, log *slog.Logger) *access.Control {
	t.Helper()
	keys, err := access.NewKeys(secret.New(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := access.New(t.Context(), access.Config{Store: db, Keys: keys, Clock: clock.Real(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (r *rig) people() {
	person := func(name string, role access.Role) access.Actor {
		return access.Actor{Kind: access.Person, ID: "user_" + name, Name: name, Role: role, SessionID: "session_" + name, Face: access.FaceAPI}
	}
	r.boss, r.admin = person("boss", access.SuperAdmin), person("ada", access.Admin)
}

func blocks() []config.BlockKind {
	var out []config.BlockKind
	for _, k := range all.Kinds() {
		out = append(out, config.BlockKind{Name: k.Name, Block: k.Block, FromEnv: k.FromEnv})
	}
	return out
}

// desk is one replica; it runs until the answered func is called, or the test
// ends.
func (r *rig) desk(change ...func(*release.Options)) (*release.Desk, func()) {
	return r.deskWith(r.clock, change...)
}

func (r *rig) deskWith(c clock.Clock, change ...func(*release.Options)) (*release.Desk, func()) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	targets := health.Targets(r.catalog)
	prober := health.NewProber(targets, health.ProberConfig{Clock: c, Dial: r.network.Dial})
	watch := health.NewWatch(health.WatchConfig{Targets: targets, Probe: prober.Probe, Interval: time.Minute, Clock: c, Log: r.log})
	o := release.Options{Gate: r.control.Gate, Store: r.db, Clock: c, Log: r.log}
	for _, p := range r.config.Projects {
		project, _ := r.catalog.Project(p.Name)
		if block, ok := p.Providers["github"].(*github.Block); ok && r.noWorkflows {
			block.DeployWorkflow = ""
		}
		o.Projects = append(o.Projects, release.Project{
			Project: project, Providers: r.open(p, r.network.Dial), Health: watch,
			Rules: release.Rules{Bake: p.Release.Bake, Fallback: p.Release.Fallback != "", Migrations: "prisma/migrations"},
		})
	}
	for _, fn := range change {
		fn(&o)
	}
	d := release.New(o)
	var running sync.WaitGroup
	running.Go(func() { _ = watch.Run(ctx) })
	running.Go(func() { _ = d.Run(ctx) })
	r.cut = cancel
	stop := sync.OnceFunc(func() { cancel(); running.Wait() })
	r.t.Cleanup(stop)
	return d, stop
}

func (r *rig) open(p config.Project, dial func(context.Context, string, string) (net.Conn, error)) provider.Set {
	var set provider.Set
	for _, kind := range all.Kinds() {
		block, ok := p.Providers[kind.Name]
		if !ok {
			continue
		}
		api, err := kind.Open(block, provider.Deps{Project: p.Name, Clock: clock.Real(), Log: r.log, UserAgent: "envdeck/test", Dial: dial})
		if err != nil {
			r.t.Fatal(err)
		}
		set = append(set, provider.Provider{Name: kind.Name, API: api})
	}
	return set
}

func (r *rig) promote(d *release.Desk, change ...func(*release.PromoteRequest)) release.Operation {
	r.t.Helper()
	q := release.PromoteRequest{DeploymentID: r.staged.ID, Reason: "it is tested"}
	for _, fn := range change {
		fn(&q)
	}
	op, err := d.Promote(r.t.Context(), r.boss, q)
	if err != nil {
		r.t.Fatalf("promote: %v", err)
	}
	return op
}

// end waits until the operation has ended, in virtual time, and answers it.
func (r *rig) end(d *release.Desk, id string) release.Operation {
	r.t.Helper()
	return r.until(d, id, "its end", func(o release.Operation) bool { return o.Phase.Ended() })
}

func (r *rig) until(d *release.Desk, id, what string, done func(release.Operation) bool) release.Operation {
	r.t.Helper()
	began := time.Now()
	for {
		op, err := r.db.Operation(r.t.Context(), id)
		if err != nil {
			r.t.Fatal(err)
		}
		if done(op) {
			return op
		}
		waited := time.Since(began)
		if waited > 2*time.Hour {
			r.t.Fatalf("%s did not come to %s:\n%s", id, what, show(op))
		}
		pace := time.Second // each look is a query: few of them where it takes long
		if waited > 30*time.Second {
			pace = 10 * time.Second
		}
		if clock.Real().Sleep(r.t.Context(), pace) != nil {
			r.t.Fatal("the test ends")
		}
	}
}

// show is an operation for a failed test.
func show(o release.Operation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s %s: %s\n", o.Action, o.ID, o.Phase, o.Cause, o.Message)
	for _, s := range o.Steps {
		fmt.Fprintf(&b, "  %s %s/%s#%d %s | %s | %s\n", s.StartedAt.Format("15:04:05.000"), s.Phase, s.Name, s.Attempt, s.Verdict, s.Intent, s.Observation)
		for _, e := range s.Evidence {
			fmt.Fprintf(&b, "      %s: %s\n", e.Label, e.Value)
		}
	}
	return b.String()
}

// writes are the calls that reached Vercel and were meant to change something.
func (r *rig) writes() []wire.Entry {
	var out []wire.Entry
	for _, e := range r.sim.Exchange().Calls.List(wire.Filter{}) {
		if e.Method != "GET" && e.Provider != "sentry" && !strings.HasSuffix(e.Path, "/graphql") {
			out = append(out, e)
		}
	}
	return out
}

func (r *rig) verbs() string {
	var out []string
	for _, e := range r.writes() {
		switch {
		case strings.Contains(e.Path, "/promote/"):
			out = append(out, "promote")
		case strings.Contains(e.Path, "/rollback/"):
			out = append(out, "rollback")
		default:
			out = append(out, e.Method+" "+e.Route)
		}
	}
	return strings.Join(out, " ")
}

func (r *rig) liveID() string {
	var id string
	r.sim.World().View(func(s *world.State) { id = s.Live().ID })
	return id
}

func (r *rig) change(fn func(*world.State)) { r.sim.World().Change(fn) }

func (r *rig) spoil(rule wire.Rule) {
	r.t.Helper()
	if _, err := r.sim.Exchange().Faults.Add(rule); err != nil {
		r.t.Fatal(err)
	}
}

// audit is the audit log's actions with their results.
func (r *rig) audit() []string {
	r.t.Helper()
	entries, err := r.db.AuditEntries(context.Background(), 0, 10_000)
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Action+" "+string(e.Result))
	}
	return out
}

// verifyAudit checks the chain.
func (r *rig) verifyAudit() {
	r.t.Helper()
	v, err := r.control.VerifyAudit(context.Background(), access.OperatorActor("test"))
	if err != nil || !v.Sound() {
		r.t.Errorf("the audit chain does not verify: %+v, %v", v, err)
	}
}

func want(t *testing.T, op release.Operation, phase release.Phase, cause release.Cause) {
	t.Helper()
	if op.Phase != phase || op.Cause != cause {
		t.Errorf("ended as %s (%s), want %s (%s)\n%s", op.Phase, op.Cause, phase, cause, show(op))
	}
}
