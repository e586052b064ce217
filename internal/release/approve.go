package release

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// ApprovalRequest asks for somebody's yes to a promotion.
type ApprovalRequest struct {
	Project      string
	DeploymentID string
	Reason       string
	Rebuild      bool
	Sheet        string // hash of the comparison that was seen; "" for whatever it is
}

// AskApproval asks for the approval of what a promotion would change now. It
// begins nothing and locks nothing.
func (d *Desk) AskApproval(ctx context.Context, a access.Actor, q ApprovalRequest) (Approval, error) {
	s := d.site(q.Project)
	on := access.On{Project: hostile.Line(q.Project, hostile.NameLimit), Object: hostile.Line(q.DeploymentID, 100)}
	var env catalog.Environment
	var refused *refusal
	if s != nil {
		env, refused = s.production()
		on.Project, on.Environment = s.Name, env.Name
	}
	permit, err := d.gate.Allow(ctx, a, access.Promote, on)
	switch {
	case err != nil:
		return Approval{}, err
	case s == nil:
		return Approval{}, fault.New(fault.NotFound, "There is no project %q in the configuration.", on.Project)
	}
	ask := Ask{DeploymentID: q.DeploymentID, Rebuild: q.Rebuild, Sheet: q.Sheet}
	reason := strings.TrimSpace(hostile.Line(q.Reason, maxReason))
	if refused == nil {
		refused = ask.check(Promote, reason)
	}
	if refused == nil && s.Rules.Approval == nil {
		refused = no(CauseUnsupported, "Releases to %s need no approval here: promote it. To require one, set release.approval in the configuration.", env.Name)
	}
	if refused != nil {
		return Approval{}, d.refuse(ctx, permit, ask, reason, refused)
	}
	sheet, refused, err := d.m.content(ctx, s, env, ask)
	switch {
	case err != nil:
		return Approval{}, err
	case refused != nil:
		return Approval{}, d.refuse(ctx, permit, ask, reason, refused)
	}
	now := d.clock.Now()
	ap := Approval{
		ID: "apr_" + strings.ToLower(rand.Text()), Project: s.Name, Environment: env.Name, State: ApprovalOpen, Sheet: sheet.Hash,
		From: endBuild(sheet.From), To: endBuild(sheet.To), Rebuild: q.Rebuild, Summary: sheet.summary(), Reason: reason,
		By: whoIs(a), CreatedAt: now, ExpiresAt: now.Add(s.Rules.Approval.Expires),
	}
	if same, there, err := d.waiting(ctx, s, env, ap.Sheet); err != nil || there {
		return same, err // asked twice is asked once
	}
	receipt := permit.Receipt(access.Note{
		Act: "approval_requested", Object: ap.ID, Reason: reason, Result: access.Requested,
		Detail: access.Detail{From: ap.From.id(), To: ap.To.id(), Commit: ap.To.commit(), Digest: ap.Sheet, Until: ap.ExpiresAt.Format(timeForm)},
	})
	return ap, d.store.AskApproval(ctx, ap, *sheet, receipt)
}

const timeForm = "2006-01-02T15:04:05Z07:00"

// content is what a promotion would change now, with the rules that it would
// meet before it.
func (m *machine) content(ctx context.Context, s *site, env envOf, ask Ask) (*Sheet, *refusal, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*readLimit)
	defer cancel()
	p, refused, err := s.look(ctx, Promote, ask, env, history{}, m.clock.Now)
	if refused != nil || err != nil {
		return nil, refused, err
	}
	if refused := judgePromotion(ask, p.facts, env.Name); refused != nil {
		return nil, refused, nil
	}
	sheet := s.sheet(ctx, side{environment: env.Name, build: p.live.Deployment, crons: p.live.Crons}, side{build: p.target})
	if ask.Sheet != "" && sheet.Hash != ask.Sheet {
		return nil, no(CauseSheetChanged, "What this release would change is not what you saw: it now holds %s. Look at the comparison again.", sheet.summary()), nil
	}
	return &sheet, nil, nil
}

func endBuild(e SheetEnd) *Build {
	return buildOf(provider.Deployment{ID: e.DeploymentID, URL: e.URL, Commit: e.Commit, Message: e.Message})
}

func whoIs(a access.Actor) Who { return Who{ID: a.ID, Name: a.Label(), Kind: string(a.Kind)} }

// waiting finds a request for the same content that is open or approved.
func (d *Desk) waiting(ctx context.Context, s *site, env catalog.Environment, hash string) (Approval, bool, error) {
	all, err := d.store.Approvals(ctx, s.Name, env.Name, MaxList)
	if err != nil {
		return Approval{}, false, err
	}
	now := d.clock.Now()
	for _, ap := range all {
		if ap = ap.At(now); ap.Sheet == hash && (ap.State == ApprovalOpen || ap.State == ApprovalGiven) {
			return ap, true, nil
		}
	}
	return Approval{}, false, nil
}

