package expr

import (
	"fmt"
	"math/bits"
	"time"
)

// WarningCode is the stable name of a kind of warning.
type WarningCode string

const (
	// AmbiguousDays is when both day fields are restricted.
	AmbiguousDays WarningCode = "ambiguous-days"
	// UnevenStep is a step that does not divide its range.
	UnevenStep WarningCode = "uneven-step"
	// ClockGap is when the next change of the zone's clock skips a run's time.
	ClockGap WarningCode = "clock-gap"
	// ClockOverlap is when the next change of the zone's clock repeats a run's time.
	ClockOverlap WarningCode = "clock-overlap"
	// MissingDay is a day that not every month has.
	MissingDay WarningCode = "missing-day"
	// NeverRuns is when no date satisfies the expression.
	NeverRuns WarningCode = "never-runs"
	// UTCOnlyScheduler is when a zone was asked for that the scheduler does not heed.
	UTCOnlyScheduler WarningCode = "utc-only"
	// CloudflareWeekdays is weekdays in digits, where 1 is Sunday.
	CloudflareWeekdays WarningCode = "cloudflare-weekdays"
	// WrapAround is a range that goes round, which Cloudflare reads loosely.
	WrapAround WarningCode = "wrap-around"
	// VercelDays is when both day fields are restricted, which Vercel's manual forbids.
	VercelDays WarningCode = "vercel-days"
	// VercelSunday is Sunday as 7, which Vercel's manual does not list.
	VercelSunday WarningCode = "vercel-sunday"
	// VercelHobbyFrequency is more than one run a day, refused on Vercel's Hobby plan.
	VercelHobbyFrequency WarningCode = "vercel-hobby-frequency"
	// VercelHobbyPrecision is that on Vercel's Hobby plan a run comes some time in its hour.
	VercelHobbyPrecision WarningCode = "vercel-hobby-precision"
)

// Warning is something about an expression that surprises people.
type Warning struct {
	Code WarningCode
	// Message is a sentence or two for people, with nothing in it that was not
	// parsed.
	Message string
	// At is the moment the clock changes, for ClockGap and ClockOverlap.
	At time.Time
}

// Warnings lists what may surprise about the schedule when it runs in loc (nil
// is UTC) from a time on. Only the next year's clock changes are looked at.
func (s Schedule) Warnings(loc *time.Location, from time.Time) []Warning {
	if s.minute == 0 {
		return nil
	}
	var out []Warning
	add := func(code WarningCode, format string, args ...any) {
		out = append(out, Warning{Code: code, Message: fmt.Sprintf(format, args...)})
	}
	if s.neverRuns(loc, from) {
		add(NeverRuns, "No time satisfies this expression, so it never runs.")
	} else {
		s.warnMissingDays(add)
	}
	s.warnDays(add)
	s.warnSteps(add)
	s.warnVendor(add)
	if s.dialect.UTCOnly() {
		if loc != nil && loc != time.UTC && loc.String() != "UTC" {
			add(UTCOnlyScheduler, "%s runs schedules in UTC only; the time zone %s is not applied.", s.dialect.rules().title, loc)
		}
		return out
	}
	if loc == nil {
		return out
	}
	return append(out, s.warnClock(loc, from)...)
}

