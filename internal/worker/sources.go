package worker

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// How long each kind of fact counts as fresh. Outside programs read these keys
// in Redis, so the name and lifetime of the first are a contract.
const (
	statusTTL   = 60 * time.Second
	trafficTTL  = 60 * time.Second
	versionsTTL = 300 * time.Second
	placesTTL   = 600 * time.Second // routes, timetables and the list of scripts

	// most is how many workers are shown of a project that names none: an
	// account may have thousands.
	most = 50
)

// sources is the facts of one project's workers under the cache's care.
type sources struct {
	o       Options
	changed func()
	name    string // of the provider; "" when none knows workers
	lister  provider.WorkerLister
	reader  provider.WorkerReader

	scripts *cache.Entry[[]provider.WorkerScript] // nil when the configuration names them
	routes  *cache.Entry[provider.WorkerRoutes]
	traffic *cache.Entry[provider.WorkerTraffic]

	mu   sync.Mutex
	one  map[string]*one // by the shown name
	last atomic.Int64    // when somebody last read
}

// one is the facts of one worker alone.
type one struct {
	name, script string
	deployments  *cache.Entry[[]provider.WorkerDeployment]
	versions     *cache.Entry[[]provider.WorkerVersion]
	triggers     *cache.Entry[[]provider.WorkerTrigger]
}

// entry is a cache entry of any type.
type entry interface {
	Want()
	Asked() bool
	Renew(ctx context.Context)
}

func newSources(o Options, changed func()) *sources {
	s := &sources{o: o, changed: changed, one: map[string]*one{}}
	lister, name, ok := provider.Find[provider.WorkerLister](o.Providers)
	if !ok {
		return s
	}
	reader, _, ok := provider.Find[provider.WorkerReader](o.Providers)
	if !ok {
		return s
	}
	s.name, s.lister, s.reader = name, lister, reader
	if named := lister.NamedWorkers(); len(named) > 0 {
		for _, shown := range slices.Sorted(maps.Keys(named)) {
			s.add(shown, named[shown])
		}
	} else {
		s.scripts = keep(s, "cf:worker:scripts", placesTTL, lister.WorkerScripts)
		s.scripts.OnChange(s.found)
	}
	if counter, _, ok := provider.Find[provider.WorkerCounter](o.Providers); ok {
		s.traffic = keep(s, "cf:worker:traffic", trafficTTL, counter.WorkerTraffic)
	}
	if router, _, ok := provider.Find[provider.WorkerRouter](o.Providers); ok {
		s.routes = keep(s, "cf:worker:routes", placesTTL, func(ctx context.Context) (provider.WorkerRoutes, error) {
			names := s.scriptNames()
			if len(names) == 0 {
				return provider.WorkerRoutes{}, fault.New(fault.Unavailable, "The Workers are not known yet.")
			}
			return router.WorkerRoutes(ctx, names)
		})
	}
	return s
}

func keep[T any](s *sources, key string, ttl time.Duration, load func(context.Context) (T, error)) *cache.Entry[T] {
	e := cache.Add(s.o.Keeper, cache.Key[T]{Name: s.o.Prefix + key, TTL: ttl, Schema: 1, Load: load})
	e.OnChange(s.changed)
	return e
}

// add puts a worker under the cache's care; the caller holds mu, or is New.
func (s *sources) add(shown, script string) {
	w := &one{name: shown, script: script}
	w.deployments = keep(s, "cf:worker:status:"+shown, statusTTL, func(ctx context.Context) ([]provider.WorkerDeployment, error) {
		return s.reader.WorkerDeployments(ctx, script)
	})
	w.versions = keep(s, "cf:worker:versions:"+shown, versionsTTL, func(ctx context.Context) ([]provider.WorkerVersion, error) {
		d := w.deployments.Peek()
		if !d.Known {
			return nil, cmp.Or[error](fromFault(d.Err), fault.New(fault.Unavailable, "What is deployed is not known yet."))
		}
		return s.reader.WorkerVersions(ctx, script, serving(d.Value))
	})
	w.triggers = keep(s, "cf:worker:triggers:"+shown, placesTTL, func(ctx context.Context) ([]provider.WorkerTrigger, error) {
		return s.reader.WorkerTriggers(ctx, script)
	})
	// A version that serves and is in no list yet.
	w.deployments.OnChange(func() {
		if d, v := w.deployments.Peek(), w.versions.Peek(); d.Known && !v.Known || d.Known && !lists(v.Value, serving(d.Value)) {
			w.versions.Expire()
		}
	})
	s.one[shown] = w
}

