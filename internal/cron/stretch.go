package cron

import (
	"context"
	"time"
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

// Stretch is one job over a span of time.
type Stretch struct {
	*View
	From, To time.Time
	Runs     []RunOf // newest first
	// Clipped says that there were more runs than a picture can show: the
	// oldest are left out.
	Clipped bool
	// Slots are the times it was due, oldest first: all that came to nothing,
	// and those to come.
	Slots  []Slot
	Misses []Miss // oldest first
}

// Limits of a stretch.
const (
	stretchRuns = 1500
	slotsAhead  = 400
)

func (b *Book) stretch(ctx context.Context, v *View, from, to time.Time, limit int) (Stretch, error) {
	st := Stretch{View: v, From: from, To: to}
	runs, err := b.o.Store.CronRuns(ctx, v.Job.ID, from, to, limit+1)
	if err != nil {
		return st, err
	}
	if st.Clipped = len(runs) > limit; st.Clipped {
		runs = runs[:limit]
	}
	kept := map[int64]bool{}
	for _, r := range runs {
		st.Runs = append(st.Runs, v.run(r))
		if !r.Slot.IsZero() {
			kept[r.Slot.Unix()] = true
		}
	}
	if st.Misses, err = b.o.Store.CronMisses(ctx, v.Job.ID, from, to); err != nil {
		return st, err
	}
	missed := map[int64]bool{}
	for _, m := range st.Misses {
		missed[m.Slot.Unix()] = true
	}
	if v.due.Schedule == "" || !v.Job.Active {
		return st, nil
	}
	now := b.o.Clock.Now()
	start := from
	if st.Clipped {
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
		if ahead > slotsAhead {
			break
		}
		if state != SlotKept {
			st.Slots = append(st.Slots, Slot{At: slot.UTC(), State: state})
		}
	}
	return st, nil
}
