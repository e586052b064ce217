package expr

import (
	"math"
	"time"
)

// span is a stretch of real time, seconds since 1970 from start up to but not
// including end, in which a zone's distance from UTC stays the same: wall
// clock = real time + offset.
type span struct{ start, end, offset int64 }

const (
	always = math.MinInt64 / 2
	never  = math.MaxInt64 / 2

	// widest is more than any zone was ever away from UTC (Alaska before 1867:
	// 15 h 2 min).
	widest = 16 * 60 * 60
)

func spanAt(at int64, loc *time.Location) span {
	if loc == time.UTC {
		return span{always, never, 0}
	}
	t := time.Unix(at, 0).In(loc)
	_, offset := t.Zone()
	sp := span{always, never, int64(offset)}
	start, end := t.ZoneBounds()
	if !start.IsZero() {
		sp.start = min(start.Unix(), at)
	}
	if !end.IsZero() {
		sp.end = end.Unix()
	}
	// For times beyond a zone's table, package time takes every year to have
	// 365 days, so on the last day of a leap year the span it names ends before
	// it begins.
	for sp.end <= at {
		sp.end += secondsPerDay
	}
	return sp
}

// after is the span that begins where sp ends. Package time may cut a span in
// two at the turn of a year and then name its start for both.
func (sp span) after(loc *time.Location) span {
	next := spanAt(sp.end, loc)
	next.start = sp.end
	return next
}

// firstTick is the first moment of the span at which the wall clock shows a
// whole minute, which in old zones is not where the span starts.
func (sp span) firstTick() int64 {
	if sp.start == always {
		return always
	}
	wall := sp.start + sp.offset
	return sp.start + (60-(wall%60+60)%60)%60
}

// tickUpTo is the last whole minute of the wall clock at or before a moment,
// by the span's offset.
func (sp span) tickUpTo(at int64) int64 {
	wall := at + sp.offset
	return at - (wall%60+60)%60
}

// shown is the highest wall clock minute that has been on display up to a
// moment: the wall clock itself, except after it was put back.
func shown(at int64, loc *time.Location) int64 {
	best := int64(math.MinInt64)
	for from := at; ; {
		sp := spanAt(from, loc)
		if tick := sp.tickUpTo(from); tick >= sp.start {
			best = max(best, tick+sp.offset)
		}
		if sp.start == always || at-sp.start > 2*widest {
			return best
		}
		from = sp.start - 1
	}
}

// reached is the first whole minute at which the wall clock shows wall or
// more: the moment it shows wall for the first time, or the end of the gap if
// the clock jumps over it. No such moment lies before from.
func reached(wall, from int64, loc *time.Location) int64 {
	sp := spanAt(max(from, wall-widest), loc)
	for {
		if at := max(wall-sp.offset, sp.firstTick()); at < sp.end {
			return at
		}
		sp = sp.after(loc)
	}
}
