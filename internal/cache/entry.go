package cache

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
)

// Entry is one key under a Keeper's care.
type Entry[T any] struct {
	keeper *Keeper
	key    Key[T]

	fact     atomic.Pointer[Fact[T]]
	wantedAt atomic.Int64 // unix nanoseconds of the last reader
	needed   atomic.Int32 // rules that need it kept fresh
	expired  atomic.Bool  // an act of ours made the value old
	wake     chan struct{}

	loading  sync.Mutex // one load at a time
	failures int        // in a row; under loading
	raw      []byte     // the value's JSON, to see whether it changed; under loading

	mu       sync.Mutex
	onChange []func()
}

// Add puts a key under the keeper's care.
func Add[T any](k *Keeper, key Key[T]) *Entry[T] {
	e := &Entry[T]{keeper: k, key: key, wake: make(chan struct{}, 1)}
	e.fact.Store(&Fact[T]{ttl: key.TTL})
	k.add(e)
	return e
}

// OnChange calls fn after every attempt that changed the value, its failure or
// its freshness; not after one that confirmed the same value. fn must be quick
// and must not call Refresh.
func (e *Entry[T]) OnChange(fn func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.onChange = append(e.onChange, fn)
}

// Fact is the value for a reader, at once. Reading keeps the key fresh.
func (e *Entry[T]) Fact() Fact[T] {
	e.Want()
	return *e.fact.Load()
}

// Peek is the value without asking for it to be kept fresh.
func (e *Entry[T]) Peek() Fact[T] { return *e.fact.Load() }

// Asked says whether there was a first answer, or failure.
func (e *Entry[T]) Asked() bool { return !e.fact.Load().AskedAt.IsZero() }

// Want says that somebody watches. It costs one load of a word unless a second
// has gone by since it was last said.
func (e *Entry[T]) Want() {
	now := e.keeper.clock.Now().UnixNano()
	last := e.wantedAt.Load()
	if now-last < int64(time.Second) || !e.wantedAt.CompareAndSwap(last, now) {
		return
	}
	if now-last > int64(watchFor) {
		e.poke()
	}
}

// Need keeps the key fresh without readers until the answered func is called:
// a rule depends on it.
func (e *Entry[T]) Need() (release func()) {
	e.needed.Add(1)
	e.poke()
	return sync.OnceFunc(func() { e.needed.Add(-1) })
}

// Expire makes the next refresh due now, for when an act of ours or news from
// outside made the value old. It does not wait.
func (e *Entry[T]) Expire() {
	e.expired.Store(true)
	e.poke()
}

// Refresh loads now, whatever the age, and answers what is known afterwards.
func (e *Entry[T]) Refresh(ctx context.Context) Fact[T] {
	e.loading.Lock()
	defer e.loading.Unlock()
	e.expired.Store(true)
	for e.load(ctx) == busyElsewhere && e.keeper.clock.Sleep(ctx, lookAgain) == nil {
		continue // another replica is asking this very moment: its answer is as new as ours
	}
	return *e.fact.Load()
}

// Renew is Refresh for callers that do not want the value.
func (e *Entry[T]) Renew(ctx context.Context) { e.Refresh(ctx) }

func (e *Entry[T]) poke() {
	select {
	case e.wake <- struct{}{}:
	default: // a wake-up is already waiting
	}
}

// run is the key's loop: wait until it is due, load, again.
func (e *Entry[T]) run(ctx context.Context) {
	for ctx.Err() == nil {
		if wait := e.due().Sub(e.keeper.clock.Now()); wait > 0 {
			timer, stop := e.keeper.clock.Timer(wait)
			select {
			case <-timer:
			case <-e.wake: // what made it due sooner is read by due
			case <-ctx.Done():
			}
			stop()
			continue
		}
		if e.loadIfDue(ctx) == busyElsewhere {
			_ = e.keeper.clock.Sleep(ctx, lookAgain) // the loop's condition sees the end
		}
	}
}

// loadIfDue loads unless a Refresh did while this waited for its turn.
func (e *Entry[T]) loadIfDue(ctx context.Context) outcome {
	e.loading.Lock()
	defer e.loading.Unlock()
	if e.due().After(e.keeper.clock.Now()) {
		return settled
	}
	return e.load(ctx)
}

// due is when the next load is to be made.
func (e *Entry[T]) due() time.Time {
	f := e.fact.Load()
	if f.AskedAt.IsZero() || e.expired.Load() {
		return time.Time{}
	}
	ttl := e.key.TTL
	if e.needed.Load() == 0 && e.keeper.clock.Now().UnixNano()-e.wantedAt.Load() > int64(watchFor) {
		ttl *= idleFactor
	}
	next := f.AskedAt.Add(ttl)
	if f.Err != nil {
		next = f.RetryAt
	}
	return next
}

type outcome bool

const (
	settled       outcome = false
	busyElsewhere outcome = true
)

