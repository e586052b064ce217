package health

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
)

const (
	// firstSweep is how long the first picture may take at most, whatever the
	// interval.
	firstSweep = 10 * time.Second
	// firstGap keeps the probes of the first picture apart on average: with few
	// targets it is there at once.
	firstGap = 6 * time.Millisecond
)

// WatchConfig is what a Watch is made of. All but OnSample and Store must be
// set.
type WatchConfig struct {
	Targets []Target
	// Probe asks one target once; a Prober's method.
	Probe    func(context.Context, Target) Sample
	Interval time.Duration // between two probes of a target, 60 s by default
	Clock    clock.Clock
	Log      *slog.Logger
	// OnSample hears of each sample, in the order of a target's probes and
	// from many goroutines. While it runs, that target is not probed.
	OnSample func(Target, Sample)
	// Store keeps the history; nil keeps none.
	Store Store
}

// Watch probes all targets in the background, for as long as Run runs, and
// holds the latest sample of each.
//
// Each target has a goroutine and a timer of its own and at most one probe in
// flight, so a target that hangs delays nobody but itself. There is no cap on
// the probes in flight besides that, neither over all nor for a host: the
// number of targets bounds them, their phases keep them apart, and a cap that
// hanging targets could fill would make healthy ones wait.
type Watch struct {
	targets  []*watched
	byKey    map[key]*watched // written by NewWatch alone, so read without a lock
	probe    func(context.Context, Target) Sample
	interval time.Duration
	clock    clock.Clock
	onSample func(Target, Sample)
	recorder *recorder
	ended    chan struct{}
}

// watched is a target and what is known of it.
type watched struct {
	Target
	latest atomic.Pointer[Sample]
	trail  trail
	// wake tells the target's goroutine to look at the fields below.
	wake chan struct{}

	mu      sync.Mutex
	hurry   hurry
	waiting []chan<- Sample // callers of ProbeNow
}

// hurry is a spell of faster probing: at since and every so often after it.
type hurry struct {
	since, until time.Time
	every        time.Duration
}

// NewWatch makes a watch; Run starts it.
func NewWatch(c WatchConfig) *Watch {
	w := &Watch{
		byKey: map[key]*watched{}, probe: c.Probe, interval: c.Interval, clock: c.Clock,
		onSample: c.OnSample, ended: make(chan struct{}),
	}
	if w.interval <= 0 {
		w.interval = time.Minute
	}
	if w.onSample == nil {
		w.onSample = func(Target, Sample) {}
	}
	if c.Store != nil {
		w.recorder = newRecorder(c.Store, c.Clock, c.Log)
	}
	for _, t := range c.Targets {
		if _, twice := w.byKey[t.key()]; twice {
			continue
		}
		one := &watched{Target: t, wake: make(chan struct{}, 1), trail: trail{hold: w.interval * 5 / 2}}
		w.targets = append(w.targets, one)
		w.byKey[t.key()] = one
	}
	return w
}

// Latest is the newest sample of an environment; false when there is none yet
// or it has no health endpoint. It takes no lock.
func (w *Watch) Latest(project, environment string) (Sample, bool) {
	one, ok := w.byKey[key{project, environment}]
	if !ok {
		return Sample{}, false
	}
	s := one.latest.Load()
	if s == nil {
		return Sample{}, false
	}
	return *s, true
}

// Dropped is how many samples the history has lost because the store did not
// keep up.
func (w *Watch) Dropped() int64 {
	if w.recorder == nil {
		return 0
	}
	return w.recorder.dropped.Load()
}

// Hurry probes an environment now and then at the given pace until a time,
// instead of at the interval: a release watches its build so. The last call
// for an environment counts; one whose time is over ends the hurry. It does
// nothing for an environment without a health endpoint.
func (w *Watch) Hurry(project, environment string, every time.Duration, until time.Time) {
	one, ok := w.byKey[key{project, environment}]
	if !ok || every <= 0 {
		return
	}
	one.mu.Lock()
	one.hurry = hurry{since: w.clock.Now(), until: until, every: every}
	one.mu.Unlock()
	one.nudge()
}

