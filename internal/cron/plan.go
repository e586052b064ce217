package cron

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/cron/expr"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// Planned is one job as a source schedules it.
type Planned struct {
	Path string
	Timetable
}

// source is one place that timetables come from.
type source struct {
	name        Source
	shelf       *shelf
	environment string
	set         *cache.Entry[provider.CronSet] // nil for a list that never changes
	file        *cache.Entry[[]Planned]
	jobs        []Planned
	wake        chan struct{}
	followed    chan struct{} // closed when the first answer, or failure, is taken over
}

// plansTTL is how old a timetable may be. A change of it comes with a
// deployment, and the platforms need minutes themselves.
const plansTTL = 2 * time.Minute

// openSources puts a project's timetables under the keeper's care. The
// platforms run jobs in production; other environments only report them.
func (b *Book) openSources(p Project, s *shelf) {
	add := func(src *source) {
		src.shelf, src.environment, src.wake = s, s.production, make(chan struct{}, 1)
		src.followed = make(chan struct{})
		s.sources = append(s.sources, src)
		b.sources = append(b.sources, src)
	}
	if p.From != "" {
		src := &source{name: Source(p.From)}
		for _, service := range p.Providers {
			if api, ok := service.API.(provider.CronSource); ok && service.Name == p.From {
				src.set = cache.Add(b.o.Keeper, cache.Key[provider.CronSet]{Name: p.Prefix + "cron:definitions", TTL: plansTTL, Schema: 2, Load: api.Crons})
			}
		}
		if src.set != nil {
			add(src)
			src.set.Need()
			src.set.OnChange(src.changed)
		} else {
			b.o.Log.Warn("the provider that crons come from runs no crons", "project", p.Catalog.Name, "provider", p.From)
		}
	}
	if p.File != "" {
		if reader, _, ok := provider.Find[provider.FileReader](p.Providers); ok {
			src := &source{name: FromFile}
			src.file = cache.Add(b.o.Keeper, cache.Key[[]Planned]{Name: p.Prefix + "cron:file", TTL: 5 * time.Minute, Schema: 1, Load: func(ctx context.Context) ([]Planned, error) {
				text, err := reader.File(ctx, p.File, "")
				if err != nil {
					return nil, err
				}
				return ReadVercelJSON(text)
			}})
			add(src)
			src.file.Need()
			src.file.OnChange(src.changed)
		} else {
			b.o.Log.Warn("no provider of the project reads files of its repository", "project", p.Catalog.Name, "file", p.File)
		}
	}
	if len(p.Jobs) > 0 {
		add(&source{name: FromConfig, jobs: p.Jobs})
	}
}

func (src *source) changed() {
	select {
	case src.wake <- struct{}{}:
	default:
	}
}

// follow takes over what a source schedules, whenever that changes.
func (b *Book) follow(ctx context.Context, src *source) {
	first := sync.OnceFunc(func() { close(src.followed) })
	src.changed()
	for {
		select {
		case <-ctx.Done():
			return
		case <-src.wake:
		}
		jobs, known := src.planned()
		if known {
			if err := b.Plan(ctx, src.shelf.project.Name, src.environment, src.name, jobs); err != nil && ctx.Err() == nil {
				b.o.Log.WarnContext(ctx, "a cron timetable could not be taken over", "project", src.shelf.project.Name, "source", src.name, "error", err)
			}
		}
		src.shelf.changed()
		if src.asked() {
			first()
		}
	}
}

func (src *source) asked() bool {
	return (src.set == nil || src.set.Asked()) && (src.file == nil || src.file.Asked())
}

// Refresh asks every source now and waits for the answers. Run and the keeper
// must be running.
func (b *Book) Refresh(ctx context.Context) {
	var asking sync.WaitGroup
	for _, src := range b.sources {
		asking.Go(func() {
			if src.set != nil {
				src.set.Renew(ctx)
			}
			if src.file != nil {
				src.file.Renew(ctx)
			}
		})
	}
	asking.Wait()
}

