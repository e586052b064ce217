package status

import (
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

// standing is how the facts of one source stand, over all its keys.
type standing struct {
	name      string
	changedAt time.Time // newest change
	fetchedAt time.Time // oldest confirmation: the age nobody can be wrong about
	never     bool      // at least one fact was never had
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
	switch {
	case !f.Known:
		s.never = true
	case s.fetchedAt.IsZero() || f.FetchedAt.Before(s.fetchedAt):
		s.fetchedAt = f.FetchedAt
	}
	s.stale = s.stale || f.Stale(now)
	if s.err == nil && f.Err != nil {
		s.err, s.retryAt = f.Err, f.RetryAt
	}
}

// standings is every source of the status in a fixed order.
func (f facts) standings() []standing {
	var all []standing
	if f.names.deployer != "" {
		s := standing{name: f.names.deployer}
		stand(&s, f.live, f.now)
		for _, e := range f.project.Environments {
			if build, ok := f.builds[e.Name]; ok {
				stand(&s, &build, f.now)
			}
		}
		stand(&s, f.production, f.now)
		stand(&s, f.visitors, f.now)
		all = append(all, s)
	}
	if f.names.comparer != "" {
		s := standing{name: f.names.comparer}
		for _, e := range f.project.Environments {
			if c, ok := f.changes[e.Name]; ok {
				stand(&s, &c, f.now)
			}
		}
		all = append(all, s)
	}
	if f.names.errors != "" {
		s := standing{name: f.names.errors}
		stand(&s, f.errors, f.now)
		stand(&s, f.errorHours, f.now)
		all = append(all, s)
	}
	return all
}

// sources is the standings as an answer shows them.
func (f facts) sources() []Source {
	sources := []Source{}
	for _, s := range f.standings() {
		source := Source{Name: s.name, FetchedAt: moment(s.changedAt), Stale: s.stale}
		if s.err != nil {
			source.Error = &Problem{
				Kind: s.err.Kind.String(), Message: hostile.Line(s.err.Message, hostile.ErrorLimit), RetryAfter: moment(s.retryAt),
			}
		}
		sources = append(sources, source)
	}
	healthSource := Source{Name: "health"}
	for _, sample := range f.health {
		if healthSource.FetchedAt == nil || sample.At.After(*healthSource.FetchedAt) {
			healthSource.FetchedAt = moment(sample.At)
		}
	}
	sources = append(sources, healthSource)
	if f.report != nil {
		sources = append(sources, Source{Name: "report", FetchedAt: moment(f.report.ReportedAt)})
	}
	return sources
}

// Age is how long ago a source was last asked with success.
type Age struct {
	Source string
	Age    time.Duration
	Stale  bool // what is shown may be out of date; the source's entry says why
	Never  bool // it never answered
}

// Ages is the age of every source at one moment, and the same in the form of
// the Envdeck-Age header: "vercel=12, sentry=240;stale, health=3". A source
// that never answered is "never".
type Ages struct {
	Sources []Age
	Header  string
	at      time.Time
}

// Ages answers how old the facts are. It is worked out once a second at most,
// however many readers there are.
func (b *Board) Ages() *Ages {
	now := b.clock.Now()
	if a := b.ages.Load(); a != nil && now.Sub(a.at) < time.Second && !now.Before(a.at) {
		return a
	}
	a := b.agesAt(now)
	b.ages.Store(a)
	return a
}

func (b *Board) agesAt(now time.Time) *Ages {
	a := &Ages{at: now}
	f := b.sources.facts()
	f.now, f.project = now, b.project
	for _, s := range f.standings() {
		age := Age{Source: s.name, Stale: s.stale, Never: s.fetchedAt.IsZero()}
		if !age.Never {
			age.Age = now.Sub(s.fetchedAt)
		}
		a.Sources = append(a.Sources, age)
	}
	var oldest time.Time
	for _, e := range b.project.Environments {
		if sample, ok := b.samples.Latest(b.project.Name, e.Name); ok && (oldest.IsZero() || sample.At.Before(oldest)) {
			oldest = sample.At
		}
	}
	if !oldest.IsZero() {
		a.Sources = append(a.Sources, Age{Source: "health", Age: now.Sub(oldest)})
	}
	if age, ok := b.reports.age(now); ok {
		a.Sources = append(a.Sources, Age{Source: "report", Age: age})
	}
	a.Header = Header(a.Sources)
	return a
}

// Header is ages in the form of the Envdeck-Age header.
func Header(ages []Age) string {
	var text strings.Builder
	for i, a := range ages {
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteString(a.Source + "=" + a.text())
	}
	return text.String()
}

func (a Age) text() string {
	switch {
	case a.Never:
		return "never;stale"
	case a.Stale:
		return seconds(a.Age) + ";stale"
	default:
		return seconds(a.Age)
	}
}

func seconds(d time.Duration) string { return strconv.FormatInt(max(0, int64(d/time.Second)), 10) }