// fromFault keeps a nil fault from becoming an error that is not nil.
func fromFault(f *fault.Error) error {
	if f == nil {
		return nil
	}
	return f
}

// serving is the versions that have traffic.
func serving(all []provider.WorkerDeployment) []string {
	if len(all) == 0 {
		return nil
	}
	var ids []string
	for _, s := range all[0].Shares {
		ids = append(ids, s.VersionID)
	}
	return ids
}

func lists(all []provider.WorkerVersion, ids []string) bool {
	for _, id := range ids {
		if !slices.ContainsFunc(all, func(v provider.WorkerVersion) bool { return v.ID == id }) {
			return false
		}
	}
	return true
}

// found takes up scripts that the list has and nobody watches yet. One that is
// gone stays with the cache, and is shown no more.
func (s *sources) found() {
	f := s.scripts.Peek()
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := false
	for _, script := range shownScripts(f.Value) {
		if s.one[script] == nil {
			s.add(script, script)
			fresh = true
		}
	}
	if fresh && s.routes != nil {
		s.routes.Expire()
	}
}

// shownScripts is the scripts that are shown where none are named.
func shownScripts(all []provider.WorkerScript) []string {
	var names []string
	for _, w := range all {
		names = append(names, w.Name)
	}
	slices.Sort(names)
	return names[:min(len(names), most)]
}

// list is the workers that are shown now, by name.
func (s *sources) list() []*one {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*one
	for _, name := range slices.Sorted(maps.Keys(s.one)) {
		all = append(all, s.one[name])
	}
	if s.scripts == nil {
		return all
	}
	there := shownScripts(s.scripts.Peek().Value)
	return slices.DeleteFunc(all, func(w *one) bool { return !slices.Contains(there, w.script) })
}

func (s *sources) scriptNames() []string {
	var names []string
	for _, w := range s.list() {
		names = append(names, w.script)
	}
	return names
}

// entries is every fact, those first that others are made of.
func (s *sources) entries() (first, then []entry) {
	if s.name == "" {
		return nil, nil
	}
	if s.scripts != nil {
		first = append(first, s.scripts)
	}
	if s.traffic != nil {
		first = append(first, s.traffic)
	}
	for _, w := range s.list() {
		first = append(first, w.deployments, w.triggers)
		then = append(then, w.versions)
	}
	if s.routes != nil {
		then = append(then, s.routes)
	}
	return first, then
}

// want keeps every fact fresh because somebody reads, once a second at most.
func (s *sources) want(now time.Time) {
	last := s.last.Load()
	if now.UnixNano()-last < int64(time.Second) || !s.last.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	first, then := s.entries()
	for _, e := range slices.Concat(first, then) {
		e.Want()
	}
}

// refresh loads every fact now.
func (s *sources) refresh(ctx context.Context) {
	if s.scripts != nil {
		s.scripts.Renew(ctx)
	}
	first, then := s.entries()
	for _, part := range [][]entry{first, then} {
		var all sync.WaitGroup
		for _, e := range part {
			if e != entry(s.scripts) {
				all.Go(func() { e.Renew(ctx) })
			}
		}
		all.Wait()
	}
}

// asked says whether every fact was asked for at least once.
func (s *sources) asked() bool {
	first, then := s.entries()
	if slices.ContainsFunc(slices.Concat(first, then), func(e entry) bool { return !e.Asked() }) {
		return false
	}
	// The first look at these may have come before what they are made of was
	// known: only a provider's failure counts then.
	for _, w := range s.list() {
		if d, v := w.deployments.Peek(), w.versions.Peek(); d.Known && !v.Known && ours(v.Err) {
			return false
		}
	}
	return s.routes == nil || s.routes.Peek().Known || !ours(s.routes.Peek().Err) || len(s.scriptNames()) == 0
}

// ours says that a failure is not a provider's: something was not known yet.
func ours(f *fault.Error) bool { return f != nil && f.Provider == "" }

// find is a worker by its shown name.
func (s *sources) find(name string) (*one, error) {
	for _, w := range s.list() {
		if w.name == name {
			return w, nil
		}
	}
	return nil, fault.New(fault.NotFound, "There is no Worker %q in this project.", hostile.Line(name, hostile.NameLimit))
}
