package cron

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/snapshot"
)

// Options is what a Book is made of.
type Options struct {
	Projects []Project
	Store    Store
	Gate     *access.Gate
	Keeper   *cache.Keeper
	Clock    clock.Clock
	Log      *slog.Logger
	// Beat is how often it is written down that we are here; 0 is 10 s.
	Beat time.Duration
}

// Project is one project and where its timetables come from.
type Project struct {
	Catalog   catalog.Project
	Providers provider.Set
	Prefix    string // of cache keys; "" for the first project
	// From names the provider that schedules, File a file of the repository
	// that does; Jobs is a list of our own. All may be empty.
	From string
	File string
	Jobs []Planned
}

// Book is the cron jobs of every project: what is due, what ran, what did not.
type Book struct {
	o        Options
	rec      *recorder
	projects map[string]*shelf
	sources  []*source

	mu       sync.RWMutex
	views    map[int64]*View
	onChange []func(project string)
	lanes    lanesCache
}

// shelf is one project's finished answer.
type shelf struct {
	project    catalog.Project
	production string
	status     snapshot.Published[Overview]
	dirty      chan struct{}
	sources    []*source
	runner     provider.CronRunner
	advice     atomic.Pointer[map[int64][]Advice] // by job
}

// New loads the jobs that are known. Run must be running before anything can
// be reported.
func New(ctx context.Context, o Options) (*Book, error) {
	if o.Beat == 0 {
		o.Beat = beatEvery
	}
	b := &Book{o: o, projects: map[string]*shelf{}, views: map[int64]*View{}}
	b.rec = &recorder{
		store: o.Store, clock: o.Clock, log: o.Log, beat: o.Beat, shared: o.Store.CronsShared(),
		queue: make(chan *pending, queueLength), calls: make(chan *call), states: map[int64]*state{}, landed: b.landed,
		jobs: &directory{
			production: map[string]string{}, known: map[string][]string{}, ofKind: map[string]map[catalog.Kind]string{},
			byPing: map[[32]byte]int64{}, byPath: map[place][]int64{}, bySlug: map[place][]int64{}, jobs: map[int64]Job{},
		},
	}
	for _, p := range o.Projects {
		b.open(p)
	}
	return b, b.load(ctx)
}

func (b *Book) open(p Project) {
	s := &shelf{project: p.Catalog, dirty: make(chan struct{}, 1)}
	kinds := map[catalog.Kind]string{}
	b.rec.jobs.ofKind[p.Catalog.Name] = kinds
	for _, e := range p.Catalog.Environments {
		if kinds[e.Kind] == "" {
			kinds[e.Kind] = e.Name
		}
		if e.Kind == catalog.Production && s.production == "" {
			s.production = e.Name
		}
		b.rec.jobs.known[p.Catalog.Name] = append(b.rec.jobs.known[p.Catalog.Name], e.Name)
	}
	if s.production == "" && len(p.Catalog.Environments) > 0 {
		s.production = p.Catalog.Environments[len(p.Catalog.Environments)-1].Name
	}
	b.rec.jobs.projects = append(b.rec.jobs.projects, p.Catalog.Name)
	b.rec.jobs.production[p.Catalog.Name] = s.production
	s.runner, _, _ = provider.Find[provider.CronRunner](p.Providers)
	b.projects[p.Catalog.Name] = s
	b.openSources(p, s)
}

// load reads every job and what has to be known of it.
func (b *Book) load(ctx context.Context) error {
	now := b.o.Clock.Now()
	watches, err := b.o.Store.CronWatches(ctx, now.Add(-31*24*time.Hour))
	if err != nil {
		return err
	}
	b.rec.present = newAttendance(watches)
	jobs, err := b.o.Store.CronJobs(ctx)
	if err != nil {
		return err
	}
	states, err := b.recall(ctx, jobs, now)
	if err != nil {
		return err
	}
	for _, s := range states {
		b.rec.states[s.job.ID] = s
		b.rec.jobs.put(s.job)
		b.views[s.job.ID] = s.view(now, b.rec.present, b.rec.moves.of(s.job.Project, s.job.Environment))
	}
	for _, s := range b.projects {
		b.publish(s)
	}
	return nil
}

// recallers is how many jobs are read at a time, which is as many as read the
// database at a time.
const recallers = 4

