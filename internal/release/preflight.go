package release

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/hostile"
)

// preflight reads everything the decision rests on and decides. What the Desk
// read for its answer a moment ago is still fresh and is not read twice.
func (r *run) preflight(ctx context.Context) turn {
	step := r.current("preflight")
	if !production(r.env) || r.op.Action == Deploy && r.op.Work.Before == nil {
		return r.preflightDeploy(ctx, step)
	}
	if b := r.op.Work.Before; b != nil && r.op.To != nil && r.m.clock.Now().Sub(b.At) <= fresh && r.m.clock.Now().Sub(b.At) >= 0 {
		return r.cleared(ctx, step)
	}
	p, refused, err := r.m.consider(ctx, r.site, r.env, &r.op)
	switch {
	case err != nil:
		r.note(step, Error, "%s", sentence(err))
		return stay(retryPace, "Waiting for the providers: %s", sentence(err))
	case refused != nil:
		r.finish(step, Fail, "%s", refused.message)
		return to(Refused, refused.cause, "%s", refused.message)
	}
	p.write(&r.op)
	return r.cleared(ctx, step)
}

// write puts what was read into the operation.
func (p *picture) write(op *Operation) {
	op.From, op.To = buildOf(p.live.Deployment), buildOf(p.target)
	op.Work.Before, op.Floor = &p.before, p.before.Schema
	if p.sheet != nil {
		op.Sheet, op.Compared = p.sheet.Hash, p.sheet
	}
	if p.approval != nil {
		op.Approval = p.approval
	}
	if p.glass != nil {
		op.Glass = p.glass
	}
	if op.Action != Rollback {
		// What is live now is what it goes back to: it is pinned before anything
		// changes, and its health was just looked at.
		op.Back = op.From
	}
}

// cleared ends preflight: nothing speaks against it.
func (r *run) cleared(ctx context.Context, step *Step) turn {
	b := r.op.Work.Before
	if r.op.Action != Rollback && b.Errors == nil {
		b.Errors = r.site.baseline(ctx, r.env)
	}
	facts := []Evidence{
		{Label: "live now", Value: name(r.op.From), URL: r.link(r.op.From)},
		{Label: "to be live", Value: name(r.op.To), URL: r.link(r.op.To)},
		{Label: "domains", Value: strings.Join(b.Domains, ", ")},
	}
	if r.op.Action != Rollback {
		facts = append(facts, Evidence{Label: "health before", Value: string(b.Healthy) + ": " + b.Health})
		errors := "not known"
		if b.Errors != nil {
			errors = b.Errors.String()
		}
		facts = append(facts, Evidence{Label: "errors in the hour before", Value: errors}, Evidence{Label: "goes back to", Value: name(r.op.Back)})
	}
	if b.Schema != nil {
		facts = append(facts, Evidence{Label: "schema", Value: b.Schema.Why})
	}
	if a := r.op.Approval; a != nil {
		facts = append(facts, Evidence{Label: "approved", Value: approvedBy(a)})
	}
	if g := r.op.Glass; g != nil {
		facts = append(facts, Evidence{Label: "glass broken", Value: g.String()})
	}
	r.evidence(step, facts...)
	r.finish(step, Pass, "Nothing speaks against it.")
	return to(Snapshot, "", "Nothing speaks against it.")
}

func approvedBy(a *Approved) string {
	text := "by " + a.By.Name + " at " + a.At.UTC().Format(untilForm)
	if a.Solo {
		text += ", alone (solo)"
	}
	return text
}

func name(b *Build) string {
	if b == nil {
		return "not known"
	}
	if b.Commit == "" {
		return b.ID
	}
	return hostile.Short(b.Commit) + " " + hostile.FirstLine(b.Message, 80) + " (" + b.ID + ")"
}

func (r *run) link(b *Build) string {
	if r.site.linker == nil || b.commit() == "" {
		return ""
	}
	return hostile.Link(r.site.linker.CommitURL(b.Commit))
}

