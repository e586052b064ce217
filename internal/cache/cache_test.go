package cache_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
)

const ttl = time.Minute

// upstream is an outside service whose answer a test decides.
type upstream struct {
	calls atomic.Int64
	delay atomic.Int64
	mu    sync.Mutex
	value int
	err   error
}

func (u *upstream) set(value int, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.value, u.err = value, err
}

func (u *upstream) load(ctx context.Context) (int, error) {
	u.calls.Add(1)
	if err := clock.Real().Sleep(ctx, time.Duration(u.delay.Load())); err != nil {
		return 0, fault.Wrap(fault.Timeout, err, "upstream did not answer in time")
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.value, u.err
}

func memory(t *testing.T) *cache.Memory {
	m := cache.NewMemory()
	t.Cleanup(m.Close)
	return m
}

// keep starts a keeper over a store for the length of the bubble.
func keep(t *testing.T, store cache.Store) *cache.Keeper {
	t.Helper()
	k := cache.NewKeeper(store, clock.Real(), slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = k.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return k
}

func add(k *cache.Keeper, u *upstream) *cache.Entry[int] {
	return cache.Add(k, cache.Key[int]{Name: "env:status:prod", TTL: ttl, Schema: 1, Load: u.load})
}

func TestOneLoadPerLifetimeHoweverManyReaders(t *testing.T) {
	for _, readers := range []int{1, 200, 2000} {
		synctest.Test(t, func(t *testing.T) {
			u := &upstream{value: 7}
			u.delay.Store(int64(150 * time.Millisecond))
			e := add(keep(t, memory(t)), u)
			ctx, cancel := context.WithTimeout(t.Context(), 10*ttl-time.Second)
			defer cancel()
			var all sync.WaitGroup
			for range readers {
				all.Go(func() {
					for ctx.Err() == nil {
						e.Fact()
						_ = clock.Real().Sleep(ctx, 30*time.Second)
					}
				})
			}
			all.Wait()
			if got := u.calls.Load(); got != 10 {
				t.Errorf("%d readers over 10 lifetimes caused %d loads, want 10", readers, got)
			}
			if f := e.Fact(); !f.Known || f.Value != 7 || f.Err != nil {
				t.Errorf("fact = %+v", f)
			}
		})
	}
}

func TestNobodyWatchingSlowsDownAndAReaderWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{value: 1}
		e := add(keep(t, memory(t)), u)
		tick(10*ttl + time.Second)
		if got := u.calls.Load(); got != 3 { // at 0, 5 and 10 lifetimes
			t.Errorf("unwatched for 10 lifetimes: %d loads, want 3", got)
		}
		tick(2 * ttl)
		u.set(2, nil)
		if f := e.Fact(); f.Value != 1 || !f.Known {
			t.Errorf("the first reader got %+v, want the old value at once", f)
		}
		synctest.Wait()
		if f := e.Fact(); f.Value != 2 {
			t.Errorf("after the wake-up the value is %d, want the new one", f.Value)
		}
	})
}

func TestARuleKeepsAKeyFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{value: 1}
		e := add(keep(t, memory(t)), u)
		release := e.Need()
		tick(4*ttl + time.Second)
		if got := u.calls.Load(); got < 5 {
			t.Errorf("needed for 4 lifetimes: %d loads, want at least 5", got)
		}
		release()
	})
}

func TestAnErrorKeepsTheLastGoodValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{value: 5}
		e := add(keep(t, memory(t)), u)
		e.Fact()
		synctest.Wait()
		fetched := e.Fact().FetchedAt
		u.set(0, fault.New(fault.Unavailable, "upstream is down"))
		tick(ttl + time.Second)
		f := e.Fact()
		if !f.Known || f.Value != 5 || !f.FetchedAt.Equal(fetched) {
			t.Errorf("the good value is lost: %+v", f)
		}
		if f.Err == nil || f.Err.Kind != fault.Unavailable || !f.Stale(time.Now()) {
			t.Errorf("the failure is not told: %+v", f)
		}
		u.set(6, nil)
		tick(ttl)
		if f := e.Fact(); f.Value != 6 || f.Err != nil || f.Stale(time.Now()) {
			t.Errorf("it did not recover: %+v", f)
		}
	})
}

func TestRetryAfterIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		u.set(0, &fault.Error{Kind: fault.RateLimited, Message: "too often", RetryAfter: 10 * time.Minute})
		e := add(keep(t, memory(t)), u)
		for range 19 { // somebody looks all the time
			e.Fact()
			tick(30 * time.Second)
		}
		if got := u.calls.Load(); got != 1 {
			t.Errorf("%d calls before Retry-After ended, want 1", got)
		}
		tick(time.Minute)
		if got := u.calls.Load(); got != 2 {
			t.Errorf("%d calls after Retry-After, want 2", got)
		}
	})
}

func TestFirstValueIsTriedSoonAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{err: errors.New("no route")}
		e := add(keep(t, memory(t)), u)
		e.Fact()
		tick(3 * time.Second) // tries at 0 and 2 s
		u.set(9, nil)
		tick(4 * time.Second) // and at 6 s
		if f := e.Fact(); !f.Known || f.Value != 9 || u.calls.Load() != 3 {
			t.Errorf("fact %+v after %d calls, want 9 after 3", f, u.calls.Load())
		}
	})
}

func TestAHangingLoadNeverMakesAReaderWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{value: 3}
		e := add(keep(t, memory(t)), u)
		e.Fact()
		synctest.Wait()
		u.delay.Store(int64(time.Hour))
		tick(ttl + time.Second) // a load hangs now
		before := time.Now()
		if f := e.Fact(); f.Value != 3 || !f.Known {
			t.Errorf("fact while hanging: %+v", f)
		}
		if waited := time.Since(before); waited != 0 {
			t.Errorf("the reader waited %v", waited)
		}
		tick(31 * time.Second) // the load's own deadline
		if f := e.Fact(); f.Err == nil || f.Err.Kind != fault.Timeout {
			t.Errorf("the hang is not told: %+v", f.Err)
		}
	})
}

// sharedLock is a memory store whose lock excludes, as Redis' does.
type sharedLock struct {
	*cache.Memory
	mu   sync.Mutex
	held map[string]bool
}

func (s *sharedLock) Lock(_ context.Context, key string, _ time.Duration) (func(), bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[key] {
		return nil, false, nil
	}
	s.held[key] = true
	return func() { s.mu.Lock(); delete(s.held, key); s.mu.Unlock() }, true, nil
}

func TestReplicasShareOneLoad(t *testing.T) {
	for _, replicas := range []int{2, 3} {
		synctest.Test(t, func(t *testing.T) {
			store := &sharedLock{Memory: memory(t), held: map[string]bool{}}
			u := &upstream{value: 4}
			u.delay.Store(int64(400 * time.Millisecond))
			var entries []*cache.Entry[int]
			for range replicas {
				entries = append(entries, add(keep(t, store), u))
			}
			for range 4 * 6 {
				for _, e := range entries {
					e.Fact()
				}
				tick(10 * time.Second)
			}
			if got := u.calls.Load(); got != 4 {
				t.Errorf("%d replicas over 4 lifetimes: %d loads, want 4", replicas, got)
			}
			for _, e := range entries {
				if f := e.Fact(); f.Value != 4 || f.Err != nil {
					t.Errorf("a replica has %+v", f)
				}
			}
		})
	}
}

// brokenStore is a Redis that is down or holds rubbish.
type brokenStore struct{ err error }

func (b brokenStore) Get(context.Context, string) (cache.Record, bool, error) {
	return cache.Record{Schema: 1, Value: []byte(`{"not":"an int"}`), AskedAt: time.Now().Add(time.Second)}, b.err == nil, b.err
}

func (b brokenStore) Set(context.Context, string, cache.Record, time.Duration) error { return b.err }

func (b brokenStore) Lock(context.Context, string, time.Duration) (func(), bool, error) {
	return func() {}, b.err == nil, b.err
}

func TestABrokenStoreIsOnlyACacheMiss(t *testing.T) {
	for name, store := range map[string]cache.Store{"down": brokenStore{errors.New("refused")}, "rubbish": brokenStore{}} {
		synctest.Test(t, func(t *testing.T) {
			u := &upstream{value: 8}
			e := add(keep(t, store), u)
			e.Fact()
			synctest.Wait()
			if f := e.Fact(); !f.Known || f.Value != 8 || f.Err != nil {
				t.Errorf("%s: %+v", name, f)
			}
		})
	}
}

func TestExpireDuringALoadAsksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{value: 1}
		u.delay.Store(int64(time.Second))
		e := add(keep(t, memory(t)), u)
		tick(500 * time.Millisecond) // the first load is under way
		e.Expire()
		u.set(2, nil)
		tick(2 * time.Second)
		if got := u.calls.Load(); got != 2 {
			t.Errorf("%d loads, want a second one after Expire", got)
		}
		if f := e.Peek(); f.Value != 2 {
			t.Errorf("value %d, want 2", f.Value)
		}
	})
}

func TestRefreshWhileReadersWakeTheLoopIsOneLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{value: 1}
		u.delay.Store(int64(time.Second))
		e := add(keep(t, memory(t)), u)
		tick(2 * time.Second)
		var all sync.WaitGroup
		all.Go(func() { e.Refresh(t.Context()) })
		synctest.Wait()
		e.Need()() // wakes the loop while Refresh is loading
		all.Wait()
		synctest.Wait()
		if got := u.calls.Load(); got != 2 {
			t.Errorf("%d loads, want the first one and the refresh", got)
		}
	})
}

func TestListenersHearOnlyOfChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{value: 1}
		e := add(keep(t, memory(t)), u)
		var heard atomic.Int64
		e.OnChange(func() { heard.Add(1) })
		step := func(want int64, what string) {
			t.Helper()
			e.Refresh(t.Context())
			if got := heard.Load(); got != want {
				t.Errorf("%s: heard %d times, want %d", what, got, want)
			}
		}
		synctest.Wait()
		base := heard.Load()
		step(base, "same value")
		u.set(2, nil)
		step(base+1, "new value")
		u.set(0, fault.New(fault.Timeout, "slow"))
		step(base+2, "failure")
		step(base+2, "same failure")
		u.set(2, nil)
		step(base+3, "recovery")
	})
}

// tick lets the bubble's virtual time go by.
func tick(d time.Duration) { <-time.After(d) }
