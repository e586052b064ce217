// Package world is the one pretend reality behind every simulated provider:
// the app spike.land, its repository, builds, domains, traffic, errors and
// database, 45 days of them, all derived from one seed and one clock.
//
// It knows what happens and when; it must not know how any vendor's API looks
// (paths, JSON, status codes): the faces (vercel, github, …) translate. Nothing
// in here runs by itself: everything that is due is done, in order, whenever
// somebody looks. Same seed, same calls at the same times: same world.
//
// A face reads with View and acts with Change; inside, all methods of State may
// be used, and what they return must not be kept or written to afterwards:
// copy what the answer needs.
package world

import (
	"container/heap"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
)

// Options are what a world is made from. The zero value of a field picks the
// default named beside it.
type Options struct {
	Seed  uint64      // 1
	Clock clock.Clock // clock.Real()
}

// World guards one State and moves it along with its clock. Safe for
// concurrent use.
type World struct {
	clock clock.Clock

	mu     sync.Mutex
	state  *State
	outbox []Event // told to the listeners after the lock is released

	listenMu  sync.Mutex
	listeners []func(Event)
}

// New builds the world as it is at the clock's now. Nothing of it depends on
// how long the building takes.
func New(o Options) *World {
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	w := &World{clock: o.Clock}
	w.state = newState(o.Seed, o.Clock.Now())
	w.state.emit = func(e Event) { w.outbox = append(w.outbox, e) }
	return w
}

// Now is the world's present.
func (w *World) Now() time.Time { return w.clock.Now() }

// View runs fn on the state as of now, after everything due has happened.
func (w *World) View(fn func(*State)) { w.Change(fn) }

// Change is View for callers that act. Two names so that a reader of a face
// sees which handlers can alter the world.
func (w *World) Change(fn func(*State)) {
	w.locked(fn)
	w.tell()
}

func (w *World) locked(fn func(*State)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state.advance(w.clock.Now())
	fn(w.state)
}

// Advance does everything that is due and says when the next thing is
// (ok = false: nothing is planned). The roof calls it so that crons fire and
// webhooks leave even when nobody looks.
func (w *World) Advance() (next time.Time, ok bool) {
	w.Change(func(s *State) {
		if len(s.agenda) > 0 {
			next, ok = s.agenda[0].at, true
		}
	})
	return next, ok
}

// Listen registers fn for everything that happens from now on. It is called
// without the world's lock, in order, from whichever goroutine moved the
// world, and must not block for long.
func (w *World) Listen(fn func(Event)) {
	w.listenMu.Lock()
	defer w.listenMu.Unlock()
	w.listeners = append(w.listeners, fn)
}

// tell drains the outbox. listenMu is held throughout so that two goroutines
// cannot deliver out of order; a listener that calls back into the world only
// needs mu, and what it causes is drained by its own tell… which would wait on
// listenMu forever, hence TryLock: whoever holds it delivers for all.
func (w *World) tell() {
	for {
		if !w.listenMu.TryLock() {
			return
		}
		for {
			w.mu.Lock()
			events := w.outbox
			w.outbox = nil
			w.mu.Unlock()
			if len(events) == 0 {
				break
			}
			for _, e := range events {
				for _, fn := range w.listeners {
					fn(e)
				}
			}
		}
		w.listenMu.Unlock()
		w.mu.Lock()
		more := len(w.outbox) > 0
		w.mu.Unlock()
		if !more {
			return
		}
	}
}

// Event is something that happened, for webhooks, cron callers and tests.
type Event struct {
	At         time.Time
	Kind       EventKind
	Deployment string // id, when it is about one
	From       string // deployment id that was live before (promoted, rolled back)
	Cron       *CronFiring
}

// EventKind names what happened.
type EventKind string

// The kinds of events; those of deployments are named as Vercel's webhooks are.
const (
	DeploymentCreated  EventKind = "deployment.created"
	DeploymentReady    EventKind = "deployment.ready"
	DeploymentError    EventKind = "deployment.error"
	DeploymentCanceled EventKind = "deployment.canceled"
	DeploymentPromoted EventKind = "deployment.promoted"
	DeploymentRollback EventKind = "deployment.rollback"
	CronFired          EventKind = "cron.fired"
	CommitPushed       EventKind = "commit.pushed"
)

// item is one planned happening. seq keeps those of one instant in the order
// they were planned.
type item struct {
	at  time.Time
	seq uint64
	do  func(*State)
}

type agenda []item

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	if a[i].at.Equal(a[j].at) {
		return a[i].seq < a[j].seq
	}
	return a[i].at.Before(a[j].at)
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(item)) }
func (a *agenda) Pop() any {
	old := *a
	last := old[len(old)-1]
	*a = old[:len(old)-1]
	return last
}

// At plans do for the time t; a t in the past is done at the next look.
func (s *State) At(t time.Time, do func(*State)) {
	s.seq++
	heap.Push(&s.agenda, item{at: t, seq: s.seq, do: do})
}

// After plans do for d from the state's now.
func (s *State) After(d time.Duration, do func(*State)) { s.At(s.now.Add(d), do) }

// advance does what is due up to now. While one happening is done the state's
// now is that happening's time, so what it plans is exact however late it is
// looked at.
func (s *State) advance(now time.Time) {
	for len(s.agenda) > 0 && !s.agenda[0].at.After(now) {
		next := heap.Pop(&s.agenda).(item)
		if next.at.After(s.now) {
			s.now = next.at
		}
		next.do(s)
	}
	if now.After(s.now) {
		s.now = now
	}
}