// consider reads and judges: the one way to a yes or a no, for the Desk and
// for the machine.
func (m *machine) consider(ctx context.Context, s *site, env envOf, op *Operation) (picture, *refusal, error) {
	ask := op.Work.Ask
	if op.Action == Rollback {
		return m.considerRollback(ctx, s, env, ask)
	}
	way, err := m.guards(ctx, s, env)
	if err != nil {
		return picture{}, nil, err
	}
	if len(way) > 0 && !ask.Glass {
		return picture{}, way[0], nil
	}
	p, refused, err := s.look(ctx, op.Action, ask, env, history{}, m.clock.Now)
	if refused != nil || err != nil {
		return p, refused, err
	}
	if refused := judgePromotion(ask, p.facts, env.Name); refused != nil {
		return p, refused, nil
	}
	if ask.Rebuild && s.builder == nil {
		return p, no(CauseUnsupported, "The platform cannot rebuild %s for production.", p.target.ID), nil
	}
	if refused, err := m.considerContent(ctx, s, env, op, &p, &way); refused != nil || err != nil {
		return p, refused, err
	}
	p.glass = passed(way)
	return p, nil, nil
}

func (m *machine) considerRollback(ctx context.Context, s *site, env envOf, ask Ask) (picture, *refusal, error) {
	ops, err := m.store.Operations(ctx, Query{Project: s.Name, Environment: env.Name, Limit: 50})
	if err != nil {
		return picture{}, nil, err
	}
	p, refused, err := s.look(ctx, Rollback, ask, env, historyOf(ops), m.clock.Now)
	if refused != nil || err != nil {
		return p, refused, err
	}
	if refused := judgeRollback(ask, p.facts, env.Name); refused != nil {
		return p, refused, nil
	}
	p.before.Schema = s.footing(ctx, p.live, p.target)
	if p.before.Schema != nil {
		p.before.Schema.Confirmed = ask.BelowFloor
	}
	return p, confirmsFloor(ask, p.before.Schema, p.target.ID), nil
}

// considerContent compares what would change with what the person confirmed,
// and with what was approved. The comparison is kept with the operation.
func (m *machine) considerContent(ctx context.Context, s *site, env envOf, op *Operation, p *picture, way *[]*refusal) (*refusal, error) {
	ask := op.Work.Ask
	limit, cancel := context.WithTimeout(ctx, sheetLimit)
	defer cancel()
	sheet := s.sheet(limit, side{environment: env.Name, build: p.live.Deployment, crons: p.live.Crons}, side{build: p.target})
	p.sheet = &sheet
	p.before.Schema = s.pinned(&sheet, p.live.Deployment, p.target.Commit)
	confirmed := ask.Sheet
	if op.Approval != nil {
		confirmed = op.Approval.Sheet
	}
	if confirmed != "" && sheet.Hash != confirmed {
		return no(CauseSheetChanged, "What this release would change is not what you confirmed: it now holds %s. Look at the comparison again.", sheet.summary()), nil
	}
	if s.Rules.Approval == nil || op.Approval != nil {
		return nil, nil
	}
	ap, there, err := m.approved(ctx, s, env, sheet.Hash)
	switch {
	case err != nil:
		return nil, err
	case there:
		p.approval = ap.used()
	case !ask.Glass:
		return no(CauseNoApproval, "%s needs an approval of exactly this content: %s. Ask for one, or use the one that was given before it expires.", env.Name, sheet.summary()), nil
	default:
		*way = append(*way, no(CauseNoApproval, "Nobody had approved this content."))
	}
	return nil, nil
}

// sheetLimit is how long a comparison may take while a release waits for it.
const sheetLimit = 4 * time.Second

// approved finds an approval of a content that can be used now.
func (m *machine) approved(ctx context.Context, s *site, env envOf, hash string) (Approval, bool, error) {
	all, err := m.store.Approvals(ctx, s.Name, env.Name, MaxList)
	if err != nil {
		return Approval{}, false, err
	}
	now := m.clock.Now()
	for _, ap := range all {
		if ap = ap.At(now); ap.State == ApprovalGiven && ap.Sheet == hash {
			return ap, true, nil
		}
	}
	return Approval{}, false, nil
}

func plural(n int, word string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, word)
	}
	return fmt.Sprintf("%d %ss", n, word)
}
