package worker

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/snapshot"
	"github.com/envdeck/envdeck/internal/status"
)

// Options is what a Board is made of.
type Options struct {
	Project   catalog.Project
	Prefix    string // of the cache keys; "" for the first project
	Providers provider.Set
	Keeper    *cache.Keeper
	Clock     clock.Clock
	Log       *slog.Logger
}

// Board keeps the finished answer about one project's workers.
type Board struct {
	project catalog.Project
	sources *sources
	clock   clock.Clock
	log     *slog.Logger

	workers snapshot.Published[Workers]
	ages    atomic.Pointer[Ages]
	dirty   chan struct{}

	assembling sync.Mutex
	told       string // the trouble that the log knows of
}

// New makes a board and puts its facts under the keeper's care. Until Run has
// assembled the first answer, everything on it is unknown.
func New(o Options) *Board {
	b := &Board{project: o.Project, clock: o.Clock, log: o.Log, dirty: make(chan struct{}, 1)}
	b.sources = newSources(o, b.changed)
	b.assemble()
	return b
}

// Configured says whether anything here knows workers.
func (b *Board) Configured() bool { return b.sources.name != "" }

func (b *Board) changed() {
	select {
	case b.dirty <- struct{}{}:
	default: // an assembly is already due
	}
}

// Run assembles the answer as facts change, until the context ends.
func (b *Board) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.dirty:
			b.assemble()
		}
	}
}

// Refresh asks every source now and waits for the answers. The keeper must be
// running.
func (b *Board) Refresh(ctx context.Context) {
	b.sources.refresh(ctx)
	b.assemble()
}

// Filled waits until every fact was asked for once, with success or without.
func (b *Board) Filled(ctx context.Context) error {
	for !b.sources.asked() {
		if err := clock.Real().Sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	b.assemble()
	return nil
}

// read is the finished answer, at once. Reading it keeps its facts fresh.
func (b *Board) read() *snapshot.Snapshot[Workers] {
	b.sources.want(b.clock.Now())
	return b.workers.Load()
}

func (b *Board) assemble() {
	b.assembling.Lock()
	defer b.assembling.Unlock()
	now := b.clock.Now()
	f := b.sources.facts(now)
	b.tell(f)
	if _, err := b.workers.Publish(f.workers(b.project.Name), now); err != nil {
		b.log.Error("workers could not be encoded; the last answer stays", "project", b.project.Name, "error", err)
	}
}

// tell logs when the source begins to fail, fails for another reason, or is
// well again: one line each, for whoever has no page open.
func (b *Board) tell(f facts) {
	s := f.standing()
	trouble := ""
	if s.err != nil {
		trouble = s.err.Message
	}
	switch trouble {
	case b.told:
		return
	case "":
		b.log.Info("source of the workers is well again", "project", b.project.Name, "source", f.name)
	default:
		b.log.Warn("source of the workers does not answer as it should; what was known stays on the page with its age",
			"project", b.project.Name, "source", f.name, "kind", s.err.Kind.String(), "problem", trouble)
	}
	b.told = trouble
}

// Ages is how long ago the source was asked, and the same as a header.
type Ages struct {
	Sources []status.Age
	Header  string
	at      time.Time
}

// age is worked out once a second at most, however many readers there are.
func (b *Board) age() *Ages {
	now := b.clock.Now()
	if a := b.ages.Load(); a != nil && now.Sub(a.at) < time.Second && !now.Before(a.at) {
		return a
	}
	a := &Ages{at: now}
	if f := b.sources.facts(now); f.name != "" {
		s := f.standing()
		one := status.Age{Source: f.name, Stale: s.stale, Never: s.fetchedAt.IsZero()}
		if !one.Never {
			one.Age = now.Sub(s.fetchedAt)
		}
		a.Sources = []status.Age{one}
	}
	a.Header = status.Header(a.Sources)
	b.ages.Store(a)
	return a
}