// Filled waits until every source was asked once and what it said is taken
// over.
func (b *Book) Filled(ctx context.Context) error {
	for _, src := range b.sources {
		select {
		case <-src.followed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// planned is what the source schedules now; false while that is not known,
// when the last known plan stays.
func (src *source) planned() ([]Planned, bool) {
	switch {
	case src.set != nil:
		f := src.set.Peek()
		if !f.Known {
			return nil, false
		}
		var jobs []Planned
		if f.Value.Enabled {
			for _, j := range f.Value.Jobs {
				jobs = append(jobs, Planned{j.Path, Timetable{Schedule: j.Schedule, Dialect: expr.Vercel}})
			}
		}
		return jobs, true
	case src.file != nil:
		f := src.file.Peek()
		return f.Value, f.Known
	default:
		return src.jobs, true
	}
}

func (src *source) info(now time.Time) JobSource {
	o := JobSource{Name: string(src.name)}
	switch {
	case src.set != nil:
		f := src.set.Peek()
		fill(&o, f.ChangedAt, f.Stale(now), f.Err, f.RetryAt)
		if f.Known {
			o.Build = buildOf(f.Value)
		}
	case src.file != nil:
		f := src.file.Peek()
		fill(&o, f.ChangedAt, f.Stale(now), f.Err, f.RetryAt)
	}
	return o
}

func fill(o *JobSource, changed time.Time, stale bool, err *fault.Error, retry time.Time) {
	o.FetchedAt, o.Stale = maybe(changed), stale
	if err != nil {
		o.Error = &JobSourceProblem{Kind: err.Kind.String(), Message: hostile.Line(err.Message, hostile.ErrorLimit), RetryAfter: maybe(retry)}
	}
}

// age is the source's entry in the header of ages.
func (src *source) age(now time.Time) string {
	text := func(fetched time.Time, stale bool) string {
		return Age(string(src.name), now, fetched, stale)
	}
	switch {
	case src.set != nil:
		f := src.set.Fact()
		return text(f.FetchedAt, f.Stale(now))
	case src.file != nil:
		f := src.file.Fact()
		return text(f.FetchedAt, f.Stale(now))
	}
	return ""
}

// Plan makes jobs the timetable of a source in one environment: new ones are
// made, changed ones are due by the new timetable from now on, and those that
// the source no longer names are no longer expected. A job whose expression
// cannot be read is kept without one; nothing is expected of it then.
func (b *Book) Plan(ctx context.Context, project, environment string, src Source, jobs []Planned) error {
	jobs = slices.Clone(jobs)
	times := map[string]int{}
	for _, j := range jobs {
		times[j.Path]++
	}
	return b.rec.do(ctx, func(t *turn, l Ledger) error {
		named := map[[2]string]bool{}
		for _, planned := range jobs {
			variant := ""
			if times[planned.Path] > 1 {
				variant = planned.Schedule
			}
			named[[2]string{planned.Path, variant}] = true
			if err := t.plan(l, project, environment, src, variant, planned); err != nil {
				return err
			}
		}
		return t.retire(l, project, environment, src, named)
	})
}

func (t *turn) plan(l Ledger, project, environment string, src Source, variant string, planned Planned) error {
	if err := planned.Check(); err != nil {
		t.rec.log.Warn("a cron expression cannot be read; its job is not expected to run", "path", planned.Path, "error", err)
		planned.Timetable = Timetable{}
	}
	var there *state
	for _, id := range t.rec.jobs.find(&Target{Project: project, Environment: environment, Path: planned.Path}) {
		if s := t.rec.states[id]; s != nil && s.job.Variant == variant {
			there = s
		}
	}
	if there == nil {
		_, err := t.make(l, Job{
			Project: project, Environment: environment, Path: planned.Path, Variant: variant, Timetable: planned.Timetable,
			Source: src, Active: true, Since: t.now,
		})
		return err
	}
	j := there.job
	if j.Active && j.Source == src && j.Timetable == planned.Timetable {
		return nil
	}
	if !j.Active || j.Timetable != planned.Timetable {
		j.Since = t.now
	}
	j.Active, j.Source, j.Timetable = true, src, planned.Timetable
	return t.change(l, there, j)
}

// retire takes jobs that the source no longer names out of what is expected.
func (t *turn) retire(l Ledger, project, environment string, src Source, named map[[2]string]bool) error {
	for _, id := range slices.Sorted(maps.Keys(t.rec.states)) {
		s := t.rec.states[id]
		j := s.job
		if j.Project != project || j.Environment != environment || j.Source != src || !j.Active || named[[2]string{j.Path, j.Variant}] {
			continue
		}
		j.Active = false
		if err := t.change(l, s, j); err != nil {
			return err
		}
	}
	return nil
}

// ReadVercelJSON reads the crons and schedules of a vercel.json. Schedules are
// in public beta (October 2026): only those that call a path are jobs here.
func ReadVercelJSON(text []byte) ([]Planned, error) {
	var file struct {
		Crons []struct {
			Path     string `json:"path"`
			Schedule string `json:"schedule"`
		} `json:"crons"`
		Schedules map[string]struct {
			Schedule string `json:"schedule"`
			Path     string `json:"path"`
			Timezone string `json:"timezone"`
		} `json:"schedules"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fault.Wrap(fault.BadResponse, err, "The file with the cron jobs is not the JSON of a vercel.json.")
	}
	var jobs []Planned
	add := func(path, schedule, zone string) {
		if path == "" || len(path) > maxPath || !strings.HasPrefix(path, "/") || path != hostile.Line(path, maxPath) {
			return
		}
		dialect := expr.Vercel
		if zone != "" && zone != "UTC" {
			dialect = expr.Unix // the dialect of crons runs in UTC alone
		} else {
			zone = ""
		}
		jobs = append(jobs, Planned{path, Timetable{Schedule: schedule, Dialect: dialect, Zone: zone}})
	}
	for _, c := range file.Crons {
		add(c.Path, c.Schedule, "")
	}
	for _, name := range slices.Sorted(maps.Keys(file.Schedules)) {
		s := file.Schedules[name]
		add(s.Path, s.Schedule, s.Timezone)
	}
	return jobs, nil
}

// RunNow asks the platform to run a job of production outside of its
// timetable, and answers when it was begun. The reason is recorded with the
// act, before the platform is asked.
func (b *Book) RunNow(ctx context.Context, a access.Actor, project, path, schedule, reason string) (time.Time, error) {
	s, err := b.shelf(project)
	on := access.On{Object: hostile.Line(path, maxPath)}
	if err == nil {
		on.Project, on.Environment = s.project.Name, s.production
	}
	permit, gerr := b.o.Gate.Allow(ctx, a, access.RunCron, on)
	if gerr != nil {
		return time.Time{}, gerr
	}
	if err != nil {
		return time.Time{}, err
	}
	if s.runner == nil {
		return time.Time{}, fault.New(fault.Unsupported, "No platform of project %s can run a job now.", s.project.Name)
	}
	job, err := b.runnable(s, path, schedule)
	if err != nil {
		return time.Time{}, err
	}
	if err := b.o.Store.CronRunAsked(ctx, permit.Receipt(access.Note{Reason: reason})); err != nil {
		return time.Time{}, err
	}
	return s.runner.RunCron(ctx, provider.CronJob{Path: job.Path, Schedule: job.Schedule})
}

// runnable finds the scheduled job of a path.
func (b *Book) runnable(s *shelf, path, schedule string) (Job, error) {
	var found []Job
	for _, id := range b.rec.jobs.find(&Target{Project: s.project.Name, Environment: s.production, Path: path}) {
		if j, ok := b.rec.jobs.job(id); ok && j.Active && j.Schedule != "" && (schedule == "" || j.Schedule == schedule) {
			found = append(found, j)
		}
	}
	switch {
	case path == "" || len(found) == 0:
		return Job{}, fault.New(fault.NotFound, "There is no such scheduled job in %s.", s.production)
	case len(found) > 1:
		return Job{}, fault.New(fault.Invalid, "This path has several schedules; name the one to run.")
	}
	return found[0], nil
}

// shelf finds a project; "" is the first.
func (b *Book) shelf(project string) (*shelf, error) {
	if project == "" && len(b.rec.jobs.projects) > 0 {
		project = b.rec.jobs.projects[0]
	}
	if s := b.projects[project]; s != nil {
		return s, nil
	}
	return nil, fault.New(fault.NotFound, "There is no project %q in the configuration.", hostile.Line(project, hostile.NameLimit))
}
