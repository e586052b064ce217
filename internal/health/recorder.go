package health

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
)

// The recorder's measures. What it holds in memory is lost when the process is
// killed: a few seconds of samples, which the screen shows as not observed.
const (
	queueSize  = 4096
	batchSize  = 512
	flushEvery = 2 * time.Second
	pruneEvery = time.Hour
	storeTime  = 5 * time.Second // for one call of the store
)

// recorder writes samples to the store in batches, off the probes' path: a
// store that is slow or broken costs history and never a probe.
type recorder struct {
	store   Store
	clock   clock.Clock
	log     *slog.Logger
	queue   chan Record
	dropped atomic.Int64

	// Only run's goroutine touches what follows.
	pending []Record // a batch that is not known to be written
	failing bool
}

func newRecorder(s Store, c clock.Clock, log *slog.Logger) *recorder {
	return &recorder{store: s, clock: c, log: log, queue: make(chan Record, queueSize)}
}

// add never blocks: a full queue loses its oldest record.
func (r *recorder) add(rec Record) {
	for {
		select {
		case r.queue <- rec:
			return
		default:
		}
		select {
		case <-r.queue:
			r.dropped.Add(1)
		default:
		}
	}
}

// run writes until stop is closed, and once more then.
func (r *recorder) run(ctx context.Context, stop <-chan struct{}) {
	// The last batch is written after the context has ended.
	ctx = context.WithoutCancel(ctx)
	var pruned time.Time
	for {
		timer, release := r.clock.Timer(flushEvery)
		select {
		case <-timer:
		case <-stop:
			release()
			r.flush(ctx)
			return
		}
		r.flush(ctx)
		if now := r.clock.Now(); now.Sub(pruned) >= pruneEvery {
			pruned = now
			r.prune(ctx, now.Add(-Keep))
		}
	}
}

// flush writes what is queued. A batch that failed is kept and sent again
// first: a failed commit may have been written all the same, and the store
// skips what it has.
func (r *recorder) flush(ctx context.Context) {
	for {
		r.fill()
		if len(r.pending) == 0 {
			return
		}
		call, cancel := context.WithTimeout(ctx, storeTime)
		err := r.store.AppendSamples(call, r.pending)
		cancel()
		if err != nil {
			// Once, not every two seconds for as long as it lasts.
			if !r.failing {
				r.log.ErrorContext(ctx, "Health samples are not being kept; trying again.", "error", err)
			}
			r.failing = true
			return
		}
		if r.failing {
			r.log.InfoContext(ctx, "Health samples are being kept again.", "lost", r.dropped.Load())
		}
		r.failing = false
		r.pending = nil
	}
}

// fill tops the pending batch up from the queue.
func (r *recorder) fill() {
	for len(r.pending) < batchSize {
		select {
		case rec := <-r.queue:
			r.pending = append(r.pending, rec)
		default:
			return
		}
	}
}

func (r *recorder) prune(ctx context.Context, before time.Time) {
	call, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	if _, err := r.store.PruneSamples(call, before); err != nil {
		r.log.WarnContext(ctx, "Old health samples could not be deleted; trying again in an hour.", "error", err)
	}
}
