package status

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/snapshot"
)

// Samples answers what the probes found.
type Samples interface {
	// Latest is the newest sample of an environment; false before the first one.
	Latest(project, environment string) (health.Sample, bool)
	// Day is the last 24 hours of it in bars; false while that is not known.
	Day(project, environment string) (health.History, bool)
}

// Options is what a Board is made of.
type Options struct {
	Project   catalog.Project
	Prefix    string // of the cache keys; "" for the first project
	Providers provider.Set
	Keeper    *cache.Keeper
	Store     cache.Store // where developers' reports are shared between replicas
	Samples   Samples
	Clock     clock.Clock
	Log       *slog.Logger
}

// Board keeps the finished answers of one project.
type Board struct {
	project catalog.Project
	sources *sources
	reports *reports
	samples Samples
	clock   clock.Clock
	log     *slog.Logger

	status      snapshot.Published[Status]
	deployments snapshot.Published[Deployments]
	ages        atomic.Pointer[Ages]

	dirty    chan struct{}
	mu       sync.Mutex
	onChange []func()

	assembling sync.Mutex
	steady     map[string]health.Sample // the published sample by environment
	told       map[string]string        // the trouble that the log knows of, by source
}

// New makes a board and puts its facts under the keeper's care. Until Run has
// assembled the first answer, everything on it is unknown.
func New(o Options) *Board {
	b := &Board{
		project: o.Project, samples: o.Samples, clock: o.Clock, log: o.Log,
		dirty:  make(chan struct{}, 1),
		steady: map[string]health.Sample{}, told: map[string]string{},
	}
	b.sources = newSources(o, b.Changed)
	b.reports = newReports(o, b.Changed)
	b.assemble()
	return b
}

// Project is the project the board shows.
func (b *Board) Project() catalog.Project { return b.project }

// Status is the finished answer to "what runs where", at once. Reading it keeps
// its facts fresh.
func (b *Board) Status() *Snapshot[Status] {
	b.sources.want(b.clock.Now())
	return b.status.Load()
}

// Peek is Status for who only needs what is known, and not to keep it fresh.
func (b *Board) Peek() *Snapshot[Status] { return b.status.Load() }

// Deployments is the finished history, at once. Reading it keeps its facts
// fresh.
func (b *Board) Deployments() *Snapshot[Deployments] {
	b.sources.want(b.clock.Now())
	return b.deployments.Load()
}

// Changed says that a fact changed; the answers are assembled anew soon.
func (b *Board) Changed() {
	select {
	case b.dirty <- struct{}{}:
	default: // an assembly is already due
	}
}

// OnChange calls fn after an answer became another one. fn must be quick.
func (b *Board) OnChange(fn func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.onChange = append(b.onChange, fn)
}

// Run assembles answers as facts change, until the context ends.
func (b *Board) Run(ctx context.Context) error {
	for {
		// A report that was not renewed ends without anybody saying so.
		timer, stop := b.clock.Timer(reportCheck)
		select {
		case <-ctx.Done():
			stop()
			return nil
		case <-timer:
			if !b.reports.sync(ctx) {
				continue
			}
		case <-b.dirty:
		}
		stop()
		if b.assemble() {
			b.mu.Lock()
			listeners := b.onChange
			b.mu.Unlock()
			for _, fn := range listeners {
				fn()
			}
		}
	}
}

// Refresh asks every source now and waits for the answers, for when somebody
// wants to know it is the present: at most one call per fact is under way,
// however many ask. Run must be running.
func (b *Board) Refresh(ctx context.Context) {
	b.sources.refresh(ctx)
	b.assemble()
}

// Filled waits until every fact was asked for once, with success or without:
// from then on an unknown has a reason. Run must be running.
func (b *Board) Filled(ctx context.Context) error {
	for !b.asked() {
		if err := clock.Real().Sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	b.assemble()
	return nil
}

func (b *Board) asked() bool {
	for _, e := range b.project.Environments {
		if _, probed := b.samples.Latest(b.project.Name, e.Name); !probed && e.HealthURL() != nil {
			return false
		}
	}
	return b.sources.asked()
}

// assemble makes both answers of what is known now; false when neither is new.
func (b *Board) assemble() bool {
	b.assembling.Lock()
	defer b.assembling.Unlock()
	now := b.clock.Now()
	f := b.gather(now)
	b.tell(f)
	changed, err := b.status.Publish(assembleStatus(f), now)
	if err != nil {
		b.log.Error("status could not be encoded; the last answer stays", "project", b.project.Name, "error", err)
	}
	alsoChanged, err := b.deployments.Publish(assembleDeployments(f), now)
	if err != nil {
		b.log.Error("deployments could not be encoded; the last answer stays", "project", b.project.Name, "error", err)
	}
	return changed || alsoChanged
}

// tell logs when a source begins to fail, fails for another reason, or is well
// again: one line each, for whoever has no page open.
func (b *Board) tell(f facts) {
	for _, s := range f.standings() {
		trouble := ""
		if s.err != nil && !errors.Is(s.err, errNotYet) {
			trouble = s.err.Message
		}
		switch trouble {
		case b.told[s.name]:
			continue
		case "":
			b.log.Info("source is well again", "project", b.project.Name, "source", s.name)
		default:
			b.log.Warn("source does not answer as it should; what was known stays on the page with its age",
				"project", b.project.Name, "source", s.name, "kind", s.err.Kind.String(), "problem", trouble)
		}
		b.told[s.name] = trouble
	}
}

// gather takes a consistent look at every fact.
func (b *Board) gather(now time.Time) facts {
	f := b.sources.facts()
	f.now, f.project, f.report = now, b.project, b.reports.current(now)
	f.health, f.days = map[string]health.Sample{}, map[string]health.History{}
	for _, e := range b.project.Environments {
		sample, ok := b.samples.Latest(b.project.Name, e.Name)
		if !ok {
			continue
		}
		if old, known := b.steady[e.Name]; !known || !sameHealth(old, sample) {
			b.steady[e.Name] = sample
		}
		f.health[e.Name] = b.steady[e.Name]
		if day, ok := b.samples.Day(b.project.Name, e.Name); ok {
			f.days[e.Name] = day
		}
	}
	return f
}

// sameHealth says that a new sample tells a reader nothing that the published
// one does not: the answer then stays the same, and its age travels in a header.
func sameHealth(a, b health.Sample) bool {
	if a.Verdict != b.Verdict || a.Reason != b.Reason || a.Offline != b.Offline || a.Status != b.Status ||
		a.Commit != b.Commit || a.Branch != b.Branch || a.Version != b.Version || len(a.Parts) != len(b.Parts) {
		return false
	}
	for i := range a.Parts {
		if a.Parts[i] != b.Parts[i] {
			return false
		}
	}
	slower := max(a.Phases.Total, b.Phases.Total)
	faster := min(a.Phases.Total, b.Phases.Total)
	return slower-faster < 100 || slower < 1.5*faster
}

// want says that somebody reads, once a second at most.
type want struct{ last atomic.Int64 }

func (w *want) due(now time.Time) bool {
	last := w.last.Load()
	return now.UnixNano()-last >= int64(time.Second) && w.last.CompareAndSwap(last, now.UnixNano())
}
