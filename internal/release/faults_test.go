package release_test

import (
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// ill makes the staged build ill once it is live.
func ill(r *rig, ills ...world.Ill) {
	r.change(func(s *world.State) { s.Deployment(r.staged.ID).LiveIlls = ills })
}

func promoteFault(preset string, times int) wire.Rule {
	return wire.Rule{Provider: "vercel", Method: "POST", Path: "*/promote/*", Preset: preset, Times: times}
}

func patchFault(preset string) wire.Rule {
	return wire.Rule{Provider: "vercel", Method: "PATCH", Preset: preset, Times: 1}
}

func rollbackFault(preset string, times int) wire.Rule {
	return wire.Rule{Provider: "vercel", Method: "POST", Path: "*/rollback/*", Preset: preset, Times: times}
}

// TestEveryFaultHasItsEnd is one row a fault: what goes wrong outside, how the
// operation ends, what was written, and which build is live then.
func TestEveryFaultHasItsEnd(t *testing.T) {
	t.Parallel()
	down := world.Ill{Kind: world.IllDatabase, After: 25 * time.Second}
	for name, c := range map[string]struct {
		spoil func(*rig)
		phase release.Phase
		cause release.Cause
		// verbs are the calls that reached the platform; changed those that had
		// an effect there.
		verbs   string
		changed int
		staged  bool // the staged build is live at the end
	}{
		"nothing":                  {func(*rig) {}, release.Succeeded, "", "promote", 1, true},
		"answer lost, carried out": {func(r *rig) { r.spoil(promoteFault("lost_answer", 1)) }, release.Succeeded, "", "promote", 1, true},
		"timeout, carried out":     {func(r *rig) { r.spoil(promoteFault("timeout_after", 1)) }, release.Succeeded, "", "promote", 1, true},
		"500, carried out": {func(r *rig) {
			r.spoil(wire.Rule{Provider: "vercel", Method: "POST", Path: "*/promote/*", Kind: wire.AppliedButFailed, Times: 1})
		}, release.Succeeded, "", "promote", 1, true},
		"500 once, not carried out":    {func(r *rig) { r.spoil(promoteFault("error_500", 1)) }, release.Succeeded, "", "promote promote", 1, true},
		"hang once, not carried out":   {func(r *rig) { r.spoil(promoteFault("hang", 1)) }, release.Succeeded, "", "promote promote", 1, true},
		"reset twice, not carried out": {func(r *rig) { r.spoil(promoteFault("reset", 2)) }, release.NeedsHuman, release.CauseOutcome, "promote promote", 0, false},
		"accepted and never done": {func(r *rig) {
			r.spoil(wire.Rule{Provider: "vercel", Method: "POST", Path: "*/promote/*", Kind: wire.NotAppliedButOK})
		}, release.NeedsHuman, release.CauseNotSwitched, "promote", 0, false},
		"alias job stuck":   {func(r *rig) { r.change(func(s *world.State) { s.Knobs.Alias.Mode = world.AliasStuck }) }, release.NeedsHuman, release.CauseNotSwitched, "promote", 1, false},
		"alias job skipped": {func(r *rig) { r.change(func(s *world.State) { s.Knobs.Alias.Mode = world.AliasSkip }) }, release.Failed, release.CauseSkipped, "promote", 1, false},
		"no alias moves":    {func(r *rig) { r.change(func(s *world.State) { s.Knobs.Alias.Mode = world.AliasFail }) }, release.Failed, release.CauseNothingMoved, "promote", 1, false},
		"one alias stays": {func(r *rig) {
			r.change(func(s *world.State) {
				s.Knobs.Alias = world.AliasKnob{Mode: world.AliasFail, Domains: []string{"spike-land-nextjs.vercel.app"}, Once: true}
			})
		}, release.RolledBack, release.CausePartial, "promote rollback", 2, false},
		"aliases move late": {func(r *rig) { r.change(func(s *world.State) { s.Knobs.Alias.Delay = time.Minute }) }, release.Succeeded, "", "promote", 1, true},
		"the edge lags":     {func(r *rig) { r.change(func(s *world.State) { s.Knobs.EdgeLag = 3 * time.Minute }) }, release.Succeeded, "", "promote", 1, true},
		"the edge never follows": {func(r *rig) {
			r.change(func(s *world.State) { s.SetApp(world.Prod, world.AppKnob{Commit: r.live.SHA}) })
		}, release.NeedsHuman, release.CauseNotServed, "promote", 1, true},
		"the platform's clock is off": {func(r *rig) { r.change(func(s *world.State) { s.Knobs.Skew = -time.Hour }) }, release.Succeeded, "", "promote", 1, true},
		"429 first":                   {func(r *rig) { r.spoil(promoteFault("rate_limited", 1)) }, release.Succeeded, "", "promote promote", 1, true},
		"reads fail for a while": {func(r *rig) {
			r.spoil(wire.Rule{Provider: "vercel", Method: "GET", Preset: "bad_gateway", After: 4, Times: 30})
		}, release.Succeeded, "", "promote", 1, true},
		"forbidden":         {func(r *rig) { r.spoil(promoteFault("forbidden", 0)) }, release.Failed, release.CauseProviderNo, "promote", 0, false},
		"bad after a while": {func(r *rig) { ill(r, down) }, release.RolledBack, release.CauseSick, "promote rollback", 2, false},
		"bad at once":       {func(r *rig) { ill(r, world.Ill{Kind: world.IllError}) }, release.RolledBack, release.CauseSick, "promote rollback", 2, false},
		// So many that 20 of them come together within the minutes of the watch,
		// also in the night hours in which virtual time begins.
		"errors abound":                       {func(r *rig) { ill(r, world.Ill{Kind: world.IllErrors, After: 5 * time.Second, Factor: 4000}) }, release.RolledBack, release.CauseErrors, "promote rollback", 2, false},
		"bad, and the rollback's answer lost": {func(r *rig) { ill(r, down); r.spoil(rollbackFault("lost_answer", 1)) }, release.RolledBack, release.CauseSick, "promote rollback", 2, false},
		"bad, and the rollback hangs once":    {func(r *rig) { ill(r, down); r.spoil(rollbackFault("hang", 1)) }, release.RolledBack, release.CauseSick, "promote rollback rollback", 2, false},
		"bad, and the rollback is refused": {func(r *rig) {
			ill(r, down)
			r.spoil(wire.Rule{Provider: "vercel", Method: "POST", Path: "*/rollback/*", Kind: wire.Status, Status: 422})
		}, release.RollbackFailed, release.CauseProviderNo, "promote rollback", 1, true},
		"bad, and the rollback is stuck": {func(r *rig) {
			ill(r, down)
			r.sim.World().Change(func(s *world.State) {
				s.After(20*time.Second, func(s *world.State) { s.Knobs.Alias.Mode = world.AliasStuck })
			})
		}, release.RollbackFailed, release.CauseNotSwitched, "promote rollback", 2, true},
		"bad, and everything else is down": {func(r *rig) {
			ill(r, down)
			for _, p := range []string{"github", "sentry", "neon", "cloudflare"} {
				r.spoil(wire.Rule{Provider: p, Preset: "hang"})
			}
		}, release.RolledBack, release.CauseSick, "promote rollback", 2, false},
		"somebody else promotes meanwhile": {func(r *rig) {
			r.change(func(s *world.State) {
				s.PushCommit(world.Push{Branch: "main", Message: "fix: another", Author: s.People[1]})
				s.Knobs.Rival = true
			})
			waitFor(r, 3*time.Minute)
		}, release.Superseded, release.CauseSomebodyElse, "promote", 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, options{}, func(t *testing.T, r *rig) {
				c.spoil(r)
				d, _ := r.desk(r.rules(name))
				op := r.end(d, r.promote(d).ID)
				want(t, op, c.phase, c.cause)
				changed := 0
				for _, e := range r.writes() {
					if e.Changed {
						changed++
					}
				}
				if r.verbs() != c.verbs || changed != c.changed || (r.liveID() == r.staged.ID) != c.staged {
					t.Errorf("wrote %q, %d with effect; live is the new one: %v\n%s", r.verbs(), changed, r.liveID() == r.staged.ID, show(op))
				}
				r.invariants(op)
			})
		})
	}
}