// ProbeNow answers a sample of a probe that began after the call. It fails
// with NotFound for an environment without a health endpoint, with Unavailable
// once Run has ended, and with the context's error when that ends first.
func (w *Watch) ProbeNow(ctx context.Context, project, environment string) (Sample, error) {
	one, ok := w.byKey[key{project, environment}]
	if !ok {
		return Sample{}, fault.New(fault.NotFound, "Environment %q of project %q has no health endpoint to ask.", environment, project)
	}
	answer := make(chan Sample, 1)
	one.mu.Lock()
	one.waiting = append(one.waiting, answer)
	one.mu.Unlock()
	one.nudge()
	select {
	case s := <-answer:
		return s, nil
	case <-w.ended:
		return Sample{}, fault.New(fault.Unavailable, "envdeck is stopping and probes nothing any more.")
	case <-ctx.Done():
		return Sample{}, ctx.Err()
	}
}

func (one *watched) nudge() {
	select {
	case one.wake <- struct{}{}:
	default: // it has been told already
	}
}

// Run probes until the context ends, and answers nil then. What the history
// has not written yet is written before it returns. A watch runs once.
func (w *Watch) Run(ctx context.Context) error {
	defer close(w.ended)
	var all sync.WaitGroup
	start := w.clock.Now()
	for _, one := range w.targets {
		all.Go(func() { w.follow(ctx, one, start) })
	}
	all.Go(func() { w.remember(ctx) })
	if w.recorder == nil {
		all.Wait()
		return nil
	}
	// The recorder outlives the probes, so that the last samples reach it.
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		w.recorder.run(ctx, stop)
	}()
	all.Wait()
	close(stop)
	<-done
	return nil
}

// follow probes one target at its times until the context ends.
func (w *Watch) follow(ctx context.Context, one *watched, start time.Time) {
	spread := min(w.interval, firstSweep, time.Duration(len(w.targets))*firstGap)
	due := next(start, phase(one.key(), spread), spread)
	var lastBegan time.Time
	for {
		asked, ok := w.await(ctx, one, due, lastBegan)
		if !ok {
			return
		}
		lastBegan = w.clock.Now()
		s := w.probe(ctx, one.Target)
		if ctx.Err() != nil {
			return // cut off by the end, which says nothing of the target
		}
		one.latest.Store(&s)
		one.trail.add(s)
		for _, answer := range asked {
			answer <- s
		}
		if w.recorder != nil {
			w.recorder.add(Record{Project: one.Project, Environment: one.Environment, Sample: s})
		}
		w.onSample(one.Target, s)
		if now := w.clock.Now(); !due.After(now) {
			due = next(now, phase(one.key(), w.interval), w.interval)
		}
	}
}

// await sleeps until the target is to be probed: at due, at a time of its
// hurry, or when somebody asks. It answers who asked, and false at the end.
func (w *Watch) await(ctx context.Context, one *watched, due, lastBegan time.Time) ([]chan<- Sample, bool) {
	for {
		now := w.clock.Now()
		one.mu.Lock()
		asked := one.waiting
		one.waiting = nil
		at := one.hurry.sooner(due, now, lastBegan)
		one.mu.Unlock()
		if ctx.Err() != nil {
			return nil, false
		}
		if len(asked) > 0 || !at.After(now) {
			return asked, true
		}
		timer, stop := w.clock.Timer(at.Sub(now))
		select {
		case <-timer:
		case <-one.wake:
		case <-ctx.Done():
		}
		stop()
	}
}

// sooner is when to probe next: due, or the hurry's next time when that comes
// first. A time of the hurry that a slow probe ran over is skipped.
func (h hurry) sooner(due, now, lastBegan time.Time) time.Time {
	if h.every <= 0 || !now.Before(h.until) {
		return due
	}
	at := h.since
	if !lastBegan.Before(h.since) {
		from := lastBegan
		if passed := now.Add(-h.every); passed.After(from) {
			from = passed
		}
		at = h.since.Add((from.Sub(h.since)/h.every + 1) * h.every)
	}
	if at.Before(due) {
		return at
	}
	return due
}
