package release_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// preview is a ready build that was not made for production.
func (r *rig) preview() world.Deployment {
	var found world.Deployment
	r.sim.World().View(func(s *world.State) {
		for _, d := range s.Deployments() {
			if d.Target == world.Preview && d.State == world.Ready && found.ID == "" {
				found = *d
			}
		}
	})
	return found
}

// older is a build that was live before.
func (r *rig) older() world.Deployment {
	var found world.Deployment
	r.sim.World().View(func(s *world.State) {
		for _, span := range s.LiveHistory() {
			if span.ID != r.live.ID {
				found = *s.Deployment(span.ID)
			}
		}
	})
	return found
}

// TestRefusals: each has its own cause, an entry in the audit log, and reaches
// no provider.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		ask   func(*rig) release.PromoteRequest
		spoil func(*rig)
		cause release.Cause
		kind  fault.Kind
	}{
		"no reason": {func(r *rig) release.PromoteRequest {
			return release.PromoteRequest{DeploymentID: r.staged.ID, Reason: "  "}
		}, nil, release.CauseNoReason, fault.Invalid},
		"no deployment": {func(*rig) release.PromoteRequest { return release.PromoteRequest{Reason: "x"} }, nil, release.CauseWrongInput, fault.Invalid},
		"unknown deployment": {func(*rig) release.PromoteRequest {
			return release.PromoteRequest{DeploymentID: "dpl_nowhere", Reason: "x"}
		}, nil, release.CauseNotFound, fault.NotFound},
		"a preview": {func(r *rig) release.PromoteRequest {
			return release.PromoteRequest{DeploymentID: r.preview().ID, Reason: "x"}
		}, nil, release.CausePreview, fault.Invalid},
		"live already": {func(r *rig) release.PromoteRequest {
			return release.PromoteRequest{DeploymentID: r.live.ID, Reason: "x"}
		}, nil, release.CauseAlreadyLive, fault.Conflict},
		"was live before": {func(r *rig) release.PromoteRequest {
			return release.PromoteRequest{DeploymentID: r.older().ID, Reason: "x"}
		}, nil, release.CauseWasLive, fault.Invalid},
		"production moved": {func(r *rig) release.PromoteRequest {
			return release.PromoteRequest{DeploymentID: r.staged.ID, Reason: "x", ExpectedCurrent: r.older().ID}
		}, nil, release.CauseMoved, fault.Conflict},
		"another sheet": {func(r *rig) release.PromoteRequest {
			return release.PromoteRequest{DeploymentID: r.staged.ID, Reason: "x", Sheet: strings.Repeat("0", 64)}
		}, nil, release.CauseSheetChanged, fault.Conflict},
		"not ready": {func(r *rig) release.PromoteRequest {
			var building string
			r.change(func(s *world.State) {
				s.Knobs.Build = world.BuildKnob{Duration: time.Hour}
				_, d := s.PushCommit(world.Push{Branch: "main", Message: "fix: one more", Author: s.People[1]})
				building = d.ID
			})
			return release.PromoteRequest{DeploymentID: building, Reason: "x"}
		}, nil, release.CauseNotReady, fault.Conflict},
		"another switch": {func(r *rig) release.PromoteRequest {
			return release.PromoteRequest{DeploymentID: r.staged.ID, Reason: "x"}
		}, func(r *rig) {
			r.change(func(s *world.State) {
				s.Knobs.Alias.Mode = world.AliasStuck
				_ = s.Rollback(s.LiveHistory()[0].ID, "by hand", s.People[1])
			})
		}, release.CauseOtherSwitch, fault.Conflict},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, options{}, func(t *testing.T, r *rig) {
				d, _ := r.desk()
				if c.spoil != nil {
					c.spoil(r)
				}
				before := len(r.audit())
				_, err := d.Promote(t.Context(), r.boss, c.ask(r))
				var why *release.No
				if !errors.As(err, &why) || why.Cause != c.cause || fault.KindOf(err) != c.kind {
					t.Fatalf("got %v (%v), want %s as %s", err, fault.KindOf(err), c.cause, c.kind)
				}
				if log := r.audit()[before:]; len(log) != 1 || log[0] != "release.promote.refused refused" {
					t.Errorf("the audit log got %v", log)
				}
				if len(r.writes()) != 0 {
					t.Errorf("wrote %s", r.verbs())
				}
			})
		})
	}
}

