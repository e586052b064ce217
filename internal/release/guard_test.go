package release_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// second is another person who may approve.
func (r *rig) second() access.Actor {
	a := r.boss
	a.ID, a.Name, a.SessionID = "user_bea", "bea", "session_bea"
	return a
}

// approvals makes a desk want them; who are the people that could approve.
func approvals(who ...string) func(*release.Options) {
	return func(o *release.Options) {
		o.Projects[0].Rules.Approval = &release.ApprovalRules{Expires: time.Hour, SoloAfter: 10 * time.Minute}
		o.Projects[0].Rules.Bake = 30 * time.Second
		o.Approvers = func(context.Context) ([]string, error) { return who, nil }
	}
}

// frozenNow puts a freeze in force that began today.
func frozenNow(o *release.Options) {
	o.Projects[0].Rules.Freezes = []release.Freeze{{Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, To: 24 * 60, Zone: time.UTC, Reason: "inventory"}}
}

func causeOf(err error) release.Cause {
	if no, ok := errors.AsType[*release.No](err); ok {
		return no.Cause
	}
	return ""
}

func (r *rig) ask(d *release.Desk) release.Approval {
	r.t.Helper()
	ap, err := d.AskApproval(r.t.Context(), r.boss, release.ApprovalRequest{DeploymentID: r.staged.ID, Reason: "it is tested"})
	if err != nil {
		r.t.Fatal(err)
	}
	return ap
}

func (r *rig) tryPromote(d *release.Desk, change ...func(*release.PromoteRequest)) (release.Operation, error) {
	q := release.PromoteRequest{DeploymentID: r.staged.ID, Reason: "it is tested"}
	for _, fn := range change {
		fn(&q)
	}
	return d.Promote(r.t.Context(), r.boss, q)
}

func TestAFreezeKeepsPromotionsOutAndNotRollbacks(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk(frozenNow)
		if _, err := r.tryPromote(d); causeOf(err) != release.CauseFrozen || !strings.Contains(err.Error(), "inventory") {
			t.Fatalf("promoted in a freeze: %v", err)
		}
		if _, err := d.Deploy(t.Context(), r.boss, release.DeployRequest{Environment: "prod", Reason: "by hand"}); causeOf(err) != release.CauseFrozen {
			t.Fatalf("deployed in a freeze: %v", err)
		}
		if len(r.writes()) != 0 {
			t.Fatalf("wrote %q", r.verbs())
		}
		op, err := d.Rollback(t.Context(), r.boss, release.RollbackRequest{DeploymentID: r.older().ID, Reason: "back"})
		if err != nil {
			t.Fatal(err)
		}
		want(t, r.end(d, op.ID), release.Succeeded, "")
		g, err := d.Guards(t.Context(), r.admin, "")
		if err != nil || g.Frozen == nil || g.Frozen.Reason != "inventory" || g.Pin == nil || g.Pin.Operation != op.ID {
			t.Errorf("the guards are %+v, %v", g, err)
		}
	})
}

func TestBreakingTheGlassIsRecordedAndLoud(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk(approvals("user_bea"), frozenNow)
		if _, err := d.Hold(t.Context(), r.boss, release.HoldRequest{Reason: "audit week", For: time.Hour}); err != nil {
			t.Fatal(err)
		}
		for name, q := range map[string]release.PromoteRequest{
			"another name":   {BreakGlass: "production", Reason: "the site is down"},
			"a short reason": {BreakGlass: "prod", Reason: "urgent"},
			"no reason":      {BreakGlass: "prod"},
		} {
			q.DeploymentID = r.staged.ID
			if _, err := d.Promote(t.Context(), r.boss, q); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		q := release.PromoteRequest{DeploymentID: r.staged.ID, Reason: "the site is down, this mends it", BreakGlass: "prod"}
		op, err := d.Promote(t.Context(), r.boss, q)
		if err != nil {
			t.Fatal(err)
		}
		op = r.end(d, op.ID)
		want(t, op, release.Succeeded, "")
		var causes []release.Cause
		for _, p := range op.Glass.Passed {
			causes = append(causes, p.Cause)
		}
		if !slices.Equal(causes, []release.Cause{release.CauseHeld, release.CauseFrozen, release.CauseNoApproval}) {
			t.Errorf("passed %v", causes)
		}
		entries, err := r.db.AuditEntries(t.Context(), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, e := range entries {
			found = found || e.Action == "release.promote.requested" && strings.Contains(e.Detail, `"rule":"break_glass"`) && strings.Contains(e.Detail, "held, frozen, approval_missing")
		}
		if !found {
			t.Errorf("the audit log does not say that the glass was broken: %v", r.audit())
		}
	})
}

func TestTheGlassThatNothingStoodBehindIsNotMarked(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk()
		op, err := r.tryPromote(d, func(q *release.PromoteRequest) { q.BreakGlass, q.Reason = "prod", "I thought it was held" })
		if err != nil || op.Glass != nil {
			t.Errorf("%+v, %v", op.Glass, err)
		}
		r.end(d, op.ID)
	})
}

