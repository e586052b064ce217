package release_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// stepped is a clock that somebody has set to another time.
type stepped struct {
	clock.Clock
	by time.Duration
}

func (s stepped) Now() time.Time { return s.Clock.Now().Add(s.by) }

// TestRandomTrouble runs releases with random faults, restarts, replicas, lost
// leases, stepped clocks and people in between. RELEASE_SEEDS is how many
// (default: a handful), RELEASE_SEED replays one.
func TestRandomTrouble(t *testing.T) {
	first, count := uint64(1), 8
	if n, err := strconv.Atoi(os.Getenv("RELEASE_SEEDS")); err == nil {
		count = n
	}
	if n, err := strconv.ParseUint(os.Getenv("RELEASE_SEED"), 10, 64); err == nil {
		first, count = n, 1
	}
	if n, err := strconv.ParseUint(os.Getenv("RELEASE_FIRST"), 10, 64); err == nil {
		first = n
	}
	ends := map[release.Phase]int{}
	for seed := first; seed < first+uint64(count); seed++ {
		ok := t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			inBubble(t, options{}, func(t *testing.T, r *rig) { ends[r.trouble(seed)]++ })
		})
		if !ok {
			t.Fatalf("replay with RELEASE_SEED=%d", seed)
		}
	}
	t.Logf("%d releases ended as %v", count, ends)
}

// trouble plays one seed and answers how the first operation ended.
func (r *rig) trouble(seed uint64) release.Phase {
	draw := rand.New(rand.NewPCG(seed, 1))
	r.faults(draw)
	short := func(o *release.Options) { o.Projects[0].Rules.Bake = 30 * time.Second }
	d, stop := r.desk(short)
	op := r.promote(d)
	started := time.Now()
	for range draw.IntN(4) { // what happens on the way
		waitFor(r, time.Duration(draw.IntN(20_000))*time.Millisecond)
		switch draw.IntN(6) {
		case 0: // a restart, perhaps with another idea of the time
			stop()
			by := []time.Duration{0, 0, 24 * time.Hour, -24 * time.Hour, time.Hour, -5 * time.Minute}[draw.IntN(6)]
			d, stop = r.deskWith(stepped{r.clock, by}, short)
		case 1: // a second replica
			r.desk(short)
		case 2: // the lease is lost without its owner being told
			if _, err := storetest.Raw(r.t, r.db).ExecContext(r.t.Context(), `UPDATE jobs SET owner = 'thief', fence = fence + 1, lease_until = 0`); err != nil {
				r.t.Fatal(err)
			}
		case 3:
			_, _ = d.Cancel(r.t.Context(), r.boss, op.ID, "no")
		case 4:
			_, _ = d.Rollback(r.t.Context(), r.boss, release.RollbackRequest{Reason: "back"})
		case 5: // somebody presses the button again
			_, _ = d.Promote(r.t.Context(), r.boss, release.PromoteRequest{DeploymentID: r.staged.ID, Reason: "again"})
		}
	}
	done := r.end(d, op.ID)
	if took := time.Since(started); took > 40*time.Minute {
		r.t.Errorf("it took %s", took)
	}
	all, err := r.db.Operations(context.Background(), release.Query{Project: op.Project, Limit: 100})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, o := range all {
		r.end(d, o.ID)
	}
	r.check(all)
	return done.Phase
}

