package cron

import (
	"time"

	"github.com/envdeck/envdeck/internal/hostile"
)

// statsSpan is what the statistics cover at most.
const statsSpan = 7 * 24 * time.Hour

// Standing is how a job stands, in one word.
type Standing string

// The standings, from bad to good. Unknown is never good.
const (
	StandMissed      Standing = "missed"      // its last slot passed without a run
	StandFailing     Standing = "failing"     // its last run failed
	StandOverrun     Standing = "overrun"     // it runs for too long
	StandLate        Standing = "late"        // its last run was late
	StandRunning     Standing = "running"     // it runs, and nothing is wrong
	StandOK          Standing = "ok"          // its last run was good
	StandWaiting     Standing = "waiting"     // it was not due yet
	StandNotObserved Standing = "unobserved"  // it was due while nobody was there to see
	StandUnscheduled Standing = "unscheduled" // not scheduled any more
	StandUnknown     Standing = "unknown"     // nothing was ever reported, and nothing is expected
)

// View is one job as readers get it: finished, never written to again.
type View struct {
	Job    Job
	Words  string // the timetable in words, "" when it is not known
	Last   *Run   // the newest that ended
	Open   []Run  // runs under way
	Missed []Miss // slots of the last day that nobody answered
	Stats  Stats
	Band   Band
	Begun  bool // it reports its starts
	// Standing is how the job stands.
	Standing Standing
	// Awaited says that it was not heard of since its environment moved; nil
	// when it was, or when nothing is expected of it.
	Awaited *Awaited

	due compiled
	s   time.Time // the first slot that is not judged
}

// Stats are sums of the last seven days, and how much of them is covered.
type Stats struct {
	Good, Failed, Late, Missed int64
	Timed                      int64
	Average, Max               time.Duration // where Timed > 0
	// From is where the numbers begin: seven days ago, or later when the job
	// was not known or reported before.
	From time.Time
}

// view makes the finished copy.
func (s *state) view(now time.Time, present *attendance, moves []Switch) *View {
	v := &View{Job: s.job, Words: s.table.words, Band: s.usual(), due: s.table, s: s.next}
	if !s.last.EndedAt.IsZero() {
		last := s.last
		v.Last = &last
	}
	v.Open = append([]Run(nil), s.open...)
	for _, m := range s.missed {
		if now.Sub(m.Slot) < 24*time.Hour {
			v.Missed = append(v.Missed, m)
		}
	}
	if n := len(s.recent); n > 0 {
		v.Begun = s.recent[n-1].begun
	}
	v.Stats = s.stats(now)
	v.Standing = v.standing(present)
	v.Awaited = s.awaited(moves)
	return v
}

func (s *state) stats(now time.Time) Stats {
	from := now.Add(-statsSpan)
	st := Stats{From: from}
	if s.job.CreatedAt.After(from) {
		st.From = s.job.CreatedAt
	}
	var total time.Duration
	first, oldest := sinceEpoch(from), true
	for h := range s.hours.all {
		if oldest && h.at().Before(st.From) && h.at().After(from) {
			st.From = h.at() // runs from before the job was known were brought in
		}
		oldest = false
		if h.since < first {
			continue
		}
		st.Good += h.good
		st.Failed += h.failed
		st.Late += h.late
		st.Missed += h.missed
		st.Timed += h.timed
		total += h.total
		st.Max = max(st.Max, h.max)
	}
	if st.Timed > 0 {
		st.Average = total / time.Duration(st.Timed)
	}
	return st
}

// Next is when the job is due next, zero when that is not known.
func (v *View) Next(now time.Time) time.Time {
	switch {
	case !v.Job.Active:
		return time.Time{}
	case v.due.Schedule != "":
		t, _ := v.due.next(now)
		return t
	default:
		return v.s
	}
}

func (v *View) standing(present *attendance) Standing {
	for _, r := range v.Open {
		if r.Overran {
			return StandOverrun
		}
	}
	missed := len(v.Missed) > 0 && (v.Last == nil || v.Missed[len(v.Missed)-1].Slot.After(v.Last.At))
	switch {
	case missed && len(v.Open) == 0 && v.Job.Active:
		return StandMissed
	case len(v.Open) > 0:
		return StandRunning
	case v.Last != nil && v.Last.State == Failed:
		return StandFailing
	case !v.Job.Active:
		return StandUnscheduled
	case v.Last == nil && v.Job.Known():
		return StandWaiting
	case v.Last == nil:
		return StandUnknown
	case v.Last.Timing == Late:
		return StandLate
	case v.skipped(present):
		return StandNotObserved
	default:
		return StandOK
	}
}

// skipped says that the newest judged slot had no run and nobody to see it.
func (v *View) skipped(present *attendance) bool {
	if v.due.Schedule == "" || v.s.IsZero() {
		return false
	}
	slot, ok := v.due.at(v.s.Add(-1))
	if !ok || slot.Before(v.Job.Since) || !v.Last.At.Before(slot.Add(-v.due.early(slot))) {
		return false
	}
	return !present.covers(slot.Add(-v.due.early(slot)), slot.Add(v.due.grace(slot)))
}

// cleanLine is text from a report as it is kept.
func cleanLine(s string) string { return hostile.Line(s, hostile.ErrorLimit) }
