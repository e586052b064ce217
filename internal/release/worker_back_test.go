package release_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/release"
	simulated "github.com/envdeck/envdeck/internal/simulator/cloudflare"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// withWorkers has two Workers belong to releases, and calls fn once when a
// release has begun its watch: by then their record is written.
func withWorkers(fn func()) func(*release.Options) {
	var once sync.Once
	return func(o *release.Options) {
		o.Projects[0].Rules.Bake, o.Projects[0].Rules.Workers = 30*time.Second, []string{"code", "transpiler"}
		o.Point = func(p string) {
			if p == "save.baking.after" {
				once.Do(fn)
			}
		}
	}
}

// stepOf is the last step of a name.
func stepOf(t *testing.T, op release.Operation, name string) release.Step {
	t.Helper()
	for _, s := range slices.Backward(op.Steps) {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no step %s\n%s", name, show(op))
	return release.Step{}
}

// TestWorkersGoBackWithTheRelease: one of the two was deployed after the
// switch, by somebody else, and the build turns out to be bad.
func TestWorkersGoBackWithTheRelease(t *testing.T) {
	down := world.Ill{Kind: world.IllDatabase, After: 15 * time.Second}
	for name, c := range map[string]struct {
		spoil         func(*rig)
		sent, changed int
		left          bool
	}{
		"nothing goes wrong":       {func(*rig) {}, 1, 1, false},
		"answer lost, carried out": {func(r *rig) { r.spoil(shiftFault("lost_answer", 1)) }, 1, 1, false},
		"500 once":                 {func(r *rig) { r.spoil(shiftFault("error_500", 1)) }, 2, 1, false},
		"forbidden":                {func(r *rig) { r.spoil(shiftFault("forbidden", 0)) }, 1, 0, true},
		"it hangs": {func(r *rig) {
			r.spoil(wire.Rule{Provider: "cloudflare", Preset: "hang"})
		}, 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, options{}, func(t *testing.T, r *rig) {
				v := r.rival()
				versions := v.settled(simulated.Code)
				v.deploy(simulated.Code, full(versions[1].ID))
				ill(r, down)
				d, _ := r.desk(withWorkers(func() { v.deploy(simulated.Code, full(versions[0].ID)); c.spoil(r) }))
				op := r.end(d, r.promote(d).ID)
				want(t, op, release.RolledBack, release.CauseSick)
				if sent, changed := r.shifts(); sent != c.sent || changed != c.changed || r.liveID() != r.live.ID {
					t.Errorf("sent %d, %d with effect; live is %s\n%s", sent, changed, r.liveID(), show(op))
				}
				r.sim.Exchange().Faults.Clear()
				serves := v.deployments(simulated.Code)[0].Shares[0].VersionID
				left := slices.ContainsFunc(op.Stayed, func(s string) bool {
					return strings.Contains(s, "Worker code did not go back") && strings.Contains(s, "envdeck worker rollback code "+versions[1].ID)
				})
				if (serves == versions[1].ID) == c.left || left != c.left {
					t.Errorf("code serves %s; said that it was left: %v\n%s", serves, left, show(op))
				}
				before, after := stepOf(t, op, "workers"), stepOf(t, op, "workers back")
				if before.Phase != release.Snapshot || len(before.Evidence) != 2 || before.Evidence[0].Value != versions[1].ID || before.EndedAt.After(stepOf(t, op, "promote").StartedAt) {
					t.Errorf("the record: %+v", before)
				}
				if after.Phase != release.RollingBack || after.StartedAt.Before(*stepOf(t, op, "rollback").EndedAt) || (after.Verdict == release.Pass) == c.left {
					t.Errorf("the way back: %+v", after)
				}
				// Production does not wait for the Workers: it is proven to be back first.
				if took := op.EndedAt.Sub(*stepOf(t, op, "served").EndedAt); took > 3*time.Minute {
					t.Errorf("the Workers took %s", took)
				}
				r.verifyAudit()
			})
		})
	}
}

