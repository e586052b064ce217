package expr

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxLength is Vercel's limit for a schedule, and more than any honest
// expression needs.
const maxLength = 256

var aliases = map[string]string{
	"@HOURLY":   "0 * * * *",
	"@DAILY":    "0 0 * * *",
	"@MIDNIGHT": "0 0 * * *",
	"@WEEKLY":   "0 0 * * 0",
	"@MONTHLY":  "0 0 1 * *",
	"@YEARLY":   "0 0 1 1 *",
	"@ANNUALLY": "0 0 1 1 *",
}

// Parse reads an expression in a dialect. Every error is a [*SyntaxError].
// An expression that is well formed but can never run, such as "0 0 30 2 *",
// is no error, because every scheduler takes it; [Schedule.Warnings] says so.
func Parse(text string, d Dialect) (Schedule, error) {
	if d == "" {
		d = Unix
	}
	p := parser{source: text, text: asciiUpper(text), dialect: d, r: d.rules(), field: -1}
	p.s.dialect, p.s.source = d, text
	if _, known := dialectRules[d]; !known {
		return Schedule{}, p.fail(0, fmt.Sprintf("there is no dialect %.40q", string(d)), "use unix, vercel, cloudflare or k8s")
	}
	if len(text) > maxLength {
		return Schedule{}, p.fail(maxLength, fmt.Sprintf("it is longer than %d characters", maxLength), "")
	}
	if err := p.expression(); err != nil {
		return Schedule{}, err
	}
	return p.s, nil
}

type parser struct {
	source  string
	text    string // upper case, byte for byte as long as source
	dialect Dialect
	r       *rules
	field   int // the field being read, -1 outside of them
	plain   bool
	s       Schedule
}

func (p *parser) fail(at int, problem, hint string) *SyntaxError {
	e := &SyntaxError{Text: p.source, Dialect: p.dialect, Position: at, Problem: problem, Hint: hint}
	if p.field >= 0 {
		e.Field = fieldNames[p.field]
	}
	return e
}