// Approve says yes to a request. Conflict when what it is about has changed
// meanwhile, or when the one who asked is not alone.
func (d *Desk) Approve(ctx context.Context, a access.Actor, id, reason string) (Approval, error) {
	ap, s, permit, err := d.deciding(ctx, a, id)
	if err != nil {
		return Approval{}, err
	}
	reason = strings.TrimSpace(hostile.Line(reason, maxReason))
	ask := Ask{DeploymentID: ap.To.id(), Rebuild: ap.Rebuild}
	env, refused := s.production()
	if refused == nil && s.Rules.Approval == nil {
		refused = no(CauseUnsupported, "Releases need no approval here any more.")
	}
	if refused != nil {
		return Approval{}, d.refuse(ctx, permit, ask, reason, refused)
	}
	others, err := d.approvers(ctx)
	if err != nil {
		return Approval{}, err
	}
	now := d.clock.Now()
	solo, err := mayApprove(ap, *s.Rules.Approval, a, others, now)
	if err != nil {
		if no, ok := errors.AsType[*No](err); ok {
			if err := d.record(ctx, permit, ask, reason, no.Cause); err != nil {
				return Approval{}, err
			}
		}
		return Approval{}, err
	}
	sheet, refused, err := d.m.content(ctx, s, env, ask)
	if err != nil {
		return Approval{}, err
	}
	if refused != nil || sheet.Hash != ap.Sheet {
		return Approval{}, d.outdate(ctx, permit, ap, refused, sheet)
	}
	ap.State, ap.Decision = ApprovalGiven, &Decision{By: whoIs(a), At: now, Reason: reason, Solo: solo}
	ap.ExpiresAt = now.Add(s.Rules.Approval.Expires)
	note := access.Note{
		Object: ap.ID, Reason: reason,
		Detail: access.Detail{From: ap.From.id(), To: ap.To.id(), Commit: ap.To.commit(), Digest: ap.Sheet, Until: ap.ExpiresAt.Format(timeForm)},
	}
	if solo {
		note.Act, note.Detail.Rule = "solo", "solo"
	}
	return ap, d.store.DecideApproval(ctx, ap, ApprovalOpen, now, permit.Receipt(note))
}

// outdate ends a request whose content is not what would happen any more.
func (d *Desk) outdate(ctx context.Context, permit access.Permit, ap Approval, refused *refusal, sheet *Sheet) error {
	why := "What would change is not what was asked about"
	if refused != nil {
		why += ": " + refused.message
	} else {
		why += ": it now holds " + sheet.summary() + "."
	}
	now := d.clock.Now()
	ap.State, ap.Decision = ApprovalOutdated, &Decision{By: whoIs(permit.Actor()), At: now, Reason: hostile.Line(why, maxReason)}
	receipt := permit.Receipt(access.Note{Act: "outdated", Object: ap.ID, Result: access.Refused, Detail: access.Detail{Rule: string(CauseSheetChanged), Digest: ap.Sheet}})
	if err := d.store.DecideApproval(ctx, ap, ApprovalOpen, now, receipt); err != nil {
		return err
	}
	return no(CauseSheetChanged, "%s The request is closed: look at the comparison and ask again.", why).fault()
}

// Decline says no to a request, or takes it back when it was one's own. A
// given approval can be taken back too, until it is used.
func (d *Desk) Decline(ctx context.Context, a access.Actor, id, reason string) (Approval, error) {
	ap, _, permit, err := d.deciding(ctx, a, id)
	if err != nil {
		return Approval{}, err
	}
	from := ap.State
	reason = strings.TrimSpace(hostile.Line(reason, maxReason))
	act := "declined"
	if ap.State = ApprovalDeclined; ap.By.ID == a.ID {
		ap.State, act = ApprovalWithdrawn, "withdrawn"
	}
	now := d.clock.Now()
	ap.Decision = &Decision{By: whoIs(a), At: now, Reason: reason}
	return ap, d.store.DecideApproval(ctx, ap, from, now, permit.Receipt(access.Note{Act: act, Object: ap.ID, Reason: reason, Detail: access.Detail{Digest: ap.Sheet}}))
}

func (d *Desk) deciding(ctx context.Context, a access.Actor, id string) (Approval, *site, access.Permit, error) {
	ap, err := d.store.Approval(ctx, id)
	on := access.On{Object: hostile.Line(id, 100)}
	if err == nil {
		on.Project, on.Environment = ap.Project, ap.Environment
	}
	permit, gerr := d.gate.Allow(ctx, a, access.ApproveOperation, on)
	switch {
	case gerr != nil:
		return ap, nil, permit, gerr
	case err != nil:
		return ap, nil, permit, err
	}
	s := d.site(ap.Project)
	if s == nil {
		return ap, nil, permit, fault.New(fault.NotFound, "There is no project %q in the configuration.", ap.Project)
	}
	if ap = ap.At(d.clock.Now()); ap.State != ApprovalOpen && ap.State != ApprovalGiven {
		return ap, s, permit, fault.New(fault.Conflict, "This request is %s already.", ap.State)
	}
	return ap, s, permit, nil
}

// Approvals answers the newest requests of production.
func (d *Desk) Approvals(ctx context.Context, a access.Actor, project string) ([]Approval, error) {
	s, err := d.view(ctx, a, access.ViewOperations, project)
	if err != nil {
		return nil, err
	}
	env, _ := s.OfKind(catalog.Production)
	all, err := d.store.Approvals(ctx, s.Name, env.Name, DefaultList)
	now := d.clock.Now()
	for i := range all {
		all[i] = all[i].At(now)
	}
	return all, err
}

// Approval answers one. NotFound.
func (d *Desk) Approval(ctx context.Context, a access.Actor, id string) (Approval, error) {
	if _, err := d.gate.Allow(ctx, a, access.ViewOperations, access.On{}); err != nil {
		return Approval{}, err
	}
	ap, err := d.store.Approval(ctx, id)
	return ap.At(d.clock.Now()), err
}

// Sheet answers a comparison as it was confirmed or approved. NotFound.
func (d *Desk) Sheet(ctx context.Context, a access.Actor, hash string) (Sheet, error) {
	if _, err := d.gate.Allow(ctx, a, access.Compare, access.On{}); err != nil {
		return Sheet{}, err
	}
	return d.store.Sheet(ctx, hash)
}
