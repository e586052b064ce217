package status

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/provider"
)

// How long each kind of fact counts as fresh. Outside programs read these keys
// in Redis, so names and lifetimes are a contract.
const (
	statusTTL   = 60 * time.Second
	historyTTL  = 120 * time.Second
	errorsTTL   = 300 * time.Second
	visitorsTTL = 300 * time.Second
	changesTTL  = 600 * time.Second // between two fixed commits nothing changes but titles

	historyLength = 20
	errorWindow   = 24 * time.Hour
	visitorWindow = time.Hour
)

// sources is the facts of one project under the cache's care. A nil entry is a
// fact that nobody can give: missing says why.
type sources struct {
	clock clock.Clock

	live       *cache.Entry[provider.Live]
	builds     map[string]*cache.Entry[provider.Deployment] // by environment
	production *cache.Entry[provider.DeploymentList]
	previews   *cache.Entry[provider.DeploymentList]
	changes    map[string]*cache.Entry[provider.Comparison] // by environment
	errors     *cache.Entry[map[string]int64]
	errorHours *cache.Entry[provider.ErrorDay]
	visitors   *cache.Entry[int64]

	names   names
	linker  provider.CommitLinker
	all     []wanted
	reading want
}

// wanted is an entry of any type.
type wanted interface {
	Want()
	Asked() bool
	Renew(ctx context.Context)
}

// names is which provider gives which facts; "" when none does.
type names struct{ deployer, comparer, errors, visitors string }

// facts is everything known at one moment: what the answers are made of.
type facts struct {
	now     time.Time
	project catalog.Project
	names   names
	linker  provider.CommitLinker

	live       *cache.Fact[provider.Live]
	builds     map[string]cache.Fact[provider.Deployment]
	production *cache.Fact[provider.DeploymentList]
	previews   *cache.Fact[provider.DeploymentList]
	changes    map[string]cache.Fact[provider.Comparison]
	errors     *cache.Fact[map[string]int64]
	errorHours *cache.Fact[provider.ErrorDay]
	visitors   *cache.Fact[int64]
	health     map[string]health.Sample
	days       map[string]health.History
	report     *Report
}

func newSources(o Options, changed func()) *sources {
	s := &sources{
		clock:   o.Clock,
		builds:  map[string]*cache.Entry[provider.Deployment]{},
		changes: map[string]*cache.Entry[provider.Comparison]{},
	}
	s.linker, _, _ = provider.Find[provider.CommitLinker](o.Providers)
	s.addDeployer(o, changed)
	s.addComparer(o, changed)
	s.addCounters(o, changed)
	return s
}

func (s *sources) addDeployer(o Options, changed func()) {
	deployer, name, ok := provider.Find[provider.Deployer](o.Providers)
	if !ok {
		return
	}
	s.names.deployer = name
	for _, e := range o.Project.Environments {
		key := o.Prefix + "env:status:" + e.Name
		switch e.From.Mode {
		case catalog.FromLive:
			s.live = add(s, o, changed, key, statusTTL, deployer.Live)
		case catalog.FromStaged, catalog.FromCustom, catalog.FromBranch:
			s.builds[e.Name] = add(s, o, changed, key, statusTTL, func(ctx context.Context) (provider.Deployment, error) {
				return deployer.Newest(ctx, e.From)
			})
		}
	}
	list := func(target string) func(ctx context.Context) (provider.DeploymentList, error) {
		return func(ctx context.Context) (provider.DeploymentList, error) {
			return deployer.Deployments(ctx, provider.DeploymentQuery{Target: target, Limit: historyLength})
		}
	}
	s.production = add(s, o, changed, o.Prefix+"env:deployments:history", historyTTL, list(provider.TargetProduction))
	s.previews = add(s, o, changed, o.Prefix+"env:deployments:previews", historyTTL, list(provider.TargetPreview))
}

func (s *sources) addComparer(o Options, changed func()) {
	comparer, name, ok := provider.Find[provider.Comparer](o.Providers)
	if !ok || s.names.deployer == "" {
		return
	}
	s.names.comparer = name
	for _, e := range o.Project.Environments {
		if e.From.Mode == catalog.FromReport {
			continue // a working copy's commits need not be anywhere else
		}
		entry := add(s, o, changed, o.Prefix+"env:changes:"+e.Name, changesTTL, func(ctx context.Context) (provider.Comparison, error) {
			base, head, err := s.pair(e.Name)
			if err != nil {
				return provider.Comparison{}, err
			}
			if base == head {
				return provider.Comparison{Base: base, Head: head, Relation: provider.Identical}, nil
			}
			return comparer.Compare(ctx, base, head)
		})
		s.changes[e.Name] = entry
		// Other commits to compare: the old answer is about something else.
		recompare := func() {
			if base, head, err := s.pair(e.Name); err == nil {
				if c := entry.Peek(); !c.Known || c.Value.Base != base || c.Value.Head != head {
					entry.Expire()
				}
			}
		}
		if s.live != nil {
			s.live.OnChange(recompare)
		}
		if s.production != nil {
			s.production.OnChange(recompare)
		}
		if build := s.builds[e.Name]; build != nil {
			build.OnChange(recompare)
		}
	}
}

