package access

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
)

// freshFor is how long an answer of the store about a right may be used: the
// second within which a revocation must count everywhere.
const freshFor = time.Second

// fresh remembers positive answers for a second, so that a thousand requests
// with one token cost one query. From half of that second on, one of the
// requests asks again while the others go on with what is known: nobody queues.
// What does not exist is never remembered, so strangers can not fill it.
type fresh[K comparable, V any] struct {
	clock clock.Clock
	mu    sync.RWMutex
	kept  map[K]*answer[V]
	era   uint64 // counts clears: an answer asked for before one is not kept
}

type answer[V any] struct {
	value    V
	at       time.Time
	renewing atomic.Bool
}

// freshKeys bounds the memory: there are never more live credentials in use
// within a second on a machine of this size.
const freshKeys = 10_000

func newFresh[K comparable, V any](c clock.Clock) *fresh[K, V] {
	return &fresh[K, V]{clock: c, kept: map[K]*answer[V]{}}
}

// peek answers the kept value when it may be used as it is. It is apart from
// get so that the hot path makes no closure.
func (f *fresh[K, V]) peek(key K) (V, bool) {
	f.mu.RLock()
	a := f.kept[key]
	f.mu.RUnlock()
	if a != nil {
		age := f.clock.Now().Sub(a.at)
		// A CompareAndSwap that fails means that somebody is asking already.
		if age >= 0 && (age < freshFor/2 || age < freshFor && !a.renewing.CompareAndSwap(false, true)) {
			return a.value, true
		}
	}
	var none V
	return none, false
}

// load asks the store and keeps what it says.
func (f *fresh[K, V]) load(ctx context.Context, key K, ask func(context.Context) (V, error)) (V, error) {
	now := f.clock.Now() // the answer is as old as the question
	f.mu.RLock()
	a, era := f.kept[key], f.era
	f.mu.RUnlock()
	v, err := ask(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err != nil && a != nil && f.kept[key] == a:
		// An answer that is no is final at once. A store that is away is not a
		// no: the kept answer runs out its second, and may be renewed by another.
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Unauthenticated) {
			delete(f.kept, key)
		} else {
			a.renewing.Store(false)
		}
	case err == nil && f.era == era:
		if len(f.kept) >= freshKeys {
			clear(f.kept)
		}
		f.kept[key] = &answer[V]{value: v, at: now}
	}
	return v, err
}

func (f *fresh[K, V]) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.kept)
	f.era++
}
