// Package live tells whoever watches a project that something of it has
// changed, so that a page looks again at once and not when it would have asked
// by itself.
//
// It carries no facts: what changed and who may see it is found out by looking,
// through the same Gate as ever. So it must not know what a release, a person
// or a page is. Nothing correct depends on it: a word that is lost costs a
// watcher some seconds, because pages go on asking.
package live

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
)

const (
	// perViewer is how many streams one viewer may hold: a tab each. A stream
	// is a connection, and those are bounded.
	perViewer = 16
	// most is how many there may be in all, well under what the server accepts.
	most = 3000
	// lookEvery is how often changes that other processes made are looked for
	// while somebody watches.
	lookEvery = time.Second
)

// Options is what a Feed is made of.
type Options struct {
	Clock clock.Clock
	Log   *slog.Logger
	// Marks answers, for each project, a text that is another one after another
	// process changed something; nil where this process is the only one.
	Marks func(context.Context) (map[string]string, error)
}

// Feed is where watchers and news meet. It is safe for concurrent use.
type Feed struct {
	o    Options
	self string // marks of another process, or of one before us, are not ours

	mu       sync.Mutex
	closed   bool
	watchers map[string]map[*watcher]struct{} // by project
	changes  map[string]uint64                // how many there were, by project
	viewers  map[string]int                   // how many streams each holds
	count    int
	came     chan struct{} // somebody began to watch
}

// watcher is one stream. There is nothing to queue: one word that was not
// taken yet says as much as ten.
type watcher struct{ news chan struct{} }

// New makes a feed. It takes watchers at once; Run looks for what other
// processes do, and sends everybody home at the end.
func New(o Options) *Feed {
	return &Feed{
		o: o, self: rand.Text()[:8],
		watchers: map[string]map[*watcher]struct{}{}, changes: map[string]uint64{}, viewers: map[string]int{}, came: make(chan struct{}, 1),
	}
}

// Changed tells everybody who watches the project. It never waits for any of
// them.
func (f *Feed) Changed(project string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes[project]++
	for w := range f.watchers[project] {
		nudge(w.news)
	}
}

// Mark says up to which change somebody knows who looks from now on.
func (f *Feed) Mark(project string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mark(project)
}

func (f *Feed) mark(project string) string {
	return f.self + "-" + strconv.FormatUint(f.changes[project], 10)
}

// Watch answers a channel that gives a value after the project changed, and is
// closed when the server stops. Whoever has seen another mark than the present
// one is told at once: nothing is missed between looking and watching. stop must
// be called. fault.RateLimited: the viewer has too many streams;
// fault.Unavailable: the server has, or it stops.
func (f *Feed) Watch(project, viewer, seen string) (news <-chan struct{}, stop func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return nil, nil, fault.New(fault.Unavailable, "The server stops. Try again in a moment.")
	case f.viewers[viewer] >= perViewer:
		return nil, nil, &fault.Error{Kind: fault.RateLimited, RetryAfter: time.Minute, Message: "Too many pages of this session are told of changes already. Close some; the page asks by itself meanwhile."}
	case f.count >= most:
		return nil, nil, &fault.Error{Kind: fault.Unavailable, RetryAfter: time.Minute, Message: "Too many pages are told of changes already. The page asks by itself meanwhile."}
	}
	w := &watcher{news: make(chan struct{}, 1)}
	if f.watchers[project] == nil {
		f.watchers[project] = map[*watcher]struct{}{}
	}
	f.watchers[project][w] = struct{}{}
	f.viewers[viewer]++
	f.count++
	if seen != f.mark(project) {
		nudge(w.news)
	}
	nudge(f.came)
	return w.news, sync.OnceFunc(func() { f.leave(project, viewer, w) }), nil
}

func (f *Feed) leave(project, viewer string, w *watcher) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count--
	if f.viewers[viewer]--; f.viewers[viewer] == 0 {
		delete(f.viewers, viewer)
	}
	delete(f.watchers[project], w)
	if len(f.watchers[project]) == 0 {
		delete(f.watchers, project)
	}
}

// Run looks for what other processes change while somebody watches, until the
// context ends; then every stream ends, so that the server can stop.
func (f *Feed) Run(ctx context.Context) error {
	defer f.close()
	if f.o.Marks == nil {
		<-ctx.Done()
		return nil
	}
	var known map[string]string
	looked, failing := false, false
	for ctx.Err() == nil {
		marks, err := f.o.Marks(ctx)
		if err == nil {
			if looked { // a page that is drawn now is as new as the first look
				f.compare(known, marks)
			}
			known, looked = marks, true
		} else if !failing && ctx.Err() == nil { // said once, not once a second
			f.o.Log.WarnContext(ctx, "what other replicas do could not be read; pages find it out by asking", "error", err)
		}
		failing = err != nil
		f.rest(ctx)
	}
	return nil
}

// rest waits until it is worth looking again: a moment while somebody watches,
// else until somebody does.
func (f *Feed) rest(ctx context.Context) {
	if f.watched() {
		_ = f.o.Clock.Sleep(ctx, lookEvery) // whoever calls sees that the context ended
		return
	}
	select {
	case <-ctx.Done():
	case <-f.came:
	}
}

// compare tells who watches a project whose mark has become another one.
func (f *Feed) compare(known, marks map[string]string) {
	for project, mark := range marks {
		if known[project] != mark {
			f.Changed(project)
		}
	}
	for project := range known {
		if _, ok := marks[project]; !ok {
			f.Changed(project)
		}
	}
}

func (f *Feed) watched() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count > 0
}

func (f *Feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for _, all := range f.watchers {
		for w := range all {
			close(w.news)
		}
	}
	f.watchers = map[string]map[*watcher]struct{}{}
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // one is waiting already
	}
}
