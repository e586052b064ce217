package release

import (
	"context"
	"fmt"

	"github.com/envdeck/envdeck/internal/hostile"
)

// workerTurn does the work of a phase of an operation on a Worker once.
func (r *run) workerTurn(ctx context.Context) (turn, error) {
	switch r.op.Phase {
	case Requested:
		return to(Preflight, "", "Checking what Worker %s serves and whether it may go back to this version.", r.op.Worker.Name), nil
	case Preflight:
		return r.workerPreflight(ctx), nil
	case Switching:
		return r.workerSwitching(ctx)
	case Confirming:
		return r.workerConfirming(ctx), nil
	default:
		return r.giveUp(CauseDefect, "This envdeck does not know the phase %q of an operation on a Worker. A newer one made it; start that again.", r.op.Phase), nil
	}
}

// workerPreflight decides, unless the Desk could read everything already: the
// switch looks once more anyway.
func (r *run) workerPreflight(ctx context.Context) turn {
	step := r.current("preflight")
	if r.op.Worker.Deployment == "" {
		refused, err := r.m.considerWorker(ctx, r.site, &r.op)
		switch {
		case err != nil:
			r.note(step, Error, "%s", sentence(err))
			return stay(retryPace, "Waiting for the platform: %s", sentence(err))
		case refused != nil:
			r.finish(step, Fail, "%s", refused.message)
			return to(Refused, refused.cause, "%s", refused.message)
		}
	}
	facts := []Evidence{{Label: "serves now", Value: sharesText(providerShares(r.op.Worker.Serving))}, {Label: "to serve", Value: versionName(r.op.To)}}
	if r.op.Work.Ask.Force {
		facts = append(facts, Evidence{Label: "forced", Value: "also if a secret has changed since that version"})
	}
	r.evidence(step, facts...)
	r.finish(step, Pass, "Nothing speaks against it.")
	return to(Switching, "", "Nothing speaks against it.")
}

func (r *run) workerSwitching(ctx context.Context) (turn, error) {
	w := r.op.Worker
	if r.op.Work.Shift == nil {
		r.op.Work.Shift = &Shift{Script: w.Script, To: []VersionShare{{VersionID: r.op.To.ID, Percent: 100}}, Force: r.op.Work.Ask.Force, Seen: w.Deployment}
	}
	res, err := r.shift(ctx, r.op.Work.Shift, w.Name)
	if err != nil {
		return turn{}, err
	}
	switch res.outcome {
	case there:
		return to(Confirming, "", "Worker %s shows %s. Reading it until that is certain.", w.Name, versionName(r.op.To)), nil
	case rejected:
		return to(Failed, res.cause, "%s Worker %s is as it was.", res.message, w.Name), nil
	case foreign:
		if !r.op.Switched() {
			return to(Refused, CauseMoved, "%s Nothing was changed by this operation.", res.message), nil
		}
		return to(Superseded, res.cause, "%s", res.message), nil
	case unknown:
		return to(NeedsHuman, res.cause, "%s", res.message), nil
	default:
		return turn{wait: res.wait, message: res.message}, nil
	}
}

// workerConfirming reads what serves until it is the version three times in a
// row: one look may be an old answer, or come before somebody else's
// deployment that was under way.
func (r *run) workerConfirming(ctx context.Context) turn {
	began := r.m.clock.Now()
	w, s, c := r.op.Worker, r.op.Work.Shift, &r.op.Work.Confirm
	step := r.current("serving")
	all, err := r.site.worker(ctx, w.Script)
	if err != nil {
		c.InRow = 0
		r.note(step, Error, "%s", sentence(err))
		return stay(retryPace, "What Worker %s serves cannot be read at the moment: %s", w.Name, sentence(err))
	}
	r.evidence(step, s.evidence(all, r.mark())...)
	switch s.read(all, r.mark()) {
	case shifted:
		c.InRow++
	case unshifted:
		c.InRow = 0
		r.note(step, Inconclusive, "The platform shows what served before.")
		return stay(left(r.m.clock.Now(), began, confirmEvery), "The platform shows again what Worker %s served before. Reading on.", w.Name)
	default:
		message := "Nothing is deployed of Worker " + w.Name + " any more."
		if len(all) > 0 {
			message = elseDeployed(w.Name, all[0])
		}
		r.finish(step, Inconclusive, "%s", message)
		return to(Superseded, CauseSomebodyElse, "%s The rollback had been carried out before.", message)
	}
	if c.InRow < inRow {
		r.note(step, Inconclusive, "%d of %d answers in a row name the version with all of the traffic.", c.InRow, inRow)
		return stay(left(r.m.clock.Now(), began, confirmEvery), "Reading what Worker %s serves (%d of %d in a row).", w.Name, c.InRow, inRow)
	}
	r.finish(step, Pass, "%d answers in a row name the version with all of the traffic.", inRow)
	r.op.Stayed = workerStayed()
	return to(Succeeded, "", "Worker %s serves %s again.", w.Name, versionName(r.op.To))
}

// workerStayed is what going back to another version does not take back.
func workerStayed() []string {
	return []string{
		"What the Worker keeps outside of itself (databases, objects, queues, key-value pairs): nothing was changed there.",
		"Routes, custom domains and cron triggers: they are not part of a version and stay as they are.",
	}
}

// workerLate is the exit of a phase of an operation on a Worker whose time is
// over.
func (r *run) workerLate(s stage, t turn) turn {
	out := turn{phase: s.late, cause: s.cause}
	w := r.op.Worker
	switch r.op.Phase {
	case Switching:
		sent := r.op.Work.Shift != nil && r.op.Work.Shift.Call.Attempt > 0
		if a := Answer(""); sent {
			a = r.op.Work.Shift.Call.Answer
			sent = a != NotSent && a != Refusal
		}
		if !sent {
			out.phase, out.cause = Failed, CauseProviderNo
			out.message = fmt.Sprintf("The platform did not take it within %s, and nothing was changed. Last: %s", r.deadline(), t.message)
			break
		}
		out.message = fmt.Sprintf("The platform did not show within %s that Worker %s serves %s. Look at the platform: it may or may not. Last: %s", r.deadline(), w.Name, hostile.Line(r.op.To.id(), 100), t.message)
	case Confirming:
		out.message = fmt.Sprintf("The platform took it, and did not prove within %s that Worker %s serves %s. Look at the platform. Last: %s", r.deadline(), w.Name, hostile.Line(r.op.To.id(), 100), t.message)
	default:
		out.message = "It took too long, and nothing was changed. Last: " + t.message
	}
	return out
}
