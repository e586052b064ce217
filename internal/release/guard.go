package release

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/hostile"
)

// Glass is the record of guards that were passed by breaking the glass: it is
// on the operation for good, and loud.
type Glass struct {
	Passed []Passed `json:"passed" nullable:"false"`
}

// Passed is one guard that would have said no.
type Passed struct {
	Cause Cause  `json:"cause" enum:"held,frozen,approval_missing"`
	Text  string `json:"text" doc:"What it would have said."`
}

// causes is the glass in words for the audit log.
func (g *Glass) causes() string {
	if g == nil {
		return ""
	}
	all := make([]string, 0, len(g.Passed))
	for _, p := range g.Passed {
		all = append(all, string(p.Cause))
	}
	return strings.Join(all, ", ")
}

// leastGlass is how long the reason for breaking the glass has to be: it is
// read later by people who were not there.
const leastGlass = 10

// checkGlass says what is wrong with breaking the glass; "" is not asked for.
func checkGlass(typed, environment, reason string) *refusal {
	switch {
	case typed == "":
		return nil
	case typed != environment:
		return no(CauseWrongInput, "To break the glass, type the name of the environment: %s.", environment)
	case len([]rune(reason)) < leastGlass:
		return no(CauseNoReason, "Breaking the glass needs a reason that others can understand later: at least %d characters.", leastGlass)
	}
	return nil
}

// guards are what stands in the way of a promotion without looking at any
// provider: holds and freezes. Rollbacks never ask.
func (m *machine) guards(ctx context.Context, s *site, env envOf) ([]*refusal, error) {
	now := m.clock.Now()
	holds, err := m.store.Holds(ctx, s.Name, env.Name, now)
	if err != nil {
		return nil, err
	}
	var all []*refusal
	for _, h := range holds {
		all = append(all, no(CauseHeld, "%s is held by %s until %s: %s", env.Name, h.By.Name, h.ExpiresAt.UTC().Format(untilForm), h.Reason))
	}
	if w := frozen(s.Rules.Freezes, now); w != nil {
		all = append(all, no(CauseFrozen, "%s is frozen until %s: %s", env.Name, w.Until.Format(untilForm), hostile.Line(w.Reason, maxReason)))
	}
	return all, nil
}

const untilForm = "2006-01-02 15:04 UTC"

// passed makes the record of guards that were passed, nil for none.
func passed(way []*refusal) *Glass {
	if len(way) == 0 {
		return nil
	}
	g := &Glass{}
	for _, r := range way {
		g.Passed = append(g.Passed, Passed{r.cause, r.message})
	}
	return g
}

// deployGuards says why a deployment to production by hand may not begin. It
// has no comparison that could be approved, so where approvals are needed only
// breaking the glass lets it through.
func (m *machine) deployGuards(ctx context.Context, s *site, env envOf, ask Ask) (*Glass, *refusal, error) {
	way, err := m.guards(ctx, s, env)
	if err != nil {
		return nil, nil, err
	}
	if s.Rules.Approval != nil {
		way = append(way, no(CauseNoApproval, "%s needs an approval of exactly what changes, and a deployment by hand has no comparison to approve: promote a build instead.", env.Name))
	}
	if len(way) > 0 && !ask.Glass {
		return nil, way[0], nil
	}
	return passed(way), nil, nil
}

// Guards is everything that stands in front of production, or soon will.
type Guards struct {
	Environment string `json:"environment"`
	Holds       []Hold `json:"holds" nullable:"false"`
	// Frozen is in force; Freezing begins within two days.
	Frozen   *Window `json:"frozen" doc:"The freeze that is in force. null: none."`
	Freezing *Window `json:"freezing" doc:"The freeze that begins next, within two days. null: none."`
	// Approval says that releases need one.
	Approval *ApprovalRules `json:"approval" doc:"How releases are approved. null: they need no approval."`
	Waiting  []Approval     `json:"waiting" nullable:"false" doc:"Requests that wait for somebody, and approvals that wait to be used."`
	Pin      *Pin           `json:"pin" doc:"The rollback that production rests on. null: nothing was rolled back since the last release."`
}

// Pin is a rollback after which nothing was released.
type Pin struct {
	Operation string    `json:"operation"`
	From      *Build    `json:"from" doc:"What was taken back."`
	To        *Build    `json:"to" doc:"What production went back to."`
	By        Who       `json:"by"`
	Automatic bool      `json:"automatic" doc:"envdeck itself decided to roll back."`
	Reason    string    `json:"reason"`
	At        time.Time `json:"at"`
	// Assigned says whether pushes went live by themselves before.
	Assigned *bool `json:"assignedBefore" doc:"Pushes went live by themselves before the rollback. null: not known."`
}

// pinOf finds the rollback that production rests on among its operations,
// newest first.
func pinOf(ops []Operation) *Pin {
	for i := range ops {
		o := &ops[i]
		p := &Pin{Operation: o.ID, By: o.By, Automatic: o.Automatic, Reason: o.Reason}
		if o.EndedAt != nil {
			p.At = *o.EndedAt
		}
		if b := o.Work.Before; b != nil {
			p.Assigned = b.Assigned
		}
		switch {
		case o.Action == Rollback && o.Phase == Succeeded:
			p.From, p.To = o.From, o.To
			return p
		case o.Phase == RolledBack:
			p.From, p.To, p.Reason = o.To, o.Back, o.Work.BackMessage
			if o.Work.BackTo != nil {
				p.To = o.Work.BackTo
			}
			return p
		case o.Phase == Succeeded:
			return nil
		}
	}
	return nil
}

// text is the way in front of somebody, in one line each.
func (g *Glass) String() string {
	if g == nil {
		return ""
	}
	all := make([]string, 0, len(g.Passed))
	for _, p := range g.Passed {
		all = append(all, p.Text)
	}
	return fmt.Sprintf("The glass was broken. %s", strings.Join(all, " "))
}
