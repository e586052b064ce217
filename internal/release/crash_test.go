package release_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/all"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/simulator"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
	"github.com/envdeck/envdeck/internal/store"
)

// way is one way an operation can go: together they come by every boundary.
type way struct {
	spoil func(*rig)
	begin func(*rig, *release.Desk) (release.Operation, error)
	phase release.Phase
}

func ways() map[string]way {
	promote := func(r *rig, d *release.Desk) (release.Operation, error) {
		return d.Promote(r.t.Context(), r.boss, release.PromoteRequest{DeploymentID: r.staged.ID, Reason: "x"})
	}
	sick := func(r *rig) { ill(r, world.Ill{Kind: world.IllDatabase, After: 10 * time.Second}) }
	return map[string]way{
		"good": {func(*rig) {}, promote, release.Succeeded},
		"bad":  {sick, promote, release.RolledBack},
		"rollback": {func(*rig) {}, func(r *rig, d *release.Desk) (release.Operation, error) {
			return d.Rollback(r.t.Context(), r.boss, release.RollbackRequest{DeploymentID: r.older().ID, Reason: "x"})
		}, release.Succeeded},
		"rebuild": {func(*rig) {}, func(r *rig, d *release.Desk) (release.Operation, error) {
			return d.Promote(r.t.Context(), r.boss, release.PromoteRequest{DeploymentID: r.preview().ID, Rebuild: true, Reason: "x"})
		}, release.Succeeded},
		"workflow": {func(*rig) {}, func(r *rig, d *release.Desk) (release.Operation, error) {
			return d.Deploy(r.t.Context(), r.boss, release.DeployRequest{Reason: "x"})
		}, release.Succeeded},
		"build": {func(r *rig) { r.noWorkflows = true }, func(r *rig, d *release.Desk) (release.Operation, error) {
			return d.Deploy(r.t.Context(), r.boss, release.DeployRequest{Reason: "x"})
		}, release.Succeeded},
		"worker":           workerWay(),
		"worker's release": {func(r *rig) { takesAWorkerAlong(r); sick(r) }, promote, release.RolledBack},
		"skipped":          {func(r *rig) { r.change(func(s *world.State) { s.Knobs.Alias.Mode = world.AliasSkip }) }, promote, release.Failed},
		"never moves":      {func(r *rig) { r.change(func(s *world.State) { s.Knobs.Alias.Mode = world.AliasStuck }) }, promote, release.NeedsHuman},
		"no way back": {func(r *rig) {
			sick(r)
			r.spoil(wire.Rule{Provider: "vercel", Method: "POST", Path: "*/rollback/*", Kind: wire.Status, Status: 422})
		}, promote, release.RollbackFailed},
		"refused late": {func(r *rig) {
			// The Desk cannot read; the machine can, and says no.
			r.spoil(wire.Rule{Provider: "vercel", Method: "GET", Preset: "hang", Times: 2})
		}, func(r *rig, d *release.Desk) (release.Operation, error) {
			return d.Promote(r.t.Context(), r.boss, release.PromoteRequest{DeploymentID: r.live.ID, Reason: "x"})
		}, release.Refused},
		"cancelled": {func(r *rig) { r.spoil(wire.Rule{Provider: "vercel", Method: "GET", Preset: "hang"}) }, func(r *rig, d *release.Desk) (release.Operation, error) {
			op, err := promote(r, d)
			if err == nil {
				_, err = d.Cancel(r.t.Context(), r.boss, op.ID, "x")
			}
			return op, err
		}, release.Cancelled},
		"superseded": {func(r *rig) {
			r.change(func(s *world.State) {
				s.PushCommit(world.Push{Branch: "main", Message: "fix: another", Author: s.People[1]})
				s.Knobs.Rival = true
			})
			waitFor(r, 3*time.Minute)
		}, promote, release.Superseded},
	}
}

// shortestFirst is the order of the ways by what they cost.
var shortestFirst = []string{
	"cancelled", "refused late", "skipped", "rollback", "good", "bad", "no way back", "superseded", "build", "workflow", "rebuild", "never moves", "worker", "worker's release",
}

