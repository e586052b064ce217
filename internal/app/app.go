// Package app is the composition root: it knows every room, opens them in
// order, runs their loops, and closes them in reverse. Nothing else may know
// them all, and nothing may be decided here.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/api"
	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/database/standing"
	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/live"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/all"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/usage"
	"github.com/envdeck/envdeck/internal/worker"
)

// Options is what an App is made of.
type Options struct {
	Config  config.Config
	Clock   clock.Clock
	Log     *slog.Logger
	Version string
}

// App is a running envdeck.
type App struct {
	o        Options
	started  time.Time
	db       *store.DB
	memory   *cache.Memory
	Control  *access.Control
	keeper   *cache.Keeper
	watch    *health.Watch
	boards   []*status.Board
	workers  []*worker.Board
	desk     *release.Desk
	crons    *cron.Book
	data     *database.Book
	schemas  *standing.Book
	alerts   *alert.Desk
	live     *live.Feed
	secrets  access.Keys
	counter  *usage.Counter
	door     *door.Door
	listener net.Listener
	metrics  net.Listener // nil when it is off
	loops    []loop
	closers  []func() error
}

// loop is work in the background. Name is for the log.
type loop struct {
	name string
	run  func(ctx context.Context) error
}

// New opens every room and listens. On an error everything that was opened is
// closed again.
func New(ctx context.Context, o Options) (_ *App, err error) {
	a := &App{o: o, started: o.Clock.Now(), counter: usage.New(o.Version)}
	defer func() {
		if err != nil {
			_ = a.Close() // the first error is the one that helps
		}
	}()
	// The address first: a second server must not touch the database.
	if err := a.openListeners(ctx); err != nil {
		return nil, err
	}
	if err := a.openAccess(ctx); err != nil {
		return nil, err
	}
	if err := a.openBoards(ctx); err != nil {
		return nil, err
	}
	a.openDoor()
	return a, a.Control.Loaded(ctx, o.Config.Digest, o.Version)
}

func (a *App) openListeners(ctx context.Context) (err error) {
	if a.listener, err = listen(ctx, a.o.Config.Listen); err != nil {
		return err
	}
	a.closers = append(a.closers, closeQuietly(a.listener))
	if a.o.Config.MetricsListen == "" {
		return nil
	}
	if a.metrics, err = listen(ctx, a.o.Config.MetricsListen); err != nil {
		return err
	}
	a.closers = append(a.closers, closeQuietly(a.metrics))
	return nil
}