func TestWhoMayNotIsRecordedAndReachesNobody(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk()
		_, err := d.Promote(t.Context(), r.admin, release.PromoteRequest{DeploymentID: r.staged.ID, Reason: "x"})
		if !fault.Is(err, fault.Denied) || len(r.writes()) != 0 || r.audit()[0] != "release.promote denied" {
			t.Errorf("%v, wrote %q, recorded %v", err, r.verbs(), r.audit())
		}
	})
}

func TestOneOperationAtATime(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk()
		var mu sync.Mutex
		var begun []string
		var refused int
		var all sync.WaitGroup
		for range 40 {
			all.Go(func() {
				op, err := d.Promote(t.Context(), r.boss, release.PromoteRequest{DeploymentID: r.staged.ID, Reason: "x"})
				mu.Lock()
				defer mu.Unlock()
				var busy *release.Busy
				switch {
				case err == nil:
					begun = append(begun, op.ID)
				case errors.As(err, &busy) && fault.Is(err, fault.Conflict):
					refused++
				default:
					t.Errorf("%v", err)
				}
			})
		}
		all.Wait()
		if len(begun) != 1 || refused != 39 {
			t.Fatalf("%d begun, %d refused", len(begun), refused)
		}
		want(t, r.end(d, begun[0]), release.Succeeded, "")
		if r.verbs() != "promote" {
			t.Errorf("wrote %q", r.verbs())
		}
	})
}

func TestProductionThatWasSickBeforeIsNotTakenBack(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		r.change(func(s *world.State) { s.SetApp(world.Prod, world.AppKnob{Database: "error"}) })
		d, _ := r.desk()
		op := r.end(d, r.promote(d).ID)
		want(t, op, release.NeedsHuman, release.CauseSickBefore)
		if r.verbs() != "promote" || !strings.Contains(op.Message, "before this release") {
			t.Errorf("wrote %q and said %q", r.verbs(), op.Message)
		}
	})
}

func TestFlickerNeverRollsBack(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk(func(o *release.Options) { o.Projects[0].Rules.Bake = time.Minute })
		op := r.promote(d)
		r.until(d, op.ID, "baking", func(o release.Operation) bool { return o.Phase == release.Baking })
		// Two of every five probes, for as long as it is watched.
		for range 60 {
			r.change(func(s *world.State) { s.SetApp(world.Prod, world.AppKnob{Database: "error"}) })
			waitFor(r, 3900*time.Millisecond)
			r.change(func(s *world.State) { s.SetApp(world.Prod, world.AppKnob{}) })
			waitFor(r, 6100*time.Millisecond)
		}
		op = r.end(d, op.ID)
		if op.Phase == release.RolledBack || r.verbs() != "promote" || op.Bake.Bad == 0 {
			t.Errorf("%s", show(op))
		}
	})
}

func TestRollbackByHand(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk()
		want(t, r.end(d, r.promote(d).ID), release.Succeeded, "")
		if _, err := d.Hold(t.Context(), r.boss, release.HoldRequest{Reason: "no releases today", For: time.Hour}); err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{"github", "sentry", "neon", "cloudflare"} {
			r.spoil(wire.Rule{Provider: p, Preset: "hang"})
		}
		r.spoil(wire.Rule{Provider: "vercel", Kind: wire.Latency, Delay: wire.Duration(3 * time.Second)})
		began := time.Now()
		op, err := d.Rollback(t.Context(), r.boss, release.RollbackRequest{Reason: "it is ugly"})
		if err != nil {
			t.Fatal(err)
		}
		for r.served() != r.live.SHA {
			waitFor(r, 100*time.Millisecond)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("the old build was served after %s", took)
		}
		op = r.end(d, op.ID)
		want(t, op, release.Succeeded, "")
		if op.To.ID != r.live.ID || len(op.Stayed) == 0 || r.verbs() != "promote rollback" {
			t.Errorf("went to %s, wrote %q, stayed %v", op.To.ID, r.verbs(), op.Stayed)
		}
		t.Logf("click to served: %s", time.Since(began))
	})
}

