package expr

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestText(t *testing.T) {
	for _, c := range []struct {
		dialect    Dialect
		expr, want string
	}{
		{Unix, "* * * * *", "Every minute"},
		{Unix, "*/15 * * * *", "Every 15 minutes"},
		{Unix, "0,30 * * * *", "Every 30 minutes"},
		{Unix, "*/7 * * * *", "At minutes 0, 7, …, 56 of every hour"},
		{Unix, "5-59/15 * * * *", "At minutes 5, 20, 35 and 50 of every hour"},
		{Unix, "*/90 * * * *", "Every hour, on the hour"},
		{Unix, "15 * * * *", "At minute 15 of every hour"},
		{Unix, "0 */2 * * *", "Every 2 hours, on the hour"},
		{Unix, "0 */5 * * *", "At 00:00, 05:00, …, 20:00 every day"},
		{Unix, "30 */6 * * *", "At 00:30, 06:30, 12:30 and 18:30 every day"},
		{Unix, "0 3 * * *", "At 03:00 every day"},
		{Unix, "30 9 * * 1-5", "At 09:30, Monday to Friday"},
		{Unix, "0 9-17 * * MON-FRI", "Every hour from 09:00 to 17:00, Monday to Friday"},
		{Unix, "*/15 9-17 * * *", "Every 15 minutes from 09:00 to 17:45 every day"},
		{Unix, "* 3 * * *", "Every minute from 03:00 to 03:59 every day"},
		{Unix, "* 9,12 * * *", "Every minute of hours 9 and 12 every day"},
		{Unix, "*/7 9-12,20 * * *", "At minutes 0, 7, …, 56 of hours 9 to 12 and 20 every day"},
		{Unix, "0 8,20 * * 6,7", "At 08:00 and 20:00 every Saturday and Sunday"},
		{Unix, "0 0 1 1 *", "At 00:00 on 1 January"},
		{Unix, "0 0 1,15 * *", "At 00:00 on days 1 and 15 of every month"},
		{Unix, "0 0 1 1-3 *", "At 00:00 on day 1 of January to March"},
		{Unix, "0 0 L * *", "At 00:00 on the last day of every month"},
		{Unix, "0 0 LW * *", "At 00:00 on the last weekday of every month"},
		{Unix, "0 0 * * 5L", "At 00:00 on the last Friday of every month"},
		{Unix, "0 0 * * 2#2,1", "At 00:00 on every Monday and on the second Tuesday of every month"},
		{Unix, "0 0 13 * 5", "At 00:00 on any day that is day 13 of the month or a Friday"},
		{Unix, "0 0 */2 * 1", "At 00:00 on any day that is both one of days 1, 3, …, 31 of the month and a Monday"},
		{Unix, "0 0 13 3 5,6", "At 00:00 on any day that is day 13 of the month or one of (a Friday; a Saturday), in March"},
		{Unix, "0 0 * 12 *", "At 00:00 every day in December"},
		{Vercel, "0 0 */2 * 1", "At 00:00 on any day that is one of days 1, 3, …, 31 of the month or a Monday"},
		{Cloudflare, "0 0 * * 1-5", "At 00:00, Sunday to Thursday"},
		{Cloudflare, "0 0 15W * *", "At 00:00 on the weekday nearest to day 15 of every month"},
		{Cloudflare, "0 0 L-1 * *", "At 00:00 on the day before the last day of every month"},
		{Cloudflare, "0 0 L-3W * *", "At 00:00 on the weekday nearest to the day 3 days before the last day of every month"},
		{K8s, "0 0 ? * ?", "At 00:00 every day"},
	} {
		s, err := Parse(c.expr, c.dialect)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Text(); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.dialect, c.expr, got, c.want)
		}
	}
	if got := (Schedule{}).Text(); got != "Never" {
		t.Errorf("the zero Schedule says %q", got)
	}
}

// TestTextReadsBack reads the English of random expressions back into sets: it
// says all of what the schedule does, and nothing else.
func TestTextReadsBack(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	expressions := 5000
	if raceOn {
		expressions = 500
	}
	for range expressions {
		x := newRandomExpr(r)
		s, err := Parse(x.text, Unix)
		if err != nil {
			t.Fatal(err)
		}
		checkReadsBack(t, s)
	}
	for day := range 31 {
		for _, e := range []string{"%d 0 %dW * *", "%d 0 L-%d * *", "%d 1,2 L-%dW 1-3 *"} {
			if s, err := Parse(fmt.Sprintf(e, day, day+1), Cloudflare); err == nil {
				checkReadsBack(t, s)
			}
		}
	}
}

func checkReadsBack(t *testing.T, s Schedule) {
	t.Helper()
	got, err := readText(s.Text())
	if err != nil {
		t.Fatalf("%q says %q: %v", s.Source(), s.Text(), err)
	}
	sorted := cmpopts.SortSlices(func(a, b time.Weekday) bool { return a < b })
	if diff := cmp.Diff(s.Sets(), got, sorted, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%q says %q (-schedule +text):\n%s", s.Source(), s.Text(), diff)
	}
}

