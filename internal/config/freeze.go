package config

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// The forms of a freeze's parts.
const (
	clockForm = "15:04"
	midnight  = "24:00" // the end of a day
)

// weekdays are the short names, in the order of time.Weekday.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (r *Release) defaults() {
	for i := range r.Freeze {
		f := &r.Freeze[i]
		f.From, f.To, f.Zone = cmp.Or(f.From, "00:00"), cmp.Or(f.To, midnight), cmp.Or(f.Zone, "UTC")
	}
	if r.Approval != nil {
		r.Approval.Expires = cmp.Or(r.Approval.Expires, defaultExpiry)
		r.Approval.SoloAfter = cmp.Or(r.Approval.SoloAfter, defaultSolo)
	}
}

// Weekdays are the days that a freeze names, in their order; false when one of
// them is no day. None are named for a freeze by dates alone.
func (f Freeze) Weekdays() ([]time.Weekday, bool) {
	var days []time.Weekday
	for _, text := range f.Days {
		first, last, many := strings.Cut(strings.ToLower(text), "-")
		if !many {
			last = first
		}
		from, to := slices.Index(weekdays, first), slices.Index(weekdays, last)
		if from < 0 || to < 0 {
			return nil, false
		}
		for day := from; ; day = (day + 1) % len(weekdays) { // fri-mon goes round
			if !slices.Contains(days, time.Weekday(day)) {
				days = append(days, time.Weekday(day))
			}
			if day == to {
				break
			}
		}
	}
	slices.Sort(days)
	return days, true
}

// Minutes are when it begins and ends, in minutes since the day began. The end
// is beyond 24 hours when it is on the day after.
func (f Freeze) Minutes() (from, to int, ok bool) {
	from, ok = minutes(f.From)
	to, okTo := minutes(f.To)
	if f.To == midnight {
		to, okTo = 24*60, true
	}
	if to <= from {
		to += 24 * 60
	}
	return from, to, ok && okTo
}

func minutes(text string) (int, bool) {
	t, err := time.Parse(clockForm, text)
	return t.Hour()*60 + t.Minute(), err == nil && len(text) == len(clockForm)
}

func (k checker) freeze(path string, f Freeze) {
	if strings.TrimSpace(f.Reason) == "" {
		k.missing(path + ".reason")
	}
	if len(f.Reason) > 200 {
		k.fail(path+".reason", "must be at most 200 characters")
	}
	if len(f.Days) == 0 && f.Start == "" && f.End == "" {
		k.fail(path, "needs days, or start and end")
	}
	if _, ok := f.Weekdays(); !ok {
		k.fail(path+".days", "must be days such as mon, or ranges such as mon-fri")
	}
	if _, ok := minutes(f.From); !ok {
		k.fail(path+".from", "must be a time such as 16:00")
	}
	if _, _, ok := f.Minutes(); !ok && f.To != midnight {
		if _, fine := minutes(f.To); !fine {
			k.fail(path+".to", "must be a time such as 18:30, or 24:00")
		}
	}
	start, badStart := date(f.Start)
	end, badEnd := date(f.End)
	if badStart {
		k.fail(path+".start", "must be a date such as 2026-12-20")
	}
	if badEnd {
		k.fail(path+".end", "must be a date such as 2026-12-20")
	}
	if len(f.Days) == 0 && (f.Start == "") != (f.End == "") {
		k.fail(path, "needs both start and end, or days")
	}
	if !start.IsZero() && !end.IsZero() && end.Before(start) {
		k.fail(path+".end", "is before start")
	}
	if _, err := time.LoadLocation(f.Zone); err != nil || f.Zone == "Local" {
		k.fail(path+".zone", "is no time zone; write an IANA name such as Europe/London")
	}
}

// date reads a day; the zero time for none.
func date(text string) (_ time.Time, bad bool) {
	if text == "" {
		return time.Time{}, false
	}
	t, err := time.Parse(time.DateOnly, text)
	return t, err != nil
}
