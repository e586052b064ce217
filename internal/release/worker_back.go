package release

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/hostile"
)

// RecordedWorker is a Worker that belongs to releases, as it was before one was
// switched, and what became of it when that release was taken back.
type RecordedWorker struct {
	Name       string         `json:"name"`
	Script     string         `json:"script"`
	Deployment string         `json:"deployment,omitempty"`
	Serving    []VersionShare `json:"serving,omitempty"`
	// Unknown is why it could not be read, "" when it could.
	Unknown string `json:"unknown,omitempty"`

	Shift *Shift   `json:"shift,omitempty"` // the way back; nil while none was begun
	Back  wentBack `json:"back,omitempty"`  // "" until that is over
	Left  string   `json:"left,omitempty"`  // why it did not go back
}

type wentBack string

const (
	workerSame wentBack = "same" // it serves what was recorded
	workerBack wentBack = "back"
	workerLeft wentBack = "left"
)

// Ending is how an operation ends as soon as its Workers went back, or could
// not.
type Ending struct {
	Phase   Phase  `json:"phase"`
	Cause   Cause  `json:"cause,omitempty"`
	Message string `json:"message"`
	Found   bool   `json:"found,omitempty"` // what was recorded has been looked up
}

// workersLimit is how long the Workers may take. Production is back by then, so
// the operation does not wait for them any longer.
const workersLimit = 2 * time.Minute

// recordWorkers writes down what the Workers of a release serve, before the
// switch. One that cannot be read keeps nobody from releasing.
func (r *run) recordWorkers(ctx context.Context) {
	names := r.site.Rules.Workers
	if len(names) == 0 || !production(r.env) || r.op.Action == Rollback || r.op.Work.Workers != nil {
		return
	}
	step := r.begin("workers", 0, "")
	all := make([]RecordedWorker, len(names))
	var reads sync.WaitGroup
	for i, name := range names {
		reads.Go(func() { all[i] = r.site.recorded(ctx, name) })
	}
	reads.Wait()
	var facts []Evidence
	unknown := 0
	for _, w := range all {
		value := sharesText(providerShares(w.Serving))
		if w.Unknown != "" {
			unknown++
			value = "not known: " + w.Unknown
		}
		facts = append(facts, Evidence{Label: hostile.Line(w.Name, hostile.NameLimit), Value: value})
	}
	r.op.Work.Workers = all
	r.evidence(step, facts...)
	if unknown > 0 {
		r.finish(step, Inconclusive, "What %d of %s served could not be read: they will not go back with the release.", unknown, plural(len(all), "Worker"))
		return
	}
	r.finish(step, Pass, "What the Workers of the release serve is written down: they go back with it.")
}

func (s *site) recorded(ctx context.Context, name string) RecordedWorker {
	w := RecordedWorker{Name: name}
	script, refused := s.script(name)
	if refused != nil {
		w.Unknown = refused.message
		return w
	}
	w.Script = script
	all, err := s.worker(ctx, script)
	switch {
	case err != nil:
		w.Unknown = sentence(err)
	case len(all) == 0:
		w.Unknown = "Nothing was deployed yet."
	default:
		w.Deployment, w.Serving = all[0].ID, workerShares(all[0].Shares)
	}
	return w
}

// endBack ends the way back of production. Where Workers belong to the release
// they go back first; whatever becomes of them, the end is this one.
func (r *run) endBack(p Phase, c Cause, format string, args ...any) turn {
	message := fmt.Sprintf(format, args...)
	if len(r.site.Rules.Workers) == 0 && len(r.op.Work.Workers) == 0 {
		return to(p, c, "%s", message)
	}
	r.op.Work.Ending, r.op.Work.Spent = &Ending{Phase: p, Cause: c, Message: message}, 0
	return turn{message: "Production is back. Looking at the Workers that belong to the release.", commit: true}
}

// ending takes the Workers back and then ends the operation.
func (r *run) ending(ctx context.Context) (turn, error) {
	w := &r.op.Work
	if !w.Ending.Found {
		if err := r.findRecord(ctx); err != nil {
			return turn{}, err
		}
		w.Ending.Found = true
	}
	next := turn{wait: followPace}
	pending := false
	for i := range w.Workers {
		one := &w.Workers[i]
		if one.Back != "" {
			continue
		}
		res, err := r.takeBack(ctx, one)
		if err != nil {
			return turn{}, err
		}
		if one.Back == "" {
			pending, next.message = true, res.message
			next.wait = min(next.wait, max(res.wait, followPace/4))
		}
	}
	if pending {
		return next, nil
	}
	return r.ended(), nil
}

// takeBack does one step of one Worker's way back.
func (r *run) takeBack(ctx context.Context, one *RecordedWorker) (result, error) {
	if one.Unknown != "" {
		one.left("what it served before is not known. %s", one.Unknown)
		return result{}, nil
	}
	if r.site.workers == nil {
		one.left("the configuration names nobody any more who could do it.")
		return result{}, nil
	}
	if one.Shift == nil {
		all, err := r.site.worker(ctx, one.Script)
		switch {
		case err != nil:
			return keepGoing(retryPace, "Production is back. Worker %s cannot be read at the moment: %s", one.Name, sentence(err)), nil
		case len(all) == 0:
			one.left("nothing is deployed of it any more.")
			return result{}, nil
		case sameShares(all[0].Shares, providerShares(one.Serving)):
			one.Back = workerSame
			return result{}, nil
		}
		one.Shift = &Shift{Script: one.Script, To: one.Serving, Seen: all[0].ID}
	}
	res, err := r.shift(ctx, one.Shift, one.Name)
	switch {
	case err != nil:
		return result{}, err
	case res.outcome == there:
		one.Back = workerBack
	case res.outcome != pending:
		one.left("%s%s", res.message, one.byHand())
	}
	return res, nil
}

