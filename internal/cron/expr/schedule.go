package expr

import (
	"math/bits"
	"strconv"
	"strings"
)

// The five fields, in the order in which they are written.
const (
	minuteField = iota
	hourField
	domField
	monthField
	dowField
)

var fieldNames = [5]string{"minute", "hour", "day of month", "month", "day of week"}

var (
	monthNames   = [13]string{"", "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	weekdayNames = [7]string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
)

const (
	allMinutes  = 1<<60 - 1
	allHours    = 1<<24 - 1
	allDays     = 1<<32 - 2 // bits 1 to 31
	allMonths   = 1<<13 - 2 // bits 1 to 12
	allWeekdays = 1<<7 - 1  // bit 0 is Sunday
)

// Schedule is a parsed expression: a set of bits for each field. It is a plain
// value, safe to copy and to use from many goroutines. The zero Schedule never
// runs. Make one with [Parse].
type Schedule struct {
	minute uint64
	hour   uint32
	dom    uint32
	month  uint16
	dow    uint8

	lastOffset  uint32   // bit k: k days before the last day of the month (L is 0)
	lastWeekday uint32   // bit k: the weekday nearest to that day (LW is 0)
	nearest     uint32   // bit d: the weekday nearest to day d (15W)
	nth         [5]uint8 // [k]: weekdays whose k+1st of the month counts (5#2)
	dowLast     uint8    // weekdays whose last of the month counts (5L)

	star    [5]uint32 // n where the field starts with */n (1 for a bare star), else 0
	both    bool      // a day must satisfy both day fields, not just either
	literal bool      // daylight saving: follow the clock on the wall

	// What follows is for messages only.
	steps     [5]uint32 // the first step of the field that does not divide its range
	wraps     [5]bool   // a range that goes round, 22-2
	dowDigits bool      // a weekday was written as a digit
	dowSeven  bool      // … and it was 7
	dialect   Dialect
	source    string
}

// Dialect is the dialect the expression was read in.
func (s Schedule) Dialect() Dialect { return s.dialect }

// Source is the expression as it was written. It came from outside: escape it.
func (s Schedule) Source() string { return s.source }

// String is the canonical form: five fields that mean the same in the same
// dialect, values sorted and merged, aliases spelled out. Parsing it gives an
// equal schedule, and its canonical form is itself.
func (s Schedule) String() string {
	if s.minute == 0 {
		return ""
	}
	fields := [5]string{
		s.fieldText(minuteField, s.minute, nil),
		s.fieldText(hourField, uint64(s.hour), nil),
		s.fieldText(domField, uint64(s.dom), s.domSpecials()),
		s.fieldText(monthField, uint64(s.month), nil),
		s.fieldText(dowField, uint64(s.dow), s.dowSpecials()),
	}
	return strings.Join(fields[:], " ")
}

// bounds are the least and the greatest value of a field as it is kept, and
// the greatest as it may be written (7 for Debian's Sunday).
func (r *rules) bounds(field int) (lo, hi int) {
	switch field {
	case minuteField:
		return 0, 59
	case hourField:
		return 0, 23
	case domField:
		return 1, 31
	case monthField:
		return 1, 12
	}
	return r.dowMin, r.dowMax
}

// keep turns the bits of a field as written into the bits as kept, which
// differ for weekdays only: Sunday is bit 0 in every dialect.
func (r *rules) keep(field int, written uint64) uint64 {
	if field != dowField {
		return written
	}
	if r.dowMin == 1 {
		written >>= 1
	}
	return (written | written>>7) & allWeekdays
}

func (s Schedule) fieldText(field int, set uint64, specials []string) string {
	r := s.dialect.rules()
	var items []string
	if n := s.star[field]; n == 1 {
		return "*"
	} else if n > 1 {
		lo, hi := r.bounds(field)
		items = append(items, "*/"+strconv.Itoa(int(n)))
		set &^= r.keep(field, stepBits(lo, hi, int(n)))
	}
	name := func(v int) string {
		if field == dowField && r.dowMin == 1 {
			return weekdayNames[v] // the digits are what everyone misreads there
		}
		return strconv.Itoa(v)
	}
	items = append(items, listItems(set, name)...)
	return strings.Join(append(items, specials...), ",")
}

func (s Schedule) domSpecials() (items []string) {
	for k := range each(uint64(s.lastOffset)) {
		items = append(items, lastText(k))
	}
	for k := range each(uint64(s.lastWeekday)) {
		items = append(items, lastText(k)+"W")
	}
	for d := range each(uint64(s.nearest)) {
		items = append(items, strconv.Itoa(d)+"W")
	}
	return items
}

func lastText(offset int) string {
	if offset == 0 {
		return "L"
	}
	return "L-" + strconv.Itoa(offset)
}

func (s Schedule) dowSpecials() (items []string) {
	name := func(d int) string {
		if s.dialect.rules().dowMin == 1 {
			return weekdayNames[d]
		}
		return strconv.Itoa(d)
	}
	for k, set := range s.nth {
		for d := range each(uint64(set)) {
			items = append(items, name(d)+"#"+strconv.Itoa(k+1))
		}
	}
	for d := range each(uint64(s.dowLast)) {
		items = append(items, name(d)+"L")
	}
	return items
}

// listItems writes a set as short as it honestly can: one stepped range where
// the set is one, else values and ranges.
func listItems(set uint64, name func(int) string) (items []string) {
	if set == 0 {
		return nil
	}
	first, last := bits.TrailingZeros64(set), bits.Len64(set)-1
	if step := progression(set); step > 1 && bits.OnesCount64(set) >= 4 {
		return []string{name(first) + "-" + name(last) + "/" + strconv.Itoa(step)}
	}
	for from, to := range runs(set) {
		switch to {
		case from:
			items = append(items, name(from))
		case from + 1:
			items = append(items, name(from), name(to))
		default:
			items = append(items, name(from)+"-"+name(to))
		}
	}
	return items
}

// each walks the members of a set upwards.
func each(set uint64) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for ; set != 0; set &= set - 1 {
			if !yield(bits.TrailingZeros64(set)) {
				return
			}
		}
	}
}

// runs walks the unbroken runs of a set upwards.
func runs(set uint64) func(yield func(from, to int) bool) {
	return func(yield func(from, to int) bool) {
		for set != 0 {
			from := bits.TrailingZeros64(set)
			length := bits.TrailingZeros64(^(set >> from))
			if !yield(from, from+length-1) {
				return
			}
			set &^= (1<<length - 1) << from
		}
	}
}

// progression is the constant distance between the members of a set of two or
// more, and 0 if there is none.
func progression(set uint64) int {
	if bits.OnesCount64(set) < 2 {
		return 0
	}
	first, last := bits.TrailingZeros64(set), bits.Len64(set)-1
	step := bits.TrailingZeros64(set&(set-1)) - first
	if (last-first)%step != 0 || set != stepBits(first, last, step) {
		return 0
	}
	return step
}

// stepBits is the set lo, lo+step, … up to hi.
func stepBits(lo, hi, step int) (set uint64) {
	for v := lo; v <= hi; v += step {
		set |= 1 << v
	}
	return set
}
