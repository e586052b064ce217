package cron

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/snapshot"
)

// Age is one source's entry in the header of ages: "vercel=12", "github=never".
func Age(name string, now, fetched time.Time, stale bool) string {
	switch {
	case fetched.IsZero():
		return name + "=never;stale"
	case stale:
		return fmt.Sprintf("%s=%d;stale", name, int(max(now.Sub(fetched), 0).Seconds()))
	default:
		return fmt.Sprintf("%s=%d", name, int(max(now.Sub(fetched), 0).Seconds()))
	}
}

// Status answers how a project's jobs stand, at once, and how old the
// timetables are in the form of the Envdeck-Age header.
func (b *Book) Status(ctx context.Context, a access.Actor, project string) (*snapshot.Snapshot[Overview], string, error) {
	s, err := b.enter(ctx, a, project)
	if err != nil {
		return nil, "", err
	}
	now := b.o.Clock.Now()
	var ages []string
	for _, src := range s.sources {
		if age := src.age(now); age != "" {
			ages = append(ages, age)
		}
	}
	return s.status.Load(), strings.Join(ages, ", "), nil
}

// enter passes the gate before it says whether a project exists.
func (b *Book) enter(ctx context.Context, a access.Actor, project string) (*shelf, error) {
	if _, err := b.o.Gate.Allow(ctx, a, access.ViewCrons, access.On{}); err != nil {
		return nil, err
	}
	return b.shelf(project)
}

// Projects names the projects in order.
func (b *Book) Projects() []string { return b.rec.jobs.projects }

// Ask says which job, and which of its runs.
type Ask struct {
	Project     string
	Environment string // "" is production; "*" is all of them
	Path        string
	Schedule    string // where the path has several
	Before      time.Time
	Limit       int // at most 1000; 0 is 100
}

// RunOf is a run with its job.
type RunOf struct {
	Run
	Job  Job
	Pace Pace
}

// Runs lists a job's runs, newest first.
func (b *Book) Runs(ctx context.Context, a access.Actor, q Ask) ([]RunOf, error) {
	s, err := b.enter(ctx, a, q.Project)
	if err != nil {
		return nil, err
	}
	views, err := b.asked(s, q)
	if err != nil {
		return nil, err
	}
	if q.Limit <= 0 {
		q.Limit = 100
	}
	q.Limit = min(q.Limit, 1000)
	if q.Before.IsZero() {
		q.Before = b.o.Clock.Now().Add(time.Minute)
	}
	all := []RunOf{}
	for _, v := range views {
		runs, err := b.o.Store.CronRuns(ctx, v.Job.ID, time.Unix(0, 0), q.Before, q.Limit)
		if err != nil {
			return nil, err
		}
		for _, r := range runs {
			all = append(all, v.run(r))
		}
	}
	slices.SortStableFunc(all, func(x, y RunOf) int { return y.At.Compare(x.At) })
	return all[:min(len(all), q.Limit)], nil
}

func (v *View) run(r Run) RunOf {
	out := RunOf{Run: r, Job: v.Job, Pace: Usual}
	if r.State == Succeeded && r.Timed {
		out.Pace = v.Band.Judge(r.Duration)
	}
	return out
}

// asked finds the jobs that a question is about.
func (b *Book) asked(s *shelf, q Ask) ([]*View, error) {
	if q.Environment == "" {
		q.Environment = s.production
	}
	var found []*View
	for _, v := range b.viewsOf(s.project.Name) {
		if v.Job.Path == q.Path && (q.Environment == "*" || v.Job.Environment == q.Environment) && (q.Schedule == "" || v.Job.Schedule == q.Schedule) {
			found = append(found, v)
		}
	}
	if len(found) == 0 {
		return nil, fault.New(fault.NotFound, "There is no cron job %q in %s.", hostile.Line(q.Path, maxPath), hostile.Line(q.Environment, hostile.NameLimit))
	}
	return found, nil
}

// Output is what a run printed, nil when nothing is kept. Run is the time at
// which it began, and seq what tells runs of one instant apart.
func (b *Book) Output(ctx context.Context, a access.Actor, q Ask, run time.Time, seq int) ([]byte, error) {
	s, err := b.enter(ctx, a, q.Project)
	if err != nil {
		return nil, err
	}
	views, err := b.asked(s, q)
	if err != nil {
		return nil, err
	}
	for _, v := range views {
		body, err := b.o.Store.CronOutput(ctx, v.Job.ID, run, seq)
		if err != nil || body != nil {
			return body, err
		}
	}
	return nil, nil
}

// Paths are the paths of a project's jobs, each once; "" is the first project.
func (b *Book) Paths(project string) []string {
	if project == "" && len(b.rec.jobs.projects) > 0 {
		project = b.rec.jobs.projects[0]
	}
	var paths []string
	for _, j := range b.rec.jobs.list(project) {
		if len(paths) == 0 || paths[len(paths)-1] != j.Path {
			paths = append(paths, j.Path)
		}
	}
	return paths
}