// TestWorkersGoBackByHand: the release went well, and somebody goes back from
// it later. A gradual deployment is given back as it was.
func TestWorkersGoBackByHand(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		v := r.rival()
		versions := v.settled(simulated.Code)
		split := []provider.WorkerShare{{VersionID: versions[1].ID, Percent: 25}, {VersionID: versions[2].ID, Percent: 75}}
		v.deploy(simulated.Code, split...)
		d, _ := r.desk(withWorkers(func() {}))
		want(t, r.end(d, r.promote(d).ID), release.Succeeded, "")
		v.deploy(simulated.Code, full(versions[0].ID))
		all, err := d.Targets(t.Context(), r.admin, "")
		if err != nil || len(all) == 0 {
			t.Fatal(err)
		}
		for _, c := range all {
			if back := slices.Equal(c.Workers, []string{"code", "transpiler"}); back != (c.Build.ID == r.live.ID) {
				t.Errorf("with %s go back %v", c.Build.ID, c.Workers)
			}
		}
		op, err := d.Rollback(t.Context(), r.boss, release.RollbackRequest{DeploymentID: r.live.ID, Reason: "it is slow"})
		if err != nil {
			t.Fatal(err)
		}
		op = r.end(d, op.ID)
		want(t, op, release.Succeeded, "")
		if live := v.deployments(simulated.Code)[0]; !slices.Equal(live.Shares, split) || !strings.Contains(op.Message, "With it went back: code.") {
			t.Errorf("%+v\n%s", live, show(op))
		}
	})
}

// TestWhatNobodyRecordedStays and is said.
func TestWhatNobodyRecordedStays(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk(withWorkers(func() {}))
		op, err := d.Rollback(t.Context(), r.boss, release.RollbackRequest{DeploymentID: r.older().ID, Reason: "it is slow"})
		if err != nil {
			t.Fatal(err)
		}
		op = r.end(d, op.ID)
		want(t, op, release.Succeeded, "")
		if sent, _ := r.shifts(); sent != 0 || !strings.Contains(strings.Join(op.Stayed, "\n"), "Worker transpiler did not go back: what it served before is not known") {
			t.Errorf("sent %d; %v", sent, op.Stayed)
		}
	})
}

// TestARecordThatCannotBeMadeKeepsNobodyFromReleasing.
func TestARecordThatCannotBeMadeKeepsNobodyFromReleasing(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		r.spoil(wire.Rule{Provider: "cloudflare", Preset: "hang"})
		ill(r, world.Ill{Kind: world.IllDatabase, After: 15 * time.Second})
		d, _ := r.desk(withWorkers(func() {}))
		op := r.end(d, r.promote(d).ID)
		want(t, op, release.RolledBack, release.CauseSick)
		if stepOf(t, op, "workers").Verdict != release.Inconclusive || !strings.Contains(strings.Join(op.Stayed, "\n"), "Worker code did not go back") {
			t.Error(show(op))
		}
	})
}

// TestTheWorkersWayBackIsTakenUpAgain: the process stops right after its call.
func TestTheWorkersWayBackIsTakenUpAgain(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		v := r.rival()
		versions := v.settled(simulated.Code)
		v.deploy(simulated.Code, full(versions[1].ID))
		ill(r, world.Ill{Kind: world.IllDatabase, After: 15 * time.Second})
		wake := make(chan struct{})
		var once sync.Once
		d, stop := r.desk(withWorkers(func() { v.deploy(simulated.Code, full(versions[0].ID)) }), func(o *release.Options) {
			before := o.Point
			o.Point = func(p string) {
				before(p)
				if p == "call.shift.after" {
					once.Do(func() { r.first(); <-wake })
				}
			}
		})
		r.first = r.cut
		op := r.promote(d)
		r.until(d, op.ID, "the bake", func(o release.Operation) bool { return o.Phase != release.Requested && o.Switched() })
		r.desk(withWorkers(func() {})) // another replica
		op = r.end(d, op.ID)
		want(t, op, release.RolledBack, release.CauseSick)
		close(wake)
		stop()
		if sent, changed := r.shifts(); sent != 1 || changed != 1 || v.deployments(simulated.Code)[0].Shares[0] != full(versions[1].ID) {
			t.Errorf("sent %d, %d with effect\n%s", sent, changed, show(op))
		}
	})
}
