package cron

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/access"
)

// Switch is a move of an environment to another build. Jobs come and go with
// builds, so what a job does after one is worth a look.
type Switch struct {
	Environment string
	Operation   string // its id; "" when nobody here did it
	Kind        SwitchKind
	Commit      string // of the build it moved to
	At          time.Time
	// Until is when whoever moved it was done with it; zero: it is under way.
	Until time.Time
}

// SwitchKind says how it moved.
type SwitchKind string

// The kinds.
const (
	Promoted   SwitchKind = "promotion"
	RolledBack SwitchKind = "rollback"
	Deployed   SwitchKind = "deployment"
)

// Awaited is a job that was not heard of since its environment moved.
type Awaited struct {
	Switch Switch
	Due    time.Time // its first slot after the move
	// Silent says that the slot has passed without a run, and that nothing was
	// wrong with the job before.
	Silent bool
}

// last is the newest switch at or before a time.
func last(moves []Switch, at time.Time) (Switch, bool) {
	for _, sw := range slices.Backward(moves) {
		if !sw.At.After(at) {
			return sw, true
		}
	}
	return Switch{}, false
}

// blame says of a miss which operation it came after: the last move before the
// slot, when the job ran until then and has not since. A job that was silent
// already, or that never ran, says nothing about a move.
func (d *decision) blame(m Miss) Miss {
	for _, sw := range d.moves {
		if !sw.At.After(m.Deadline) && (sw.Until.IsZero() || !sw.Until.Before(m.Deadline)) {
			m.Quiet = true
		}
	}
	sw, moved := last(d.moves, m.Slot)
	if moved && d.ranUntil(sw) {
		m.Operation = sw.Operation
	}
	return m
}

// ranUntil says that the job was well until a move, or came with it, and has
// not run since.
func (s *state) ranUntil(sw Switch) bool {
	if n := len(s.recent); n > 0 {
		newest := s.recent[n-1].start()
		silent := slices.ContainsFunc(s.missed, func(m Miss) bool { return m.Slot.After(newest) && m.Slot.Before(sw.At) })
		return newest.Before(sw.At) && !silent
	}
	return !s.job.Since.Before(sw.At) // it is new, and has not run even once
}

func (s *state) awaited(moves []Switch) *Awaited {
	if len(moves) == 0 || !s.job.Active || !s.table.Known() {
		return nil
	}
	sw := moves[len(moves)-1]
	if n := len(s.recent); n > 0 && !s.recent[n-1].start().Before(sw.At) {
		return nil
	}
	a := &Awaited{Switch: sw, Due: sw.At.Add(s.table.Period)}
	if s.table.Schedule != "" {
		a.Due, _ = s.table.next(latest(sw.At, s.job.Since).Add(-1))
	}
	for _, m := range s.missed {
		a.Silent = a.Silent || sw.Operation != "" && m.Operation == sw.Operation
	}
	return a
}

// Quiet answers the move of an environment that somebody is still watching
// over: while it is under way, its own watch decides, and what its jobs do is
// written down without waking anybody.
func (b *Book) Quiet(project, environment string) (Switch, bool) {
	moves := b.rec.moves.of(project, environment)
	if len(moves) == 0 || !moves[len(moves)-1].Until.IsZero() {
		return Switch{}, false
	}
	return moves[len(moves)-1], true
}

// AfterState is what a job has done since a move.
type AfterState string

// The states, from bad to good.
const (
	AfterSilent  AfterState = "silent"  // its slot has passed without a run, and it was well before
	AfterFailed  AfterState = "failed"  // its first run failed
	AfterWaiting AfterState = "waiting" // it was not due yet, or has patience left
	AfterBack    AfterState = "back"    // it ran
	AfterGone    AfterState = "gone"    // it is not scheduled any more
	AfterUnknown AfterState = "unknown" // nothing is expected of it, or nobody was there to see
)

// AfterJob is one job since a move.
type AfterJob struct {
	*View
	State AfterState
	Due   time.Time // its first slot after the move, zero when there is none
	First *Run      // its first run after the move
}

// After answers what the jobs of an environment have done since an operation
// moved it, the silent ones first. False when the operation moved nothing.
func (b *Book) After(ctx context.Context, a access.Actor, operation string) ([]AfterJob, Switch, bool, error) {
	if _, err := b.o.Gate.Allow(ctx, a, access.ViewCrons, access.On{}); err != nil {
		return nil, Switch{}, false, err
	}
	project, moves, i := b.rec.moves.find(operation)
	if i < 0 {
		return nil, Switch{}, false, nil
	}
	sw, until := moves[i], b.o.Clock.Now()
	if i+1 < len(moves) {
		until = moves[i+1].At // from there on another operation is to be asked
	}
	var jobs []AfterJob
	for _, v := range b.viewsOf(project) {
		if v.Job.Environment != sw.Environment {
			continue
		}
		one, err := b.after(ctx, v, sw, until)
		if err != nil {
			return nil, sw, true, err
		}
		jobs = append(jobs, one)
	}
	order := []AfterState{AfterSilent, AfterFailed, AfterWaiting, AfterUnknown, AfterGone, AfterBack}
	slices.SortStableFunc(jobs, func(x, y AfterJob) int { return slices.Index(order, x.State) - slices.Index(order, y.State) })
	return jobs, sw, true, nil
}

