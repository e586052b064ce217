package alert

import (
	"slices"
	"time"
)

// Rule says how many of how many open an incident, and how many good ones in a
// row close it. Good must be more than Of less Bad, so that what closes one
// cannot open the next.
type Rule struct {
	Bad, Of int
	Good    int
}

// rules are chosen so that one event that is certain tells at once, and one
// that may be chance does not.
var rules = map[Event]Rule{
	CronMissed:     {1, 1, 1},
	CronFailed:     {1, 1, 1},
	CronLate:       {2, 3, 2},
	CronSlow:       {2, 3, 2},
	CronFast:       {2, 3, 2},
	CronOften:      {2, 3, 2},
	HealthDown:     {3, 5, 3},
	HealthDegraded: {3, 5, 3},
}

// widest is the longest window of any rule.
const widest = 24

// mark is one outcome as a rule sees it: bad or good. What says neither is no
// mark.
type mark struct {
	at   time.Time
	bad  bool
	text string // what happened, when bad
	// operation is what a job has been silent since, and quiet says that an
	// operation was under way when it was noticed.
	operation string
	quiet     bool
}

// opens says whether the newest marks, oldest first, are bad enough.
func (r Rule) opens(marks []mark) bool {
	bad := 0
	for _, m := range tail(marks, r.Of) {
		if m.bad {
			bad++
		}
	}
	return bad >= r.Bad
}

// closes says whether the newest marks are all good.
func (r Rule) closes(marks []mark) bool {
	newest := tail(marks, r.Good)
	if len(newest) < r.Good {
		return false
	}
	for _, m := range newest {
		if m.bad {
			return false
		}
	}
	return true
}

func tail(marks []mark, n int) []mark { return marks[max(0, len(marks)-n):] }

// since is the marks after a time.
func since(marks []mark, t time.Time) []mark {
	for i, m := range marks {
		if m.at.After(t) {
			return marks[i:]
		}
	}
	return nil
}

// lastBad is the newest bad mark; false when there is none.
func lastBad(marks []mark) (mark, bool) {
	for _, m := range slices.Backward(marks) {
		if m.bad {
			return m, true
		}
	}
	return mark{}, false
}

// Flapping: a condition that changes more than so often within the span is
// told once and then held until it has been good for a while.
const (
	flapSpan  = time.Hour
	flapLimit = 4 // changes: opened, closed, opened, closed
	flapHold  = 30 * time.Minute
)

// recent keeps the changes of the last hour.
func recent(flips []time.Time, now time.Time) []time.Time {
	for len(flips) > 0 && now.Sub(flips[0]) >= flapSpan {
		flips = flips[1:]
	}
	return flips
}
