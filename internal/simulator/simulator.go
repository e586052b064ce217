// Package simulator is the roof over the pretend providers: one world, its
// faces and its three little apps on one handler.
//
//	/vercel  /github  /cloudflare/client/v4  /sentry  /neon/api/v2   the providers
//	/apps/dev/  /apps/next/  /apps/prod/                             the apps
//	/_sim                                                            the control API
//
// It only puts things together: what happens is the world's business, what an
// answer looks like a face's, and it must not know who uses it.
package simulator

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/simulator/app"
	"github.com/envdeck/envdeck/internal/simulator/cloudflare"
	"github.com/envdeck/envdeck/internal/simulator/control"
	"github.com/envdeck/envdeck/internal/simulator/databases"
	"github.com/envdeck/envdeck/internal/simulator/github"
	"github.com/envdeck/envdeck/internal/simulator/neon"
	"github.com/envdeck/envdeck/internal/simulator/sentry"
	"github.com/envdeck/envdeck/internal/simulator/vercel"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// Options are what a simulator is made from. Zero values pick the defaults.
type Options struct {
	Seed       uint64      // 1
	Clock      clock.Clock // clock.Real()
	CronSecret string      // app.DefaultCronSecret
	// Tokens are other tokens than the usual for Config to name, by provider:
	// they open what those open. For tests that look for a token of their own.
	Tokens map[string]string
	// Advance moves the Clock forward by hand; nil when time goes by itself.
	Advance func(time.Duration)
}

// Simulator is a whole pretend outside. Safe for concurrent use.
type Simulator struct {
	o     Options
	stage atomic.Pointer[stage]

	databases *databases.Databases // nil where nobody keeps them
	moved     chan struct{}        // something may have been applied

	mu        sync.Mutex
	listeners []func(world.Event)
}

// stage is everything that a reset makes anew.
type stage struct {
	world    *world.World
	exchange *wire.Exchange
	control  *control.API
	faces    http.Handler
	apps     http.Handler
}

// New builds the world and its faces; it takes some milliseconds.
func New(o Options) *Simulator {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	s := &Simulator{o: o}
	s.stage.Store(s.build())
	return s
}

func (s *Simulator) build() *stage {
	w := world.New(world.Options{Seed: s.o.Seed, Clock: s.o.Clock})
	x := wire.NewExchange(s.o.Clock, s.o.Seed)
	st := &stage{world: w, exchange: x, faces: x.Handler()}
	st.apps = app.Handler(app.Options{World: w, Clock: s.o.Clock, CronSecret: s.o.CronSecret})
	addFaces(x, w, s.o.Tokens)
	st.control = control.New(control.Options{World: w, Exchange: x, Clock: s.o.Clock, Advance: s.o.Advance, Reset: s.Reset})
	w.Listen(s.tell)
	return st
}

// addFaces puts the providers on the board: one line each.
func addFaces(x *wire.Exchange, w *world.World, own map[string]string) {
	vercel.New(x, w, also(VercelTokens(w), own, "vercel"))
	github.New(x, w, also(githubTokens(), own, "github"))
	cloudflare.New(x, w, also(cloudflareTokens(), own, "cloudflare"))
	sentry.New(x, w, also(sentryTokens(), own, "sentry"))
	neon.New(x, w, also(neonTokens(), own, "neon"))
}

// World is the present world; Reset replaces it.
func (s *Simulator) World() *world.World { return s.stage.Load().world }

// Exchange has the call log and the faults; Reset replaces it.
func (s *Simulator) Exchange() *wire.Exchange { return s.stage.Load().exchange }

// Play starts a script: a timed one of the world, or else a ready-made scene of
// the control API.
func (s *Simulator) Play(name string) error {
	return s.stage.Load().control.Play(name)
}

// Reset makes everything anew from the same seed, as of the clock's now. Calls
// that hang on a fault are let go.
func (s *Simulator) Reset() error {
	s.Exchange().Release()
	s.stage.Store(s.build())
	return nil
}

// Listen registers fn for everything that happens in the world, across resets.
// It must not block for long.
func (s *Simulator) Listen(fn func(world.Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = append(s.listeners, fn)
}

func (s *Simulator) tell(e world.Event) {
	s.mu.Lock()
	listeners := s.listeners // append never changes what is there
	s.mu.Unlock()
	for _, fn := range listeners {
		fn(e)
	}
}

// KeepDatabases keeps the app's databases as files in a folder, which Config
// names from then on; Run keeps them in step with the world. Call it before
// either.
func (s *Simulator) KeepDatabases(ctx context.Context, dir string) error {
	kept, err := databases.New(ctx, dir, s.World())
	if err != nil {
		return err
	}
	s.databases, s.moved = kept, make(chan struct{}, 1)
	s.Listen(func(world.Event) {
		select {
		case s.moved <- struct{}{}:
		default: // somebody is about to look
		}
	})
	return nil
}

// followDatabases runs until ctx ends.
func (s *Simulator) followDatabases(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.moved:
			// What could not be written is written after the next event.
			_ = s.databases.Follow(ctx, s.World())
		}
	}
}

// Handler serves everything.
func (s *Simulator) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		st := s.stage.Load()
		switch first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); first {
		case "_sim":
			st.control.ServeHTTP(w, r)
		case "apps":
			st.apps.ServeHTTP(w, r)
		default:
			if mount := unmounted(r.Host, r.URL.Path); mount != "" {
				r = r.Clone(r.Context())
				r.URL.Path, r.URL.RawPath = mount+r.URL.Path, ""
			}
			st.faces.ServeHTTP(w, r)
		}
	})
}

// roots are what the vendors' paths begin with. Some of their own tools drop
// the path of the base URL that they are given, or refuse one.
var roots = []struct {
	begins *regexp.Regexp
	mount  string
}{
	{regexp.MustCompile(`^/client/v4(/|$)`), "/cloudflare"},
	{regexp.MustCompile(`^/api/(0/|[0-9]+/(cron|envelope)/)`), "/sentry"},
	{regexp.MustCompile(`^/api/v2(/|$)`), "/neon"},
	{regexp.MustCompile(`^/(repos/|graphql$|rate_limit$|user$|api/v3/|api/graphql$)`), "/github"},
	{regexp.MustCompile(`^/(v[0-9]+/|(projects|teams|now|deployments)(/|$))`), "/vercel"},
}

// localGitHub is the one host that GitHub's tool asks without TLS. With the
// simulator as its proxy it asks here.
const localGitHub = "api.github.localhost"

// unmounted is the mount of the face whose path this is without it, "" for
// none.
func unmounted(host, path string) string {
	if host == localGitHub && !strings.HasPrefix(path, "/github/") {
		return "/github"
	}
	for _, r := range roots {
		if r.begins.MatchString(path) {
			return r.mount
		}
	}
	return ""
}

// The world is left alone for a breath at most, as somebody may have planned
// something nearer than what was known when the wait began; and for a blink at
// least, as a fast clock rounds the shortest waits down to none.
const (
	breath = time.Second
	blink  = 50 * time.Millisecond
)

// Run keeps the world moving when nobody looks at it, so that crons fire and
// listeners hear of it, until ctx ends. Without Run everything still happens,
// at the next look.
func (s *Simulator) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	if s.databases != nil {
		running.Go(func() { s.followDatabases(ctx) })
	}
	for {
		wait := breath
		if next, ok := s.World().Advance(); ok {
			wait = min(wait, max(blink, next.Sub(s.o.Clock.Now())))
		}
		if err := s.o.Clock.Sleep(ctx, wait); err != nil {
			return nil //nolint:nilerr // being told to stop is how Run ends
		}
	}
}
