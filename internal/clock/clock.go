// Package clock is where the product's time comes from, so that a rule can be
// tested without waiting and the demo can run faster than life.
//
// It must not know what is being timed. Deadlines of network calls are not
// its business either: a socket lives in real time whatever the demo's speed,
// so those use context deadlines.
package clock

import (
	"context"
	"time"
)

// Clock tells the time and wakes sleepers. Implementations are safe for
// concurrent use.
type Clock interface {
	// Now is the present, always in UTC.
	Now() time.Time
	// Sleep returns nil after d, or the context's error if that ends first.
	Sleep(ctx context.Context, d time.Duration) error
	// Timer delivers one value on its channel after d. Stop releases it.
	Timer(d time.Duration) (c <-chan time.Time, stop func())
}

// Real is the machine's clock. Inside a testing/synctest bubble it is the
// bubble's virtual clock, which is what the tests of time rules rely on.
func Real() Clock { return real{} }

type real struct{}

func (real) Now() time.Time { return time.Now().UTC() }

func (real) Sleep(ctx context.Context, d time.Duration) error { return sleep(ctx, d) }

func (real) Timer(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

// Fast runs speed times as fast as the machine's clock from the moment it is
// made: the demo's --speed. A speed of 1 or less is the real clock.
func Fast(speed float64) Clock {
	if speed <= 1 {
		return Real()
	}
	return fast{speed: speed, epoch: time.Now()}
}

type fast struct {
	speed float64
	epoch time.Time
}

func (f fast) Now() time.Time {
	elapsed := time.Since(f.epoch) // monotonic, so a wall clock step does not show
	return f.epoch.Add(time.Duration(float64(elapsed) * f.speed)).UTC()
}

func (f fast) Sleep(ctx context.Context, d time.Duration) error { return sleep(ctx, f.shrink(d)) }

func (f fast) Timer(d time.Duration) (<-chan time.Time, func()) { return real{}.Timer(f.shrink(d)) }

func (f fast) shrink(d time.Duration) time.Duration { return time.Duration(float64(d) / f.speed) }

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
