package release

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/hostile"
)

type envOf = catalog.Environment

// switching brings production to the build, whichever way leads there.
func (r *run) switching(ctx context.Context) (turn, error) {
	switch {
	case r.op.Work.Fallen, r.op.Action == Deploy && r.op.Work.Built == nil && r.site.workflow(deployBy):
		return r.byWorkflow(ctx)
	case (r.op.Action == Deploy || r.op.Work.Ask.Rebuild) && !r.built():
		return r.build(ctx)
	}
	verb := VerbPromote
	if r.op.Action == Rollback {
		verb = VerbRollback
	}
	res, err := r.move(ctx, verb, r.op.To, r.op.From.id())
	if err != nil {
		return turn{}, err
	}
	switch res.outcome {
	case there:
		r.changedProduction(ctx, r.op.To)
		return to(Confirming, "", "Every domain points at %s. Asking the site whether it serves it.", r.op.To.ID), nil
	case rejected:
		return r.fall(res), nil
	case unmoved:
		return to(Failed, res.cause, "%s Production is as it was.", res.message), nil
	case partial:
		if r.op.Action == Rollback {
			return to(NeedsHuman, res.cause, "%s envdeck does not roll back a rollback: look at the platform.", res.message), nil
		}
		return r.goBack(ctx, res.cause, res.message)
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

func (r *run) built() bool { return r.op.Work.Built != nil && r.op.To.id() == r.op.Work.Built.ID }

// fall takes the workflow's way when the platform has technical troubles.
func (r *run) fall(res result) turn {
	commit := r.op.To.commit()
	if r.op.Action == Promote && r.site.Rules.Fallback && r.site.workflow(deployBy) && commit != "" && technical(res.err) && !r.op.Work.Fallen {
		r.op.Work.Fallen, r.op.Work.FellFor, r.op.Work.Call = true, res.message, nil
		r.op.Work.Intended = false // the platform said no
		step := r.begin("fallback", 0, "")
		r.finish(step, Inconclusive, "The platform could not: %s The deploy workflow takes over, pinned to %s.", res.message, hostile.Short(commit))
		return turn{message: "The platform could not; starting the deploy workflow.", commit: true}
	}
	return to(Failed, res.cause, "%s Production is as it was.", res.message)
}

// changedProduction notes that production is at another build, and tells
// screens that what they show is old.
func (r *run) changedProduction(ctx context.Context, to *Build) {
	if n := len(r.op.Work.Moves); n == 0 || r.op.Work.Moves[n-1].Build != to.id() {
		r.op.Work.Moves = append(r.op.Work.Moves, Move{At: r.m.clock.Now(), Build: to.id(), Commit: to.commit(), Back: r.op.Phase == RollingBack || r.op.Action == Rollback})
	}
	if r.site.Refresh == nil {
		return
	}
	r.asking.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, 2*readLimit)
		defer cancel()
		r.site.Refresh(ctx)
	})
}

// confirmEvery is the pace of the three probes in a row.
const (
	confirmEvery  = time.Second
	inRow         = 3
	mostNameless  = 10
	confirmedName = "served"
)

// ask probes the site now; the sample of a site that cannot be asked says so.
func (r *run) ask(ctx context.Context) health.Sample {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	s, err := r.site.Health.ProbeNow(ctx, r.op.Project, r.op.Environment)
	if err != nil {
		return health.Sample{At: r.m.clock.Now(), Verdict: health.Unknown, Reason: "it could not be asked"}
	}
	return s
}

func (r *run) askable() bool { return r.site.Health != nil && r.env.HealthURL() != nil }

// confirming asks the site itself whether it serves the build.
func (r *run) confirming(ctx context.Context) (turn, error) {
	began := r.m.clock.Now()
	step := r.current(confirmedName)
	c := &r.op.Work.Confirm
	if r.lookDue(ctx) {
		if t, moved := r.superseded(); moved {
			return t, nil
		}
	}
	if !r.askable() || r.op.To.commit() == "" {
		return r.unprovable(step, "The site has no health endpoint, or the build no commit"), nil
	}
	text, ok := r.probeFor(ctx, step, r.op.To, r.op.Action == Rollback)
	switch {
	case ok && r.op.Action == Rollback:
		return r.succeed(fmt.Sprintf("%s serves %s again.", r.env.Name, name(r.op.To)))
	case ok:
		return r.startBake(fmt.Sprintf("%s serves %s. Watching it.", r.env.Name, name(r.op.To))), nil
	case r.op.Action != Rollback && sick(c.Dots):
		return r.sickNow(ctx, text)
	case c.Nameless >= mostNameless:
		return r.unprovable(step, "The health endpoint answers, and does not say which commit it serves"), nil
	}
	return stay(left(r.m.clock.Now(), began, confirmEvery), "Asking the site whether it serves the build (%d of %d in a row). %s", c.InRow, inRow, text), nil
}

