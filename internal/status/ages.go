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

// Ages is how long ago each source was last asked with success, in the form of
// the Envdeck-Age header: "vercel=12, sentry=240;stale, health=3". A source
// that never answered is "never".
func (b *Board) Ages() string {
	now := b.clock.Now()
	if cached := b.ages.Load(); cached != nil && now.Sub(cached.at) < time.Second && now.Sub(cached.at) >= 0 {
		return cached.text
	}
	text := b.formatAges(now)
	b.ages.Store(&agesAt{at: now, text: text})
	return text
}

// agesAt is the header's text and when it was made: it changes once a second
// at most, however many readers there are.
type agesAt struct {
	at   time.Time
	text string
}

func (b *Board) formatAges(now time.Time) string {
	f := b.sources.facts()
	f.now, f.project = now, b.project
	var text strings.Builder
	write := func(name, value string, stale bool) {
		if text.Len() > 0 {
			text.WriteString(", ")
		}
		text.WriteString(name + "=" + value)
		if stale {
			text.WriteString(";stale")
		}
	}
	for _, s := range f.standings() {
		if s.fetchedAt.IsZero() {
			write(s.name, "never", true)
			continue
		}
		write(s.name, seconds(now.Sub(s.fetchedAt)), s.stale)
	}
	var oldest time.Time
	for _, e := range b.project.Environments {
		if sample, ok := b.samples.Latest(b.project.Name, e.Name); ok && (oldest.IsZero() || sample.At.Before(oldest)) {
			oldest = sample.At
		}
	}
	if !oldest.IsZero() {
		write("health", seconds(now.Sub(oldest)), false)
	}
	if age, ok := b.reports.age(now); ok {
		write("report", seconds(age), false)
	}
	return text.String()
}

func seconds(d time.Duration) string { return strconv.FormatInt(max(0, int64(d/time.Second)), 10) }