// takesAWorkerAlong has a Worker belong to releases, and be deployed soon after
// a build went live.
func takesAWorkerAlong(r *rig) {
	r.workers = []string{"code"}
	r.change(func(s *world.State) { s.Knobs.WorkerFollows = 3 * time.Second })
}

// worth says whether the normal run stops at a point of a way although another
// one was stopped there: the code of Workers is another one.
func worth(way, point string) bool {
	return way == "worker" || way == "worker's release" && strings.HasPrefix(point, "call.shift.")
}

// TestEveryBoundaryIsSurvived stops the driving process at each boundary, for
// longer than its lease, and then lets it go on: it must find that it may not,
// and another replica must have brought the operation to the same end. Which
// boundaries there are comes from the code; one that no way leads by fails.
// The normal run stops once at each boundary, on the shortest way that leads by
// it; RELEASE_CRASH_ALL stops at each boundary of every way.
func TestEveryBoundaryIsSurvived(t *testing.T) {
	t.Parallel()
	reached, stopped := map[string]bool{}, map[string]bool{}
	all := ways()
	for _, name := range shortestFirst {
		w, ok := all[name]
		if !ok || len(shortestFirst) != len(all) {
			t.Fatalf("the list of ways and their order do not agree about %q", name)
		}
		var points []string
		t.Run(name, func(t *testing.T) {
			inBubble(t, options{}, func(t *testing.T, r *rig) {
				var mu sync.Mutex
				r.play(t, w, func(p string) {
					mu.Lock()
					defer mu.Unlock()
					reached[p] = true
					if !slices.Contains(points, p) {
						points = append(points, p)
					}
				}, nil)
			})
			for _, point := range points {
				if os.Getenv("RELEASE_CRASH_ALL") == "" && stopped[point] && !worth(name, point) {
					continue
				}
				stopped[point] = true
				t.Run(point, func(t *testing.T) {
					inBubble(t, options{}, func(t *testing.T, r *rig) {
						wake := make(chan struct{})
						var once sync.Once
						r.play(t, w, func(p string) {
							if p == point {
								once.Do(func() { r.first(); <-wake })
							}
						}, wake)
					})
				})
			}
		})
	}
	for _, b := range release.Boundaries() {
		if !reached[b] {
			t.Errorf("no way leads by the boundary %s", b)
		}
	}
	for b := range reached {
		if !slices.Contains(release.Boundaries(), b) {
			t.Errorf("the list of boundaries lacks %s", b)
		}
	}
}

func (r *rig) play(t *testing.T, w way, point func(string), wake chan struct{}) {
	t.Helper()
	w.spoil(r)
	rules := func(o *release.Options) {
		o.Projects[0].Rules.Bake = 20 * time.Second
		o.Projects[0].Rules.Fallback, o.Projects[0].Rules.Workers = false, r.workers
	}
	d, stop := r.desk(rules, func(o *release.Options) { o.Point = point })
	r.first = r.cut
	op, err := w.begin(r, d)
	if err != nil {
		t.Fatal(err)
	}
	if wake != nil {
		r.desk(rules) // another replica
	}
	op = r.end(d, op.ID)
	// A dispatch that may have been sent is never sent again, so one that died
	// before it left ends with a person.
	if op.Phase != w.phase && (wake == nil || op.Cause != release.CauseOutcome || r.verbs() != "") {
		t.Errorf("ended as %s, want %s\n%s", op.Phase, w.phase, show(op))
	}
	calls := len(r.writes())
	if wake != nil {
		close(wake)
		stop()
		waitFor(r, time.Minute)
		if late := r.writes(); len(late) > calls {
			t.Errorf("the one who came back wrote %s %s\n%s", late[calls].Method, late[calls].Path, show(op))
		}
	}
	r.check([]release.Operation{op})
	if len(r.workers) > 0 {
		r.workerWentBack(op)
	}
}

// workerWentBack: once, whoever did it, or the operation says that it did not.
func (r *rig) workerWentBack(op release.Operation) {
	r.t.Helper()
	left := slices.ContainsFunc(op.Stayed, func(s string) bool { return strings.Contains(s, "Worker code did not go back") })
	if _, changed := r.shifts(); changed > 1 || changed == 0 && !left || changed == 1 && left {
		r.t.Errorf("the Worker went back %d times; said that it was left: %v\n%s", changed, left, show(op))
	}
}

