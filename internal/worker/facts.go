package worker

import (
	"time"

	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/status"
)

// facts is everything known at one moment: what the answers are made of.
type facts struct {
	now     time.Time
	name    string // of the provider
	scripts *cache.Fact[[]provider.WorkerScript]
	routes  *cache.Fact[provider.WorkerRoutes]
	traffic *cache.Fact[provider.WorkerTraffic]
	list    []known
}

// known is the facts of one worker.
type known struct {
	name, script string
	deployments  cache.Fact[[]provider.WorkerDeployment]
	versions     cache.Fact[[]provider.WorkerVersion]
	triggers     cache.Fact[[]provider.WorkerTrigger]
}

func (w *one) known() known {
	return known{w.name, w.script, w.deployments.Peek(), w.versions.Peek(), w.triggers.Peek()}
}

func (s *sources) facts(now time.Time) facts {
	f := facts{now: now, name: s.name, scripts: peek(s.scripts), routes: peek(s.routes), traffic: peek(s.traffic)}
	for _, w := range s.list() {
		f.list = append(f.list, w.known())
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

// standing is how the source stands, over all its keys.
type standing struct {
	changedAt time.Time // newest change
	fetchedAt time.Time // oldest confirmation: the age nobody can be wrong about
	stale     bool
	err       *fault.Error
	retryAt   time.Time
}

func stand[T any](s *standing, f *cache.Fact[T], now time.Time) {
	if f == nil {
		return
	}
	if f.ChangedAt.After(s.changedAt) {
		s.changedAt = f.ChangedAt
	}
	if f.Known && (s.fetchedAt.IsZero() || f.FetchedAt.Before(s.fetchedAt)) {
		s.fetchedAt = f.FetchedAt
	}
	s.stale = s.stale || f.Stale(now)
	if s.err == nil && f.Err != nil && !ours(f.Err) {
		s.err, s.retryAt = f.Err, f.RetryAt
	}
}

// standing looks at what is asked for each minute; routes and timetables are
// older on purpose, and only their trouble counts.
func (f facts) standing() standing {
	var s, slow standing
	stand(&s, f.traffic, f.now)
	for i := range f.list {
		stand(&s, &f.list[i].deployments, f.now)
		stand(&slow, &f.list[i].versions, f.now)
		stand(&slow, &f.list[i].triggers, f.now)
	}
	stand(&slow, f.scripts, f.now)
	stand(&slow, f.routes, f.now)
	if slow.changedAt.After(s.changedAt) {
		s.changedAt = slow.changedAt
	}
	s.stale = s.stale || slow.stale
	if s.err == nil {
		s.err, s.retryAt = slow.err, slow.retryAt
	}
	return s
}

// sources is the standing as an answer shows it.
func (f facts) sources() []status.Source {
	if f.name == "" {
		return []status.Source{}
	}
	s := f.standing()
	source := status.Source{Name: f.name, FetchedAt: moment(s.changedAt), Stale: s.stale}
	if s.err != nil {
		source.Error = &status.Problem{Kind: s.err.Kind.String(), Message: hostile.Line(s.err.Message, hostile.ErrorLimit), RetryAfter: moment(s.retryAt)}
	}
	return []status.Source{source}
}

// reason says why a fact is not there.
func reason[T any](source string, f *cache.Fact[T]) string {
	switch {
	case f == nil:
		return "Nothing that knows it is configured for this project."
	case f.Err != nil:
		return f.Err.Message
	default:
		return "Waiting for the first answer of " + source + "."
	}
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func said(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
