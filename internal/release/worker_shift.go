package release

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// Shift is one change of a Worker's traffic: what was intended and what became
// of it.
type Shift struct {
	Script string         `json:"script"`
	To     []VersionShare `json:"to"`
	Force  bool           `json:"force,omitempty"`
	// Seen is the deployment that served before the call.
	Seen string `json:"seen"`
	Call Call   `json:"call"`
	// Made is the deployment that the platform says it made, "" when no answer
	// named one.
	Made string `json:"made,omitempty"`
}

// mark begins the message that the platform keeps with a deployment of an
// operation, so that it is known again when the answer was lost.
func (r *run) mark() string { return "envdeck " + r.op.ID }

// workerSign is what a Worker's deployments say of a shift.
type workerSign uint8

const (
	shifted     workerSign = iota // what was intended serves
	unshifted                     // what served before the call serves
	overwritten                   // it was carried out, and somebody deployed after it
	elsewhere                     // somebody else deployed, and of the call nothing is to be seen
)

// ours is the place of this shift's deployment in the list, -1 when it is not
// there.
func (s *Shift) ours(all []provider.WorkerDeployment, mark string) int {
	return slices.IndexFunc(all, func(d provider.WorkerDeployment) bool {
		return s.Made != "" && d.ID == s.Made || strings.HasPrefix(d.Message, mark) && sameShares(d.Shares, providerShares(s.To))
	})
}

func (s *Shift) read(all []provider.WorkerDeployment, mark string) workerSign {
	switch {
	case len(all) == 0:
		return elsewhere
	case sameShares(all[0].Shares, providerShares(s.To)):
		return shifted
	case all[0].ID == s.Seen:
		return unshifted
	case s.ours(all, mark) > 0:
		return overwritten
	}
	return elsewhere
}

// worker reads a Worker's deployments now.
func (s *site) worker(ctx context.Context, script string) ([]provider.WorkerDeployment, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	return s.workers.WorkerDeployments(ctx, script)
}

// shift brings a Worker's traffic where it is intended to be: it sends the call
// when none was begun and otherwise reads what became of it.
func (r *run) shift(ctx context.Context, s *Shift, name string) (result, error) {
	began := r.m.clock.Now()
	if s.Call.Attempt > 0 && s.Call.Answer == "" {
		// Its process died between the intent and the answer.
		s.Call.Answer = Lost
		r.note(r.step(&s.Call), Inconclusive, "The answer was lost: envdeck stopped in the middle. Looking at the platform before anything else.")
	}
	all, err := r.site.worker(ctx, s.Script)
	if err != nil {
		return keepGoing(retryPace, "%s cannot be read at the moment: %s", r.site.workerTitle, sentence(err)), nil
	}
	if s.Call.Attempt == 0 {
		return r.firstShift(ctx, s, name, all)
	}
	switch s.read(all, r.mark()) {
	case shifted:
		r.evidence(r.step(&s.Call), s.evidence(all, r.mark())...)
		r.finish(r.step(&s.Call), Pass, "%s", s.arrived(all, r.mark()))
		return result{outcome: there}, nil
	case overwritten:
		r.evidence(r.step(&s.Call), s.evidence(all, r.mark())...)
		r.finish(r.step(&s.Call), Inconclusive, "It was carried out, and then somebody deployed something else.")
		return result{outcome: foreign, cause: CauseSomebodyElse, message: elseDeployed(name, all[0]) + " It came after this operation's own deployment."}, nil
	case elsewhere:
		return r.elsewhere(s, name, all, began), nil
	}
	return r.unshifted(ctx, s, began)
}

// firstShift looks whether anything has to be sent, and sends it.
func (r *run) firstShift(ctx context.Context, s *Shift, name string, all []provider.WorkerDeployment) (result, error) {
	switch {
	case len(all) > 0 && sameShares(all[0].Shares, providerShares(s.To)):
		step := r.begin(string(VerbShift), 0, "")
		r.evidence(step, s.evidence(all, r.mark())...)
		r.finish(step, Pass, "Worker %s serves it already, so nothing is sent.", name)
		return result{outcome: there}, nil
	case len(all) == 0 || all[0].ID != s.Seen:
		message := "Nothing is deployed of Worker " + name + " any more."
		if len(all) > 0 {
			message = elseDeployed(name, all[0])
		}
		return result{outcome: foreign, cause: CauseMoved, message: message}, nil
	}
	return r.sendShift(ctx, s, name, 1)
}

// elsewhere decides about a Worker that serves what nobody here asked for.
func (r *run) elsewhere(s *Shift, name string, all []provider.WorkerDeployment, began time.Time) result {
	c := &s.Call
	if c.Answer == Lost {
		// The call may still be on its way, and would come on top.
		c.Waited += max(r.m.clock.Now().Sub(began), 0) + followPace
		if c.Waited < lostWait {
			return keepGoing(followPace, "Somebody else deployed Worker %s, and the answer to this operation's own call was lost. Watching what becomes of it (%s of %s).", name, c.Waited.Round(time.Second), lostWait)
		}
	}
	message := "Nothing is deployed of Worker " + name + " any more."
	if len(all) > 0 {
		message = elseDeployed(name, all[0])
	}
	switch c.Answer {
	case NotSent, Refusal:
		message += " Nothing was changed by this operation."
	case Taken:
		message += " The platform had taken this operation's call, and does not list its deployment."
	default:
		message += " Whether this operation's own call was carried out before is not to be seen."
	}
	r.finish(r.step(c), Inconclusive, "%s", message)
	return result{outcome: foreign, cause: CauseSomebodyElse, message: message}
}