// child is what the process that is killed needs to know.
type child struct {
	Dir, Base, Point, Deployment string
	Worker                       string   // to be rolled back
	Workers                      []string // that belong to releases
}

const childEnv = "RELEASE_CRASH_CHILD"

// TestMain runs the child of TestKilledAndTakenUpAgain.
func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		if err := serveChild(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func serveChild(text string) error {
	var c child
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{Dir: c.Dir, Clock: clock.Real(), Log: log})
	if err != nil {
		return err
	}
	keys, err := access.NewKeys(secret.New(strings.Repeat("k", 32)))
	if err != nil {
		return err
	}
	control, err := access.New(ctx, access.Config{Store: db, Keys: keys, Clock: clock.Real(), Log: log})
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(c.Dir, "config.yaml"))
	if err != nil {
		return err
	}
	conf, err := config.Load("the simulator's", raw, func(string) string { return "" }, blocks())
	if err != nil {
		return err
	}
	targets := health.Targets(conf.Catalog())
	prober := health.NewProber(targets, health.ProberConfig{Clock: clock.Real()})
	watch := health.NewWatch(health.WatchConfig{Targets: targets, Probe: prober.Probe, Interval: time.Minute, Clock: clock.Real(), Log: log})
	var set provider.Set
	for _, kind := range all.Kinds() {
		api, err := kind.Open(conf.Projects[0].Providers[kind.Name], provider.Deps{Project: conf.Projects[0].Name, Clock: clock.Real(), Log: log})
		if err != nil {
			return err
		}
		set = append(set, provider.Provider{Name: kind.Name, API: api})
	}
	d := release.New(release.Options{
		Gate: control.Gate, Store: db, Clock: clock.Real(), Log: log,
		Projects: []release.Project{{Project: conf.Catalog()[0], Providers: set, Health: watch, Rules: release.Rules{Bake: 6 * time.Second, Workers: c.Workers}}},
		Point: func(p string) {
			if p == c.Point {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		},
	})
	go func() { _ = watch.Run(ctx) }()
	boss := access.Actor{Kind: access.Person, ID: "user_boss", Name: "boss", Role: access.SuperAdmin, SessionID: "s"}
	var op release.Operation
	switch {
	case c.Deployment != "":
		op, err = d.Promote(ctx, boss, release.PromoteRequest{DeploymentID: c.Deployment, Reason: "x"})
	case c.Worker != "":
		op, err = d.RollbackWorker(ctx, boss, release.WorkerRollbackRequest{Worker: c.Worker, Reason: "x"})
	}
	if err != nil {
		return err
	}
	if op.ID != "" {
		fmt.Fprintln(os.Stdout, op.ID)
	}
	d.OnChange(func(o release.Operation) {
		fmt.Fprintln(os.Stdout, "now", o.Phase)
		if o.Phase.Ended() {
			go func() { time.AfterFunc(200*time.Millisecond, func() { os.Exit(0) }) }()
		}
	})
	return d.Run(ctx)
}

// killing is a way in which a real process is killed: by the boundaries that
// begin so, in the normal run by the one that is named.
type killing struct {
	begins []string
	normal []string
	child  func(*rig) child
	phase  release.Phase
	cause  release.Cause
}

func killings() map[string]killing {
	sick := func(r *rig) child {
		ill(r, world.Ill{Kind: world.IllDatabase, After: 6 * time.Second})
		return child{Deployment: r.staged.ID}
	}
	return map[string]killing{
		"release": {
			[]string{"save.preflight.", "save.snapshot.", "save.switching.", "save.confirming.", "save.baking.", "save.rolling_back.", "save.rolled_back.", "call.promote.", "call.rollback."},
			[]string{"call.promote.after", "save.baking.after", "call.rollback.after"},
			sick, release.RolledBack, release.CauseSick,
		},
		"worker": {
			[]string{"save.preflight.", "save.switching.", "save.confirming.", "save.succeeded.", "call.shift."},
			[]string{"call.shift.after"},
			func(*rig) child { return child{Worker: "code"} }, release.Succeeded, "",
		},
		"worker's release": {
			[]string{"save.snapshot.", "save.rolling_back.", "save.rolled_back.", "call.shift."},
			[]string{"call.shift.after"},
			func(r *rig) child {
				takesAWorkerAlong(r)
				c := sick(r)
				c.Workers = r.workers
				return c
			}, release.RolledBack, release.CauseSick,
		},
	}
}

