package expr

import (
	"iter"
	"time"
)

// Next is the first run strictly after a time. It reports false if there is
// none within 48 years, which no schedule that can run at all needs. The
// result is in loc (nil is UTC), or in UTC for a dialect that runs in UTC
// whatever is asked for. It does not allocate.
func (s Schedule) Next(after time.Time, loc *time.Location) (time.Time, bool) {
	loc = s.location(loc)
	year := int64(after.UTC().Year())
	if s.minute == 0 || year < firstYear || year > lastYear {
		return time.Time{}, false
	}
	limit := dayNumber(min(year+horizon, lastYear)+1, 1, 1) * secondsPerDay
	var at int64
	var ok bool
	if s.literal {
		at, ok = s.nextLiteral(after.Unix(), limit, loc)
	} else {
		at, ok = s.nextFixed(after.Unix(), limit, loc)
	}
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(at, 0).In(loc), true
}

// Prev is the last run strictly before a time, under the same terms as Next.
func (s Schedule) Prev(before time.Time, loc *time.Location) (time.Time, bool) {
	loc = s.location(loc)
	year := int64(before.UTC().Year())
	if s.minute == 0 || year < firstYear || year > lastYear {
		return time.Time{}, false
	}
	limit := dayNumber(max(year-horizon, firstYear), 1, 1) * secondsPerDay
	last := before.Unix()
	if before.Nanosecond() == 0 {
		last--
	}
	var at int64
	var ok bool
	if s.literal {
		at, ok = s.prevLiteral(last, limit, loc)
	} else {
		at, ok = s.prevFixed(last, limit, loc)
	}
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(at, 0).In(loc), true
}

// NextN is the first n runs strictly after a time, or fewer if there are no
// more.
func (s Schedule) NextN(after time.Time, loc *time.Location, n int) []time.Time {
	var out []time.Time
	for len(out) < n {
		t, ok := s.Next(after, loc)
		if !ok {
			break
		}
		out = append(out, t)
		after = t
	}
	return out
}

// Between is every run from one time, inclusive, to another, exclusive: windows
// that touch share no run and lose none.
func (s Schedule) Between(from, to time.Time, loc *time.Location) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		for t, ok := s.Next(from.Add(-1), loc); ok && t.Before(to); t, ok = s.Next(t, loc) {
			if !yield(t) {
				return
			}
		}
	}
}

// Runs reports whether the schedule has a run at a time, to the second.
func (s Schedule) Runs(at time.Time, loc *time.Location) bool {
	t, ok := s.Next(at.Add(-1), loc)
	return ok && t.Equal(at)
}

func (s *Schedule) location(loc *time.Location) *time.Location {
	if loc == nil || s.dialect.UTCOnly() {
		return time.UTC
	}
	return loc
}

// nextFixed finds the next wall clock minute that has not been shown yet, and
// then the moment at which the clock shows it or has jumped past it. Moments
// grow with the minutes, so the first match is the earliest run.
func (s *Schedule) nextFixed(after, limit int64, loc *time.Location) (int64, bool) {
	wall, ok := s.wallFrom(shown(after, loc)+60, limit)
	if !ok {
		return 0, false
	}
	return reached(wall, after, loc), true
}

func (s *Schedule) prevFixed(last, limit int64, loc *time.Location) (int64, bool) {
	wall, ok := s.wallUpTo(shown(last, loc), limit)
	if !ok {
		return 0, false
	}
	return reached(wall, always, loc), true
}

// nextLiteral walks real time span by span and takes the wall clock as it is.
func (s *Schedule) nextLiteral(after, limit int64, loc *time.Location) (int64, bool) {
	sp := spanAt(after, loc)
	from := sp.tickUpTo(after) + 60
	for {
		if sp.start+sp.offset >= limit {
			return 0, false
		}
		if wall, ok := s.wallFrom(from+sp.offset, min(sp.end+sp.offset, limit)); ok {
			return wall - sp.offset, true
		}
		if sp.end == never {
			return 0, false
		}
		sp = sp.after(loc)
		from = sp.firstTick()
	}
}

func (s *Schedule) prevLiteral(last, limit int64, loc *time.Location) (int64, bool) {
	for {
		sp := spanAt(last, loc)
		start := limit
		if sp.start != always {
			start = max(sp.start+sp.offset, limit)
		}
		if wall, ok := s.wallUpTo(last+sp.offset, start); ok {
			return wall - sp.offset, true
		}
		if sp.start == always || sp.start+sp.offset <= limit {
			return 0, false
		}
		last = sp.start - 1
	}
}