// neverRuns looks ahead from a time that leaves room for the search.
func (s *Schedule) neverRuns(loc *time.Location, from time.Time) bool {
	if year := from.Year(); year <= firstYear || year > lastYear-horizon {
		from = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	_, ok := s.Next(from, loc)
	return !ok
}

type adder func(code WarningCode, format string, args ...any)

func (s *Schedule) warnDays(add adder) {
	rule := s.dayRule()
	if rule != EitherDay && rule != BothDays {
		return
	}
	x := s.Sets()
	dom, dow := x.monthDayNoun(), x.weekdayNoun()
	if s.dialect == Vercel {
		add(VercelDays, "Vercel's manual forbids restricting both day of month and day of week: when one has a value, the other must be *. Its command line accepts this and reads it as %s or %s.", dom, dow)
	}
	if rule == BothDays {
		add(AmbiguousDays, "Day of month and day of week are both restricted. Because one starts with a star, it runs only on days that are both %s and %s; other schedulers run on either.", dom, dow)
		return
	}
	add(AmbiguousDays, "Day of month and day of week are both restricted. It runs on every day that is %s, and also on every day that is %s, not only on days that are both.", dom, dow)
}

var fieldRanges = [5]struct {
	size       int
	unit, turn string
}{
	{60, "minute", "hour"},
	{24, "hour", "day"},
	{31, "day", "month"},
	{12, "month", "year"},
	{7, "weekday", "week"},
}

func (s *Schedule) warnSteps(add adder) {
	sets := [5]uint64{s.minute, uint64(s.hour), uint64(s.dom), uint64(s.month), uint64(s.dow)}
	for field, step := range s.steps {
		if step == 0 {
			continue
		}
		r := fieldRanges[field]
		which := numbers(r.unit, sets[field])
		if field == dowField {
			which = weekdayList(members[time.Weekday](sets[field]))
		}
		if int(step) >= r.size || bits.OnesCount64(sets[field]) == 1 {
			add(UnevenStep, "A step of %d in the %s field reaches past the end of its range, so it means %s of every %s.", step, fieldNames[field], which, r.turn)
			continue
		}
		add(UnevenStep, "A step of %d in the %s field starts again with every %s, so the distance is not always %d: it means %s.", step, fieldNames[field], r.turn, step, which)
	}
}

func (s *Schedule) warnMissingDays(add adder) {
	rule := s.dayRule()
	if rule == EveryDay || rule == ByWeekday && s.nth[4] == 0 {
		return
	}
	if s.nth[4] != 0 && rule != ByDayOfMonth {
		add(MissingDay, "Not every month has a fifth weekday of a kind; the schedule skips the months without.")
	}
	if rule == ByWeekday || s.star[domField] > 0 {
		return
	}
	for _, set := range []uint32{s.dom, s.nearest} {
		for d := 29; d <= 31; d++ {
			// Where the day before counts as well, a short month loses nothing
			// that people would miss.
			if set&(1<<d) == 0 || set&(1<<(d-1)) != 0 {
				continue
			}
			for m := range each(uint64(s.month)) {
				if monthLength(2001, m) < d {
					add(MissingDay, "Not every month has a day %d: %s, for one, can be too short. L is the last day of any month, where the scheduler knows it.", d, time.Month(m))
					break
				}
			}
		}
	}
}

func (s *Schedule) warnVendor(add adder) {
	switch s.dialect {
	case Cloudflare:
		if s.dowDigits && s.dayRule() != EveryDay {
			x := s.Sets()
			names := weekdayList(x.Weekdays)
			if names == "" {
				names = join(x.countedWeekdays(), "and")
			}
			add(CloudflareWeekdays, "Cloudflare counts weekdays from 1 for Sunday to 7 for Saturday, so this means %s. Names such as MON-FRI cannot be misread.", names)
		}
		for field, wraps := range s.wraps {
			if wraps {
				add(WrapAround, "The range in the %s field goes round the end. Cloudflare's published parser then takes in the value before its start as well; two ranges in a list are read as written.", fieldNames[field])
			}
		}
	case Vercel:
		if s.dowSeven {
			add(VercelSunday, "Vercel's manual lists weekdays 0 to 6, with 0 for Sunday; only its command line takes 7.")
		}
		if bits.OnesCount64(s.minute)*bits.OnesCount32(s.hour) > 1 {
			add(VercelHobbyFrequency, "This runs more than once a day, which Vercel's Hobby plan refuses to deploy.")
		} else {
			add(VercelHobbyPrecision, "On Vercel's Hobby plan a run may come at any minute of its hour.")
		}
	}
}

// warnClock looks for runs at times that the next changes of the clock skip or
// repeat. A job that runs in every hour has nothing to lose and gets none.
func (s *Schedule) warnClock(loc *time.Location, from time.Time) (out []Warning) {
	if s.literal && s.hour == allHours {
		return nil
	}
	until := from.Add(366 * 24 * time.Hour).Unix()
	gap, overlap := false, false
	for sp := spanAt(from.Unix(), loc); sp.end < until && !(gap && overlap); {
		next := sp.after(loc)
		at := time.Unix(sp.end, 0).In(loc)
		before, after := sp.end+sp.offset, sp.end+next.offset
		if wall, ok := s.wallFrom(before, after); ok && !gap {
			gap = true
			out = append(out, Warning{Code: ClockGap, At: at, Message: s.gapText(wall, at)})
		}
		if wall, ok := s.wallFrom(after, before); ok && !overlap {
			overlap = true
			out = append(out, Warning{Code: ClockOverlap, At: at, Message: s.overlapText(wall, at)})
		}
		sp = next
	}
	return out
}

func wallClock(wall int64) string { return time.Unix(wall, 0).UTC().Format("15:04 on 2 January 2006") }

func (s *Schedule) gapText(wall int64, at time.Time) string {
	if s.literal {
		return fmt.Sprintf("The clock in %s skips %s. Nothing runs in the skipped time.", at.Location(), wallClock(wall))
	}
	return fmt.Sprintf("The clock in %s skips %s. The run comes once, at %s when the skipped time ends.", at.Location(), wallClock(wall), at.Format("15:04"))
}

func (s *Schedule) overlapText(wall int64, at time.Time) string {
	if s.literal {
		return fmt.Sprintf("The clock in %s goes through %s twice, and the job runs both times.", at.Location(), wallClock(wall))
	}
	return fmt.Sprintf("The clock in %s goes through %s twice. The job runs the first time only.", at.Location(), wallClock(wall))
}