func (b *Book) after(ctx context.Context, v *View, sw Switch, until time.Time) (AfterJob, error) {
	one := AfterJob{View: v, State: AfterUnknown}
	to := until
	if v.due.Schedule != "" {
		one.Due, _ = v.due.next(latest(sw.At, v.Job.Since).Add(-1))
		to = one.Due.Add(v.due.grace(one.Due) + v.due.maxRun())
	} else if v.due.Period > 0 {
		one.Due = sw.At.Add(v.due.Period)
		to = one.Due.Add(2 * v.due.Period)
	}
	if until.Before(to) {
		to = until.Add(time.Second)
	}
	runs, err := b.o.Store.CronRuns(ctx, v.Job.ID, sw.At, to, stretchRuns)
	if err != nil {
		return one, err
	}
	misses, err := b.o.Store.CronMisses(ctx, v.Job.ID, sw.At, until)
	if err != nil {
		return one, err
	}
	for _, r := range slices.Backward(runs) {
		if r.State != Noted {
			one.First = &r
			break
		}
	}
	silent := slices.ContainsFunc(misses, func(m Miss) bool { return m.Operation == sw.Operation })
	switch {
	case one.First != nil && (one.First.State == Failed || one.First.State == Lost):
		one.State = AfterFailed
	case one.First != nil:
		one.State = AfterBack
	case silent:
		one.State = AfterSilent
	case !v.Job.Active:
		one.State = AfterGone
	case v.Job.Known() && len(misses) == 0 && v.Awaited != nil && v.Awaited.Switch == sw:
		one.State = AfterWaiting
	}
	return one, nil
}

// moves are the switches of every environment, newest last. The recorder
// writes them, everybody reads them.
type moves struct {
	mu  sync.RWMutex
	all map[place][]Switch
}

func (m *moves) of(project, environment string) []Switch {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.all[place{project: project, environment: environment}]
}

// find answers where an operation moved last, among its environment's moves;
// -1 when it moved nothing.
func (m *moves) find(operation string) (project string, all []Switch, i int) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for at, moves := range m.all {
		for i, sw := range slices.Backward(moves) {
			if operation != "" && sw.Operation == operation {
				return at.project, moves, i
			}
		}
	}
	return "", nil, -1
}

// put answers whether anything is new.
func (m *moves) put(project, environment string, all []Switch) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := place{project: project, environment: environment}
	if slices.Equal(m.all[at], all) {
		return false
	}
	if m.all == nil {
		m.all = map[place][]Switch{}
	}
	m.all[at] = all
	return true
}

// Moved tells the book which switches an environment had lately: all that it
// should know of, in any order. Telling it the same again changes nothing.
func (b *Book) Moved(ctx context.Context, project, environment string, all []Switch) error {
	all = slices.Clone(all)
	slices.SortFunc(all, func(x, y Switch) int { return x.At.Compare(y.At) })
	for i := range all {
		all[i].Environment = environment
	}
	if !b.rec.moves.put(project, environment, all) {
		return nil
	}
	err := b.rec.do(ctx, func(t *turn, l Ledger) error {
		for _, s := range t.rec.states {
			if s.job.Project == project && s.job.Environment == environment {
				if err := t.touch(l, s); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if s := b.projects[project]; err == nil && s != nil && len(all) > 0 {
		s.renew(ctx, all[len(all)-1].At)
	}
	return err
}

// renew asks the sources that were last asked before a time: a timetable comes
// with a build.
func (s *shelf) renew(ctx context.Context, since time.Time) {
	for _, src := range s.sources {
		if src.set != nil && src.set.Fact().FetchedAt.Before(since) {
			src.set.Renew(ctx)
		}
		if src.file != nil && src.file.Fact().FetchedAt.Before(since) {
			src.file.Renew(ctx)
		}
	}
}

// do runs work in the recorder's goroutine, as a part of its next transaction.
func (rec *recorder) do(ctx context.Context, work func(*turn, Ledger) error) error {
	c := &call{done: make(chan error, 1), do: work}
	select {
	case rec.calls <- c:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
