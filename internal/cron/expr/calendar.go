package expr

import "math/bits"

// All arithmetic here is on wall clock time: seconds and days since 1 January
// 1970 as if the wall clock never jumped. zone.go maps it to real time.

const (
	secondsPerDay = 24 * 60 * 60

	// horizon is how many years a search goes on. The Gregorian calendar needs
	// 40 for the rarest day there is, a 29 February on a given weekday across a
	// century that is no leap year.
	horizon = 48
)

// Years outside of these cannot be written in RFC 3339, and no scheduler
// plans for them.
const (
	firstYear = 1
	lastYear  = 9999
)

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// dayNumber is the number of the day in the proleptic Gregorian calendar,
// after Howard Hinnant's days_from_civil.
func dayNumber(year int64, month, day int) int64 {
	if month <= 2 {
		year--
	}
	era := floorDiv(year, 400)
	yearOfEra := year - era*400
	dayOfYear := int64((153*((month+9)%12)+2)/5 + day - 1)
	return era*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719468
}

// date is the inverse of dayNumber.
func date(number int64) (year int64, month, day int) {
	number += 719468
	era := floorDiv(number, 146097)
	dayOfEra := number - era*146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := int(dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100))
	shifted := (5*dayOfYear + 2) / 153
	day = dayOfYear - (153*shifted+2)/5 + 1
	month = (shifted+2)%12 + 1
	year = era*400 + yearOfEra
	if month <= 2 {
		year++
	}
	return year, month, day
}