// load makes one attempt, or takes over another replica's. The caller holds
// e.loading.
func (e *Entry[T]) load(ctx context.Context) outcome {
	ctx, cancel := context.WithTimeout(ctx, loadDeadline)
	defer cancel()
	since := e.fact.Load().AskedAt
	if e.expired.Load() {
		since = e.keeper.clock.Now() // only what is asked from now on will do
	}
	if e.adopt(ctx, since) {
		return settled
	}
	unlock, ok, err := e.keeper.store.Lock(ctx, e.key.Name, loadDeadline+5*time.Second)
	if err == nil && !ok {
		return busyElsewhere
	}
	if err == nil {
		defer unlock()
		if e.adopt(ctx, since) { // another replica finished between the look and the lock
			return settled
		}
	}
	e.expired.Store(false) // before the call: an Expire during it asks for another
	value, err := e.key.Load(ctx)
	e.settle(ctx, value, err)
	return settled
}

// adopt takes over what another replica asked after since.
func (e *Entry[T]) adopt(ctx context.Context, since time.Time) bool {
	r, ok, err := e.keeper.store.Get(ctx, e.key.Name)
	if err != nil || !ok || r.Schema != e.key.Schema || !r.AskedAt.After(since) ||
		e.keeper.clock.Now().Sub(r.AskedAt) >= e.key.TTL {
		return false
	}
	f, err := e.decode(r)
	if err != nil { // what is in the store is not ours to trust
		return false
	}
	changed := !bytes.Equal(r.Value, e.raw)
	e.raw = r.Value
	if f.Err == nil {
		e.failures = 0
	}
	e.expired.Store(false)
	e.publish(f, changed)
	return true
}

func (e *Entry[T]) decode(r Record) (Fact[T], error) {
	f := Fact[T]{FetchedAt: r.FetchedAt, ChangedAt: r.ChangedAt, AskedAt: r.AskedAt, ttl: e.key.TTL}
	if len(r.Value) > 0 {
		if err := json.Unmarshal(r.Value, &f.Value); err != nil {
			return f, err
		}
		f.Known = true
	}
	if r.Failure != nil {
		f.Err = &fault.Error{Kind: r.Failure.Kind, Message: r.Failure.Message, Provider: r.Failure.Provider}
		f.RetryAt = r.Failure.RetryAt
	}
	return f, nil
}

// settle turns the outcome of a load into the new fact and stores it.
func (e *Entry[T]) settle(ctx context.Context, value T, err error) {
	now := e.keeper.clock.Now()
	f := *e.fact.Load()
	f.AskedAt = now
	changed := false
	if err != nil {
		e.failures++
		f.Err = fault.From(err)
		f.RetryAt = now.Add(e.backOff(f.Known, f.Err))
	} else {
		raw, encodeErr := json.Marshal(value)
		if encodeErr != nil {
			raw = nil // an unencodable value still serves this process
		}
		if changed = !f.Known || !bytes.Equal(raw, e.raw); changed {
			f.ChangedAt = now
		}
		e.failures, e.raw = 0, raw
		f.Value, f.Known, f.Err, f.FetchedAt, f.RetryAt = value, true, nil, now, time.Time{}
	}
	e.publish(f, changed)
	e.save(context.WithoutCancel(ctx), f)
}

// backOff is how long to wait after a failure: as long as the service says,
// else a lifetime; less while there is nothing to show at all.
func (e *Entry[T]) backOff(known bool, err *fault.Error) time.Duration {
	wait := e.key.TTL
	if !known {
		wait = min(wait, firstRetry<<min(e.failures-1, 8))
	}
	return max(wait, err.RetryAfter)
}

func (e *Entry[T]) save(ctx context.Context, f Fact[T]) {
	r := Record{Schema: e.key.Schema, Value: e.raw, FetchedAt: f.FetchedAt, ChangedAt: f.ChangedAt, AskedAt: f.AskedAt}
	if f.Err != nil {
		r.Failure = &RecordedFailure{Kind: f.Err.Kind, Message: f.Err.Message, Provider: f.Err.Provider, RetryAt: f.RetryAt, Count: e.failures}
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := e.keeper.store.Set(ctx, e.key.Name, r, keepFor); err != nil {
		e.keeper.log.WarnContext(ctx, "cache store did not take a value; other replicas will load it themselves", "key", e.key.Name, "error", err)
	}
}

// publish makes f what readers see, and tells who listens if the value or its
// failure is another one.
func (e *Entry[T]) publish(f Fact[T], changed bool) {
	old := e.fact.Swap(&f)
	if !changed && sameFailure(old.Err, f.Err) {
		return
	}
	e.mu.Lock()
	listeners := e.onChange
	e.mu.Unlock()
	for _, fn := range listeners {
		fn()
	}
}

func sameFailure(a, b *fault.Error) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Kind == b.Kind && a.Message == b.Message
}
