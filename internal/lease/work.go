package lease

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
)

// Store keeps the leases of one sort of job.
type Store[J any] interface {
	// Claim takes up one job that is due and that nobody drives; false when
	// there is none.
	Claim(ctx context.Context, c Claim) (Lease, J, bool, error)
	// Renew keeps a lease; ErrLost when somebody else has it.
	Renew(ctx context.Context, l Lease, c Claim) error
	// Release gives a lease back before its time; the job is due again then.
	Release(ctx context.Context, l Lease, due time.Time) error
}

// Work claims jobs and drives them. Make it with NewWork.
type Work[J any] struct {
	store Store[J]
	clock clock.Clock // the product's time, which may run fast
	real  clock.Clock // leases are between processes, so theirs is not
	log   *slog.Logger
	owner string
	drive func(ctx context.Context, l Lease, job J) error
	kick  chan struct{}
}

// NewWork makes a worker. drive works on a job until it has ended, and answers
// an error when it could not; its context ends with the lease.
func NewWork[J any](store Store[J], c clock.Clock, log *slog.Logger, owner string, drive func(ctx context.Context, l Lease, job J) error) *Work[J] {
	return &Work[J]{store: store, clock: c, real: clock.Real(), log: log, owner: owner, drive: drive, kick: make(chan struct{}, 1)}
}

// WakeUp makes Run look for jobs at once.
func (w *Work[J]) WakeUp() {
	select {
	case w.kick <- struct{}{}:
	default: // it has been told already
	}
}

// Run claims and drives until the context ends; what is under way then is given
// back, and whoever is alive goes on.
func (w *Work[J]) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		claimed, err := w.claim(ctx, &all)
		if err != nil && ctx.Err() == nil {
			w.log.WarnContext(ctx, "no work can be taken up at the moment", "error", err)
		}
		if claimed {
			continue
		}
		timer, stop := w.real.Timer(ClaimEvery)
		select {
		case <-ctx.Done():
			stop()
			return nil
		case <-timer:
		case <-w.kick:
		}
		stop()
	}
}

func (w *Work[J]) ask() Claim {
	return Claim{Owner: w.owner, Now: w.clock.Now(), Real: w.real.Now(), TTL: TTL}
}

func (w *Work[J]) claim(ctx context.Context, all *sync.WaitGroup) (bool, error) {
	began := w.real.Now()
	limit, cancel := context.WithTimeout(ctx, StoreLimit)
	defer cancel()
	l, job, ok, err := w.store.Claim(limit, w.ask())
	if err != nil || !ok {
		return false, err
	}
	all.Go(func() { w.hold(ctx, l, job, began) })
	return true, nil
}

// hold drives a job for as long as its lease holds.
func (w *Work[J]) hold(parent context.Context, l Lease, job J, began time.Time) {
	ctx, lose := context.WithCancelCause(parent)
	defer lose(nil)
	beats := make(chan struct{})
	go func() {
		defer close(beats)
		Keep(ctx, w.real, began, func(ctx context.Context) error {
			limit, cancel := context.WithTimeout(ctx, StoreLimit)
			defer cancel()
			return w.store.Renew(limit, l, w.ask())
		}, lose)
	}()
	err := w.drive(ctx, l, job)
	lose(err)
	<-beats
	if err == nil || errors.Is(err, ErrLost) || errors.Is(context.Cause(ctx), ErrLost) {
		return
	}
	if parent.Err() == nil {
		w.log.WarnContext(parent, "work is put down for a moment", "job", l.Job, "error", err)
	}
	// A short wait keeps a database that is full from being asked all the time.
	after, cancel := context.WithTimeout(context.WithoutCancel(parent), HandOver)
	defer cancel()
	due := w.clock.Now()
	if parent.Err() == nil {
		due = due.Add(time.Second)
	}
	if err := w.store.Release(after, l, due); err != nil && !errors.Is(err, ErrLost) {
		w.log.WarnContext(after, "a lease could not be given back; it runs out by itself", "job", l.Job, "error", err)
	}
}