// probeFor asks once and counts; true when the build was proven to be served
// three times in a row, by answers that no cache gave.
func (r *run) probeFor(ctx context.Context, step *Step, b *Build, whateverHealth bool) (string, bool) {
	s := r.ask(ctx)
	c := &r.op.Work.Confirm
	d := dot(s, b.Commit)
	c.Dots = push(c.Dots, d, 60)
	proof := served(s.Commit, b.Commit) && !s.Cached && (whateverHealth || d == 'h' || d == 'd')
	switch {
	case proof:
		c.InRow++
	default:
		c.InRow = 0
	}
	if s.Commit == "" && (d == 'h' || d == 'd') {
		c.Nameless++
	} else {
		c.Nameless = 0
	}
	r.evidence(step, Evidence{Label: "probes", Value: c.Dots}, Evidence{Label: "last answer", Value: answerOf(s), URL: r.env.HealthURL().String()})
	if c.InRow >= inRow {
		r.finish(step, Pass, "%d answers in a row name %s, none of them from a cache.", c.InRow, hostile.Short(b.Commit))
		return "", true
	}
	r.note(step, Inconclusive, "%d of %d answers in a row name %s.", c.InRow, inRow, hostile.Short(b.Commit))
	return answerOf(s), false
}

func answerOf(s health.Sample) string {
	parts := []string{string(s.Verdict)}
	if s.Reason != "" {
		parts = append(parts, s.Reason)
	}
	if s.Commit != "" {
		parts = append(parts, "commit "+hostile.Short(s.Commit))
	}
	if s.Cached {
		parts = append(parts, "from a cache")
	}
	return strings.Join(parts, ", ")
}

// unprovable goes on without a proof, which it never calls one.
func (r *run) unprovable(step *Step, why string) turn {
	r.finish(step, Inconclusive, "%s, so nothing can prove that this build is served.", why)
	if r.op.Action == Rollback {
		return r.endBack(NeedsHuman, CauseNotProven, "Every domain points at %s. %s, so look at the site yourself.", r.op.To.ID, why)
	}
	t := r.startBake("Every domain points at the build, and nothing can prove that it is served. Watching the site.")
	r.op.Bake.Unproven = true
	return t
}

// left is what remains of a pace that began.
func left(now, began time.Time, pace time.Duration) time.Duration {
	return max(pace-now.Sub(began), 10*time.Millisecond)
}

// lookDue keeps a look at production coming in beside the probes, and says
// when a new one is there.
func (r *run) lookDue(ctx context.Context) bool {
	now := r.m.clock.Now()
	pace := lookEvery
	if r.op.Bake != nil && strings.Contains(last(r.op.Bake.Dots), "b") || strings.Contains(last(r.op.Work.Confirm.Dots), "b") {
		pace = probeEvery // a rollback may be near, and must know where production is
	}
	if now.Sub(r.nextAt.look) >= pace {
		r.nextAt.look = now
		r.looks.ask(&r.asking, func() (seen, bool) {
			ctx, cancel := context.WithTimeout(ctx, readLimit)
			defer cancel()
			live, err := r.site.platform.Live(ctx)
			return seen{live, now}, err == nil
		})
	}
	if s := r.looks.take(); s != nil && (r.look == nil || s.at.After(r.look.at)) {
		r.look = s
		return true
	}
	return false
}

// superseded says that somebody else moved production on.
func (r *run) superseded() (turn, bool) {
	live := r.look.live
	if pointsAt(live, r.op.To.id()) {
		return turn{}, false
	}
	return to(Superseded, CauseSomebodyElse, "%s", somebody(r.env.Name, live)), true
}

func (r *run) startBake(message string) turn {
	now := r.m.clock.Now()
	b := r.op.Work.Before
	r.op.Bake = &Watch{Since: now, Until: now.Add(r.site.Rules.Bake)}
	if b != nil {
		r.op.Bake.Before, r.op.Bake.SickBefore = b.Errors, b.Healthy == Fail
	}
	return to(Baking, "", "%s", message)
}

func (r *run) succeed(message string) (turn, error) {
	if r.op.Action == Rollback {
		r.op.Stayed = r.stayed(r.op.From, r.op.To)
		return r.endBack(Succeeded, "", "%s", message), nil
	}
	return to(Succeeded, "", "%s", message), nil
}

