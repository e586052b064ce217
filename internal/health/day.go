package health

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A day is kept in half hours that begin with the clock's, so that a bar stays
// what it was once it is over.
const (
	dayBars  = 48
	dayBar   = 30 * time.Minute
	daySpan  = dayBars * dayBar
	mostKept = 4096 // stretches; one that flaps all day loses its morning
)

// stretch is a time in which every probe found the same.
type stretch struct {
	from, to time.Time
	verdict  Verdict
	offline  bool
}

// trail is what was found lately, run together: a healthy day is one stretch.
type trail struct {
	hold time.Duration // a sample counts for so long when no other follows

	mu        sync.Mutex
	stretches []stretch
	filled    bool // what an earlier process found is in it
}

// add takes the next sample. One that is older than the last is left out.
func (t *trail) add(s Sample) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := stretch{s.At, s.At.Add(t.hold), s.Verdict, s.Offline}
	if n := len(t.stretches); n > 0 {
		last := &t.stretches[n-1]
		switch {
		case s.At.Before(last.from):
			return
		case last.to.Before(s.At): // a gap, in which nobody looked
		case last.verdict == s.Verdict && last.offline == s.Offline:
			last.to = next.to
			return
		default:
			last.to = s.At
		}
	}
	t.stretches = append(t.stretches, next)
	t.forget(s.At.Add(-daySpan - dayBar))
}

// forget drops what ended before the time.
func (t *trail) forget(before time.Time) {
	drop := max(0, len(t.stretches)-mostKept)
	for drop < len(t.stretches) && t.stretches[drop].to.Before(before) {
		drop++
	}
	t.stretches = slices.Delete(t.stretches, 0, drop)
}

// fill puts what an earlier process found in front.
func (t *trail) fill(samples []Sample) {
	earlierOnes := trail{hold: t.hold}
	for _, s := range samples {
		earlierOnes.add(s)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.filled = true
	old := earlierOnes.stretches
	if len(t.stretches) > 0 {
		first := t.stretches[0].from
		old = slices.DeleteFunc(old, func(s stretch) bool { return !s.from.Before(first) }) // ours, written meanwhile
		if n := len(old); n > 0 && first.Before(old[n-1].to) {
			old[n-1].to = first
		}
	}
	t.stretches = append(old, t.stretches...)
}

// Day is how an environment was over the last 24 hours, in half hours; the last
// one is not over. It is false for an environment without a health endpoint,
// and while what an earlier process found is not read yet.
func (w *Watch) Day(project, environment string) (History, bool) {
	one, ok := w.byKey[key{project, environment}]
	if !ok {
		return History{}, false
	}
	now := w.clock.Now()
	to := now.Truncate(dayBar).Add(dayBar)
	one.trail.mu.Lock()
	defer one.trail.mu.Unlock()
	if !one.trail.filled {
		return History{}, false
	}
	// A sample that still holds says nothing of what is to come.
	return lay(one.trail.stretches, to.Add(-daySpan), to, now, dayBars), true
}

// remember reads what an earlier process found, of one target after the other.
// What can not be read is tried again. It shows with the target's next sample.
func (w *Watch) remember(ctx context.Context) {
	left := w.targets
	for len(left) > 0 && ctx.Err() == nil {
		var again []*watched
		for _, one := range left {
			if !w.recall(ctx, one) {
				again = append(again, one)
			}
		}
		if left = again; len(left) > 0 {
			_ = w.clock.Sleep(ctx, w.interval) // the loop's condition says when it ended early
		}
	}
}

func (w *Watch) recall(ctx context.Context, one *watched) bool {
	var found []Sample
	if w.recorder != nil {
		call, cancel := context.WithTimeout(ctx, storeTime)
		defer cancel()
		var err error
		found, err = w.recorder.store.VerdictsSince(call, one.Project, one.Environment, w.clock.Now().Add(-daySpan-dayBar))
		if err != nil {
			return false // the recorder says that the store fails
		}
	}
	one.trail.fill(found)
	return true
}