func monthLength(year int64, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// weekdayOf is 0 for Sunday.
func weekdayOf(day int64) int {
	return int((day%7 + 7 + 4) % 7) // 1 January 1970 was a Thursday
}

// days is the set of matching days, bits 1 to 31, in a month of n days whose
// first day is a given weekday.
func (s *Schedule) days(first, n int) uint32 {
	all := uint32(1)<<(n+1) - 2
	if s.both {
		return s.daysOfMonth(first, n) & s.daysOfWeek(first, n) & all
	}
	return (s.daysOfMonth(first, n) | s.daysOfWeek(first, n)) & all
}

func (s *Schedule) daysOfMonth(first, n int) uint32 {
	set := s.dom
	if s.lastOffset|s.lastWeekday|s.nearest == 0 {
		return set
	}
	for k := s.lastOffset; k != 0; k &= k - 1 {
		if d := n - bits.TrailingZeros32(k); d >= 1 {
			set |= 1 << d
		}
	}
	for k := s.lastWeekday; k != 0; k &= k - 1 {
		if d := n - bits.TrailingZeros32(k); d >= 1 {
			set |= 1 << nearestWeekday(d, first, n)
		}
	}
	for k := s.nearest; k != 0; k &= k - 1 {
		if d := bits.TrailingZeros32(k); d <= n {
			set |= 1 << nearestWeekday(d, first, n)
		}
	}
	return set
}

// nearestWeekday is the day from Monday to Friday nearest to day d without
// leaving the month.
func nearestWeekday(d, first, n int) int {
	switch (first + d - 1) % 7 {
	case 6: // Saturday
		if d == 1 {
			return 3
		}
		return d - 1
	case 0: // Sunday
		if d == n {
			return d - 2
		}
		return d + 1
	}
	return d
}

func (s *Schedule) daysOfWeek(first, n int) uint32 {
	set := everyWeek(s.dow, first)
	for k, weekdays := range s.nth {
		if weekdays != 0 {
			set |= everyWeek(weekdays, first) & (0x7f << (7*k + 1))
		}
	}
	if s.dowLast != 0 {
		set |= everyWeek(s.dowLast, first) &^ (1<<(n-6) - 1)
	}
	return set
}

// everyWeek is the days 1 to 31 that fall on one of the weekdays.
func everyWeek(weekdays uint8, first int) uint32 {
	w := uint64(weekdays)
	week := (w>>first | w<<(7-first)) & allWeekdays
	return uint32((week | week<<7 | week<<14 | week<<21 | week<<28) << 1)
}

// dayFrom is the first matching day on or after a day and before limit.
func (s *Schedule) dayFrom(from, limit int64) (int64, bool) {
	if from >= limit {
		return 0, false
	}
	year, month, day := date(from)
	for {
		first := dayNumber(year, month, 1)
		if first >= limit {
			return 0, false
		}
		if s.month&(1<<month) != 0 {
			set := s.days(weekdayOf(first), monthLength(year, month))
			if set >>= day; set != 0 {
				found := first + int64(day+bits.TrailingZeros32(set)) - 1
				return found, found < limit
			}
		}
		day = 1
		if month++; month > 12 {
			year, month = year+1, 1
		}
	}
}

// dayUpTo is the last matching day on or before a day and not before limit.
func (s *Schedule) dayUpTo(from, limit int64) (int64, bool) {
	if from < limit {
		return 0, false
	}
	year, month, day := date(from)
	for {
		first := dayNumber(year, month, 1)
		if s.month&(1<<month) != 0 {
			set := s.days(weekdayOf(first), monthLength(year, month))
			if set &= 1<<(day+1) - 1; set != 0 {
				found := first + int64(bits.Len32(set)) - 2
				return found, found >= limit
			}
		}
		if first <= limit {
			return 0, false
		}
		day = 31
		if month--; month < 1 {
			year, month = year-1, 12
		}
	}
}

// wallFrom is the first matching wall clock minute at or after from and before
// limit.
func (s *Schedule) wallFrom(from, limit int64) (int64, bool) {
	limitDay := floorDiv(limit, secondsPerDay) + 1
	day := floorDiv(from, secondsPerDay)
	minute := int(from-day*secondsPerDay+59) / 60
	found, ok := s.dayFrom(day, limitDay)
	if ok && found == day {
		if m, in := s.minuteFrom(minute); in {
			wall := day*secondsPerDay + int64(m)*60
			return wall, wall < limit
		}
		found, ok = s.dayFrom(day+1, limitDay)
	}
	if !ok {
		return 0, false
	}
	m, _ := s.minuteFrom(0)
	wall := found*secondsPerDay + int64(m)*60
	return wall, wall < limit
}

// wallUpTo is the last matching wall clock minute at or before from and not
// before limit.
func (s *Schedule) wallUpTo(from, limit int64) (int64, bool) {
	limitDay := floorDiv(limit, secondsPerDay)
	day := floorDiv(from, secondsPerDay)
	minute := int(from-day*secondsPerDay) / 60
	found, ok := s.dayUpTo(day, limitDay)
	if ok && found == day {
		if m, in := s.minuteUpTo(minute); in {
			wall := day*secondsPerDay + int64(m)*60
			return wall, wall >= limit
		}
		found, ok = s.dayUpTo(day-1, limitDay)
	}
	if !ok {
		return 0, false
	}
	m, _ := s.minuteUpTo(24*60 - 1)
	wall := found*secondsPerDay + int64(m)*60
	return wall, wall >= limit
}

// minuteFrom is the first matching minute of the day at or after m.
func (s *Schedule) minuteFrom(m int) (int, bool) {
	hour, minute := m/60, m%60
	if s.hour&(1<<hour) != 0 {
		if rest := s.minute >> minute; rest != 0 {
			return m + bits.TrailingZeros64(rest), true
		}
	}
	later := s.hour &^ (1<<(hour+1) - 1)
	if later == 0 {
		return 0, false
	}
	return bits.TrailingZeros32(later)*60 + bits.TrailingZeros64(s.minute), true
}

// minuteUpTo is the last matching minute of the day at or before m.
func (s *Schedule) minuteUpTo(m int) (int, bool) {
	hour, minute := m/60, m%60
	if s.hour&(1<<hour) != 0 {
		if rest := s.minute & (1<<(minute+1) - 1); rest != 0 {
			return hour*60 + bits.Len64(rest) - 1, true
		}
	}
	earlier := s.hour & (1<<hour - 1)
	if earlier == 0 {
		return 0, false
	}
	return (bits.Len32(earlier)-1)*60 + bits.Len64(s.minute) - 1, true
}
