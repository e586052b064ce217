package cron

import (
	"slices"
	"time"
)

// attendance is when anybody was there to take reports: spans that may
// overlap, since replicas stand in for each other.
type attendance struct {
	spans []Watch // merged, oldest first; the last one is the present
}

// newAttendance merges what is known of the past.
func newAttendance(past []Watch) *attendance {
	slices.SortFunc(past, func(a, b Watch) int { return a.From.Compare(b.From) })
	a := &attendance{}
	for _, w := range past {
		a.put(w)
	}
	return a
}

func (a *attendance) put(w Watch) {
	if n := len(a.spans); n > 0 && !w.From.After(a.spans[n-1].To) {
		a.spans[n-1].To = latest(a.spans[n-1].To, w.To)
		return
	}
	a.spans = append(a.spans, w)
}

// until is the last moment at which somebody was there; zero: never.
func (a *attendance) until() time.Time {
	if len(a.spans) == 0 {
		return time.Time{}
	}
	return a.spans[len(a.spans)-1].To
}

// begin starts a span of presence; what lies between was not observed.
func (a *attendance) begin(now time.Time) { a.put(Watch{From: now, To: now}) }

// still says that somebody was there without a break until now.
func (a *attendance) still(now time.Time) {
	last := &a.spans[len(a.spans)-1]
	last.To = latest(last.To, now)
}

// covers says that somebody was there all the time. The last span reaches as
// far as whoever asks: they are there.
func (a *attendance) covers(from, to time.Time) bool {
	for i, w := range slices.Backward(a.spans) {
		if !w.From.After(from) {
			return i == len(a.spans)-1 || !w.To.Before(to)
		}
	}
	return false
}