// recall reads what has to be known of each job: with thousands of them, that
// is most of what a server does before it serves.
func (b *Book) recall(ctx context.Context, jobs []Job, now time.Time) ([]*state, error) {
	states := make([]*state, len(jobs))
	reading, ctx := errgroup.WithContext(ctx)
	reading.SetLimit(recallers)
	for i, j := range jobs {
		reading.Go(func() error {
			s, err := newState(j)
			if err != nil {
				// It was good when it was written; another version may read less.
				b.o.Log.WarnContext(ctx, "a cron job's timetable cannot be read any more", "job", j.Path, "error", err)
				s.job.Timetable, s.table = Timetable{}, compiled{zone: time.UTC}
			}
			kept, err := b.o.Store.CronKept(ctx, j.ID, recentRuns, now.Add(-statsSpan-time.Hour))
			if err != nil {
				return err
			}
			s.keep(kept)
			// What had to be judged until somebody was last here was judged then.
			s.expect(b.rec.present.until())
			states[i] = s
			return nil
		})
	}
	return states, reading.Wait()
}

// Run decides, publishes and sweeps until the context ends.
func (b *Book) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	for _, s := range b.projects {
		running.Go(func() { b.keepPublished(ctx, s) })
	}
	for _, src := range b.sources {
		running.Go(func() { b.follow(ctx, src) })
	}
	running.Go(func() { b.keepSwept(ctx) })
	running.Go(func() { b.keepAdvised(ctx) })
	err := b.rec.run(ctx)
	cancel()
	running.Wait()
	return err
}

// Report takes a report and answers when it is on disk. fault.NotFound: there
// is no such job or project; fault.Invalid: it says something that cannot be;
// fault.Unavailable with a time: there is no room now, send it again.
func (b *Book) Report(ctx context.Context, a access.Actor, r Report) (Accepted, error) {
	use := access.ReportCron
	if a.Scope == access.Ping {
		use = access.SendPing
	}
	if _, err := b.o.Gate.Allow(ctx, a, use, access.On{}); err != nil {
		return Accepted{}, err
	}
	if err := r.clean(b.o.Clock.Now()); err != nil {
		return Accepted{}, err
	}
	// A target that can never be is refused before it takes a place in the
	// queue, and so is a job that is not there.
	if err := b.rec.jobs.settle(&r.To); err != nil {
		return Accepted{}, err
	}
	if !r.To.Create && len(b.rec.jobs.find(&r.To)) == 0 {
		return Accepted{}, fault.New(fault.NotFound, "There is no such job.")
	}
	return b.rec.submit(ctx, &r)
}

// Pinger is who a job's own ping address speaks for: the job, and nothing
// else. False when no job has the address.
func (b *Book) Pinger(ping string) (access.Actor, bool) {
	ids := b.rec.jobs.find(&Target{Ping: ping})
	if len(ids) == 0 {
		return access.Actor{}, false
	}
	j, _ := b.rec.jobs.job(ids[0])
	return access.Actor{
		Kind: access.Machine, ID: "job:" + j.Project + "/" + j.Environment + j.Path, Name: j.Path, Role: access.Admin, Scope: access.Ping,
	}, true
}

// clean makes a report fit to keep, or says what is wrong with it.
func (r *Report) clean(now time.Time) error {
	if r.Received.IsZero() {
		r.Received = now
	}
	var places []fault.Place
	if len(r.RunID) > runIDLimit || r.RunID != hostile.Line(r.RunID, runIDLimit) {
		places = append(places, fault.Place{Where: "runId", Problem: "must be at most 128 printable characters"})
	}
	if r.Duration < 0 || r.Duration > MaxPatience {
		places = append(places, fault.Place{Where: "durationMs", Problem: "must be between 0 and a year"})
	}
	if !r.Ended.IsZero() && (r.Ended.Before(now.Add(-MaxPatience)) || r.Ended.After(now.Add(24*time.Hour))) {
		places = append(places, fault.Place{Where: "timestamp", Problem: "must be within the last year"})
	}
	if places != nil {
		return &fault.Error{Kind: fault.Invalid, Message: "The report cannot be used.", Places: places}
	}
	if len(r.Output) > OutputLimit {
		r.Output = r.Output[len(r.Output)-OutputLimit:]
	}
	r.Error = cleanLine(r.Error)
	r.Commit = hostile.Commit(r.Commit)
	return r.To.Check()
}

