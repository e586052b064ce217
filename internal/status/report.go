package status

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

const (
	// reportLife is how long a developer's report speaks for the environment.
	reportLife = 30 * time.Second
	// reportCheck is how often replicas look for each other's reports, and for
	// one that has ended.
	reportCheck  = 5 * time.Second
	reportSchema = 1
)

// reports keeps what developers' machines say of the local environment.
type reports struct {
	key   string
	store cache.Store
	clock clock.Clock
	log   *slog.Logger
	last  atomic.Pointer[heard]
	shown atomic.Pointer[Report] // what the last assembly used
	dirty func()
}

// heard is a report and when it was last renewed. The report's own stamp is of
// its last change, so that a renewal does not change the answer.
type heard struct {
	report Report
	at     time.Time
}

func newReports(o Options, dirty func()) *reports {
	r := &reports{store: o.Store, clock: o.Clock, log: o.Log, dirty: dirty}
	if e, ok := o.Project.OfKind(catalog.Local); ok {
		r.key = o.Prefix + "env:status:" + e.Name
	}
	return r
}

// Report takes what a developer's machine says of its working copy. It speaks
// for the local environment for 30 seconds.
// fault.Invalid: a field is not what it should be; fault.NotFound: the project
// has no local environment.
func (b *Board) Report(ctx context.Context, r Report) error {
	if b.reports.key == "" {
		return fault.New(fault.NotFound, "Project %s has no environment of kind local to report on. Add one to its environments.", b.project.Name)
	}
	clean, err := cleanReport(r)
	if err != nil {
		return err
	}
	b.reports.put(ctx, clean)
	return nil
}

func cleanReport(r Report) (Report, error) {
	var places []fault.Place
	if r.Commit != "" && hostile.Commit(r.Commit) == "" {
		places = append(places, fault.Place{Where: "commit", Problem: "must be 7 to 40 hexadecimal digits"})
	}
	if r.Branch == "" {
		places = append(places, fault.Place{Where: "branch", Problem: "is required"})
	}
	if r.Ahead < 0 || r.Behind < 0 || r.PullRequest < 0 {
		places = append(places, fault.Place{Where: "ahead, behind, pullRequest", Problem: "must not be negative"})
	}
	if places != nil {
		return Report{}, &fault.Error{Kind: fault.Invalid, Message: "The report of the working copy cannot be used.", Places: places}
	}
	r.Commit = hostile.Commit(r.Commit)
	r.Message = hostile.FirstLine(r.Message, hostile.TitleLimit)
	r.Branch = hostile.Line(r.Branch, hostile.NameLimit)
	r.Author = hostile.Line(r.Author, hostile.NameLimit)
	r.Host = hostile.Line(r.Host, hostile.NameLimit)
	return r, nil
}

func (r *reports) put(ctx context.Context, report Report) {
	now := r.clock.Now()
	r.hear(report, now)
	r.dirty()
	raw, err := json.Marshal(report)
	if err != nil {
		r.log.ErrorContext(ctx, "report could not be encoded for other replicas", "error", err)
		return
	}
	record := cache.Record{Schema: reportSchema, Value: raw, FetchedAt: now, ChangedAt: now, AskedAt: now}
	if err := r.store.Set(ctx, r.key, record, reportLife); err != nil {
		r.log.WarnContext(ctx, "report is not shared with other replicas", "error", err)
	}
}

func (r *reports) hear(report Report, at time.Time) {
	report.ReportedAt = at
	if last := r.last.Load(); last != nil && at.Sub(last.at) < reportLife {
		report.ReportedAt = last.report.ReportedAt
		if report != last.report {
			report.ReportedAt = at
		}
	}
	r.last.Store(&heard{report: report, at: at})
}

// sync takes over a newer report of another replica; true when what the
// environment shows is no longer right.
func (r *reports) sync(ctx context.Context) bool {
	if r.key == "" {
		return false
	}
	record, ok, err := r.store.Get(ctx, r.key)
	if last := r.last.Load(); err == nil && ok && record.Schema == reportSchema && (last == nil || record.AskedAt.After(last.at)) {
		var report Report
		if json.Unmarshal(record.Value, &report) == nil { // what is in the store is not ours to trust
			if clean, err := cleanReport(report); err == nil {
				r.hear(clean, record.AskedAt)
			}
		}
	}
	now, shown := r.peek(r.clock.Now()), r.shown.Load()
	if now == nil || shown == nil {
		return now != shown
	}
	return *now != *shown
}

// age is how long ago the report that counts was renewed; false without one.
func (r *reports) age(now time.Time) (time.Duration, bool) {
	last := r.last.Load()
	if last == nil || now.Sub(last.at) >= reportLife {
		return 0, false
	}
	return now.Sub(last.at), true
}

func (r *reports) peek(now time.Time) *Report {
	if _, ok := r.age(now); !ok {
		return nil
	}
	return &r.last.Load().report
}

// current is the report that counts at a time, nil when there is none.
func (r *reports) current(now time.Time) *Report {
	report := r.peek(now)
	r.shown.Store(report)
	return report
}
