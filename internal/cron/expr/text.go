package expr

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Text says in one English sentence, without a full stop, when the schedule
// runs. Times are on the wall clock of the schedule's zone.
func (s Schedule) Text() string {
	if s.minute == 0 {
		return "Never"
	}
	return s.Sets().Text()
}

// Text is the sentence for these sets.
func (x Sets) Text() string {
	when, clock := x.timeText()
	days := x.dayText()
	switch {
	case days != "":
		return when + days
	case clock:
		return when + " every day"
	}
	return when
}

// mostTimes is how many times of day are listed one by one.
const mostTimes = 6

// timeText words minutes and hours. clock is true where the words name times
// of the day rather than a rhythm.
func (x Sets) timeText() (text string, clock bool) {
	minutes, hours := bitsOf(x.Minutes), bitsOf(x.Hours)
	step := wholeStep(minutes, 60)
	first, last := x.Hours[0], x.Hours[len(x.Hours)-1]
	unbroken := len(x.Hours) > 1 && last-first == len(x.Hours)-1
	if hours == allHours {
		return everyHour(x.Minutes, minutes, step), false
	}
	if len(x.Minutes) == 1 {
		m := x.Minutes[0]
		switch n := wholeStep(hours, 24); {
		case unbroken && len(x.Hours) > 2:
			return fmt.Sprintf("Every hour from %s to %s", clockTime(first, m), clockTime(last, m)), true
		case n > 0 && m == 0 && len(x.Hours) > 3:
			return fmt.Sprintf("Every %d hours, on the hour", n), false
		}
	}
	if len(x.Minutes)*len(x.Hours) <= mostTimes || (len(x.Minutes) == 1 && progression(hours) > 0) {
		var times []string
		for _, h := range x.Hours {
			for _, m := range x.Minutes {
				times = append(times, clockTime(h, m))
			}
		}
		return "At " + abbreviate(times, len(x.Minutes) == 1 && progression(hours) > 0), true
	}
	if (unbroken || first == last) && (step > 0 || minutes == allMinutes) {
		return fmt.Sprintf("%s from %s to %s", every(max(step, 1), "minute"), clockTime(first, x.Minutes[0]), clockTime(last, slices.Max(x.Minutes))), true
	}
	if minutes == allMinutes {
		return "Every minute of " + numbers("hour", hours), true
	}
	return "At " + numbers("minute", minutes) + " of " + numbers("hour", hours), true
}

func everyHour(minutes []int, set uint64, step int) string {
	switch {
	case set == allMinutes:
		return "Every minute"
	case step > 0:
		return every(step, "minute")
	case set == 1:
		return "Every hour, on the hour"
	case len(minutes) == 1:
		return fmt.Sprintf("At minute %d of every hour", minutes[0])
	}
	return "At " + numbers("minute", set) + " of every hour"
}

func every(n int, unit string) string {
	if n == 1 {
		return "Every " + unit
	}
	return fmt.Sprintf("Every %d %ss", n, unit)
}

// wholeStep is n if the set is 0, n, 2n … with the same distance at the turn
// of the range too, so that "every n" is the truth; else 0.
func wholeStep(set uint64, size int) int {
	n := progression(set)
	if n < 2 || set&1 == 0 || size%n != 0 || set != stepBits(0, size-1, n) {
		return 0
	}
	return n
}

func clockTime(h, m int) string { return fmt.Sprintf("%02d:%02d", h, m) }

// numbers words a set with its unit: "minute 5", "minutes 1, 2 and 10 to 20",
// "minutes 0, 7, …, 56".
func numbers(unit string, set uint64) string {
	if bits.OnesCount64(set) == 1 {
		return unit + " " + strconv.Itoa(bits.TrailingZeros64(set))
	}
	return unit + "s " + numberList(set)
}

func numberList(set uint64) string {
	if progression(set) > 1 {
		var all []string
		for v := range each(set) {
			all = append(all, strconv.Itoa(v))
		}
		return abbreviate(all, true)
	}
	return joinAnd(runTexts(set, strconv.Itoa))
}

// runTexts words the runs of a set; a run of two is two values.
func runTexts(set uint64, name func(int) string) (items []string) {
	for from, to := range runs(set) {
		switch {
		case from == to:
			items = append(items, name(from))
		case to == from+1:
			items = append(items, name(from), name(to))
		default:
			items = append(items, name(from)+" to "+name(to))
		}
	}
	return items
}

// abbreviate leaves out the middle of an even series that is long enough for
// the first two and the last to tell it.
func abbreviate(items []string, even bool) string {
	if even && len(items) > 4 {
		return fmt.Sprintf("%s, %s, …, %s", items[0], items[1], items[len(items)-1])
	}
	return joinAnd(items)
}

func joinAnd(items []string) string { return join(items, "and") }

func join(items []string, word string) string {
	n := len(items)
	if n == 0 {
		return ""
	}
	if n == 1 {
		return items[0]
	}
	return strings.Join(items[:n-1], ", ") + " " + word + " " + items[n-1]
}