func TestAnApprovalIsOfExactlyOneContent(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk(approvals("user_boss", "user_bea"))
		if _, err := r.tryPromote(d); causeOf(err) != release.CauseNoApproval {
			t.Fatalf("promoted without an approval: %v", err)
		}
		ap := r.ask(d)
		if again := r.ask(d); again.ID != ap.ID {
			t.Error("asked twice is two requests")
		}
		// Waiting holds no lock.
		if _, there, err := r.db.LiveOperation(t.Context(), "spike.land", "prod"); err != nil || there {
			t.Errorf("waiting holds the environment: %v", err)
		}
		if _, err := d.Approve(t.Context(), r.boss, ap.ID, ""); causeOf(err) != release.CauseFourEyes {
			t.Errorf("approved one's own: %v", err)
		}
		if _, err := d.Approve(t.Context(), r.admin, ap.ID, ""); !fault.Is(err, fault.Denied) {
			t.Errorf("an ADMIN approved: %v", err)
		}
		if _, err := d.Approve(t.Context(), r.second(), ap.ID, "looks good"); err != nil {
			t.Fatal(err)
		}
		op, err := r.tryPromote(d)
		if err != nil {
			t.Fatal(err)
		}
		op = r.end(d, op.ID)
		want(t, op, release.Succeeded, "")
		if op.Approval == nil || op.Approval.By.ID != "user_bea" || op.Approval.Solo || op.Sheet != ap.Sheet {
			t.Errorf("the operation's approval is %+v, its sheet %s", op.Approval, op.Sheet)
		}
		if used, err := d.Approval(t.Context(), r.admin, ap.ID); err != nil || used.State != release.ApprovalUsed || used.Operation != op.ID {
			t.Errorf("the approval is %+v, %v", used, err)
		}
		if sheet, err := d.Sheet(t.Context(), r.admin, op.Sheet); err != nil || sheet.To.DeploymentID != r.staged.ID || len(sheet.Commits) == 0 {
			t.Errorf("the comparison that was confirmed is %+v, %v", sheet, err)
		}
		if r.verbs() != "promote" {
			t.Errorf("wrote %q", r.verbs())
		}
		r.verifyAudit()
	})
}

func TestAnApprovalDiesWithItsContent(t *testing.T) {
	for name, c := range map[string]struct {
		before bool // the content changes before it is approved
		change func(*rig)
		cause  release.Cause
	}{
		"production moves before": {true, (*rig).elsewhere, release.CauseSheetChanged},
		"production moves after":  {false, (*rig).elsewhere, release.CauseNoApproval},
		"its time is over":        {false, func(r *rig) { waitFor(r, 61*time.Minute) }, release.CauseNoApproval},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, options{}, func(t *testing.T, r *rig) {
				d, _ := r.desk(approvals("user_bea"))
				ap := r.ask(d)
				if c.before {
					c.change(r)
					if _, err := d.Approve(t.Context(), r.second(), ap.ID, ""); causeOf(err) != c.cause {
						t.Errorf("approved what has changed: %v", err)
					}
					if dead, err := d.Approval(t.Context(), r.admin, ap.ID); err != nil || dead.State != release.ApprovalOutdated {
						t.Errorf("it is %s, %v", dead.State, err)
					}
					return
				}
				if _, err := d.Approve(t.Context(), r.second(), ap.ID, ""); err != nil {
					t.Fatal(err)
				}
				c.change(r)
				if _, err := r.tryPromote(d); causeOf(err) != c.cause {
					t.Errorf("promoted with a dead approval: %v", err)
				}
				if len(r.writes()) != 0 {
					t.Errorf("wrote %q", r.verbs())
				}
			})
		})
	}
}

// elsewhere has somebody roll production back outside of envdeck.
func (r *rig) elsewhere() {
	r.t.Helper()
	id := r.older().ID
	r.change(func(s *world.State) { _ = s.Rollback(id, "by hand", s.People[1]) })
	waitFor(r, 30*time.Second)
	if r.liveID() != id {
		r.t.Fatal("production did not move")
	}
}

func TestWhoeverIsAloneIsNotShutOut(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk(approvals("user_boss"))
		ap := r.ask(d)
		if _, err := d.Approve(t.Context(), r.boss, ap.ID, ""); causeOf(err) != release.CauseTooEarly {
			t.Errorf("at once: %v", err)
		}
		waitFor(r, 11*time.Minute)
		token := r.boss
		token.Kind, token.SessionID, token.TokenID, token.Scope = access.Machine, "", "tok", access.API
		if _, err := d.Approve(t.Context(), token, ap.ID, ""); causeOf(err) != release.CauseFourEyes {
			t.Errorf("a program of one's own: %v", err)
		}
		if _, err := d.Approve(t.Context(), r.boss, ap.ID, ""); !errors.Is(err, access.ErrPresence) {
			t.Errorf("without a proof: %v", err)
		}
		r.boss.ProvenAt = time.Now()
		got, err := d.Approve(t.Context(), r.boss, ap.ID, "nobody else is here")
		if err != nil || !got.Decision.Solo {
			t.Fatalf("%+v, %v", got.Decision, err)
		}
		op, err := r.tryPromote(d)
		if err != nil {
			t.Fatal(err)
		}
		if op = r.end(d, op.ID); !op.Approval.Solo {
			t.Error("the operation does not say that it was approved solo")
		}
		if !slices.Contains(r.audit(), "release.approve.solo done") {
			t.Errorf("the audit log has %v", r.audit())
		}
	})
}

