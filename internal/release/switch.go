package release

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// How changes to production are sent and followed.
const (
	// callLimit is how long a platform may take to answer a switch. An answer
	// that has not come by then is lost, and twice that time is given to its
	// effect before the call may be sent again.
	callLimit  = 10 * time.Second
	lostWait   = 2 * callLimit
	mostSends  = 2 // of a call whose answer was lost
	mostNotNow = 3 // of a call that was refused because of another switch
	followPace = time.Second
	retryPace  = 2 * time.Second
)

// outcome is how a change to production stands after a turn.
type outcome uint8

const (
	pending  outcome = iota
	there            // every domain points at the target
	rejected         // the platform said no, and nothing was changed
	unmoved          // it failed or was skipped, and nothing moved
	partial          // some domains moved
	foreign          // somebody else moved production
	unknown          // nobody can tell whether it was carried out
)

// result is an outcome with its words.
type result struct {
	outcome
	cause   Cause
	message string
	wait    time.Duration
	err     error // the platform's fault, of rejected
}

func keepGoing(wait time.Duration, format string, args ...any) result {
	return result{wait: wait, message: fmt.Sprintf(format, args...)}
}

// observe looks at production now.
func (r *run) observe(ctx context.Context) (provider.Live, error) {
	at := r.m.clock.Now()
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	live, err := r.site.platform.Live(ctx)
	if err != nil {
		return provider.Live{}, err
	}
	r.look = &seen{live, at}
	return live, nil
}

// recent is the last look when it is young enough to decide on.
func (r *run) recent() (provider.Live, bool) {
	if s := r.looks.take(); s != nil && (r.look == nil || s.at.After(r.look.at)) {
		r.look = s
	}
	if r.look == nil || r.m.clock.Now().Sub(r.look.at) > fresh {
		return provider.Live{}, false
	}
	return r.look.live, true
}

// move brings production to the target: it sends the call when none was begun
// and otherwise reads what became of it. from is what was live before.
func (r *run) move(ctx context.Context, verb Verb, target *Build, from string) (result, error) {
	c := r.op.Work.Call
	if c == nil || c.Verb != verb || c.Target != target.ID {
		return r.first(ctx, verb, target, from)
	}
	if c.Answer == "" {
		// Its process died between the intent and the answer.
		c.Answer = Lost
		r.note(r.step(c), Inconclusive, "The answer was lost: envdeck stopped in the middle. Looking at the platform before anything else.")
	}
	began := r.m.clock.Now()
	live, err := r.observe(ctx)
	if err != nil {
		return keepGoing(followPace, "%s cannot be read at the moment: %s", r.site.title, sentence(err)), nil
	}
	sign := c.read(live, from)
	switch sign {
	case arrived:
		r.finish(r.step(c), Pass, "Every domain of %s points at %s.", r.env.Name, target.ID)
		r.evidence(r.step(c), domains(live)...)
		return result{outcome: there}, nil
	case partly, nothing:
		return r.failedMove(ctx, c, live, sign), nil
	case skipped:
		r.finish(r.step(c), Fail, "The platform skipped the switch.")
		return result{outcome: unmoved, cause: CauseSkipped, message: "The platform skipped the switch, and the domains point where they did."}, nil
	case others:
		r.finish(r.step(c), Inconclusive, "Production is at %s, by somebody else's switch.", live.Deployment.ID)
		return result{outcome: foreign, cause: CauseSomebodyElse, message: somebody(r.env.Name, live)}, nil
	case moving:
		if c.Answer != Taken {
			c.Answer = Taken
			r.note(r.step(c), Inconclusive, "The platform shows that it took the call.")
		}
		return keepGoing(followPace, "The platform is moving the domains of %s to %s.", r.env.Name, target.ID), nil
	}
	return r.unseen(ctx, c, target, from, sign, began)
}

// unseen decides about a call of which production shows nothing.
func (r *run) unseen(ctx context.Context, c *Call, target *Build, from string, s sign, began time.Time) (result, error) {
	switch c.Answer {
	case Taken:
		return keepGoing(followPace, "The platform took the call; the domains have not moved yet."), nil
	case Queued:
		return keepGoing(followPace, "The platform queued the switch behind a rolling release."), nil
	case NotSent: // it never left, so sending it again is no second call
		return r.send(ctx, c.Verb, target, c.Attempt)
	case Refusal:
		if s == waiting {
			return keepGoing(followPace, "Another switch is under way on the platform; this one comes after it."), nil
		}
		if c.Refusals >= mostNotNow {
			return result{outcome: rejected, cause: CauseProviderNo, message: "The platform refused the switch again and again, and shows no reason."}, nil
		}
		return r.send(ctx, c.Verb, target, c.Attempt)
	}
	// Lost. Its effect may still come.
	c.Waited += max(r.m.clock.Now().Sub(began), 0) + followPace
	if c.Waited < lostWait || s == waiting {
		return keepGoing(followPace, "The platform's answer was lost. Watching whether production moves (%s of %s).", c.Waited.Round(time.Second), lostWait), nil
	}
	if c.Attempt < mostSends {
		r.finish(r.step(c), Inconclusive, "Nothing moved within %s, so the call was not carried out. Sending it once more.", lostWait)
		return r.send(ctx, c.Verb, target, c.Attempt+1)
	}
	r.finish(r.step(c), Inconclusive, "Nothing moved, and the answer was lost twice.")
	return result{outcome: unknown, cause: CauseOutcome, message: fmt.Sprintf("The platform's answer to %q was lost twice, and production still shows %s. Look at the platform before you try again.", c.Verb, from)}, nil
}

