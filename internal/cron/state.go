package cron

import (
	"slices"
	"time"
)

// state is what has to be known of one job to decide about the next report.
// The recorder's goroutine owns it.
type state struct {
	job   Job
	table compiled
	// stale says that a transaction failed after it was changed: the store
	// knows better.
	stale bool

	open   []Run  // begun and not ended, oldest first
	recent []past // the newest runs by start, oldest first
	missed []Miss // slots without a run, oldest first
	hours  week   // the last one
	last   Run    // the newest that ended

	durations []time.Duration // of the newest good runs, oldest first
	band      Band
	bandOf    int // how many durations there were when it was made, ever
	counted   int // durations ever seen

	// next is the first slot that was not judged yet; zero: none is expected.
	next time.Time
	// wake is when something has to be looked at though nobody reports.
	wake time.Time
}

func newState(j Job) (*state, error) {
	table, err := j.compile()
	return &state{job: j, table: table}, err
}

// keep takes over what the store knows.
func (s *state) keep(k Kept) {
	s.stale = false
	s.open, s.missed = k.Open, k.Misses
	s.recent = make([]past, 0, len(k.Recent))
	for i := range k.Recent {
		s.recent = append(s.recent, pastOf(&k.Recent[i]))
	}
	if k.Hours != nil {
		s.hours = week{}
		for _, sum := range k.Hours {
			s.hours.add(hourOf(sum))
		}
	}
	s.last = Run{}
	if s.durations == nil {
		for _, r := range k.Recent {
			s.measure(r)
		}
	}
	for _, r := range k.Recent {
		if r.State.Ended() && !r.EndedAt.Before(s.last.EndedAt) {
			s.last = r
		}
	}
}

// remember puts a run among the recent ones, in the order of their starts.
func (s *state) remember(r Run) {
	one := pastOf(&r)
	i, _ := placeOf(s.recent, &one)
	if len(s.recent) >= recentRuns {
		if i == 0 {
			return // older than all that is remembered
		}
		copy(s.recent, s.recent[1:i])
		s.recent[i-1] = one
		return
	}
	s.recent = slices.Insert(room(s.recent, recentRuns), i, one)
}

// changed writes what became of a run into the memory of it.
func (s *state) changed(r Run) {
	one := pastOf(&r)
	if i, found := placeOf(s.recent, &one); found {
		s.recent[i] = one
	}
}

// ended notes a run that is over.
func (s *state) ended(r Run) {
	if !r.EndedAt.Before(s.last.EndedAt) {
		s.last = r
	}
	s.measure(r)
}

func (s *state) measure(r Run) {
	if r.State != Succeeded || !r.Timed {
		return
	}
	s.counted++
	if len(s.durations) >= durationsFor {
		copy(s.durations, s.durations[1:])
		s.durations = s.durations[:len(s.durations)-1]
	}
	s.durations = append(room(s.durations, durationsFor), r.Duration)
}

// usual is the band of usual durations, made anew when a tenth of what it was
// made of has changed.
func (s *state) usual() Band {
	if s.counted != s.bandOf && (s.band.Of < 20 || s.counted-s.bandOf >= len(s.durations)/10) {
		s.band, s.bandOf = BandOf(s.durations), s.counted
	}
	return s.band
}

// served says whether a slot had a run, well ended or not.
func (s *state) served(slot time.Time) bool {
	at := slot.UnixMicro()
	return slices.ContainsFunc(s.recent, func(r past) bool { return r.answers(at) })
}

// done says whether a slot has a run that did not fail: another one is one too
// many.
func (s *state) done(slot time.Time) bool {
	at := slot.UnixMicro()
	return slices.ContainsFunc(s.recent, func(r past) bool { return r.answers(at) && r.state != Failed })
}

// match finds the slot that a run beginning at a time is for.
func (s *state) match(at time.Time) (time.Time, Timing) {
	c := &s.table
	if c.Schedule == "" {
		if c.Period > 0 {
			return time.Time{}, OnTime // it is counted from the run before
		}
		return time.Time{}, Unscheduled
	}
	slot, known := c.at(at)
	patient := known && !at.After(slot.Add(c.grace(slot)))
	served := known && s.served(slot)
	// Before its time: when the slot behind had a run, or is out of patience,
	// and the one ahead has none.
	if ahead, ok := c.next(at); ok && (served || !patient) && !at.Before(ahead.Add(-c.early(ahead))) && !s.served(ahead) {
		return ahead, Early
	}
	switch {
	case !known:
		return time.Time{}, Unexpected
	case !served && patient, served && !s.done(slot):
		return slot, OnTime // or tried again: its slot was answered in time
	case !served:
		return slot, Late
	}
	// The slot before may still wait: two runs came close together.
	if before, ok := c.at(slot.Add(-1)); ok && s.waits(before) {
		return before, Late
	}
	if patient {
		return slot, Duplicate
	}
	return time.Time{}, Unexpected
}

