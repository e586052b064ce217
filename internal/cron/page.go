package cron

import (
	"context"
	"time"

	"github.com/envdeck/envdeck/internal/access"
)

// Page is everything about one job in one environment.
type Page struct {
	Stretch
	Hours    []Sum // of the last seven days, oldest first
	Days     []Sum // of the last 90 days, oldest first
	Upcoming []time.Time
	Warnings []string // what may surprise about its expression
	// Siblings are the same path in other environments, or with other
	// schedules.
	Siblings []*View
	// NotNow is why the job cannot be run now by whoever asks, "" when it can.
	NotNow string
	// Zone is where its times are read beside UTC.
	Zone *time.Location
	// Day is its lane.
	Day *Lane
	// Switches are the moves of its environment within the last week, oldest
	// first.
	Switches []Switch
	// Advice is what could be better about it.
	Advice []Advice
	// PingPath is the job's own ping address on this server, only for those
	// who may manage jobs: whoever has it can report for the job.
	PingPath string
}

// Page answers one job's page.
func (b *Book) Page(ctx context.Context, a access.Actor, q Ask) (Page, error) {
	s, err := b.enter(ctx, a, q.Project)
	if err != nil {
		return Page{}, err
	}
	views, err := b.asked(s, q)
	if err != nil {
		return Page{}, err
	}
	now, v := b.o.Clock.Now(), views[0]
	p := Page{}
	if q.Limit <= 0 || q.Limit > 1000 {
		q.Limit = 200
	}
	if p.Stretch, err = b.stretch(ctx, v, now.Add(-keepRaw), now.Add(24*time.Hour), q.Limit); err != nil {
		return p, err
	}
	if p.Hours, err = b.o.Store.CronSums(ctx, v.Job.ID, false, now.Add(-statsSpan), now.Add(time.Hour)); err != nil {
		return p, err
	}
	if p.Days, err = b.o.Store.CronSums(ctx, v.Job.ID, true, now.Add(-keepHours), now.Add(24*time.Hour)); err != nil {
		return p, err
	}
	p.Zone = v.due.zone
	to := now.Truncate(LaneStep).Add(LaneStep + LaneAhead)
	if p.Day, err = b.lanes.of(ctx, b, v, to.Add(-LanePast-LaneAhead), to, now); err != nil {
		return p, err
	}
	for _, sw := range b.rec.moves.of(v.Job.Project, v.Job.Environment) {
		if now.Sub(sw.At) < keepRaw {
			p.Switches = append(p.Switches, sw)
		}
	}
	if v.due.Schedule != "" {
		p.Upcoming = v.due.expr.NextN(now, v.due.zone, 3)
		for _, w := range v.due.expr.Warnings(v.due.zone, now) {
			p.Warnings = append(p.Warnings, w.Message)
		}
	}
	for _, other := range b.viewsOf(s.project.Name) {
		if other.Job.Path == v.Job.Path && other.Job.ID != v.Job.ID {
			p.Siblings = append(p.Siblings, other)
		}
	}
	p.Advice = s.adviceOn(v.Job.ID)
	p.NotNow = s.notNow(a, v.Job)
	if access.Permits(a, access.ManageCrons) {
		p.PingPath = "/ping/" + v.Job.Ping
	}
	return p, nil
}

// notNow says why somebody cannot have a job run now.
func (s *shelf) notNow(a access.Actor, j Job) string {
	switch {
	case s.runner == nil:
		return "No platform of this project can run a job by hand."
	case j.Environment != s.production:
		return "The platform runs the jobs of " + s.production + " only."
	case !j.Active || j.Schedule == "" || j.Source == FromReport || j.Source == FromConfig:
		return "The platform does not schedule this job, so it cannot be asked to run it."
	case !access.Permits(a, access.RunCron):
		return "You are " + string(a.Role) + ". Only a SUPER_ADMIN can run a job by hand."
	default:
		return ""
	}
}