var (
	reTime    = regexp.MustCompile(`^(\d\d):(\d\d)$`)
	reRhythm  = regexp.MustCompile(`^Every (?:(\d+) )?(minute|hour)s? from (\d\d:\d\d) to (\d\d):(\d\d)`)
	reMinutes = regexp.MustCompile(`^Every (?:(\d+) )?minutes?`)
	reHours   = regexp.MustCompile(`^Every (?:(\d+) )?hours?, on the hour`)
	reNumbers = `(\d+(?: to \d+)?(?:(?:, …)?(?:, | and )\d+(?: to \d+)?)*)`
	reOfHours = regexp.MustCompile(`^(?:At minutes? ` + reNumbers + `|Every minute) of (?:every hour|hours? ` + reNumbers + `)`)
	reTimes   = regexp.MustCompile(`^At (\d\d:\d\d(?:(?:, …)?(?:, | and )\d\d:\d\d)*)`)
	reDate    = regexp.MustCompile(`^ on (\d+) ([A-Z][a-z]+)$`)
	reEither  = regexp.MustCompile(`^ on any day that is (both )?(.*) of the month (or|and) (.*?)(?:, in (.*))?$`)
	reNear    = regexp.MustCompile(`^the weekday nearest to (.*)$`)
	reBefore  = regexp.MustCompile(`^the day (\d+) days before the last day$`)
	reCounted = regexp.MustCompile(`^the (first|second|third|fourth|fifth|last) ([A-Z][a-z]+day)$`)
)

// readText is the inverse of Sets.Text, by the grammar of the sentences.
func readText(text string) (x Sets, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("not understood: %v", p)
		}
	}()
	rest := x.readTime(text)
	x.Months = series(1, 12, 1)
	rest = strings.TrimPrefix(rest, " every day")
	switch {
	case rest == "":
		x.Days = EveryDay
	case strings.HasPrefix(rest, " in "):
		x.Days, x.Months = EveryDay, readMonths(rest[4:])
	case strings.HasPrefix(rest, ", ") || strings.HasPrefix(rest, " every "):
		x.Days = ByWeekday
		days, months, some := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(rest, ", "), " every "), " in ")
		x.Weekdays = readWeekdays(days)
		if some {
			x.Months = readMonths(months)
		}
	case reDate.MatchString(rest):
		m := reDate.FindStringSubmatch(rest)
		x.Days, x.DaysOfMonth, x.Months = ByDayOfMonth, []int{atoi(m[1])}, readMonths(m[2])
	case reEither.MatchString(rest):
		x.readEither(reEither.FindStringSubmatch(rest))
	default:
		at := strings.LastIndex(rest, " of ")
		if months := rest[at+4:]; months != "every month" {
			x.Months = readMonths(months)
		}
		x.Days = ByDayOfMonth
		for item := range strings.SplitSeq(strings.TrimPrefix(rest[:at], " on "), " and on ") {
			if x.readWeekdayItem(item) {
				x.Days = ByWeekday
			} else {
				x.readDayItem(item)
			}
		}
	}
	return x, nil
}

func (x *Sets) readEither(m []string) {
	x.Days = EitherDay
	if m[3] == "and" {
		x.Days = BothDays
	}
	if (m[1] != "") != (x.Days == BothDays) {
		panic("both without and")
	}
	if m[5] != "" {
		x.Months = readMonths(m[5])
	}
	for _, item := range readOneOf(m[2]) {
		x.readDayItem(item)
	}
	for _, item := range readOneOf(m[4]) {
		if !x.readWeekdayItem(strings.TrimSuffix(item, " of the month")) {
			panic(item)
		}
	}
}

func readOneOf(text string) []string {
	if inner, ok := strings.CutPrefix(text, "one of ("); ok {
		return strings.Split(strings.TrimSuffix(inner, ")"), "; ")
	}
	return []string{strings.TrimPrefix(text, "one of ")}
}

func (x *Sets) readTime(text string) (rest string) {
	x.Hours = series(0, 23, 1)
	if m := reRhythm.FindStringSubmatch(text); m != nil {
		from, to, last := reTime.FindStringSubmatch(m[3]), atoi(m[4]), atoi(m[5])
		x.Hours = series(atoi(from[1]), to, 1)
		x.Minutes = []int{last}
		if m[2] == "minute" {
			x.Minutes = series(atoi(from[2]), last, max(1, atoi(m[1])))
		} else if from[2] != m[5] {
			panic("an hourly rhythm with two minutes")
		}
		return text[len(m[0]):]
	}
	if m := reOfHours.FindStringSubmatch(text); m != nil {
		x.Minutes = series(0, 59, 1)
		if m[1] != "" {
			x.Minutes = readNumbers(m[1])
		}
		if m[2] != "" {
			x.Hours = readNumbers(m[2])
		}
		return text[len(m[0]):]
	}
	if m := reTimes.FindStringSubmatch(text); m != nil {
		x.readTimes(m[1])
		return text[len(m[0]):]
	}
	if m := reHours.FindStringSubmatch(text); m != nil {
		x.Minutes, x.Hours = []int{0}, series(0, 23, max(1, atoi(m[1])))
		return text[len(m[0]):]
	}
	m := reMinutes.FindStringSubmatch(text)
	x.Minutes = series(0, 59, max(1, atoi(m[1])))
	return text[len(m[0]):]
}

