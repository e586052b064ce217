// Package lease is the right to work on something for a while, among replicas
// that may die at any moment: claimed, kept by a heartbeat, and lost when the
// heartbeat cannot be heard.
//
// Every claim has a higher fence than the one before it, so that whoever was
// away too long is refused. The room must not know what the work is or where
// leases are kept.
package lease

import (
	"context"
	"errors"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
)

// How work is shared between replicas. A process that dies is replaced after
// at most TTL + ClaimEvery.
const (
	TTL        = 7 * time.Second
	RenewEvery = 2 * time.Second
	ClaimEvery = time.Second
	// StoreLimit is how long the database may take to renew: the lease must
	// not run out while we wait to be told that it has.
	StoreLimit = 2 * time.Second
	HandOver   = 3 * time.Second
)

// ErrLost says that somebody else does the work now.
var ErrLost = errors.New("lease: it is lost")

// Lease is the right to drive one job, for a while.
type Lease struct {
	Job   string
	Owner string
	Fence int64 // grows each time the job is taken up
}

// Claim asks for a job that nobody drives.
type Claim struct {
	Owner string
	// Now is the product's time, which wake-ups are in.
	Now time.Time
	// Real is the machine's time and TTL how long the lease holds; Postgres
	// uses its own clock instead, as that is the one all replicas share.
	Real time.Time
	TTL  time.Duration
}

// Keep renews a lease that was taken at began until the context ends. When the
// database cannot be reached before it runs out, or somebody else has it, lose
// is called, and what is under way must stop.
func Keep(ctx context.Context, real clock.Clock, began time.Time, renew func(context.Context) error, lose context.CancelCauseFunc) {
	until := began.Add(TTL)
	for {
		if real.Sleep(ctx, RenewEvery) != nil {
			return
		}
		began := real.Now()
		err := renew(ctx)
		switch {
		case err == nil:
			until = began.Add(TTL)
		case errors.Is(err, ErrLost):
			lose(ErrLost)
			return
		// The next try may take StoreLimit, and must end while the lease holds.
		case !real.Now().Add(RenewEvery + StoreLimit).Before(until):
			lose(ErrLost)
			return
		}
	}
}