// unshifted decides about a call of which nothing is to be seen.
func (r *run) unshifted(ctx context.Context, s *Shift, began time.Time) (result, error) {
	c := &s.Call
	switch c.Answer {
	case Taken:
		return keepGoing(followPace, "The platform took the call, and still shows what served before."), nil
	case NotSent: // it was not taken, so sending it again is no second call
		return r.sendShift(ctx, s, c.Target, c.Attempt)
	}
	c.Waited += max(r.m.clock.Now().Sub(began), 0) + followPace
	if c.Waited < lostWait {
		return keepGoing(followPace, "The platform's answer was lost. Watching whether the Worker's traffic moves (%s of %s).", c.Waited.Round(time.Second), lostWait), nil
	}
	if c.Attempt < mostSends {
		r.finish(r.step(c), Inconclusive, "Nothing moved within %s, so the call was not carried out. Sending it once more.", lostWait)
		return r.sendShift(ctx, s, c.Target, c.Attempt+1)
	}
	r.finish(r.step(c), Inconclusive, "Nothing moved, and the answer was lost twice.")
	return result{outcome: unknown, cause: CauseOutcome, message: "The platform's answer was lost twice, and Worker " + c.Target + " still serves what it served before. Look at the platform before you try again."}, nil
}

// sendShift commits the intent, makes the call and commits the answer. name is
// the Worker's.
func (r *run) sendShift(ctx context.Context, s *Shift, name string, attempt int) (result, error) {
	old, intended := *s, r.op.Work.Intended
	step := r.begin(string(VerbShift), attempt, "Give the traffic of Worker "+name+" to "+sharesText(providerShares(s.To))+".")
	s.Call = Call{Verb: VerbShift, Target: name, Attempt: attempt, At: r.m.clock.Now(), Step: step.Seq}
	r.op.Work.Intended = true
	if err := r.save(ctx, Change{Unless: true}); err != nil {
		*s, r.op.Work.Intended = old, intended
		r.op.Steps = r.op.Steps[:step.Seq-1]
		delete(r.changed, step.Seq)
		return result{}, err
	}
	limit, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	r.m.point("call." + string(VerbShift) + ".before")
	why := r.op.Reason
	if r.op.Worker == nil {
		why = "it goes back with the release"
	}
	made, err := r.site.workers.DeployWorker(limit, s.Script, providerShares(s.To), r.mark()+": "+why, s.Force)
	r.m.point("call." + string(VerbShift) + ".after")
	res := r.shiftAnswered(s, made, err)
	return res, r.save(ctx, Change{})
}

// shiftAnswered reads the platform's answer to a shift.
func (r *run) shiftAnswered(s *Shift, made provider.WorkerDeployment, err error) result {
	c, step := &s.Call, r.step(&s.Call)
	kind := fault.KindOf(err)
	switch {
	case err == nil:
		c.Answer, s.Made = Taken, made.ID
		r.note(step, Inconclusive, "The platform took the call. It is done when what serves says so.")
		return keepGoing(followPace/4, "The platform took the call.")
	case provider.OutcomeUnknown(err):
		c.Answer = Lost
		r.note(step, Error, "No certain answer: %s", sentence(err))
		return keepGoing(followPace, "The platform's answer was lost. Watching whether the Worker's traffic moves.")
	case kind.Retryable():
		c.Answer = NotSent
		r.finish(step, Error, "It was not taken: %s", sentence(err))
		return keepGoing(max(retryPace, min(fault.From(err).RetryAfter, time.Minute)), "%s Trying again.", sentence(err))
	}
	c.Answer = Refusal
	r.finish(step, Fail, "%s", sentence(err))
	out := result{outcome: rejected, cause: CauseProviderNo, message: sentence(err), err: err}
	switch {
	case kind == fault.Conflict && !s.Force:
		out.cause = CauseSecrets
		out.message += " Ask again with force to go back all the same."
	case kind == fault.NotFound:
		out.cause = CauseNotKept
	}
	return out
}

// arrived is in words how the Worker came to serve what was intended.
func (s *Shift) arrived(all []provider.WorkerDeployment, mark string) string {
	to := sharesText(providerShares(s.To))
	at := s.ours(all, mark)
	switch {
	case at < 0:
		return fmt.Sprintf("It serves %s, by a deployment that is not this operation's own.", to)
	case at > 0:
		return fmt.Sprintf("It serves %s; somebody deployed the same once more.", to)
	case len(all) > 1 && all[1].ID != s.Seen:
		// The platform takes no condition with a deployment, so what came between
		// the last look and the call is only seen afterwards.
		return fmt.Sprintf("It serves %s. Somebody had deployed %s in the moment before, which this has replaced: tell %s.", to, sharesText(all[1].Shares), cmpOr(hostile.Line(all[1].Author, 100), "whoever it was"))
	}
	return fmt.Sprintf("It serves %s.", to)
}

// evidence is what the platform shows.
func (s *Shift) evidence(all []provider.WorkerDeployment, mark string) []Evidence {
	if len(all) == 0 {
		return nil
	}
	out := []Evidence{{Label: "serves", Value: sharesText(all[0].Shares)}, {Label: "deployment", Value: all[0].ID}}
	if by := hostile.Line(all[0].Author, 100); by != "" && s.ours(all, mark) != 0 {
		out = append(out, Evidence{Label: "deployed by", Value: by})
	}
	return out
}

func elseDeployed(name string, live provider.WorkerDeployment) string {
	by := "Somebody else"
	if who := hostile.Line(live.Author, 100); who != "" {
		by += " (" + who + ")"
	}
	return by + " deployed Worker " + name + ": it serves " + sharesText(live.Shares) + " now. envdeck leaves it there."
}
