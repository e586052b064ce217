package cron

import (
	"context"
	"time"

	"github.com/envdeck/envdeck/internal/access"
)

// SlotState is what became of a time at which a job was due.
type SlotState string

// The states of slots.
const (
	SlotKept       SlotState = "kept"       // it has its run
	SlotMissed     SlotState = "missed"     // its deadline passed without one
	SlotUnobserved SlotState = "unobserved" // nobody was there to see
	SlotOpen       SlotState = "open"       // it is past, and its deadline is not
	SlotDue        SlotState = "due"        // still to come
)

// Slot is one time at which a job is due.
type Slot struct {
	At    time.Time
	State SlotState
}

// Lane is one job over a span of time.
type Lane struct {
	*View
	From, To time.Time
	Runs     []RunOf // newest first
	// Clipped says that there were more runs than a picture can show: the
	// oldest are left out.
	Clipped bool
	// Slots are the times it was due, oldest first: all that came to nothing,
	// and those to come.
	Slots []Slot
}

// Limits of a lane.
const (
	laneRuns  = 1500
	laneAhead = 48
)

// Lanes are a project's jobs over the last 24 hours and the next six, in the
// order of their paths and environments. Each job is read along its own key.
func (b *Book) Lanes(ctx context.Context, a access.Actor, project string) ([]Lane, error) {
	s, err := b.enter(ctx, a, project)
	if err != nil {
		return nil, err
	}
	now := b.o.Clock.Now()
	var lanes []Lane
	for _, v := range b.viewsOf(s.project.Name) {
		lane, err := b.lane(ctx, v, now.Add(-24*time.Hour), now.Add(6*time.Hour), laneRuns)
		if err != nil {
			return nil, err
		}
		lanes = append(lanes, lane)
	}
	return lanes, nil
}

func (b *Book) lane(ctx context.Context, v *View, from, to time.Time, limit int) (Lane, error) {
	lane := Lane{View: v, From: from, To: to}
	runs, err := b.o.Store.CronRuns(ctx, v.Job.ID, from, to, limit+1)
	if err != nil {
		return lane, err
	}
	if lane.Clipped = len(runs) > limit; lane.Clipped {
		runs = runs[:limit]
	}
	kept := map[int64]bool{}
	for _, r := range runs {
		lane.Runs = append(lane.Runs, v.run(r))
		if !r.Slot.IsZero() {
			kept[r.Slot.Unix()] = true
		}
	}
	misses, err := b.o.Store.CronMisses(ctx, v.Job.ID, from, to)
	if err != nil {
		return lane, err
	}
	missed := map[int64]bool{}
	for _, m := range misses {
		missed[m.Slot.Unix()] = true
	}
	if v.due.Schedule == "" || !v.Job.Active {
		return lane, nil
	}
	now := b.o.Clock.Now()
	start := from
	if lane.Clipped {
		start = latest(start, runs[len(runs)-1].At) // before that we do not know
	}
	ahead := 0
	for slot := range v.due.expr.Between(latest(start, v.Job.Since), to, v.due.zone) {
		state := SlotKept
		switch {
		case kept[slot.Unix()]:
		case missed[slot.Unix()]:
			state = SlotMissed
		case slot.After(now):
			state = SlotDue
			ahead++
		case !v.s.IsZero() && !slot.Before(v.s):
			state = SlotOpen
		default:
			state = SlotUnobserved
		}
		if ahead > laneAhead {
			break
		}
		if state != SlotKept {
			lane.Slots = append(lane.Slots, Slot{At: slot.UTC(), State: state})
		}
	}
	return lane, nil
}

// Page is everything about one job in one environment.
type Page struct {
	Lane
	Hours    []Sum // of the last seven days, oldest first
	Days     []Sum // of the last 90 days, oldest first
	Upcoming []time.Time
	Warnings []string // what may surprise about its expression
	// Siblings are the same path in other environments, or with other
	// schedules.
	Siblings []*View
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
	if p.Lane, err = b.lane(ctx, v, now.Add(-keepRaw), now.Add(24*time.Hour), q.Limit); err != nil {
		return p, err
	}
	if p.Hours, err = b.o.Store.CronSums(ctx, v.Job.ID, false, now.Add(-statsSpan), now.Add(time.Hour)); err != nil {
		return p, err
	}
	if p.Days, err = b.o.Store.CronSums(ctx, v.Job.ID, true, now.Add(-keepHours), now.Add(24*time.Hour)); err != nil {
		return p, err
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
	if access.Permits(a, access.ManageCrons) {
		p.PingPath = "/ping/" + v.Job.Ping
	}
	return p, nil
}
