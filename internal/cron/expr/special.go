package expr

import (
	"fmt"
	"strings"
)

// special reads the items that depend on the month's length or on where its
// weekdays fall: L, LW, L-3, L-3W and 15W as a day of the month, 5L and 5#2 as
// a day of the week. It reports false, and nothing else, for any other item.
func (p *parser) special(w word) (bool, error) {
	item := p.text[w.from:w.to]
	switch p.field {
	case domField:
		if item[0] != 'L' && !strings.HasSuffix(item, "W") {
			return false, nil
		}
	case dowField:
		if !strings.HasSuffix(item, "L") && !strings.Contains(item, "#") {
			return false, nil
		}
	default:
		return false, nil
	}
	if !p.r.last {
		return false, p.fail(w.from, fmt.Sprintf("%s does not know %s", p.r.title, quote(p.source[w.from:w.to])), "it takes digits and , - * / only")
	}
	if p.field == domField {
		return true, p.specialDay(w, item)
	}
	return true, p.specialWeekday(w, item)
}

func (p *parser) specialDay(w word, item string) error {
	base, nearest := strings.CutSuffix(item, "W")
	switch {
	case item == "L":
		p.s.lastOffset |= 1
		return nil
	case item == "LW":
		p.s.lastWeekday |= 1
		return nil
	case !p.r.nearest:
		return p.fail(w.from, fmt.Sprintf("%s is not understood", quote(p.source[w.from:w.to])), "of these, only L and LW are known here")
	}
	if offset, ok := strings.CutPrefix(base, "L-"); ok {
		k, good := number(offset)
		if !good || !digitsOnly(offset) || k < 1 || k > 30 {
			return p.fail(w.from, "the number of days before the last must be between 1 and 30", "write L-3, for example")
		}
		if nearest {
			p.s.lastWeekday |= 1 << k
		} else {
			p.s.lastOffset |= 1 << k
		}
		return nil
	}
	d, at, err := p.value(word{w.from, w.from + len(base)})
	if err != nil {
		return err
	}
	if at != w.from+len(base) || !nearest {
		return p.stray(at, w)
	}
	p.s.nearest |= 1 << d
	return nil
}

func digitsOnly(s string) bool { return strings.Trim(s, "0123456789") == "" }

func (p *parser) specialWeekday(w word, item string) error {
	if item == "L" {
		if p.dialect != Cloudflare {
			return p.fail(w.from, "L needs a weekday here", "write 5L for the last Friday")
		}
		p.s.dow |= 1 << 6 // the last day of the week
		return nil
	}
	v, at, err := p.value(w)
	if err != nil {
		return err
	}
	day := uint8(p.r.keep(dowField, 1<<v))
	switch rest := p.text[at:w.to]; {
	case rest == "L":
		p.s.dowLast |= day
	case len(rest) == 2 && rest[0] == '#' && rest[1] >= '1' && rest[1] <= '5':
		p.s.nth[rest[1]-'1'] |= day
	case strings.HasPrefix(rest, "#"):
		return p.fail(at, fmt.Sprintf("%s is not between #1 and #5", quote(p.source[at:w.to])), "write 5#2 for the second Friday")
	default:
		return p.stray(at, w)
	}
	return nil
}