func (r *rig) served() string {
	var sha string
	r.sim.World().View(func(s *world.State) { sha = s.Serving(world.Prod).SHA })
	return sha
}

func TestRollbackOfARunningReleaseTurnsIt(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk()
		op := r.promote(d)
		r.until(d, op.ID, "baking", func(o release.Operation) bool { return o.Phase == release.Baking })
		turned, err := d.Rollback(t.Context(), r.boss, release.RollbackRequest{Reason: "I saw something"})
		if err != nil || turned.ID != op.ID {
			t.Fatalf("%v, %v", turned.ID, err)
		}
		op = r.end(d, op.ID)
		want(t, op, release.RolledBack, release.CauseAsked)
		if r.verbs() != "promote rollback" || op.Automatic {
			t.Errorf("wrote %q, automatic %v", r.verbs(), op.Automatic)
		}
	})
}

// A release may begin to switch while the rollback still looks around: it is
// turned all the same.
func TestRollbackMeetsAReleaseThatBeginsToSwitch(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		var d *release.Desk
		var turned release.Operation
		var err error
		var asked sync.WaitGroup
		ask := sync.OnceFunc(func() {
			asked.Go(func() { turned, err = d.Rollback(t.Context(), r.boss, release.RollbackRequest{Reason: "not this one"}) })
			waitFor(r, 100*time.Millisecond) // until it waits for the platform
		})
		d, _ = r.desk(func(o *release.Options) {
			o.Point = func(boundary string) {
				if boundary == "save."+string(release.Switching)+".before" {
					ask()
				}
			}
		})
		r.spoil(wire.Rule{Provider: "vercel", Method: "GET", Path: "*/deployments", Preset: "slow"}) // which only a rollback reads
		op := r.promote(d)
		op = r.end(d, op.ID)
		asked.Wait()
		if err != nil || turned.ID != op.ID {
			t.Fatalf("%v, %v", turned.ID, err)
		}
		want(t, op, release.RolledBack, release.CauseAsked)
	})
}

// Somebody asks to go back in the moment in which envdeck itself begins to: the
// moment in which people do. One call leaves, and it leaves at once.
func TestRollbackMeetsARollbackByRule(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		var d *release.Desk
		var op, turned release.Operation
		var err error
		var began time.Time
		ask := sync.OnceFunc(func() {
			turned, err = d.Rollback(t.Context(), r.boss, release.RollbackRequest{Reason: "it is down"})
			began = time.Now()
		})
		d, _ = r.desk(func(o *release.Options) {
			o.Point = func(boundary string) {
				if boundary == "save."+string(release.RollingBack)+".before" {
					ask()
				}
			}
		})
		ill(r, world.Ill{Kind: world.IllDatabase, After: 10 * time.Second})
		op = r.promote(d)
		op = r.end(d, op.ID)
		if err != nil || turned.ID != op.ID {
			t.Fatalf("%v, %v", turned.ID, err)
		}
		want(t, op, release.RolledBack, release.CauseSick)
		if r.verbs() != "promote rollback" {
			t.Errorf("wrote %q", r.verbs())
		}
		if sent := r.writes()[1].Time; sent.Sub(began) > time.Second {
			t.Errorf("the call left %s after it was asked for", sent.Sub(began))
		}
	})
}