// rules are shorter than the product's, and without the workflow where a row is
// about the platform alone.
func (r *rig) rules(name string) func(*release.Options) {
	return func(o *release.Options) {
		o.Projects[0].Rules.Bake = 2 * time.Minute
		if name == "forbidden" {
			o.Projects[0].Rules.Fallback = false
		}
	}
}

func waitFor(r *rig, d time.Duration) {
	r.t.Helper()
	if err := r.clock.Sleep(r.t.Context(), d); err != nil {
		r.t.Fatal(err)
	}
}

// invariants are what holds after every operation, however it went.
func (r *rig) invariants(op release.Operation) {
	r.t.Helper()
	effective := map[string]int{}
	for _, e := range r.writes() {
		for _, verb := range []string{"promote", "rollback"} {
			if e.Changed && strings.Contains(e.Path, "/"+verb+"/") {
				effective[verb]++
			}
		}
		// I2: nothing was written without an intent that was committed before.
		intended := false
		for _, s := range op.Steps {
			intended = intended || s.Intent != "" && !s.StartedAt.After(e.Time)
		}
		if !intended {
			r.t.Errorf("I2: %s %s at %s has no intent before it\n%s", e.Method, e.Path, e.Time, show(op))
		}
	}
	if effective["promote"] > 1 || effective["rollback"] > 1 { // I1, I5
		r.t.Errorf("switched %v times\n%s", effective, show(op))
	}
	if !op.Phase.Ended() || op.EndedAt == nil { // I3
		r.t.Errorf("I3: it has not ended\n%s", show(op))
	}
	for _, s := range op.Steps {
		if s.EndedAt == nil {
			r.t.Errorf("the step %s never ended", s.Name)
		}
	}
	if op.Phase == release.Succeeded { // I4
		proven := false
		for _, s := range op.Steps {
			proven = proven || s.Name == "served" && s.Verdict == release.Pass
		}
		if !proven || r.liveID() != op.To.ID {
			r.t.Errorf("I4: succeeded without a proof, live is %s\n%s", r.liveID(), show(op))
		}
	}
	r.verifyAudit() // I9
	var begun, done int
	for _, a := range r.audit() {
		if strings.HasSuffix(a, ".requested requested") {
			begun++
		}
		if strings.HasPrefix(a, "system.act.") {
			done++
		}
	}
	if begun != done {
		r.t.Errorf("the audit log has %d beginnings and %d ends: %v", begun, done, r.audit())
	}
}