// TestKilledAndTakenUpAgain kills a real process with SIGKILL at boundaries of
// a release that is taken back, of a Worker's rollback, and of a release that
// takes its Worker back with it, starts another one on the same data, and looks
// at what the simulated platforms were asked. RELEASE_CRASH_ROUNDS is how often
// each boundary (default: some once).
func TestKilledAndTakenUpAgain(t *testing.T) {
	t.Parallel() // it waits for clocks on the wall, while others need the processor
	rounds, _ := strconv.Atoi(os.Getenv("RELEASE_CRASH_ROUNDS"))
	slots := make(chan struct{}, 8)
	var all sync.WaitGroup
	defer all.Wait()
	for name, k := range killings() {
		points := k.normal
		if rounds > 0 {
			points = slices.DeleteFunc(slices.Clone(release.Boundaries()), func(b string) bool {
				return !slices.ContainsFunc(k.begins, func(p string) bool { return strings.HasPrefix(b, p) })
			})
		}
		for _, point := range points {
			for round := range max(rounds, 1) {
				slots <- struct{}{}
				all.Go(func() {
					defer func() { <-slots }()
					t.Run(fmt.Sprintf("%s %s %d", name, point, round), func(t *testing.T) { k.kill(t, point) })
				})
			}
		}
	}
}

func (k killing) kill(t *testing.T, point string) {
	sim := simulator.New(simulator.Options{Seed: 3})
	server := httptest.NewServer(sim.Handler())
	defer server.Close()
	r := &rig{t: t, sim: sim, log: slog.New(slog.DiscardHandler), clock: clock.Real()}
	sim.World().View(func(s *world.State) { r.live, r.staged = *s.Live(), *s.NewestStaged() })
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(sim.Config(server.URL)), 0o600); err != nil {
		t.Fatal(err)
	}
	c := k.child(r)
	c.Dir, c.Point = dir, point
	lines, err := start(t, c)
	if err == nil || len(lines) == 0 {
		t.Fatalf("the first process was not killed at %s: %v", point, lines)
	}
	c.Point, c.Deployment, c.Worker = "", "", ""
	began := time.Now()
	last := "now " + string(k.phase)
	later, err := start(t, c, func(line string) {
		if took := time.Since(began); strings.HasPrefix(line, "now ") && !began.IsZero() {
			t.Logf("taken up %s after the restart", took.Round(10*time.Millisecond))
			began = time.Time{}
		}
	})
	if point == "save."+string(k.phase)+".after" { // it was over
		later, err = []string{last}, nil
	}
	if err != nil || len(later) == 0 || later[len(later)-1] != last {
		t.Fatalf("the second process: %v, %v", err, later)
	}
	db, err := store.Open(t.Context(), store.Config{Dir: dir, Clock: clock.Real(), Log: r.log})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r.db = db
	r.control = newControl(t, db, r.log)
	op, err := db.Operation(t.Context(), lines[0])
	if err != nil {
		t.Fatal(err)
	}
	want(t, op, k.phase, k.cause)
	r.check([]release.Operation{op})
	if r.liveID() != r.live.ID {
		t.Errorf("live is %s", r.liveID())
	}
	if op.Worker != nil {
		if sent, changed := r.shifts(); sent > 1 || changed != 1 {
			t.Errorf("the Worker's traffic was moved %d times by %d calls\n%s", changed, sent, show(op))
		}
	}
	if len(r.workers) > 0 {
		r.workerWentBack(op)
	}
}

// start runs a child until it ends, and answers its lines.
func start(t *testing.T, c child, heard ...func(string)) ([]string, error) {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	if c.Point == "" {
		var over context.CancelFunc
		ctx, over = context.WithTimeout(ctx, 60*time.Second)
		defer over()
	}
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for scan := bufio.NewScanner(out); scan.Scan(); {
		lines = append(lines, scan.Text())
		for _, fn := range heard {
			fn(scan.Text())
		}
	}
	return lines, cmd.Wait()
}