// dayText words the days and months, with what joins it to the time in front.
func (x Sets) dayText() string {
	months := bitsOf(x.Months)
	in := ""
	if months != allMonths {
		in = joinAnd(runTexts(months, func(m int) string { return time.Month(m).String() }))
	}
	switch x.Days {
	case EveryDay:
		if in != "" {
			return " every day in " + in
		}
		return ""
	case ByWeekday:
		return x.weekdayText(in)
	case ByDayOfMonth:
		return x.monthDayText(in)
	}
	word := " or "
	both := ""
	if x.Days == BothDays {
		word, both = " and ", "both "
	}
	text := " on any day that is " + both + x.monthDayNoun() + word + x.weekdayNoun()
	if in != "" {
		text += ", in " + in
	}
	return text
}

// monthDayNoun completes "any day that is …".
func (x Sets) monthDayNoun() string {
	items := x.monthDays()
	if len(items) == 1 && len(x.DaysOfMonth) > 1 {
		return "one of " + items[0] + " of the month"
	}
	return oneOf(items) + " of the month"
}

func (x Sets) weekdayNoun() string { return oneOf(x.weekdayNouns()) }

// oneOf joins alternatives inside of an "or" or "and" so that they cannot be
// mistaken for it.
func oneOf(items []string) string {
	if len(items) == 1 {
		return items[0]
	}
	return "one of (" + strings.Join(items, "; ") + ")"
}

func (x Sets) monthDayText(in string) string {
	if len(x.DaysOfMonth) == 1 && len(x.Months) == 1 && len(x.LastDays)+len(x.LastWeekdays)+len(x.NearestWeekdays) == 0 {
		return fmt.Sprintf(" on %d %s", x.DaysOfMonth[0], time.Month(x.Months[0]))
	}
	if in == "" {
		in = "every month"
	}
	return " on " + joinItems(x.monthDays()) + " of " + in
}

// joinItems joins phrases that may hold a comma or an "and" themselves.
func joinItems(items []string) string { return strings.Join(items, " and on ") }

// monthDays is the day of month as nouns that "of the month" completes.
func (x Sets) monthDays() (items []string) {
	if len(x.DaysOfMonth) > 0 {
		items = append(items, numbers("day", bitsOf(x.DaysOfMonth)))
	}
	for _, k := range x.LastDays {
		items = append(items, lastDayNoun(k))
	}
	for _, k := range x.LastWeekdays {
		if k == 0 {
			items = append(items, "the last weekday")
		} else {
			items = append(items, "the weekday nearest to "+lastDayNoun(k))
		}
	}
	for _, d := range x.NearestWeekdays {
		items = append(items, fmt.Sprintf("the weekday nearest to day %d", d))
	}
	return items
}

func lastDayNoun(k int) string {
	switch k {
	case 0:
		return "the last day"
	case 1:
		return "the day before the last day"
	}
	return fmt.Sprintf("the day %d days before the last day", k)
}

func (x Sets) weekdayText(in string) string {
	var items []string
	plain := weekdayList(x.Weekdays)
	if len(x.NthWeekdays)+len(x.FinalWeekdays) == 0 {
		text := " every " + plain
		if strings.Contains(plain, " to ") {
			text = ", " + plain
		}
		if in != "" {
			text += " in " + in
		}
		return text
	}
	if in == "" {
		in = "every month"
	}
	if plain != "" {
		items = append(items, "every "+plain)
	}
	return " on " + joinItems(append(items, x.countedWeekdays()...)) + " of " + in
}

// weekdayNouns is the day of week as nouns for "is a …".
func (x Sets) weekdayNouns() (items []string) {
	for _, d := range x.Weekdays {
		items = append(items, "a "+d.String())
	}
	for _, item := range x.countedWeekdays() {
		items = append(items, item+" of the month")
	}
	return items
}

func (x Sets) countedWeekdays() (items []string) {
	for _, n := range x.NthWeekdays {
		items = append(items, "the "+ordinals[n.Nth]+" "+n.Weekday.String())
	}
	for _, d := range x.FinalWeekdays {
		items = append(items, "the last "+d.String())
	}
	return items
}

var ordinals = [6]string{"", "first", "second", "third", "fourth", "fifth"}

// weekdayList words weekdays from Monday on; three or more in a row, which may
// go round the week's end, are "Monday to Friday".
func weekdayList(days []time.Weekday) string {
	set := bitsOf(days)
	if n := len(days); n >= 3 && n < 7 {
		for first := range 7 {
			if everySeven(first, n) == set {
				return time.Weekday(first).String() + " to " + time.Weekday((first+n-1)%7).String()
			}
		}
	}
	var names []string
	for i := range 7 {
		if d := time.Weekday((i + 1) % 7); set&(1<<d) != 0 {
			names = append(names, d.String())
		}
	}
	return joinAnd(names)
}

func everySeven(first, n int) (set uint64) {
	for i := range n {
		set |= 1 << ((first + i) % 7)
	}
	return set
}