func (x *Sets) readTimes(list string) {
	var hours, minutes uint64
	items := splitList(list)
	for _, item := range items {
		if item == "…" {
			continue
		}
		m := reTime.FindStringSubmatch(item)
		hours |= 1 << atoi(m[1])
		minutes |= 1 << atoi(m[2])
	}
	x.Hours, x.Minutes = members[int](hours), members[int](minutes)
	if strings.Contains(list, "…") {
		x.Hours = series(x.Hours[0], x.Hours[2], x.Hours[1]-x.Hours[0])
	} else if len(items) != len(x.Hours)*len(x.Minutes) {
		panic("times that are no product")
	}
}

func (x *Sets) readDayItem(item string) {
	near := reNear.FindStringSubmatch(item)
	if near != nil {
		item = near[1]
	}
	offset := -1
	switch {
	case item == "the last weekday":
		x.LastWeekdays = append(x.LastWeekdays, 0)
		return
	case item == "the last day":
		offset = 0
	case item == "the day before the last day":
		offset = 1
	case reBefore.MatchString(item):
		offset = atoi(reBefore.FindStringSubmatch(item)[1])
	}
	switch numbers := strings.TrimPrefix(strings.TrimPrefix(item, "days "), "day "); {
	case offset >= 0 && near != nil:
		x.LastWeekdays = append(x.LastWeekdays, offset)
	case offset >= 0:
		x.LastDays = append(x.LastDays, offset)
	case near != nil:
		x.NearestWeekdays = append(x.NearestWeekdays, atoi(numbers))
	default:
		x.DaysOfMonth = append(x.DaysOfMonth, readNumbers(numbers)...)
	}
}

func (x *Sets) readWeekdayItem(item string) bool {
	if m := reCounted.FindStringSubmatch(item); m != nil {
		day := readWeekdays(m[2])[0]
		if m[1] == "last" {
			x.FinalWeekdays = append(x.FinalWeekdays, day)
			return true
		}
		for nth, word := range ordinals {
			if word == m[1] {
				x.NthWeekdays = append(x.NthWeekdays, NthWeekday{nth, day})
			}
		}
		return true
	}
	if days, ok := strings.CutPrefix(item, "every "); ok {
		x.Weekdays = append(x.Weekdays, readWeekdays(days)...)
		return true
	}
	if day, ok := strings.CutPrefix(item, "a "); ok {
		x.Weekdays = append(x.Weekdays, readWeekdays(day)...)
		return true
	}
	return false
}

func readWeekdays(text string) (out []time.Weekday) {
	names := map[string]int{}
	for d := range 7 {
		names[time.Weekday(d).String()] = d
	}
	for _, item := range splitList(text) {
		from, to, isRange := strings.Cut(item, " to ")
		first, known := names[from]
		if !known {
			panic(item)
		}
		out = append(out, time.Weekday(first))
		for d := first; isRange && d != names[to]; {
			d = (d + 1) % 7
			out = append(out, time.Weekday(d))
		}
	}
	return out
}

func readMonths(text string) (out []int) {
	names := map[string]int{}
	for m := 1; m <= 12; m++ {
		names[time.Month(m).String()] = m
	}
	for _, item := range splitList(text) {
		from, to, isRange := strings.Cut(item, " to ")
		if names[from] == 0 {
			panic(item)
		}
		if !isRange {
			to = from
		}
		out = append(out, series(names[from], names[to], 1)...)
	}
	return out
}

func readNumbers(text string) (out []int) {
	items := splitList(text)
	if len(items) == 4 && items[2] == "…" {
		return series(atoi(items[0]), atoi(items[3]), atoi(items[1])-atoi(items[0]))
	}
	for _, item := range items {
		from, to, isRange := strings.Cut(item, " to ")
		if !isRange {
			to = from
		}
		out = append(out, series(atoi(from), atoi(to), 1)...)
	}
	return out
}

func splitList(text string) []string {
	return strings.Split(strings.ReplaceAll(text, " and ", ", "), ", ")
}

func series(from, to, step int) (out []int) {
	for v := from; v <= to; v += step {
		out = append(out, v)
	}
	return out
}

func atoi(s string) int {
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}