// baking watches the new build until its time is over.
func (r *run) baking(ctx context.Context) (turn, error) {
	began := r.m.clock.Now()
	step, w := r.current("watch"), r.op.Bake
	if r.lookDue(ctx) {
		if t, moved := r.superseded(); moved {
			r.finish(step, Inconclusive, "Production was moved by somebody else.")
			return t, nil
		}
	}
	if r.askable() {
		s := r.ask(ctx)
		w.add(dot(s, r.op.To.commit()), answerOf(s))
		if sick(w.Dots) {
			return r.sickNow(ctx, w.Health)
		}
	}
	if fail, text := r.errorsNow(ctx, w); fail {
		return r.errorsRose(ctx, text)
	}
	r.evidence(step, Evidence{Label: "probes", Value: fmt.Sprintf("%d healthy, %d degraded, %d bad, %d unknown", w.Healthy, w.Degraded, w.Bad, w.Unknown)}, Evidence{Label: "errors", Value: w.ErrorsText})
	verdict, text := w.health()
	r.note(step, verdict, "%s", text)
	if r.bakedFor() >= r.site.Rules.Bake && w.ErrorsSay == Fail {
		// One bad count may be chance and is no pass: the next one decides.
		return stay(left(r.m.clock.Now(), began, probeEvery), "The time is over, and the last count of errors was bad. Counting once more: %s", w.ErrorsText), nil
	}
	if r.bakedFor() >= r.site.Rules.Bake && verdict == Pass {
		r.finish(step, Pass, "%s. Errors: %s.", text, w.ErrorsText)
		return r.succeed(fmt.Sprintf("%s serves %s, and stayed well for %s.", r.env.Name, name(r.op.To), r.site.Rules.Bake))
	}
	if r.bakedFor() >= r.site.Rules.Bake {
		return stay(left(r.m.clock.Now(), began, probeEvery), "The time is over, and the evidence is not enough yet: %s.", text), nil
	}
	return stay(left(r.m.clock.Now(), began, probeEvery), "Watching %s until %s.", r.env.Name, w.Until.Format("15:04:05 UTC")), nil
}

// bakedFor is how long the build was watched, by a process that was alive.
func (r *run) bakedFor() time.Duration {
	return r.op.Work.Spent + max(r.m.clock.Now().Sub(r.since), 0)
}

// errorsNow keeps the count of errors coming in beside the probes; true when
// it is bad twice in a row.
func (r *run) errorsNow(ctx context.Context, w *Watch) (bool, string) {
	if r.site.errors == nil || r.env.Sentry == "" {
		w.ErrorsSay, w.ErrorsText = Inconclusive, "nobody counts them here"
		return false, ""
	}
	now := r.m.clock.Now()
	over := now.Sub(w.Since).Truncate(time.Minute)
	if over >= time.Minute && now.Sub(r.nextAt.errors) >= errorsEvery {
		r.nextAt.errors = now
		r.counts.ask(&r.asking, func() (count, bool) {
			ctx, cancel := context.WithTimeout(ctx, readLimit)
			defer cancel()
			counts, err := r.site.errors.ErrorCounts(ctx, over)
			return count{Rate{counts[r.env.Sentry], over}, err}, true
		})
	}
	got := r.counts.take()
	switch {
	case got == nil:
	case got.err != nil:
		w.ErrorsSay, w.ErrorsText = Error, fault.From(got.err).Message
	default:
		w.Errors = &got.rate
		w.Counts = append(w.Counts, got.rate)
		w.Counts = w.Counts[max(0, len(w.Counts)-maxCounts):]
		w.ErrorsSay, w.ErrorsText = judgeErrors(w.Before, got.rate)
		if w.ErrorsSay == Fail {
			w.ErrorFails++
		} else {
			w.ErrorFails = 0
		}
	}
	return w.ErrorFails >= errorsTwice, w.ErrorsText
}

// sickNow decides about a build whose health has failed.
func (r *run) sickNow(ctx context.Context, text string) (turn, error) {
	message := fmt.Sprintf("%d of the last %d probes were bad: %s", badInWindow, window, text)
	if b := r.op.Work.Before; b != nil && b.Healthy == Fail {
		return to(NeedsHuman, CauseSickBefore, "%s. Production was unhealthy before this release too (%s), so going back would not mend it: envdeck does not roll back by itself.", message, b.Health), nil
	}
	return r.goBack(ctx, CauseSick, message)
}

func (r *run) errorsRose(ctx context.Context, text string) (turn, error) {
	return r.goBack(ctx, CauseErrors, "Errors rose: "+text)
}