func (s *sources) addCounters(o Options, changed func()) {
	if counter, name, ok := provider.Find[provider.ErrorCounter](o.Providers); ok {
		s.names.errors = name
		s.errors = add(s, o, changed, o.Prefix+"sentry:error_count:all", errorsTTL, func(ctx context.Context) (map[string]int64, error) {
			return counter.ErrorCounts(ctx, errorWindow)
		})
	}
	if charter, name, ok := provider.Find[provider.ErrorCharter](o.Providers); ok {
		s.names.errors = name
		s.errorHours = add(s, o, changed, o.Prefix+"sentry:error_hours:all", errorsTTL, charter.ErrorHours)
	}
	if counter, name, ok := provider.Find[provider.VisitorCounter](o.Providers); ok {
		s.names.visitors = name
		s.visitors = add(s, o, changed, o.Prefix+"env:visitors:production", visitorsTTL, func(ctx context.Context) (int64, error) {
			now := s.clock.Now()
			return counter.Visitors(ctx, now.Add(-visitorWindow), now)
		})
	}
}

func add[T any](s *sources, o Options, changed func(), key string, ttl time.Duration, load func(ctx context.Context) (T, error)) *cache.Entry[T] {
	e := cache.Add(o.Keeper, cache.Key[T]{Name: key, TTL: ttl, Schema: 1, Load: load})
	e.OnChange(changed)
	s.all = append(s.all, e)
	return e
}

// errNotYet is no failure of a source: it waits for another one's first answer.
var errNotYet = fault.New(fault.Unavailable, "What is live in production, or what is to be compared with it, is not known yet.")

// pair is the two commits that an environment's changes lie between: what is
// live and what it shows; for production, what was live before and what is.
func (s *sources) pair(environment string) (base, head string, err error) {
	if s.live == nil {
		return "", "", fault.New(fault.Unsupported, "No environment shows what is live in production, so there is nothing to compare with.")
	}
	live := s.live.Peek()
	if !live.Known {
		return "", "", errNotYet
	}
	base = live.Value.Deployment.Commit
	if build := s.builds[environment]; build != nil {
		shown := build.Peek()
		if !shown.Known && shown.Err == nil {
			return "", "", errNotYet
		}
		head = shown.Value.Commit
	} else {
		base, head = s.before(live.Value), base
	}
	if base == "" || head == "" {
		return "", "", fault.New(fault.Unavailable, "One of the two builds is not known, or was not made from a commit, so there is nothing to compare.")
	}
	return base, head, nil
}

// before is the commit that was live before what is live now: the newest older
// build that has served production.
func (s *sources) before(live provider.Live) string {
	for _, d := range s.production.Peek().Value.Items {
		if d.ID != live.Deployment.ID && d.Stage == provider.Promoted && d.State == provider.Ready &&
			d.CreatedAt.Before(live.Deployment.CreatedAt) {
			return d.Commit
		}
	}
	return ""
}

// want keeps every fact fresh because somebody reads.
func (s *sources) want(now time.Time) {
	if !s.reading.due(now) {
		return
	}
	for _, e := range s.all {
		e.Want()
	}
}

// refresh loads every fact now, the ones that others are made of first.
func (s *sources) refresh(ctx context.Context) {
	var first, then sync.WaitGroup
	for _, e := range s.all {
		if !s.compares(e) {
			first.Go(func() { e.Renew(ctx) })
		}
	}
	first.Wait()
	for _, e := range s.changes {
		then.Go(func() { e.Renew(ctx) })
	}
	then.Wait()
}

func (s *sources) compares(e wanted) bool {
	for _, c := range s.changes {
		if e == wanted(c) {
			return true
		}
	}
	return false
}

// asked says whether every fact was asked for at least once.
func (s *sources) asked() bool {
	if slices.ContainsFunc(s.all, func(e wanted) bool { return !e.Asked() }) {
		return false
	}
	for name, e := range s.changes {
		base, head, err := s.pair(name)
		if err != nil {
			continue // there is nothing to compare, and the entry says why
		}
		// The first look may have come before the commits were known: only an
		// answer about them, or a provider's failure, counts.
		c := e.Peek()
		about := c.Known && c.Value.Base == base && c.Value.Head == head
		if !about && (c.Err == nil || c.Err.Provider == "") {
			return false
		}
	}
	return true
}

func (s *sources) facts() facts {
	f := facts{
		names: s.names, linker: s.linker,
		live: peek(s.live), production: peek(s.production), previews: peek(s.previews),
		errors: peek(s.errors), errorHours: peek(s.errorHours), visitors: peek(s.visitors),
		builds:  map[string]cache.Fact[provider.Deployment]{},
		changes: map[string]cache.Fact[provider.Comparison]{},
	}
	for name, e := range s.builds {
		f.builds[name] = e.Peek()
	}
	for name, e := range s.changes {
		f.changes[name] = e.Peek()
	}
	return f
}

func peek[T any](e *cache.Entry[T]) *cache.Fact[T] {
	if e == nil {
		return nil
	}
	f := e.Peek()
	return &f
}