// OnChange calls fn with a project's name after its answer became another one.
// fn must be quick.
func (b *Book) OnChange(fn func(project string)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.onChange = append(b.onChange, fn)
}

// landed takes over what a transaction changed. It runs in the recorder's
// goroutine.
func (b *Book) landed(changed []*state, now time.Time) {
	if len(changed) == 0 {
		return
	}
	views := make([]*View, len(changed))
	for i, s := range changed {
		views[i] = s.view(now, b.rec.present, b.rec.moves.of(s.job.Project, s.job.Environment))
	}
	b.mu.Lock()
	for _, v := range views {
		b.views[v.Job.ID] = v
	}
	b.mu.Unlock()
	for _, v := range views {
		if s := b.projects[v.Job.Project]; s != nil {
			s.changed()
		}
	}
}

func (s *shelf) changed() {
	select {
	case s.dirty <- struct{}{}:
	default: // it is known already
	}
}

// publishEvery is how often an answer is made anew at most, however many
// reports come; and making it takes no more than one part in publishShare of
// the time, however many jobs there are.
const (
	publishEvery = 500 * time.Millisecond
	publishShare = 20
)

// keepPublished makes a project's answer when its jobs change, and when a job
// becomes due, which changes when it is due next.
func (b *Book) keepPublished(ctx context.Context, s *shelf) {
	pause := publishEvery
	for {
		wait := time.Hour
		if next := b.soonest(s); !next.IsZero() {
			wait = min(wait, max(next.Sub(b.o.Clock.Now()), 0)+publishEvery)
		}
		timer, stop := b.o.Clock.Timer(wait)
		select {
		case <-ctx.Done():
			stop()
			return
		case <-timer:
		case <-s.dirty:
			stop()
			if b.o.Clock.Sleep(ctx, pause) != nil {
				return
			}
		}
		began := b.o.Clock.Now()
		b.publish(s)
		pause = max(publishEvery, publishShare*b.o.Clock.Now().Sub(began))
	}
}

func (b *Book) soonest(s *shelf) (next time.Time) {
	now := b.o.Clock.Now()
	for _, v := range b.viewsOf(s.project.Name) {
		if t := v.Next(now); !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	return next
}

func (b *Book) publish(s *shelf) {
	now := b.o.Clock.Now()
	changed, err := s.status.Publish(s.assemble(b.viewsOf(s.project.Name), now), now)
	if err != nil {
		b.o.Log.Error("the cron jobs could not be encoded; the last answer stays", "project", s.project.Name, "error", err)
		return
	}
	if !changed {
		return
	}
	b.mu.RLock()
	listeners := b.onChange
	b.mu.RUnlock()
	for _, fn := range listeners {
		fn(s.project.Name)
	}
}

// viewsOf lists a project's jobs in a fixed order.
func (b *Book) viewsOf(project string) []*View {
	jobs := b.rec.jobs.list(project)
	b.mu.RLock()
	defer b.mu.RUnlock()
	views := make([]*View, 0, len(jobs))
	for _, j := range jobs {
		if v := b.views[j.ID]; v != nil {
			views = append(views, v)
		}
	}
	return views
}

// How long things are kept.
const (
	keepRaw   = 8 * 24 * time.Hour // a day more than is promised
	keepHours = 90 * 24 * time.Hour
	keepDays  = 2 * 366 * 24 * time.Hour
	sweepWait = time.Hour
)

// keepSwept sums up and deletes, one job after the other.
func (b *Book) keepSwept(ctx context.Context) {
	for b.o.Clock.Sleep(ctx, sweepWait) == nil {
		now := b.o.Clock.Now()
		keep := Keep{Raw: now.Add(-keepRaw), Hours: now.Add(-keepHours), Days: now.Add(-keepDays)}
		for project := range b.projects {
			for _, j := range b.rec.jobs.list(project) {
				for more := true; more && ctx.Err() == nil; {
					var err error
					if more, err = b.o.Store.SweepCrons(ctx, j.ID, keep); err != nil && ctx.Err() == nil {
						b.o.Log.WarnContext(ctx, "old cron runs could not be swept; the next hour tries again", "job", j.Path, "error", err)
						break
					}
				}
			}
		}
		if err := b.o.Store.SweepCronWatches(ctx, keep.Hours); err != nil && ctx.Err() == nil {
			b.o.Log.WarnContext(ctx, "old watches could not be swept; the next hour tries again", "error", err)
		}
	}
}