// goBack begins the rollback by rule. The phase and the intent of the call are
// one commit, so that nothing but that stands between the verdict and the call.
func (r *run) goBack(ctx context.Context, c Cause, message string) (turn, error) {
	switch {
	case r.op.Back == nil || r.op.Back.ID == r.op.To.id():
		return to(NeedsHuman, c, "%s. There is no build to go back to.", message), nil
	case r.op.Action == Rollback: // never a rollback of a rollback
		return to(NeedsHuman, c, "%s. envdeck does not roll back a rollback.", message), nil
	}
	if cause, on := r.stepsOver(); !on {
		return r.asks(cause, message), nil
	}
	r.op.Work.BackCause, r.op.Work.BackMessage = c, message
	for i := range r.op.Steps {
		if s := &r.op.Steps[i]; s.EndedAt == nil {
			r.finish(s, Fail, "%s", message)
		}
	}
	live, known := r.recent()
	if !known {
		// Whether production is still this operation's has to be read first.
		return to(RollingBack, c, "%s. Looking where production is before going back.", message), nil
	}
	if !pointsAt(live, r.op.To.id()) {
		return to(Superseded, CauseSomebodyElse, "%s. %s", message, somebody(r.env.Name, live)), nil
	}
	if err := r.enter(RollingBack, c); err != nil {
		return turn{}, err
	}
	r.op.Message = message + ". Going back to " + name(r.back()) + "."
	if running(live.Switch) {
		return turn{wait: followPace}, nil
	}
	res, err := r.send(ctx, VerbRollback, r.back(), 1)
	if err != nil {
		return turn{}, err
	}
	return r.rolling(ctx, res)
}

// rollingBack takes production back and proves it.
func (r *run) rollingBack(ctx context.Context) (turn, error) {
	if r.back() == nil {
		return to(RollbackFailed, CauseNoTarget, "There is no build to go back to."), nil
	}
	if c := r.op.Work.Call; c != nil && c.Verb == VerbRollback && c.Answer == Adopted {
		return r.confirmBack(ctx)
	}
	res, err := r.move(ctx, VerbRollback, r.back(), r.op.To.id())
	if err != nil {
		return turn{}, err
	}
	return r.rolling(ctx, res)
}

func (r *run) rolling(ctx context.Context, res result) (turn, error) {
	switch res.outcome {
	case there:
		r.changedProduction(ctx, r.back())
		if r.op.Work.Call == nil {
			r.op.Work.Call = &Call{Verb: VerbRollback, Target: r.back().ID, At: r.m.clock.Now()}
		}
		r.op.Work.Call.Answer = Adopted // the domains are back; now the site
		return turn{message: fmt.Sprintf("Every domain points at %s again. Asking the site.", r.back().ID), commit: true}, nil
	case rejected, unmoved, partial, unknown:
		return to(RollbackFailed, res.cause, "%s %s", res.message, r.nextCommands()), nil
	case foreign:
		return to(Superseded, CauseSomebodyElse, "%s", res.message), nil
	default:
		return turn{wait: res.wait, message: res.message}, nil
	}
}

// confirmBack asks the site whether it serves the old build again.
func (r *run) confirmBack(ctx context.Context) (turn, error) {
	began := r.m.clock.Now()
	b := r.back()
	done := func(proof string) (turn, error) {
		r.op.Stayed = r.stayed(r.op.To, b)
		return r.endBack(RolledBack, r.op.Work.BackCause, "%s went back to %s. %s Why: %s", r.env.Name, name(b), proof, r.op.Work.BackMessage), nil
	}
	if !r.askable() || b.Commit == "" {
		return done("Every domain points at it; nothing can prove that it is served.")
	}
	step := r.current(confirmedName)
	text, ok := r.probeFor(ctx, step, b, true)
	switch c := r.op.Work.Confirm; {
	case ok:
		return done("The site says so.")
	case c.Nameless >= mostNameless:
		r.finish(step, Inconclusive, "The health endpoint does not say which commit it serves.")
		return done("Every domain points at it; the site does not say what it serves.")
	}
	return stay(left(r.m.clock.Now(), began, confirmEvery), "The domains are back. Asking the site. %s", text), nil
}

// nextCommands is what a person can do when a rollback did not work.
func (r *run) nextCommands() string {
	return fmt.Sprintf("Do it by hand: vercel rollback %s, or the platform's own page; then look at every domain of %s.", r.back().id(), r.env.Name)
}

// stayed is what going back from one build to another does not take back.
func (r *run) stayed(from, back *Build) []string {
	all := []string{
		"Database: nothing was changed. Migrations that " + hostile.Short(from.commit()) + " brought are still applied, and " + hostile.Short(back.commit()) + " runs on that schema.",
		"Environment variables: the build runs with those it was built with, not with today's.",
		"Pushes to the production branch do not go live any more, until somebody promotes a build: the platform has pinned production.",
	}
	crons := "Crons: the platform's own pages disagree on whether they go back. Look at the list of crons."
	if b := r.op.Work.Before; b != nil && b.CronsOf != "" {
		crons = fmt.Sprintf("Crons: before this operation they were those of %s. Compare them with the list of crons, because the platform's own pages disagree on whether they go back.", b.CronsOf)
	}
	return append(all, crons)
}
