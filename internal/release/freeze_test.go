package release

import (
	"testing"
	"time"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestFreezes(t *testing.T) {
	london, weekend := zone(t, "Europe/London"), []time.Weekday{time.Saturday, time.Sunday}
	day := func(text string) time.Time {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	friday := Freeze{Days: []time.Weekday{time.Friday}, From: 16 * 60, To: 24 * 60, Zone: london, Reason: "friday"}
	saturdays := Freeze{Days: weekend, To: 24 * 60, Zone: london, Reason: "weekend"}
	nights := Freeze{Days: []time.Weekday{time.Monday}, From: 22 * 60, To: 30 * 60, Zone: time.UTC, Reason: "night"}
	holidays := Freeze{First: day("2026-12-24"), Last: day("2027-01-03"), To: 24 * 60, Zone: zone(t, "Asia/Tokyo"), Reason: "holidays"}
	clocks := Freeze{Days: []time.Weekday{time.Sunday}, From: 90, To: 150, Zone: london, Reason: "clocks"} // 01:30 to 02:30
	daily := Freeze{To: 24 * 60, Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, Zone: time.UTC, Reason: "always"}
	for name, c := range map[string]struct {
		all   []Freeze
		at    string
		until string // of the one in force, "" for none
		next  string // when the next begins, "" for none
	}{
		"none":                            {nil, "2026-11-27T18:00:00Z", "", ""},
		"before":                          {[]Freeze{friday}, "2026-11-27T14:00:00Z", "", "2026-11-27T16:00:00Z"},
		"its first moment":                {[]Freeze{friday}, "2026-11-27T16:00:00Z", "2026-11-28T00:00:00Z", ""},
		"its last":                        {[]Freeze{friday}, "2026-11-27T23:59:59Z", "2026-11-28T00:00:00Z", ""},
		"over":                            {[]Freeze{friday}, "2026-11-28T00:00:00Z", "", ""},
		"two that touch are one":          {[]Freeze{friday, saturdays}, "2026-11-27T17:00:00Z", "2026-11-30T00:00:00Z", ""},
		"in summer an hour earlier":       {[]Freeze{friday}, "2026-07-03T15:00:00Z", "2026-07-03T23:00:00Z", ""},
		"too far away to say":             {[]Freeze{friday}, "2026-11-24T12:00:00Z", "", ""},
		"over midnight":                   {[]Freeze{nights}, "2026-12-01T05:59:00Z", "2026-12-01T06:00:00Z", ""},
		"not the night before":            {[]Freeze{nights}, "2026-11-30T05:00:00Z", "", "2026-11-30T22:00:00Z"},
		"dates, in their zone":            {[]Freeze{holidays}, "2026-12-23T15:00:00Z", "2027-01-03T15:00:00Z", ""},
		"dates, before it is day there":   {[]Freeze{holidays}, "2026-12-23T14:59:00Z", "", "2026-12-23T15:00:00Z"},
		"the hour that clocks skip":       {[]Freeze{clocks}, "2026-03-29T01:15:00Z", "2026-03-29T01:30:00Z", ""},
		"the hour that clocks repeat":     {[]Freeze{clocks}, "2026-10-25T01:59:00Z", "2026-10-25T02:30:00Z", ""},
		"every day, as far as one looks":  {[]Freeze{daily}, "2026-11-27T18:00:00Z", "2027-01-27T00:00:00Z", ""},
		"the reason is the first one's":   {[]Freeze{saturdays, friday}, "2026-11-27T17:00:00Z", "2026-11-30T00:00:00Z", ""},
		"what begins while one is, waits": {[]Freeze{saturdays, nights}, "2026-11-29T12:00:00Z", "2026-11-30T00:00:00Z", ""},
	} {
		t.Run(name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, c.at)
			if err != nil {
				t.Fatal(err)
			}
			until, next := "", ""
			if w := frozen(c.all, at); w != nil {
				until = w.Until.Format(time.RFC3339)
			}
			if w := freezing(c.all, at); w != nil {
				next = w.From.Format(time.RFC3339)
			}
			if until != c.until || next != c.next {
				t.Errorf("frozen until %q, the next from %q; want %q and %q", until, next, c.until, c.next)
			}
		})
	}
}