func TestCancelBeforeAndAfterTheSwitch(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		r.spoil(wire.Rule{Provider: "vercel", Method: "GET", Preset: "hang"})
		d, _ := r.desk()
		op := r.promote(d)
		if _, err := d.Cancel(t.Context(), r.boss, op.ID, "wrong one"); err != nil {
			t.Fatal(err)
		}
		want(t, r.end(d, op.ID), release.Cancelled, release.CauseAsked)
		r.sim.Exchange().Release()
		waitFor(r, time.Minute)
		if len(r.writes()) != 0 {
			t.Errorf("wrote %q", r.verbs())
		}
		op = r.promote(d)
		r.until(d, op.ID, "the switch", func(o release.Operation) bool { return o.Switched() })
		if _, err := d.Cancel(t.Context(), r.boss, op.ID, "too late"); !fault.Is(err, fault.Conflict) {
			t.Errorf("cancelling after the switch: %v", err)
		}
		want(t, r.end(d, op.ID), release.Succeeded, "")
	})
}

func TestHoldsKeepPromotionsOut(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk()
		h, err := d.Hold(t.Context(), r.boss, release.HoldRequest{Reason: "audit week", For: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		var why *release.No
		if _, err := d.Promote(t.Context(), r.boss, release.PromoteRequest{DeploymentID: r.staged.ID, Reason: "x"}); !errors.As(err, &why) || why.Cause != release.CauseHeld {
			t.Fatalf("%v", err)
		}
		if err := d.Lift(t.Context(), r.boss, "", h.ID, "over"); err != nil {
			t.Fatal(err)
		}
		want(t, r.end(d, r.promote(d).ID), release.Succeeded, "")
	})
}

func TestAPreviewIsRebuiltAndPromoted(t *testing.T) {
	for name, preset := range map[string]string{"": "", "answer lost": "lost_answer"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, options{}, func(t *testing.T, r *rig) {
				if preset != "" {
					r.spoil(wire.Rule{Provider: "vercel", Method: "POST", Path: "/v13/deployments", Preset: preset, Times: 1})
				}
				d, _ := r.desk()
				p := r.preview()
				op := r.end(d, r.promote(d, func(q *release.PromoteRequest) { q.DeploymentID, q.Rebuild = p.ID, true }).ID)
				want(t, op, release.Succeeded, "")
				if op.To.ID == p.ID || op.To.Commit != p.SHA || r.verbs() != "POST POST /v13/deployments promote" && !strings.HasSuffix(r.verbs(), " promote") {
					t.Errorf("went to %s (%s), wrote %q\n%s", op.To.ID, op.To.Commit, r.verbs(), show(op))
				}
			})
		})
	}
}

func TestTheWorkflowStandsInForThePlatform(t *testing.T) {
	for name, c := range map[string]struct {
		moved bool
		phase release.Phase
		cause release.Cause
	}{
		"main is at the build":  {false, release.Succeeded, ""},
		"main has moved beyond": {true, release.Failed, release.CauseRefMoved},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, options{}, func(t *testing.T, r *rig) {
				r.spoil(promoteFault("forbidden", 0))
				if c.moved {
					r.change(func(s *world.State) {
						s.PushCommit(world.Push{Branch: "main", Message: "fix: later", Author: s.People[1]})
					})
				}
				d, _ := r.desk()
				op := r.end(d, r.promote(d).ID)
				want(t, op, c.phase, c.cause)
				if c.phase == release.Succeeded && op.To.Commit != r.staged.SHA {
					t.Errorf("it deployed %s", op.To.Commit)
				}
			})
		})
	}
}

func TestDeployByHand(t *testing.T) {
	for _, env := range []string{"prod", "next"} {
		t.Run(env, func(t *testing.T) {
			inBubble(t, options{}, func(t *testing.T, r *rig) {
				d, _ := r.desk()
				op, err := d.Deploy(t.Context(), r.boss, release.DeployRequest{Environment: env, Reason: "by hand"})
				if err != nil {
					t.Fatal(err)
				}
				op = r.end(d, op.ID)
				want(t, op, release.Succeeded, "")
			})
		})
	}
}

