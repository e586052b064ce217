package cache

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
)

const (
	// loadDeadline bounds one load, retries of the client included.
	loadDeadline = 30 * time.Second
	// watchFor is how long a key counts as watched after somebody read it:
	// several polls of a page, so that one lost poll does not slow it down.
	watchFor = 2 * time.Minute
	// idleFactor is how much slower a key is refreshed that nobody watches.
	idleFactor = 5
	// keepFor is how long a value outlives its last refresh in the store.
	keepFor = 24 * time.Hour
	// firstRetry is the wait after a failed load when there is no value yet.
	// It doubles up to the key's lifetime.
	firstRetry = 2 * time.Second
	// lookAgain is the wait while another replica loads the key.
	lookAgain = 250 * time.Millisecond
)

// Keeper refreshes keys in the background.
type Keeper struct {
	store Store
	clock clock.Clock
	log   *slog.Logger

	mu      sync.Mutex
	runners []runner
	started context.Context //nolint:containedctx // the life of the loops, for keys added later
	running sync.WaitGroup
}

type runner interface{ run(ctx context.Context) }

// NewKeeper makes a keeper; Run starts it.
func NewKeeper(store Store, c clock.Clock, log *slog.Logger) *Keeper {
	return &Keeper{store: store, clock: c, log: log}
}

// Run refreshes every key until the context ends.
func (k *Keeper) Run(ctx context.Context) error {
	k.mu.Lock()
	k.started = ctx
	for _, r := range k.runners {
		k.running.Go(func() { r.run(ctx) })
	}
	k.mu.Unlock()
	<-ctx.Done()
	k.running.Wait()
	return nil
}

func (k *Keeper) add(r runner) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.runners = append(k.runners, r)
	if k.started != nil && k.started.Err() == nil {
		ctx := k.started
		k.running.Go(func() { r.run(ctx) })
	}
}
