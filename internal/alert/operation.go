package alert

import (
	"context"
	"errors"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/release"
)

// eventOf is what the end of an operation is to people; "" is nothing to tell.
func eventOf(p release.Phase) Event {
	switch p {
	case release.Succeeded:
		return ReleaseSucceeded
	case release.Failed:
		return ReleaseFailed
	case release.RolledBack:
		return ReleaseRolledBack
	case release.RollbackFailed:
		return ReleaseRollbackFailed
	case release.NeedsHuman:
		return ReleaseNeedsHuman
	case release.Superseded:
		return ReleaseSuperseded
	default:
		return ""
	}
}

// judgeOperation looks at how an operation ended. Whatever it was, the head of
// the audit chain leaves the box with it.
func (e *Engine) judgeOperation(ctx context.Context, call Call) error {
	o, err := e.store.Operation(ctx, call.Subject)
	if fault.Is(err, fault.NotFound) {
		return e.store.Apply(ctx, Change{Done: &call})
	}
	if err == nil && o.Work.Ask.Glass {
		err = e.tellGlass(ctx, &o)
	}
	if err != nil {
		return err
	}
	if !o.Phase.Ended() {
		return e.store.Apply(ctx, Change{Done: &call})
	}
	c, err := e.operationChange(ctx, &o)
	if err != nil {
		return err
	}
	c.Done = &call
	head, err := e.store.AuditHead(ctx)
	if err != nil {
		return err
	}
	told, err := e.store.Mark(ctx, headMark)
	if err != nil {
		return err
	}
	if head.Seq <= told {
		return e.apply(ctx, c)
	}
	return e.tellHead(ctx, head.Seq, head.Hash, head.At, told, &c)
}

// tellGlass tells once that somebody broke the glass: at the beginning of the
// operation, so that nobody hears of it only when it is over.
func (e *Engine) tellGlass(ctx context.Context, o *release.Operation) error {
	mark := Mark{Name: string(ReleaseBreakGlass) + ":" + o.ID, To: 1}
	if told, err := e.store.Mark(ctx, mark.Name); err != nil || told > 0 {
		return err
	}
	text := "They say: " + o.Reason + "."
	if o.Glass != nil && len(o.Glass.Passed) > 0 {
		text += " " + o.Glass.String()
	}
	return e.apply(ctx, Change{Mark: &mark, Messages: e.tellAll(Message{Event: ReleaseBreakGlass, Kind: TellNews, Content: Content{
		Project: o.Project, Environment: o.Environment, Subject: o.ID, Title: hostile.Line(o.By.Name, hostile.NameLimit) + " broke the glass to change " + o.Environment,
		Text: hostile.Line(text, hostile.TitleLimit), Path: operationsPath + o.ID, At: o.CreatedAt,
	}})})
}

func (e *Engine) operationChange(ctx context.Context, o *release.Operation) (Change, error) {
	event := eventOf(o.Phase)
	what := map[release.Action]string{release.Promote: "promotion", release.Rollback: "rollback", release.Deploy: "deployment"}[o.Action]
	switch event {
	case "":
		return Change{}, nil
	case ReleaseSucceeded:
		c, err := e.succeeded(ctx, o)
		if err != nil {
			return c, err
		}
		c.Messages = append(c.Messages, e.tellAll(Message{Event: event, Kind: TellNews, Content: Content{
			Project: o.Project, Environment: o.Environment, Subject: o.ID, Title: "The " + what + " of " + o.Environment + " succeeded",
			Text: hostile.Line(o.Message, hostile.TitleLimit), Path: operationsPath + o.ID, At: e.clock.Now(),
		}})...)
		return c, nil
	}
	titles := map[Event]string{
		ReleaseFailed: "The " + what + " of " + o.Environment + " failed; nothing was changed", ReleaseRolledBack: o.Environment + " was rolled back",
		ReleaseRollbackFailed: "The rollback of " + o.Environment + " failed", ReleaseNeedsHuman: "The " + what + " of " + o.Environment + " needs a person",
		ReleaseSuperseded: "Somebody else moved " + o.Environment + " during the " + what,
	}
	at := e.clock.Now()
	if o.EndedAt != nil {
		at = *o.EndedAt
	}
	f := finding{
		key: Key{o.Project, o.Environment, event, o.ID}, rule: Rule{1, 1, 1}, title: titles[event], reason: o.Message,
		marks: []mark{{at: at, bad: true, text: o.Message}}, operation: o.ID, remains: o.Stayed,
	}
	cond, err := e.store.Condition(ctx, f.key)
	if err != nil || cond.Rev > 0 {
		return Change{}, err // it was told already, and a person may have closed it
	}
	c, _, err := e.open(ctx, f, cond, f.marks)
	for i := range c.Incidents {
		if c.Incidents[i].Operation == o.ID {
			c.Incidents[i].Suspects = []Suspect{suspectOf(o)}
		}
	}
	return c, err
}

// succeeded ends the incidents of earlier releases of an environment: what runs
// there now has been proven.
func (e *Engine) succeeded(ctx context.Context, o *release.Operation) (c Change, err error) {
	open, err := e.store.Incidents(ctx, Query{Project: o.Project, Open: true, Limit: 500})
	if err != nil {
		return c, err
	}
	for i := range open {
		inc := &open[i]
		if inc.Environment != o.Environment || inc.Event.family() != "release" {
			continue
		}
		conds, err := e.store.ConditionsOf(ctx, inc.ID)
		if err != nil {
			return c, err
		}
		for _, cond := range conds {
			if !cond.Folded {
				cond.Bad, cond.Incident = false, ""
				c.Conditions = append(c.Conditions, cond)
			}
		}
		if err := e.end(ctx, inc, &c, o.ID, "A later release succeeded: "+o.ID+"."); err != nil {
			return c, err
		}
	}
	return c, nil
}

func ignoreMoved(err error) error {
	if errors.Is(err, ErrMoved) {
		return nil
	}
	return err
}