func TestCompareIsTheDryRun(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk()
		sheet, err := d.Compare(t.Context(), r.admin, "", "prod", "next")
		if err != nil {
			t.Fatal(err)
		}
		again, _ := d.Compare(t.Context(), r.admin, "", r.live.ID, r.staged.ID)
		if sheet.Hash != again.Hash || sheet.Ahead != len(sheet.Commits) || sheet.Ahead == 0 || len(sheet.PullRequests) == 0 || len(sheet.Unknown) != 0 {
			t.Errorf("%+v\n%s", sheet, again.Hash)
		}
		back, _ := d.Compare(t.Context(), r.admin, "", "next", "prod")
		if back.Behind != sheet.Ahead || len(back.Dropped) != sheet.Ahead || back.Hash == sheet.Hash {
			t.Errorf("the way back drops %d of %d", len(back.Dropped), sheet.Ahead)
		}
		want(t, r.end(d, r.promote(d, func(q *release.PromoteRequest) { q.Sheet = sheet.Hash }).ID), release.Succeeded, "")
	})
}

// TestNoIntentNoCall: what cannot be written down is not done, whatever the
// reason; and it is done when it can be written again.
func TestNoIntentNoCall(t *testing.T) {
	for name, spoil := range map[string]func(*rig, *release.Options) (mend func()){
		"the disk is full": diskFull, "the database is locked": databaseLocked, "the disk fails": diskFails,
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, options{}, func(t *testing.T, r *rig) {
				var mend func()
				d, _ := r.desk(func(o *release.Options) { mend = spoil(r, o) })
				op := r.promote(d)
				waitFor(r, 20*time.Second)
				if len(r.writes()) != 0 {
					t.Errorf("wrote %q without an intent", r.verbs())
				}
				if got, err := r.db.Operation(t.Context(), op.ID); err != nil || got.Phase.Ended() {
					t.Errorf("it is %s, %v; want it to wait for the database", got.Phase, err)
				}
				mend()
				want(t, r.end(d, op.ID), release.Succeeded, "")
				r.verifyAudit()
			})
		})
	}
}

func diskFull(r *rig, _ *release.Options) (mend func()) {
	raw := storetest.Raw(r.t, r.db)
	run := func(statement string) {
		if _, err := raw.ExecContext(r.t.Context(), statement); err != nil {
			r.t.Error(err)
		}
	}
	run(`CREATE TRIGGER full BEFORE INSERT ON operation_steps WHEN NEW.step LIKE '%"intent":"Give%' BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`)
	return func() { run(`DROP TRIGGER full`) }
}

// databaseLocked has another process hold the database from just before the
// intent is written.
func databaseLocked(r *rig, o *release.Options) (mend func()) {
	raw := storetest.Raw(r.t, r.db)
	raw.SetMaxOpenConns(1)
	run := func(statement string) {
		if _, err := raw.ExecContext(r.t.Context(), statement); err != nil {
			r.t.Error(err)
		}
	}
	lock := sync.OnceFunc(func() { run(`BEGIN IMMEDIATE`) })
	o.Point = func(boundary string) {
		if boundary == "save.switching.before" {
			lock()
		}
	}
	return func() { run(`ROLLBACK`) }
}

// failingDisk is the real database on a disk that can be told to fail.
type failingDisk struct {
	*store.DB
	fails atomic.Bool
}

func (s *failingDisk) Save(ctx context.Context, l release.Lease, c release.Change) error {
	if s.fails.Load() && c.Operation.Phase == release.Switching {
		return fault.Wrap(fault.Unavailable, syscall.EIO, "envdeck could not write to its database.")
	}
	return s.DB.Save(ctx, l, c)
}

func diskFails(r *rig, o *release.Options) (mend func()) {
	disk := &failingDisk{DB: r.db}
	disk.fails.Store(true)
	o.Store = disk
	return func() { disk.fails.Store(false) }
}

func TestNobodyAsks(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk()
		if _, err := d.Operations(t.Context(), access.Actor{}, release.Query{}); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%v", err)
		}
	})
}