func TestAnApprovalComesBackFromWhatChangedNothing(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk(approvals("user_bea"), func(o *release.Options) { o.Projects[0].Rules.Fallback = false })
		ap := r.ask(d)
		if _, err := d.Approve(t.Context(), r.second(), ap.ID, ""); err != nil {
			t.Fatal(err)
		}
		r.spoil(promoteFault("forbidden", 1))
		op, err := r.tryPromote(d)
		if err != nil {
			t.Fatal(err)
		}
		want(t, r.end(d, op.ID), release.Failed, release.CauseProviderNo)
		if op, err = r.tryPromote(d); err != nil {
			t.Fatalf("the approval is gone: %v", err)
		}
		want(t, r.end(d, op.ID), release.Succeeded, "")
		if _, err := d.Decline(t.Context(), r.boss, ap.ID, ""); !fault.Is(err, fault.Conflict) {
			t.Errorf("what is used was withdrawn: %v", err)
		}
	})
}

func TestDecliningAndWithdrawing(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk(approvals("user_bea"))
		ap := r.ask(d)
		if got, err := d.Decline(t.Context(), r.second(), ap.ID, "not on a Friday"); err != nil || got.State != release.ApprovalDeclined {
			t.Fatalf("%+v, %v", got, err)
		}
		ap = r.ask(d)
		if _, err := d.Approve(t.Context(), r.second(), ap.ID, ""); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Decline(t.Context(), r.boss, ap.ID, "on second thought"); err != nil || got.State != release.ApprovalWithdrawn {
			t.Fatalf("%+v, %v", got, err)
		}
		if _, err := r.tryPromote(d); causeOf(err) != release.CauseNoApproval {
			t.Errorf("promoted with a withdrawn approval: %v", err)
		}
		all, err := d.Approvals(t.Context(), r.admin, "")
		if err != nil || len(all) != 2 {
			t.Errorf("%d requests, %v", len(all), err)
		}
	})
}

// The one approval goes to one of many who press the button at once.
func TestAnApprovalIsGoodForOne(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		d, _ := r.desk(approvals("user_bea"))
		ap := r.ask(d)
		if _, err := d.Approve(t.Context(), r.second(), ap.ID, ""); err != nil {
			t.Fatal(err)
		}
		op, err := r.tryPromote(d)
		if err != nil {
			t.Fatal(err)
		}
		want(t, r.end(d, op.ID), release.Succeeded, "")
		back, err := d.Rollback(t.Context(), r.boss, release.RollbackRequest{Reason: "back"})
		if err != nil {
			t.Fatal(err)
		}
		want(t, r.end(d, back.ID), release.Succeeded, "") // which needs no approval
		if _, err := r.tryPromote(d); causeOf(err) != release.CauseNoApproval {
			t.Errorf("a used approval was used again: %v", err)
		}
	})
}

func TestResumingAfterARollback(t *testing.T) {
	for name, c := range map[string]struct {
		assigned bool
		preset   string
		cause    release.Cause
	}{
		"pushes went live before": {true, "", ""},
		"its answer is lost":      {true, "lost_answer", ""},
		"they did not":            {false, "", release.CauseUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, options{}, func(t *testing.T, r *rig) {
				d, _ := r.desk()
				r.change(func(s *world.State) { s.SetAutoAssign(c.assigned, s.People[0]) })
				if err := d.Resume(t.Context(), r.boss, "", "again"); causeOf(err) != release.CauseNotPinned {
					t.Fatalf("resumed what is not pinned: %v", err)
				}
				op, err := d.Rollback(t.Context(), r.boss, release.RollbackRequest{DeploymentID: r.older().ID, Reason: "back"})
				if err != nil {
					t.Fatal(err)
				}
				want(t, r.end(d, op.ID), release.Succeeded, "")
				if c.preset != "" {
					r.spoil(patchFault(c.preset))
				}
				err = d.Resume(t.Context(), r.boss, "", "it is mended")
				if causeOf(err) != c.cause || c.cause == "" && err != nil {
					t.Fatalf("%v", err)
				}
				var on bool
				r.sim.World().View(func(s *world.State) { on = s.Project.AutoAssign })
				if on != (c.cause == "") {
					t.Errorf("pushes go live by themselves: %v", on)
				}
				if c.cause == "" && !slices.Contains(r.audit(), "release.hold.resumed done") {
					t.Errorf("the audit log has %v", r.audit())
				}
			})
		})
	}
}
