package alert

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/hostile"
)

// judgeEnvironment looks at what the probes found lately.
func (e *Engine) judgeEnvironment(ctx context.Context, call Call) error {
	project, name, _ := strings.Cut(call.Subject, "/")
	p, known := e.catalog.Project(project)
	env, there := p.Environment(name)
	if !known || !there || env.Kind == catalog.Local { // a developer's machine may be off
		return e.store.Apply(ctx, Change{Done: &call})
	}
	// Samples that lie far apart say nothing of each other.
	span := max(10*time.Minute, 2*e.interval*time.Duration(rules[HealthDown].Of))
	samples, err := e.store.SamplesSince(ctx, project, name, e.clock.Now().Add(-span))
	if err != nil {
		return err
	}
	var again time.Time
	for _, f := range healthFindings(project, name, samples) {
		f.call = &call
		c, next, err := e.decide(ctx, f)
		if err != nil {
			return err
		}
		if len(c.Conditions)+len(c.Incidents)+len(c.Entries) > 0 {
			if err := e.apply(ctx, c); err != nil {
				return err
			}
		}
		again = sooner(again, next)
	}
	return e.finish(ctx, call, again)
}

// healthFindings is what the rules of health see. A sample that could not tell
// is no mark: it is neither good nor bad.
func healthFindings(project, name string, samples []health.Sample) []finding {
	down := finding{key: Key{project, name, HealthDown, ""}, rule: rules[HealthDown], title: name + " is down"}
	degraded := finding{key: Key{project, name, HealthDegraded, ""}, rule: rules[HealthDegraded], title: name + " is degraded"}
	for i := range samples {
		s := &samples[i]
		if s.Offline {
			continue
		}
		text := fmt.Sprintf("The check of %s found it %s", clockTime(s.At), s.Verdict)
		if s.Reason != "" {
			text += ": " + hostile.Line(s.Reason, 200)
		}
		text += "."
		switch s.Verdict {
		case health.Down:
			down.marks = append(down.marks, mark{at: s.At, bad: true, text: text})
			down.reason = text
		case health.Degraded:
			down.marks = append(down.marks, mark{at: s.At})
			degraded.marks = append(degraded.marks, mark{at: s.At, bad: true, text: text})
			degraded.reason = text
		case health.Healthy:
			down.marks = append(down.marks, mark{at: s.At})
			degraded.marks = append(degraded.marks, mark{at: s.At})
		case health.Unknown:
		}
	}
	return []finding{down, degraded}
}

// lookAtSources opens an incident for a source that has been silent for long,
// and closes it when it answers.
func (e *Engine) lookAtSources(ctx context.Context, now time.Time) error {
	if e.sources == nil || now.Sub(e.sourced) < sourceEvery {
		return nil
	}
	e.sourced = now
	for _, s := range e.sources() {
		if s.Never {
			continue // since when, nobody knows: the page says so
		}
		f := finding{
			key: Key{s.Project, "", SourceStale, s.Name}, rule: Rule{1, 1, 1}, title: s.Name + " does not answer: what is shown of it is old",
			marks: []mark{{at: now, bad: s.Age > staleAfter, text: s.Name + " last answered " + spoken(s.Age) + " ago."}},
		}
		f.reason = f.marks[0].text
		cond, err := e.store.Condition(ctx, f.key)
		if err != nil {
			return err
		}
		if cond.Bad == f.marks[0].bad {
			continue
		}
		c, _, err := e.decide(ctx, f)
		if err == nil {
			err = ignoreMoved(e.apply(ctx, c))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
