package database

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/lease"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/snapshot"
)

// branchesTTL is how long the branches count as fresh. Outside programs read
// the key in Redis, so its name and its lifetime are a contract.
const branchesTTL = 120 * time.Second

// Options is what a Book is made of. All but Owner and Point must be set.
type Options struct {
	Projects   []Project
	Store      Store
	Migrations Migrations
	Gate       *access.Gate
	Keeper     *cache.Keeper
	Clock      clock.Clock
	Log        *slog.Logger
	// Owner names this process among the replicas; "" makes a name.
	Owner string
	// Point is told of every boundary of a change, for tests that stop the
	// process there. nil in the product.
	Point func(boundary string)
}

// Project is one project and who keeps its database.
type Project struct {
	Catalog   catalog.Project
	Providers provider.Set
	Prefix    string // of cache keys; "" for the first project
	// Keep says which snapshots may go.
	Keep KeepPolicy
}

// Book is the databases of every project.
type Book struct {
	o       Options
	shelves []*shelf
	work    *lease.Work[Change]

	mu       sync.Mutex
	onChange []func(project string)
}

// shelf is one project's finished answer and what it is made of.
type shelf struct {
	project    catalog.Project
	production string // its environment's name, "" when there is none
	source     string // the provider's name, "" when none keeps a database
	branches   *cache.Entry[provider.BranchList]
	brancher   provider.Brancher // nil where branches can not be changed
	status     snapshot.Published[Status]
	dirty      chan struct{}
	keep       KeepPolicy

	publishing sync.Mutex // answers are made one after the other
	told       string     // the trouble that the log knows of
}

// New makes a book and puts its facts under the keeper's care.
func New(o Options) *Book {
	if o.Owner == "" {
		o.Owner = "replica_" + strings.ToLower(rand.Text())
	}
	if o.Point == nil {
		o.Point = func(string) {}
	}
	b := &Book{o: o}
	b.work = lease.NewWork(ledger{o.Store}, o.Clock, o.Log, o.Owner, b.drive)
	for _, p := range o.Projects {
		s := &shelf{project: p.Catalog, dirty: make(chan struct{}, 1), keep: p.Keep}
		if e, ok := p.Catalog.OfKind(catalog.Production); ok {
			s.production = e.Name
		}
		if lister, name, ok := provider.Find[provider.BranchLister](p.Providers); ok {
			s.source = name
			s.branches = cache.Add(o.Keeper, cache.Key[provider.BranchList]{
				Name: p.Prefix + "neon:branches", TTL: branchesTTL, Schema: 1, Load: lister.Branches,
			})
			s.branches.OnChange(s.changed)
		}
		s.brancher, _, _ = provider.Find[provider.Brancher](p.Providers)
		b.shelves = append(b.shelves, s)
		b.publish(s)
	}
	o.Migrations.OnChange(func(project string) {
		if s := b.shelf(project); s != nil {
			s.changed()
		}
	})
	return b
}

func (s *shelf) changed() {
	select {
	case s.dirty <- struct{}{}:
	default: // it is known already
	}
}

// ageCheck is how often it is looked whether time alone has made an answer
// another one: branches become stale, and facts grow old.
const ageCheck = 30 * time.Second

// Run publishes answers as facts change and drives what was accepted, until the
// context ends; then it is handed over to whoever is alive.
func (b *Book) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for _, s := range b.shelves {
		if s.brancher != nil {
			running.Go(func() { b.keepPruned(ctx, s) })
		}
		running.Go(func() {
			for ctx.Err() == nil {
				timer, stop := b.o.Clock.Timer(ageCheck)
				select {
				case <-ctx.Done():
				case <-timer:
				case <-s.dirty:
				}
				stop()
				b.publish(s)
			}
		})
	}
	err := b.work.Run(ctx)
	running.Wait()
	return err
}

// publish makes a project's answer of what is known now.
func (b *Book) publish(s *shelf) {
	if !b.assembled(s) {
		return
	}
	b.mu.Lock()
	listeners := b.onChange
	b.mu.Unlock()
	for _, fn := range listeners {
		fn(s.project.Name)
	}
}