func (w *RecordedWorker) left(format string, args ...any) {
	w.Back, w.Left = workerLeft, fmt.Sprintf(format, args...)
}

// byHand is what a person can do about a Worker that did not go back.
func (w *RecordedWorker) byHand() string {
	if len(w.Serving) != 1 {
		return " Before the release it served " + sharesText(providerShares(w.Serving)) + "."
	}
	return fmt.Sprintf(" Do it by hand: envdeck worker rollback %s %s", w.Name, w.Serving[0].VersionID)
}

// ended is the end of an operation whose Workers are as far back as they go.
func (r *run) ended() turn {
	w := &r.op.Work
	step := r.current("workers back")
	went, facts := []string{}, []Evidence{}
	left := 0
	for i := range w.Workers {
		one := &w.Workers[i]
		name := hostile.Line(one.Name, hostile.NameLimit)
		switch one.Back {
		case workerSame:
			facts = append(facts, Evidence{Label: name, Value: "serves what it served before the release"})
		case workerBack:
			went = append(went, name)
			facts = append(facts, Evidence{Label: name, Value: "went back to " + sharesText(providerShares(one.Serving))})
		default:
			left++
			facts = append(facts, Evidence{Label: name, Value: "did not go back: " + one.Left})
			r.op.Stayed = append(r.op.Stayed, "Worker "+name+" did not go back: "+one.Left)
		}
	}
	r.evidence(step, facts...)
	message := w.Ending.Message
	if len(went) > 0 {
		message = strings.TrimSuffix(message, ".") + ". With it went back: " + strings.Join(went, ", ") + "."
	}
	if left > 0 {
		r.finish(step, Inconclusive, "%d of %s did not go back.", left, plural(len(w.Workers), "Worker"))
		message += fmt.Sprintf(" %s did not.", plural(left, "Worker"))
	} else {
		r.finish(step, Pass, "The Workers of the release serve what they served before it.")
	}
	return to(w.Ending.Phase, w.Ending.Cause, "%s", message)
}

// endingLate ends an operation whose Workers took too long.
func (r *run) endingLate(t turn) turn {
	w := &r.op.Work
	if !w.Ending.Found {
		w.Workers = r.unrecorded("it could not be looked up what they served before.")
	}
	for i := range w.Workers {
		if one := &w.Workers[i]; one.Back == "" {
			one.left("it did not end within %s, and may have happened or not. Last: %s%s", workersLimit, t.message, one.byHand())
		}
	}
	return r.ended()
}

// findRecord looks up what the Workers served when the build that production
// went back to was live.
func (r *run) findRecord(ctx context.Context) error {
	w := &r.op.Work
	from, back := r.op.From.id(), r.op.To.id()
	if r.op.Action != Rollback {
		if back = r.back().id(); back == from {
			return nil // it is this release's own record
		}
		w.Workers = nil
	}
	ops, err := r.m.store.Operations(ctx, Query{Project: r.op.Project, Environment: r.op.Environment, Limit: 50})
	if err != nil {
		return err
	}
	recorded, ok := recordedBefore(ops, from, back)
	if !ok {
		recorded = r.unrecorded("no release that was made here leads back to that build, so nobody wrote down what it served then.")
	}
	w.Workers = recorded
	return nil
}

// unrecorded is the Workers of a release of which nothing was written down.
func (r *run) unrecorded(why string) []RecordedWorker {
	var all []RecordedWorker
	for _, name := range r.site.Rules.Workers {
		all = append(all, RecordedWorker{Name: name, Unknown: strings.ToUpper(why[:1]) + why[1:]})
	}
	return all
}

// recordedBefore is what the Workers served when an older build was live: the
// record of the release that replaced it, found by going back from what is
// live release by release. ops are the newest first.
func recordedBefore(ops []Operation, live, older string) ([]RecordedWorker, bool) {
	var found []RecordedWorker
	for i := range ops {
		o := &ops[i]
		if live == older {
			break
		}
		if o.Action != Rollback && o.Switched() && o.Phase.Ended() && o.To.id() == live && o.From.id() != "" {
			found, live = o.Work.Workers, o.From.ID
		}
	}
	if live != older || len(found) == 0 {
		return nil, false
	}
	found = slices.Clone(found)
	for i := range found {
		found[i].Shift, found[i].Back, found[i].Left = nil, "", ""
	}
	return found, true
}

// goBackToo names the Workers that go back with production to an older build.
func goBackToo(ops []Operation, live, older string) []string {
	var names []string
	recorded, _ := recordedBefore(ops, live, older)
	for _, w := range recorded {
		if w.Unknown == "" {
			names = append(names, w.Name)
		}
	}
	return names
}