// failedMove reads which domains a failed switch left behind.
func (r *run) failedMove(ctx context.Context, c *Call, live provider.Live, s sign) result {
	var names []string
	if r.site.moves != nil {
		ctx, cancel := context.WithTimeout(ctx, readLimit/2)
		defer cancel()
		names, _ = r.site.moves.FailedMoves(ctx, string(c.Verb)) // the domains themselves say enough
	}
	r.evidence(r.step(c), domains(live)...)
	if s == nothing {
		r.finish(r.step(c), Fail, "The switch failed and no domain moved. %s", strings.Join(names, ", "))
		return result{outcome: unmoved, cause: CauseNothingMoved, message: "The platform could not move the domains; none of them moved."}
	}
	r.finish(r.step(c), Fail, "Some domains moved and others did not: %s", strings.Join(names, ", "))
	return result{outcome: partial, cause: CausePartial, message: "The platform moved some domains and not others: " + strings.Join(names, ", ")}
}

// first looks at production just before the call, and sends it.
func (r *run) first(ctx context.Context, verb Verb, target *Build, from string) (result, error) {
	live, ok := r.recent()
	if !ok || verb == VerbPromote {
		var err error
		if live, err = r.observe(ctx); err != nil {
			return keepGoing(retryPace, "%s cannot be read at the moment: %s", r.site.title, sentence(err)), nil
		}
	}
	switch {
	case running(live.Switch):
		// Where production is now is not where it will be when that has ended.
		return keepGoing(followPace, "Another switch is under way on the platform; this one comes after it."), nil
	case live.Deployment.ID == target.ID && !live.Split:
		step := r.begin(string(verb), 0, "")
		r.finish(step, Pass, "%s is live already, so nothing is sent.", target.ID)
		return result{outcome: there}, nil
	case verb == VerbPromote && live.Deployment.ID != from, verb == VerbRollback && from != "" && !pointsAt(live, from):
		return result{outcome: foreign, cause: CauseMoved, message: somebody(r.env.Name, live)}, nil
	}
	return r.send(ctx, verb, target, 1)
}

// send commits the intent, makes the call and commits the answer.
func (r *run) send(ctx context.Context, verb Verb, target *Build, attempt int) (result, error) {
	old, intended := r.op.Work.Call, r.op.Work.Intended
	call := &Call{Verb: verb, Target: target.ID, Attempt: attempt, At: r.m.clock.Now()}
	if r.look != nil {
		call.Seen = r.look.live.Switch
	}
	if old != nil && old.Verb == verb && old.Target == target.ID {
		call.Refusals = old.Refusals
		if old.Seen != nil && old.Attempt == attempt {
			call.Seen = old.Seen
		}
	}
	step := r.begin(string(verb), attempt, intent(verb, target, r.env.Name))
	call.Step = step.Seq
	r.op.Work.Call, r.op.Work.Intended = call, true
	if err := r.intend(ctx, verb); err != nil {
		r.op.Work.Call, r.op.Work.Intended = old, intended
		r.op.Steps = r.op.Steps[:len(r.op.Steps)-1]
		delete(r.changed, call.Step)
		return result{}, err
	}
	accepted, err := r.call(ctx, verb, func(ctx context.Context) (provider.Accepted, error) {
		if verb == VerbRollback {
			return r.site.platform.RollBack(ctx, target.ID, r.why())
		}
		return r.site.platform.Promote(ctx, target.ID)
	})
	res := r.answered(call, accepted, err)
	return res, r.save(ctx, Change{})
}

// intend commits the intent of a change. A rollback by rule is an act of
// envdeck's own, so its audit entry and its row of the deployment record land
// with it.
func (r *run) intend(ctx context.Context, verb Verb) error { //nolint:unparam // the journal names the verb of each intent
	c := Change{Unless: true}
	if r.op.Phase == RollingBack && r.op.Work.BackCause != CauseAsked && !r.op.Automatic {
		r.op.Automatic = true
		receipt, err := r.m.receipt(access.Rollback, r.op, access.Note{
			Act: "by_rule", Object: r.back().id(), Reason: r.op.Work.BackMessage, Result: access.Requested,
			Detail: access.Detail{Operation: r.op.ID, From: r.op.To.id(), To: r.back().id(), Commit: r.back().commit(), Rule: string(r.op.Work.BackCause)},
		})
		if err != nil {
			return err
		}
		c.Receipt = &receipt
		c.Record = &Record{
			ID: backRecord(r.op.ID), Action: string(Rollback), Environment: recordName(r.env), From: r.op.To.id(), To: r.back().id(),
			By: r.m.actor().ID, Reason: r.op.Work.BackMessage, At: r.m.clock.Now(),
		}
	}
	if err := r.save(ctx, c); err != nil {
		if c.Record != nil {
			r.op.Automatic = false
		}
		return err
	}
	return nil
}