// assembled makes the answer anew, and says whether it is another one.
func (b *Book) assembled(s *shelf) bool {
	s.publishing.Lock()
	defer s.publishing.Unlock()
	now := b.o.Clock.Now()
	f := s.facts(now)
	f.migrations = b.o.Migrations.Migrations(s.project.Name)
	b.tell(s, f)
	changed, err := s.status.Publish(assemble(f), now)
	if err != nil {
		b.o.Log.Error("the database's answer could not be encoded; the last one stays", "project", s.project.Name, "error", err)
	}
	return changed
}

// tellChange has a change shown: the pages look again.
func (b *Book) tellChange(c Change) {
	b.mu.Lock()
	listeners := b.onChange
	b.mu.Unlock()
	for _, fn := range listeners {
		fn(c.Project)
	}
}

// tell logs when the source begins to fail, fails for another reason, or is
// well again.
func (b *Book) tell(s *shelf, f facts) {
	trouble := ""
	if f.branches != nil && f.branches.Err != nil {
		trouble = f.branches.Err.Message
	}
	if trouble == s.told {
		return
	}
	s.told = trouble
	if trouble == "" {
		b.o.Log.Info("source is well again", "project", s.project.Name, "source", s.source)
		return
	}
	b.o.Log.Warn("source does not answer as it should; what was known stays on the page with its age",
		"project", s.project.Name, "source", s.source, "kind", f.branches.Err.Kind.String(), "problem", trouble)
}

func (s *shelf) facts(now time.Time) facts {
	f := facts{now: now, project: s.project, production: s.production, source: s.source, changes: s.brancher != nil}
	if s.branches != nil {
		peek := s.branches.Peek()
		f.branches = &peek
	}
	return f
}

// OnChange calls fn with a project's name after its answer became another one.
// fn must be quick.
func (b *Book) OnChange(fn func(project string)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.onChange = append(b.onChange, fn)
}

// Age is how long ago a source was last asked with success.
type Age struct {
	Source string
	Age    time.Duration
	Stale  bool
	Never  bool
}

// Status answers how a project's database stands, at once, and how old the
// facts are. Reading it keeps them fresh.
func (b *Book) Status(ctx context.Context, a access.Actor, project string) (*snapshot.Snapshot[Status], []Age, error) {
	s, err := b.enter(ctx, a, project)
	if err != nil {
		return nil, nil, err
	}
	var ages []Age
	if s.branches != nil {
		f, now := s.branches.Fact(), b.o.Clock.Now()
		age := Age{Source: s.source, Stale: f.Stale(now), Never: f.FetchedAt.IsZero()}
		if !age.Never {
			age.Age = max(now.Sub(f.FetchedAt), 0)
		}
		ages = append(ages, age)
	}
	b.o.Migrations.Watch(s.project.Name)
	return s.status.Load(), ages, nil
}

// enter passes the gate before it says whether a project exists.
func (b *Book) enter(ctx context.Context, a access.Actor, project string) (*shelf, error) {
	if _, err := b.o.Gate.Allow(ctx, a, access.ViewDatabase, access.On{}); err != nil {
		return nil, err
	}
	if s := b.shelf(project); s != nil {
		return s, nil
	}
	return nil, fault.New(fault.NotFound, "There is no project %q in the configuration.", hostile.Line(project, hostile.NameLimit))
}

// shelf finds a project; "" is the first. nil: there is none.
func (b *Book) shelf(project string) *shelf {
	for _, s := range b.shelves {
		if project == "" || s.project.Name == project {
			return s
		}
	}
	return nil
}

// Refresh asks every source now and waits for the answers.
func (b *Book) Refresh(ctx context.Context) {
	var asking sync.WaitGroup
	asking.Go(func() { b.o.Migrations.Refresh(ctx) })
	for _, s := range b.shelves {
		asking.Go(func() {
			if s.branches != nil {
				s.branches.Renew(ctx)
			}
			b.publish(s)
		})
	}
	asking.Wait()
}

// Filled waits until every source was asked once: from then on an unknown has
// a reason. The keeper must be running.
func (b *Book) Filled(ctx context.Context) error {
	for _, s := range b.shelves {
		for s.branches != nil && !s.branches.Asked() {
			if err := clock.Real().Sleep(ctx, 5*time.Millisecond); err != nil {
				return err
			}
		}
		b.publish(s)
	}
	return nil
}
