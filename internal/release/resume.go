package release

import (
	"context"
	"strings"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/hostile"
)

// Guards answers everything that stands in front of production, or soon will.
func (d *Desk) Guards(ctx context.Context, a access.Actor, project string) (Guards, error) {
	s, err := d.view(ctx, a, access.ViewOperations, project)
	if err != nil {
		return Guards{}, err
	}
	env, _ := s.OfKind(catalog.Production)
	now := d.clock.Now()
	g := Guards{Environment: env.Name, Frozen: frozen(s.Rules.Freezes, now), Freezing: freezing(s.Rules.Freezes, now), Approval: s.Rules.Approval, Waiting: []Approval{}}
	if g.Holds, err = d.store.Holds(ctx, s.Name, env.Name, now); err != nil {
		return Guards{}, err
	}
	if s.Rules.Approval != nil {
		all, err := d.store.Approvals(ctx, s.Name, env.Name, MaxList)
		if err != nil {
			return Guards{}, err
		}
		for _, ap := range all {
			if ap = ap.At(now); ap.State == ApprovalOpen || ap.State == ApprovalGiven {
				g.Waiting = append(g.Waiting, ap)
			}
		}
	}
	ops, err := d.store.Operations(ctx, Query{Project: s.Name, Environment: env.Name, Limit: DefaultList})
	if err != nil {
		return Guards{}, err
	}
	g.Pin = pinOf(ops)
	return g, nil
}

// Resume ends the pin of a rollback: pushes to the production branch go live
// by themselves again, as before it. It moves nothing. Where pushes did not go
// live by themselves before either there is nothing to resume, and the next
// promotion ends the pin.
func (d *Desk) Resume(ctx context.Context, a access.Actor, project, reason string) error {
	s, env, permit, err := d.holding(ctx, a, project, "")
	if err != nil {
		return err
	}
	reason = strings.TrimSpace(hostile.Line(reason, maxReason))
	refused, err := d.resumable(ctx, s, env, reason)
	switch {
	case err != nil:
		return err
	case refused != nil:
		return d.refuse(ctx, permit, Ask{}, reason, refused)
	}
	note := access.Note{Act: "resume_requested", Object: env.Name, Reason: reason, Result: access.Requested}
	if _, err := d.store.AppendAudit(ctx, permit.Receipt(note)); err != nil {
		return err // no audit, no act
	}
	limit, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	err = s.assigner.AutoAssign(limit, true)
	if err != nil {
		// Setting it twice is setting it once: production itself says how it went.
		if live, lerr := s.platform.Live(ctx); lerr == nil && live.AutoAssign != nil && *live.AutoAssign {
			err = nil
		}
	}
	note.Act, note.Result = "resumed", access.Done
	if err != nil {
		note.Result = access.Failed
	}
	if _, aerr := d.store.AppendAudit(context.WithoutCancel(ctx), permit.Receipt(note)); aerr != nil && err == nil {
		err = aerr
	}
	if s.Refresh != nil {
		s.Refresh(ctx)
	}
	return err
}

func (d *Desk) resumable(ctx context.Context, s *site, env catalog.Environment, reason string) (*refusal, error) {
	switch {
	case reason == "":
		return no(CauseNoReason, "Resuming needs a reason: say why, in a few words."), nil
	case s.platform == nil || s.assigner == nil:
		return no(CauseUnsupported, "The platform of project %s cannot be told to let pushes go live.", s.Name), nil
	}
	if live, there, err := d.store.LiveOperation(ctx, s.Name, env.Name); err != nil {
		return nil, err
	} else if there {
		return nil, BusyFault(live.ID, env.Name)
	}
	limit, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	live, err := s.platform.Live(limit)
	if err != nil {
		return nil, err
	}
	if !live.RolledBack {
		return no(CauseNotPinned, "%s is not pinned by a rollback.", env.Name), nil
	}
	ops, err := d.store.Operations(ctx, Query{Project: s.Name, Environment: env.Name, Limit: DefaultList})
	if err != nil {
		return nil, err
	}
	if p := pinOf(ops); p != nil && p.Assigned != nil && !*p.Assigned {
		return no(CauseUnsupported, "Pushes to %s did not go live by themselves before the rollback either, so there is nothing to resume: promote a mended build, which ends the pin.", env.Name), nil
	}
	return nil, nil
}