// call makes one change to production.
func (r *run) call(ctx context.Context, verb Verb, do func(context.Context) (provider.Accepted, error)) (provider.Accepted, error) {
	return r.callFor(ctx, callLimit, verb, do)
}

// callFor makes one change outside, with its boundaries told to whoever tests
// them. The context ends with the lease.
func (r *run) callFor(ctx context.Context, limit time.Duration, verb Verb, do func(context.Context) (provider.Accepted, error)) (provider.Accepted, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r.m.point("call." + string(verb) + ".before")
	accepted, err := do(ctx)
	r.m.point("call." + string(verb) + ".after")
	return accepted, err
}

// answered reads the platform's answer to a call.
func (r *run) answered(c *Call, a provider.Accepted, err error) result {
	step := r.step(c)
	kind := fault.KindOf(err)
	switch {
	case err == nil && a.Queued:
		c.Answer = Queued
		r.note(step, Inconclusive, "Queued behind a rolling release.")
		return keepGoing(followPace, "The platform queued the switch behind a rolling release.")
	case err == nil:
		c.Answer = Taken
		r.note(step, Inconclusive, "The platform took the call. It is done when the domains have moved.")
		return keepGoing(followPace/2, "The platform took the call.")
	case provider.OutcomeUnknown(err):
		c.Answer = Lost
		r.note(step, Error, "No certain answer: %s", sentence(err))
		return keepGoing(followPace, "The platform's answer was lost. Watching whether production moves.")
	case kind == fault.Conflict:
		// Live already, or another switch: production itself says which.
		c.Answer = Refusal
		c.Refusals++
		r.finish(step, Inconclusive, "Not now: %s", sentence(err))
		return keepGoing(followPace, "The platform is not ready for the switch.")
	case kind.Retryable():
		c.Answer = NotSent
		wait := max(retryPace, min(fault.From(err).RetryAfter, time.Minute))
		r.finish(step, Error, "It was not taken: %s", sentence(err))
		if r.op.Phase == Switching && r.op.Work.Spent > tryFor && r.op.Action != Rollback {
			c.Answer = Refusal
			return result{outcome: rejected, cause: CauseProviderNo, message: sentence(err), err: err}
		}
		return keepGoing(wait, "%s Trying again.", sentence(err))
	}
	c.Answer = Refusal
	r.finish(step, Fail, "%s", sentence(err))
	cause := CauseProviderNo
	if kind == fault.Unsupported {
		cause = CausePlan
	}
	return result{outcome: rejected, cause: cause, message: sentence(err), err: err}
}

// tryFor is how long a promotion is tried that does not get through; then the
// fallback has its turn, if there is one.
const tryFor = 30 * time.Second

// step is the step of a call.
func (r *run) step(c *Call) *Step {
	if c.Step < 1 || c.Step > len(r.op.Steps) {
		return r.current(string(c.Verb))
	}
	return &r.op.Steps[c.Step-1]
}

// why is what the platform keeps as the reason of a rollback.
func (r *run) why() string {
	if r.op.Phase == RollingBack {
		return "envdeck " + r.op.ID + ": " + r.op.Work.BackMessage
	}
	return "envdeck " + r.op.ID + ", " + r.op.By.Name + ": " + r.op.Reason
}

func intent(verb Verb, target *Build, env string) string {
	name := target.ID
	if target.Commit != "" {
		name += " (" + hostile.Short(target.Commit) + ")"
	}
	switch verb {
	case VerbRollback:
		return "Give " + env + " back to " + name + "."
	case VerbPromote:
		return "Give " + env + " to " + name + "."
	default:
		return string(verb) + " " + name + "."
	}
}

func somebody(env string, live provider.Live) string {
	return fmt.Sprintf("Somebody else moved %s: it is at %s (%s) now. envdeck leaves it there.", env, live.Deployment.ID, hostile.Short(live.Deployment.Commit))
}

func domains(live provider.Live) []Evidence {
	all := make([]Evidence, 0, len(live.Domains))
	for _, d := range live.Domains {
		all = append(all, Evidence{Label: d.Name, Value: d.DeploymentID})
	}
	return all
}

// technical says that a refusal is about the platform's troubles and not about
// the build: then another way may work.
func technical(err error) bool {
	switch fault.KindOf(err) {
	case fault.Unavailable, fault.Timeout, fault.BadResponse, fault.RateLimited, fault.Rejected, fault.Denied, fault.Unsupported:
		return err != nil && !errors.Is(err, context.Canceled)
	default:
		return false
	}
}
