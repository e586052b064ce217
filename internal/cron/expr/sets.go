package expr

import "time"

// DayRule says which of the two day fields decide.
type DayRule string

// The ways for the day fields to decide.
const (
	EveryDay     DayRule = "every day"
	ByDayOfMonth DayRule = "day of month"
	ByWeekday    DayRule = "day of week"
	EitherDay    DayRule = "either" // day of month or day of week
	BothDays     DayRule = "both"   // day of month and day of week
)

// NthWeekday is a weekday counted within the month: {2, Friday} is the second
// Friday.
type NthWeekday struct {
	Nth     int
	Weekday time.Weekday
}

// Sets is what an expression comes down to: the values of each field, sorted
// upwards. [Schedule.Text] is written from it and from nothing else, so the
// English cannot say what the schedule does not do.
type Sets struct {
	Minutes []int
	Hours   []int
	Months  []int
	Days    DayRule
	// The day of month, for every rule but EveryDay and ByWeekday.
	DaysOfMonth     []int
	LastDays        []int // days before the last day of the month, 0 is the last itself
	LastWeekdays    []int // the weekday nearest to that day
	NearestWeekdays []int // the weekday nearest to that day of the month
	// The day of week, for every rule but EveryDay and ByDayOfMonth.
	Weekdays      []time.Weekday // Sunday first
	NthWeekdays   []NthWeekday
	FinalWeekdays []time.Weekday // the last of the month
}

// Sets takes the schedule apart.
func (s Schedule) Sets() Sets {
	out := Sets{
		Minutes: members[int](s.minute),
		Hours:   members[int](uint64(s.hour)),
		Months:  members[int](uint64(s.month)),
		Days:    s.dayRule(),
	}
	if out.Days != EveryDay && out.Days != ByWeekday {
		out.DaysOfMonth = members[int](uint64(s.dom))
		out.LastDays = members[int](uint64(s.lastOffset))
		out.LastWeekdays = members[int](uint64(s.lastWeekday))
		out.NearestWeekdays = members[int](uint64(s.nearest))
	}
	if out.Days != EveryDay && out.Days != ByDayOfMonth {
		out.Weekdays = members[time.Weekday](uint64(s.dow))
		for k, set := range s.nth {
			for d := range each(uint64(set)) {
				out.NthWeekdays = append(out.NthWeekdays, NthWeekday{k + 1, time.Weekday(d)})
			}
		}
		out.FinalWeekdays = members[time.Weekday](uint64(s.dowLast))
	}
	return out
}

// dayRule looks through fields that leave no day out.
func (s *Schedule) dayRule() DayRule {
	anyDom, anyDow := s.dom == allDays, s.dow == allWeekdays
	switch {
	case anyDom && anyDow, !s.both && (anyDom || anyDow):
		return EveryDay
	case anyDom:
		return ByWeekday
	case anyDow:
		return ByDayOfMonth
	case s.both:
		return BothDays
	}
	return EitherDay
}

func members[T ~int](set uint64) (out []T) {
	for v := range each(set) {
		out = append(out, T(v))
	}
	return out
}

func bitsOf[T ~int](values []T) (set uint64) {
	for _, v := range values {
		set |= 1 << v
	}
	return set
}