// waits says that a slot has no run and was not judged yet. One that was missed
// is not given a run that has a slot of its own.
func (s *state) waits(slot time.Time) bool {
	return !s.next.IsZero() && !slot.Before(s.next) && !slot.Before(s.job.Since) && !s.served(slot)
}

// deadline is when a slot without a run was missed.
func (s *state) deadline(slot time.Time) time.Time {
	return slot.Add(s.table.grace(slot) + s.slack())
}

// slack is how much later than its start a run is heard of. A job that reports
// only its end is silent while it works.
func (s *state) slack() time.Duration {
	if n := len(s.recent); n > 0 && (s.recent[n-1].begun || !s.recent[n-1].timed) {
		return 0
	}
	if band := s.usual(); band.Of >= bandFrom {
		return min(band.High+band.High/2, s.table.maxRun())
	}
	return min(10*time.Minute, s.table.maxRun())
}

// expect sets the first slot that has to be judged: the first whose deadline
// lies after a time, and never one from before the job was known.
func (s *state) expect(after time.Time) {
	s.next = time.Time{}
	if !s.job.Active || !s.table.Known() {
		return
	}
	if s.table.Period > 0 && s.table.Schedule == "" {
		s.next = s.job.Since.Add(s.table.Period)
		if n := len(s.recent); n > 0 && s.recent[n-1].start().After(s.job.Since) {
			s.next = s.recent[n-1].start().Add(s.table.Period)
		}
		return
	}
	from := s.job.Since
	patience := s.slack() + max(s.table.Grace, 30*time.Minute) // the most that deadline adds
	if back := after.Add(-patience); back.After(from) {
		from = back
	}
	for slot, ok := s.table.next(from.Add(-1)); ok; slot, ok = s.table.next(slot) {
		if s.deadline(slot).After(after) {
			s.next = slot
			return
		}
	}
}

// advance passes over slots that have their run.
func (s *state) advance() {
	if s.table.Schedule == "" {
		if s.table.Period > 0 && !s.next.IsZero() && len(s.recent) > 0 {
			if due := s.recent[len(s.recent)-1].start().Add(s.table.Period); due.After(s.next) {
				s.next = due
			}
		}
		return
	}
	for !s.next.IsZero() && s.served(s.next) {
		s.step()
	}
}

// step moves on to the next slot.
func (s *state) step() {
	if s.table.Schedule == "" {
		s.next = s.next.Add(s.table.Period)
		return
	}
	slot, ok := s.table.next(s.next)
	if !ok {
		slot = time.Time{}
	}
	s.next = slot
}

// alarm works out when the job has to be looked at without a report.
func (s *state) alarm() {
	s.wake = time.Time{}
	sooner := func(t time.Time) {
		if s.wake.IsZero() || t.Before(s.wake) {
			s.wake = t
		}
	}
	if !s.next.IsZero() {
		sooner(s.deadline(s.next))
	}
	for i := range s.open {
		sooner(s.limit(&s.open[i]))
	}
}

// limit is when an open run is looked at next: when it has taken too long, and
// then when it is given up.
func (s *state) limit(r *Run) time.Time {
	if r.State == Running {
		return latest(r.At, r.heard).Add(s.table.maxRun())
	}
	return r.At.Add(max(longestRun, 2*s.table.maxRun()))
}

// forget drops hours that are older than the statistics are.
func (s *state) forget(now time.Time) { s.hours.forget(sinceEpoch(now.Add(-statsSpan))) }

// sum adds to the hour of a time.
func (s *state) sum(at time.Time, add Sum) Sum {
	add.Job, add.At = s.job.ID, at.Truncate(time.Hour)
	s.hours.add(hourOf(add))
	return add
}

// room makes place for one more in a list that seldom gets longer than most:
// append alone would go on to twice of it.
func room[T any](list []T, most int) []T {
	if n := len(list); n == cap(list) && n < most {
		return append(make([]T, 0, min(max(2*n, 4), most)), list...)
	}
	return list
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// newsFrom is how many of the newest runs decide whether a job is news: as many
// as it takes to see that it is well again.
const newsFrom = 12

// newsworthy says that something of late was not as it should be, so that
// whoever alarms has to look, also to see that it is over.
func (s *state) newsworthy() bool {
	newest := s.recent[max(0, len(s.recent)-newsFrom):]
	if n := len(s.missed); n > 0 && (len(newest) == 0 || s.missed[n-1].Slot.After(newest[0].start())) {
		return true
	}
	band := s.usual()
	for i := range newest {
		r := &newest[i]
		switch {
		case r.state == Failed, r.state == Lost, r.overran, r.timing == Late, r.timing == Duplicate, r.timing == Unexpected:
			return true
		case r.timed && band.Judge(r.took) != Usual:
			return true
		}
	}
	return false
}