func (r *rig) faults(draw *rand.Rand) {
	presets := []string{"error_500", "hang", "lost_answer", "timeout_after", "reset", "rate_limited", "bad_gateway", "close", "malformed"}
	for range draw.IntN(3) {
		rule := wire.Rule{Provider: "vercel", Preset: presets[draw.IntN(len(presets))], Times: 1 + draw.IntN(3), After: draw.IntN(4)}
		switch draw.IntN(4) {
		case 0:
			rule.Method, rule.Path = "POST", "*/promote/*"
			rule.After = 0
		case 1:
			rule.Method, rule.Path = "POST", "*/rollback/*"
			rule.After = 0
		default:
			rule.Method = "GET"
			if rule.Preset == "lost_answer" || rule.Preset == "timeout_after" {
				rule.Preset = "hang"
			}
			rule.After = 3 + draw.IntN(20)
		}
		r.spoil(rule)
	}
	r.change(func(s *world.State) {
		switch draw.IntN(8) {
		case 0:
			s.Knobs.Alias = world.AliasKnob{Mode: world.AliasStuck}
			well := draw.IntN(2) == 0
			s.After(time.Duration(draw.IntN(400))*time.Second, func(s *world.State) { s.Knobs.Alias = world.AliasKnob{}; _ = s.Unstick(well) })
		case 1:
			s.Knobs.Alias = world.AliasKnob{Mode: world.AliasFail, Domains: []string{"spike-land-nextjs.vercel.app"}, Once: true}
		case 2:
			s.Knobs.Alias = world.AliasKnob{Mode: world.AliasSkip, Once: true}
		case 3:
			s.Knobs.EdgeLag = time.Duration(draw.IntN(240)) * time.Second
		case 4:
			s.Knobs.Skew = time.Duration(draw.IntN(7200)-3600) * time.Second
		}
		if draw.IntN(2) == 0 {
			kinds := []world.IllKind{world.IllDatabase, world.IllError, world.IllDown, world.IllDegraded}
			s.Deployment(r.staged.ID).LiveIlls = []world.Ill{{Kind: kinds[draw.IntN(4)], After: time.Duration(draw.IntN(40)) * time.Second}}
		}
		if draw.IntN(6) == 0 {
			older := s.LiveHistory()
			back := older[max(0, len(older)-3)].ID
			s.After(time.Duration(5+draw.IntN(40))*time.Second, func(s *world.State) { _ = s.Rollback(back, "by hand", s.People[1]) })
		}
	})
}

// check holds the invariants against everything that happened.
func (r *rig) check(all []release.Operation) {
	r.t.Helper()
	var ops []release.Operation
	for _, o := range all {
		full, err := r.db.Operation(context.Background(), o.ID)
		if err != nil {
			r.t.Fatal(err)
		}
		ops = append(ops, full)
	}
	explain := func() string {
		var b strings.Builder
		for _, o := range ops {
			b.WriteString(show(o))
		}
		for _, e := range r.writes() {
			fmt.Fprintf(&b, "%s %s %s -> %d changed=%v fault=%s\n", e.Time.Format("15:04:05.000"), e.Method, e.Path, e.Status, e.Changed, e.Fault)
		}
		return b.String()
	}
	effects := map[string]int{}
	for _, e := range r.writes() {
		verb := ""
		for _, v := range []string{"promote", "rollback"} {
			if strings.Contains(e.Path, "/"+v+"/") {
				verb = v
			}
		}
		target := e.Path[strings.LastIndex(e.Path, "/")+1:]
		if target == "dispatches" {
			verb, target = "dispatch", r.staged.SHA[:7]
		}
		if e.Provider == "cloudflare" {
			if e.UserAgent == rivalAgent {
				continue
			}
			verb, target = "shift", "traffic of Worker"
		}
		if e.Route == "POST /v13/deployments" || strings.HasSuffix(e.Path, "/v13/deployments") {
			verb, target = "build", "for production"
		}
		intended := false
		for _, o := range ops {
			for _, s := range o.Steps {
				intended = intended || s.Intent != "" && (s.Name == verb || s.Name == "re"+verb) && strings.Contains(s.Intent, target)
			}
		}
		if !intended {
			r.t.Errorf("I2: %s of %s without an intent\n%s", verb, target, explain())
		}
		if e.Changed {
			effects[verb]++
		}
	}
	promotions, rollbacks := 0, 0
	for _, o := range ops {
		switch {
		case o.Action != release.Rollback:
			promotions++
			rollbacks++
		default:
			rollbacks++
		}
		if !o.Phase.Ended() {
			r.t.Errorf("I3: %s has not ended\n%s", o.ID, explain())
		}
		proven := false
		for _, s := range o.Steps {
			proven = proven || (s.Name == "served" || s.Name == "serving") && s.Verdict == release.Pass
		}
		if o.Phase == release.Succeeded && !proven {
			r.t.Errorf("I4: %s succeeded without a proof\n%s", o.ID, explain())
		}
		n := 0
		for _, s := range o.Steps {
			if s.Name == "rollback" && s.Attempt == 1 && strings.HasPrefix(s.Observation, "Every domain") {
				n++
			}
		}
		if n > 1 {
			r.t.Errorf("I5: %s went back %d times\n%s", o.ID, n, explain())
		}
	}
	if effects["build"] > promotions || effects["dispatch"] > promotions || effects["promote"] > promotions || effects["rollback"] > rollbacks || effects["shift"] > len(ops) {
		r.t.Errorf("I1: %v switches of %d operations\n%s", effects, len(ops), explain())
	}
	r.verifyAudit()
}
