package database

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

// maxReason is how long a reason may be, in characters.
const maxReason = 1000

// Plan says what a change would do and what would be lost, without doing it.
// It looks at the branches as they are now.
func (b *Book) Plan(ctx context.Context, a access.Actor, ask Ask) (Plan, error) {
	s, err := b.enter(ctx, a, ask.Project)
	if err != nil {
		return Plan{}, err
	}
	plan, _, err := b.plan(ctx, s, ask, "")
	return plan, err
}

// plan reads the branches and judges; id is the change's, "" makes one.
func (b *Book) plan(ctx context.Context, s *shelf, ask Ask, id string) (Plan, string, error) {
	if s.brancher == nil {
		return Plan{}, "", fault.New(fault.Unsupported, "No provider of project %s can change branches of its database.", s.project.Name)
	}
	list, err := s.brancher.Branches(ctx)
	if err != nil {
		return Plan{}, "", err
	}
	if id == "" {
		id = "chg_" + strings.ToLower(rand.Text())
	}
	plan, refused := judge(s.project, ask, list, b.o.Clock.Now(), id)
	if refused != nil {
		return Plan{}, id, refused
	}
	return plan, id, nil
}

// Change accepts a change, or says why not: Invalid, NotFound, Conflict (also
// while another one is under way), Unsupported. What a rule refuses is in the
// audit log and has changed nothing.
func (b *Book) Change(ctx context.Context, a access.Actor, ask Ask) (Change, error) {
	s := b.shelf(ask.Project)
	on := access.On{Project: hostile.Line(ask.Project, hostile.NameLimit), Object: hostile.Line(ask.BranchID, idLimit)}
	if s != nil {
		on.Project = s.project.Name
	}
	permit, err := b.o.Gate.Allow(ctx, a, access.ManageBranches, on)
	switch {
	case err != nil:
		return Change{}, err
	case s == nil:
		return Change{}, fault.New(fault.NotFound, "There is no project %q in the configuration.", on.Project)
	}
	ask.Reason = strings.TrimSpace(hostile.Line(ask.Reason, maxReason))
	plan, id, err := b.plan(ctx, s, ask, "")
	if err == nil {
		err = confirmed(ask, plan)
	}
	if err != nil {
		if !fault.KindOf(err).Retryable() {
			_, aerr := b.o.Store.AppendAudit(ctx, permit.Receipt(access.Note{
				Act: string(ask.Kind) + ".refused", Reason: ask.Reason, Result: access.Refused, Detail: access.Detail{Rule: fault.KindOf(err).String()},
			}))
			if aerr != nil {
				return Change{}, aerr
			}
		}
		return Change{}, err
	}
	c := Change{
		ID: id, Project: s.project.Name, Environment: plan.Environment, Kind: ask.Kind, Phase: Requested, Message: "Accepted.", Reason: ask.Reason,
		By: Who{ID: a.ID, Name: a.Label(), Kind: string(a.Kind)}, CreatedAt: b.o.Clock.Now(), Branch: plan.Branch, Source: plan.Source, At: plan.At,
		KeepAs: plan.KeepAs, Losses: plan.Losses, Log: []ChangeNote{},
	}
	return c, b.begin(ctx, c, permit)
}

// begin commits a change and has it taken up.
func (b *Book) begin(ctx context.Context, c Change, permit access.Permit) error {
	err := b.o.Store.BeginChange(ctx, c, permit.Receipt(access.Note{
		Act: string(c.Kind) + ".requested", Object: c.Branch.ID, Reason: c.Reason, Result: access.Requested, Detail: c.detail(),
	}))
	if err != nil {
		return err
	}
	b.tellChange(c)
	b.work.WakeUp()
	return nil
}

func (c *Change) detail() access.Detail {
	d := access.Detail{Operation: c.ID, To: c.Branch.ID, Phase: string(c.Phase), Rule: c.Work.Snapshot}
	if c.Source != nil {
		d.From = c.Source.ID
	}
	return d
}

// confirmed says whether whoever asks knows what is lost.
func confirmed(ask Ask, plan Plan) error {
	var places []fault.Place
	if ask.Reason == "" {
		places = append(places, fault.Place{Where: "reason", Problem: "is missing: say why, in a few words"})
	}
	if plan.Confirm != "" && ask.Confirm != plan.Confirm {
		places = append(places, fault.Place{Where: "confirm", Problem: "must be the name of the branch, to show that you know what is lost"})
	}
	if places == nil {
		return nil
	}
	return &fault.Error{Kind: fault.Invalid, Message: "The change needs a reason and, where something is lost, the name of the branch as confirmation.", Places: places}
}

// ChangeOf answers one change. NotFound.
func (b *Book) ChangeOf(ctx context.Context, a access.Actor, id string) (Change, error) {
	if _, err := b.o.Gate.Allow(ctx, a, access.ViewDatabase, access.On{}); err != nil {
		return Change{}, err
	}
	return b.o.Store.Change(ctx, id)
}

// Sizes of a list of changes.
const (
	defaultChanges = 20
	maxChanges     = 100
)

// Changes answers a project's newest changes.
func (b *Book) Changes(ctx context.Context, a access.Actor, project string, limit int) ([]Change, error) {
	s, err := b.enter(ctx, a, project)
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = defaultChanges
	}
	return b.o.Store.Changes(ctx, s.project.Name, min(limit, maxChanges))
}