// closeQuietly closes a listener that the server may have closed already.
func closeQuietly(l net.Listener) func() error {
	return func() error {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}

func (a *App) openAccess(ctx context.Context) (err error) {
	c := a.o.Config
	a.db, err = store.Open(ctx, store.Config{Dir: c.Data, URL: c.DatabaseURL, Clock: a.o.Clock, Log: a.o.Log})
	if err != nil {
		return err
	}
	a.closers = append(a.closers, a.db.Close)
	if a.secrets, err = a.keys(); err != nil {
		return err
	}
	a.Control, err = access.New(ctx, access.Config{Store: a.db, Keys: a.secrets, Clock: a.o.Clock, Log: a.o.Log})
	if err != nil {
		return err
	}
	a.loops = append(a.loops, loop{"access", a.Control.Run})
	return nil
}

// keys are from the configuration where replicas share a database, else from
// a file beside the embedded one.
func (a *App) keys() (access.Keys, error) {
	if a.o.Config.MasterKey.Set() {
		return access.NewKeys(a.o.Config.MasterKey)
	}
	if a.o.Config.DatabaseURL.Set() {
		return access.Keys{}, fault.New(fault.Invalid, "Replicas that share a database need the same master key: set master_key: ${env:ENVDECK_MASTER_KEY}. Make one with: openssl rand -base64 32")
	}
	return access.OpenKeys(filepath.Join(a.o.Config.Data, "master.key"))
}

// openBoards opens the providers of every project and what shows their facts.
func (a *App) openBoards(ctx context.Context) error {
	a.memory = cache.NewMemory()
	a.closers = append(a.closers, func() error { a.memory.Close(); return nil })
	a.keeper = cache.NewKeeper(a.memory, a.o.Clock, a.o.Log)
	a.loops = append(a.loops, loop{"cache", a.keeper.Run})

	catalog := a.o.Config.Catalog()
	targets := health.Targets(catalog)
	prober := health.NewProber(targets, health.ProberConfig{Clock: a.o.Clock, UserAgent: a.userAgent()})
	byProject := map[string]*status.Board{}
	var sets []provider.Set
	a.watch = health.NewWatch(health.WatchConfig{
		Targets: targets, Probe: prober.Probe, Interval: a.o.Config.Health.Interval, Clock: a.o.Clock, Log: a.o.Log, Store: a.db,
		OnSample: func(t health.Target, _ health.Sample) {
			if b := byProject[t.Project]; b != nil {
				b.Changed()
			}
		},
	})
	for i, p := range a.o.Config.Projects {
		set, err := a.openProviders(p)
		if err != nil {
			return err
		}
		sets = append(sets, set)
		project, _ := catalog.Project(p.Name)
		prefix := ""
		if i > 0 {
			prefix = p.Name + ":"
		}
		b := status.New(status.Options{
			Project: project, Prefix: prefix, Providers: set, Keeper: a.keeper, Store: a.memory,
			Samples: a.watch, Clock: a.o.Clock, Log: a.o.Log,
		})
		a.boards = append(a.boards, b)
		byProject[p.Name] = b
		a.loops = append(a.loops, loop{"status " + p.Name, b.Run})
	}
	a.loops = append(a.loops, loop{"health", a.watch.Run})
	a.openDatabases(sets)
	a.openWorkers(sets)
	a.openReleases(sets)
	if err := a.openCrons(ctx, sets); err != nil {
		return err
	}
	if err := a.openAlerts(); err != nil {
		return err
	}
	a.openLive()
	return nil
}

func (a *App) openProviders(p config.Project) (provider.Set, error) {
	var set provider.Set
	for _, kind := range all.Kinds() {
		block, ok := p.Providers[kind.Name]
		if !ok {
			continue
		}
		client, err := kind.Open(block, provider.Deps{
			Project: p.Name, Clock: a.o.Clock, Meter: a.counter, Log: a.o.Log, UserAgent: a.userAgent(),
		})
		if err != nil {
			return nil, err
		}
		set = append(set, provider.Provider{Name: kind.Name, API: client})
	}
	return set, nil
}

func (a *App) userAgent() string { return "envdeck/" + a.o.Version }

func (a *App) openDoor() {
	a.door = door.New(door.Options{
		Control: a.Control, Log: a.o.Log, PublicURL: a.o.Config.PublicURL, Observe: a.counter.Answered, Clock: a.o.Clock,
		Proxies: networks(a.o.Config.Auth.Proxies), Trusted: trustedHeader(a.o.Config.Auth.TrustedHeader),
	})
	boards := status.NewBoards(a.Control.Gate, a.boards)
	workers := worker.NewBoards(a.Control.Gate, a.workers)
	api.Mount(api.Options{Door: a.door, Boards: boards, Workers: workers, Control: a.Control, Desk: a.desk, Crons: a.crons, Alerts: a.alerts, Databases: a.data, Self: a, Version: a.o.Version, Clock: a.o.Clock})
	a.mountPings()
	a.mountProbes()
	a.mountWeb(boards, workers)
}

// URL is the address that people use.
func (a *App) URL() string {
	if u := a.o.Config.PublicURL; u != nil {
		return u.String()
	}
	return "http://" + a.listener.Addr().String()
}

// Handler is the whole server, for tests that bring their own network.
func (a *App) Handler() http.Handler { return a.door }

// Run serves until the context ends, then stops everything in reverse. It
// answers the first error of a loop, which ends all others.
func (a *App) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	failed := make(chan error, len(a.loops)+2)
	start := func(l loop) {
		running.Go(func() {
			if err := l.run(ctx); err != nil && ctx.Err() == nil {
				failed <- fault.Wrap(fault.Internal, err, "The background work %q stopped.", l.name)
				cancel()
			}
		})
	}
	for _, l := range a.loops {
		start(l)
	}
	start(loop{"http", func(ctx context.Context) error { return serve(ctx, a.listener, a.door) }})
	if a.metrics != nil {
		start(loop{"metrics", func(ctx context.Context) error { return serve(ctx, a.metrics, a.counter.Handler()) }})
	}
	<-ctx.Done()
	running.Wait()
	err := a.Close()
	select {
	case first := <-failed:
		return first
	default:
		return err
	}
}

// Close closes in reverse what was opened.
func (a *App) Close() error {
	var first error
	for _, closer := range slices.Backward(a.closers) {
		if err := closer(); err != nil && first == nil {
			first = err
		}
	}
	a.closers = nil
	return first
}