// asciiUpper leaves every other byte alone, so that positions stay true.
func asciiUpper(s string) string {
	upper := []byte(s)
	for i, c := range upper {
		if 'a' <= c && c <= 'z' {
			upper[i] = c - 'a' + 'A'
		}
	}
	return string(upper)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// word is a piece of the text: bytes from to to.
type word struct{ from, to int }

func (p *parser) expression() error {
	var words [6]word
	n := 0
	for at := 0; at < len(p.text); {
		if isSpace(p.text[at]) {
			at++
			continue
		}
		from := at
		for at < len(p.text) && !isSpace(p.text[at]) {
			at++
		}
		if n < len(words) {
			words[n] = word{from, at}
		}
		n++
	}
	if n > 0 && p.text[words[0].from] == '@' {
		return p.alias(words[0], n)
	}
	if n != 5 {
		return p.wrongCount(n, words)
	}
	for i := range 5 {
		if err := p.readField(i, words[i]); err != nil {
			return err
		}
	}
	p.finish()
	return nil
}

func (p *parser) wrongCount(n int, words [6]word) error {
	const want = "minute, hour, day of month, month, day of week"
	switch {
	case n == 0:
		return p.fail(0, "it is empty", "write five fields: "+want)
	case strings.HasPrefix(p.text[words[0].from:], "TZ=") || strings.HasPrefix(p.text[words[0].from:], "CRON_TZ="):
		return p.fail(words[0].from, "a time zone inside the expression is not supported", "give the zone in its own setting")
	case n < 5:
		return p.fail(len(p.source), fmt.Sprintf("it has %d of 5 fields", n), "write "+want)
	default:
		return p.fail(words[5].from, fmt.Sprintf("it has %d fields instead of 5", n), "seconds and years are not supported: write "+want)
	}
}

func (p *parser) alias(w word, n int) error {
	name := p.text[w.from:w.to]
	full, known := aliases[name]
	switch {
	case name == "@REBOOT":
		return p.fail(w.from, "@reboot runs when a machine starts, so it has no times", "use a schedule, or report the runs without one")
	case name == "@EVERY":
		return p.fail(w.from, "@every counts from a start that nobody but the scheduler knows", "write the times, such as */15 * * * *")
	case !known:
		return p.fail(w.from, fmt.Sprintf("there is no %s", quote(p.source[w.from:w.to])), "use @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually")
	case n > 1:
		return p.fail(w.to, "nothing may follow "+strings.ToLower(name), "")
	case !p.r.aliases:
		return p.fail(w.from, fmt.Sprintf("%s does not know %s", p.r.title, strings.ToLower(name)), "write "+full)
	}
	inner := parser{source: full, text: full, dialect: p.dialect, r: p.r, field: -1, s: p.s}
	if err := inner.expression(); err != nil {
		return err
	}
	p.s = inner.s
	return nil
}

// finish draws the conclusions that need all five fields.
func (p *parser) finish() {
	s := &p.s
	if s.dom == allDays { // L and LW add nothing to every day
		s.lastOffset, s.lastWeekday, s.nearest = 0, 0, 0
	}
	if s.dow == allWeekdays {
		s.nth, s.dowLast = [5]uint8{}, 0
	}
	if p.r.star == starLeads {
		s.both = s.star[domField] > 0 || s.star[dowField] > 0
	} else {
		s.both = s.star[domField] == 1 || s.star[dowField] == 1
	}
	s.literal = p.r.literal || s.star[minuteField] > 0 || s.star[hourField] > 0
}

func (p *parser) readField(field int, w word) error {
	p.field, p.plain = field, false
	var set uint64
	items, filled, special := 0, 0, false
	for at := w.from; at <= w.to; items++ {
		end := at
		for end < w.to && p.text[end] != ',' {
			end++
		}
		if end == at {
			if !p.r.blanks {
				return p.fail(at, "an item of the list is empty", "remove the comma")
			}
			at = end + 1
			continue
		}
		isSpecial, err := p.special(word{at, end})
		if err == nil && !isSpecial {
			var more uint64
			more, err = p.item(word{at, end}, filled == 0)
			set |= more
		}
		if err != nil {
			return err
		}
		special = special || isSpecial
		filled++
		at = end + 1
	}
	if filled == 0 {
		return p.fail(w.from, "the list is empty", "write * for every value")
	}
	if special && items > 1 && p.r.lastAlone {
		return p.fail(w.from, fmt.Sprintf("%s takes an L, W or # only on its own, not in a list", p.r.title), "")
	}
	if err := p.settleStar(w, items); err != nil {
		return err
	}
	p.store(p.r.keep(field, set))
	return nil
}

// settleStar decides whether the field counts as a star, which the dialects
// see differently once the star is part of a list or has a step.
func (p *parser) settleStar(w word, items int) error {
	star := &p.s.star[p.field]
	switch {
	case !p.plain:
	case p.r.star == starItem:
		*star = 1
	case p.r.star == starLeads || p.text[w.from:w.to] == "*":
	case p.dialect == Cloudflare && items > 1:
		return p.fail(w.from, "Cloudflare takes a star only on its own, not in a list", "write *, or only the values you want")
	default:
		*star = 0 // "*,5" and "*/1" are every value, and yet a restriction here
	}
	return nil
}

func (p *parser) store(set uint64) {
	switch s := &p.s; p.field {
	case minuteField:
		s.minute = set
	case hourField:
		s.hour = uint32(set)
	case domField:
		s.dom = uint32(set)
	case monthField:
		s.month = uint16(set)
	case dowField:
		s.dow |= uint8(set)
	}
}

// item reads "*", "?", "a", "a-b", each perhaps with "/n". It returns the bits
// as written.
func (p *parser) item(w word, leads bool) (uint64, error) {
	lo, hi := p.r.bounds(p.field)
	from, to := lo, hi
	c, at := p.text[w.from], w.from+1
	star := c == '*' || c == '?'
	single := false
	switch {
	case c == '?' && !p.r.question[p.field]:
		hint := "write *"
		return 0, p.fail(w.from, fmt.Sprintf("%s does not take ? here", p.r.title), hint)
	case !star:
		var err error
		if from, to, at, err = p.span(w); err != nil {
			return 0, err
		}
		single = at < w.to && p.text[at] == '/' && !strings.Contains(p.text[w.from:at], "-")
	}
	step := 1
	if at < w.to && p.text[at] == '/' {
		if c == '?' && p.dialect != K8s {
			return 0, p.fail(at, "? takes no step", "write */n")
		}
		var err error
		if step, err = p.step(word{at + 1, w.to}, lo, hi); err != nil {
			return 0, err
		}
		if single {
			if !p.r.openStep {
				return 0, p.fail(w.from, fmt.Sprintf("what %s does with %s is not defined: its own tools read it as %d alone", p.r.title, p.text[w.from:w.to], from), fmt.Sprintf("write %d-%d/%d", from, hi, step))
			}
			to = hi
		}
	} else if at < w.to {
		return 0, p.stray(at, w)
	}
	if star {
		p.plain = p.plain || step == 1
		if leads {
			p.s.star[p.field] = uint32(step)
		}
	}
	p.noteStep(star || single, from, to, step)
	if from > to {
		p.s.wraps[p.field] = true
		return wrapBits(lo, hi, from, to, step), nil
	}
	return stepBits(from, to, step), nil
}

// wrapBits is from, from+step, … through hi and on from lo up to to.
func wrapBits(lo, hi, from, to, step int) (set uint64) {
	size := hi - lo + 1
	for v := from; v <= to+size; v += step {
		set |= 1 << (lo + (v-lo)%size)
	}
	return set
}

// noteStep remembers a step for Warnings: one that leaves an odd distance at
// the turn of the hour, day, week or year, or that reaches past its range.
func (p *parser) noteStep(whole bool, from, to, step int) {
	size := [5]int{60, 24, 31, 12, 7}[p.field]
	odd := step > 1 && whole && (size%step != 0 || p.field == domField)
	if odd || (!whole && to > from && step > to-from) {
		if p.s.steps[p.field] == 0 {
			p.s.steps[p.field] = uint32(step)
		}
	}
}

// span reads "a" or "a-b".
func (p *parser) span(w word) (from, to, at int, err error) {
	if from, at, err = p.value(w); err != nil {
		return 0, 0, 0, err
	}
	if at >= w.to || p.text[at] != '-' {
		return from, from, at, nil
	}
	if to, at, err = p.value(word{at + 1, w.to}); err != nil {
		return 0, 0, 0, err
	}
	if from > to && !p.r.wrap {
		hint := fmt.Sprintf("write %d-%d,%d-%d", from, p.top(), p.bottom(), to)
		if p.field == dowField && p.r.dowMax == 7 && to == 0 {
			hint = fmt.Sprintf("write %d-7, where 7 is Sunday", from)
		}
		return 0, 0, 0, p.fail(w.from, fmt.Sprintf("the range %s goes backwards, which %s refuses", p.text[w.from:at], p.r.title), hint)
	}
	return from, to, at, nil
}

func (p *parser) bottom() int { lo, _ := p.r.bounds(p.field); return lo }

func (p *parser) top() int {
	if p.field == dowField && p.r.dowMin == 0 {
		return 6
	}
	_, hi := p.r.bounds(p.field)
	return hi
}

// value reads one number or name.
func (p *parser) value(w word) (v, at int, err error) {
	at = w.from
	for at < w.to && p.text[at] >= '0' && p.text[at] <= '9' {
		at++
	}
	lo, hi := p.r.bounds(p.field)
	if at > w.from {
		v, ok := number(p.text[w.from:at])
		if !ok || v < lo || v > hi {
			return 0, 0, p.fail(w.from, fmt.Sprintf("%s is not between %d and %d", quote(p.source[w.from:at]), lo, hi), p.rangeHint(v))
		}
		if p.field == dowField {
			p.s.dowDigits = true
			p.s.dowSeven = p.s.dowSeven || v == 7
		}
		return v, at, nil
	}
	for at < w.to && p.text[at] >= 'A' && p.text[at] <= 'Z' && at < w.from+3 {
		at++
	}
	name := p.text[w.from:at]
	if v, ok := p.named(name); ok {
		if !p.r.names {
			return 0, 0, p.fail(w.from, fmt.Sprintf("%s takes no names", p.r.title), fmt.Sprintf("write %d for %s", v, name))
		}
		return v, at, nil
	}
	return 0, 0, p.badValue(w)
}

// number reads digits; ok is false where they are more than any field or step
// could mean.
func number(digits string) (v int, ok bool) {
	n, err := strconv.ParseInt(digits, 10, 64)
	return int(n), err == nil && n <= math.MaxInt32
}

func (p *parser) rangeHint(v int) string {
	switch {
	case p.field == dowField && v == 7:
		return "Sunday is 0"
	case p.field == dowField && v == 0:
		return "Sunday is 1"
	case p.field == hourField && v == 24, p.field == minuteField && v == 60:
		return "write 0"
	}
	return ""
}

func (p *parser) named(name string) (int, bool) {
	if p.field == monthField {
		for v := 1; v <= 12; v++ {
			if monthNames[v] == name {
				return v, true
			}
		}
	}
	if p.field == dowField {
		for v, n := range weekdayNames {
			if n == name {
				return v + p.r.dowMin, true
			}
		}
	}
	return 0, false
}

func (p *parser) badValue(w word) error {
	lo, hi := p.r.bounds(p.field)
	shown := quote(p.source[w.from:w.to])
	if w.from == w.to {
		return p.fail(w.from, "a value is missing", fmt.Sprintf("write a number from %d to %d", lo, hi))
	}
	hint := fmt.Sprintf("write a number from %d to %d", lo, hi)
	if p.r.names && p.field == monthField {
		hint += ", or JAN to DEC"
	}
	if p.r.names && p.field == dowField {
		hint += ", or SUN to SAT"
	}
	return p.fail(w.from, shown+" is not a value", hint)
}

func (p *parser) stray(at int, w word) error {
	return p.fail(at, fmt.Sprintf("%s is not understood after %s", quote(p.source[at:w.to]), quote(p.source[w.from:at])), "")
}

func (p *parser) step(w word, lo, hi int) (int, error) {
	for at := w.from; at < w.to; at++ {
		if c := p.text[at]; c < '0' || c > '9' {
			return 0, p.fail(at, fmt.Sprintf("the step %s is not a number", quote(p.source[w.from:w.to])), "write digits after the /")
		}
	}
	if w.from == w.to {
		return 0, p.fail(w.from, "the step is missing", "write digits after the /")
	}
	n, ok := number(p.text[w.from:w.to])
	switch {
	case !ok:
		return 0, p.fail(w.from, "the step is far too large", "")
	case n == 0:
		return 0, p.fail(w.from, "the step is 0", "use a step of 1 or more")
	case p.r.shortStep && n > hi-lo:
		return 0, p.fail(w.from, fmt.Sprintf("%s refuses a step over %d here", p.r.title, hi-lo), "")
	}
	return n, nil
}
