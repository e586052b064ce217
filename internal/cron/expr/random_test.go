package expr

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	_ "time/tzdata" // the zones below must be there on any machine
)

// randomExpr is an expression together with what it means, worked out while it
// was put together and not by the parser under test.
type randomExpr struct {
	text          string
	values        [5]map[int]bool // weekdays 0 to 6
	leads         [5]bool         // the field starts with a star
	special       func(t time.Time) bool
	specialOfWeek bool
}

// newRandomExpr makes an ordinary Debian expression. Extensions (L, LW, 5L,
// 5#2) are in it one time in eight.
func newRandomExpr(r *rand.Rand) randomExpr {
	x := randomExpr{special: func(time.Time) bool { return false }}
	limits := [5][2]int{{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}}
	starOdds := [5]int{25, 35, 50, 70, 50}
	var fields [5]string
	for i, lim := range limits {
		x.values[i] = map[int]bool{}
		if r.IntN(100) < starOdds[i] {
			fields[i] = x.addItem(r, i, lim, true, r.IntN(3) == 0)
			x.leads[i] = true
		} else {
			fields[i] = x.addItem(r, i, lim, false, r.IntN(5) == 0)
		}
		for range max(0, r.IntN(5)-2) {
			fields[i] += "," + x.addItem(r, i, lim, false, r.IntN(5) == 0)
		}
	}
	if r.IntN(8) == 0 {
		x.addSpecial(r, &fields)
	}
	x.text = strings.Join(fields[:], " ")
	return x
}

func (x *randomExpr) addItem(r *rand.Rand, field int, lim [2]int, star, stepped bool) string {
	lo, hi := lim[0], lim[1]
	text := "*"
	step := 1
	if !star {
		lo = lim[0] + r.IntN(lim[1]-lim[0]+1)
		hi = lo
		text = strconv.Itoa(lo)
		if r.IntN(3) == 0 {
			hi = lo + r.IntN(lim[1]-lo+1)
			text += "-" + strconv.Itoa(hi)
		} else if stepped {
			hi = lim[1]
		}
	}
	if stepped {
		step = 1 + r.IntN(lim[1]+lim[1]/2)
		text += "/" + strconv.Itoa(step)
	}
	for v := lo; v <= hi; v += step {
		if field == dowField {
			x.values[field][v%7] = true
		} else {
			x.values[field][v] = true
		}
	}
	return text
}

func (x *randomExpr) addSpecial(r *rand.Rand, fields *[5]string) {
	nextWeek := func(t time.Time) time.Time { return t.AddDate(0, 0, 7) }
	tomorrow := func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }
	wd := time.Weekday(r.IntN(7))
	field, text := domField, ""
	switch r.IntN(4) {
	case 0:
		text = "L"
		x.special = func(t time.Time) bool { return tomorrow(t).Day() == 1 }
	case 1:
		text = "LW"
		x.special = func(t time.Time) bool {
			if t.Weekday() == time.Saturday || t.Weekday() == time.Sunday {
				return false
			}
			for t = tomorrow(t); t.Day() != 1; t = tomorrow(t) {
				if t.Weekday() != time.Saturday && t.Weekday() != time.Sunday {
					return false
				}
			}
			return true
		}
	case 2:
		field, text = dowField, strconv.Itoa(int(wd))+"L"
		x.special = func(t time.Time) bool { return t.Weekday() == wd && nextWeek(t).Month() != t.Month() }
	case 3:
		nth := 1 + r.IntN(5)
		field, text = dowField, strconv.Itoa(int(wd))+"#"+strconv.Itoa(nth)
		x.special = func(t time.Time) bool { return t.Weekday() == wd && (t.Day()-1)/7+1 == nth }
	}
	x.specialOfWeek = field == dowField
	if x.leads[field] {
		fields[field] = "*/31," + text // a star in front keeps the rule for days
		x.values[field] = map[int]bool{1: true}
		if field == dowField {
			x.values[field] = map[int]bool{0: true}
		}
		return
	}
	if r.IntN(2) == 0 {
		fields[field] += "," + text
		return
	}
	fields[field] = text
	x.values[field] = map[int]bool{}
}

// matches applies crontab(5) to the fields of a wall clock time, given as a
// time in UTC.
func (x *randomExpr) matches(wall time.Time) bool {
	return x.values[minuteField][wall.Minute()] && x.values[hourField][wall.Hour()] && x.matchesDay(wall)
}

func (x *randomExpr) matchesDay(wall time.Time) bool {
	if !x.values[monthField][int(wall.Month())] {
		return false
	}
	special := x.special(wall)
	dom := x.values[domField][wall.Day()] || special && !x.specialOfWeek
	dow := x.values[dowField][int(wall.Weekday())] || special && x.specialOfWeek
	if x.leads[domField] || x.leads[dowField] {
		return dom && dow
	}
	return dom || dow
}

// fixed is cron(8)'s "jobs that run at a particular time".
func (x *randomExpr) fixed() bool { return !x.leads[minuteField] && !x.leads[hourField] }

// change is a moment at which a zone's clock jumps.
type change struct {
	zone *time.Location
	at   time.Time
}

// clockChanges are changes of every shape: one hour, half an hour, two hours,
// a whole day, at midnight, standing ones and one-offs, with and without whole
// minutes.
func clockChanges() []change {
	from := map[string][]int{
		"America/New_York": {2024, 2026, 2031}, "Europe/Berlin": {2025, 2037}, "Europe/Dublin": {2026},
		"Australia/Lord_Howe": {2025, 2028}, "Antarctica/Troll": {2024, 2032}, "Pacific/Apia": {2011},
		"America/Sao_Paulo": {2017, 2018}, "Asia/Beirut": {2023, 2026}, "Africa/Cairo": {2010, 2024},
		"America/Havana": {2026}, "Africa/Casablanca": {2026}, "Asia/Tehran": {2021}, "America/Santiago": {2026},
		"Pacific/Chatham": {2026, 2040}, "Asia/Kathmandu": {1985}, "Asia/Pyongyang": {2015, 2018},
		"America/Caracas": {2007, 2016}, "Europe/Volgograd": {2018, 2020}, "America/Scoresbysund": {2024},
		"Pacific/Kiritimati": {1994}, "Pacific/Kwajalein": {1993}, "Europe/Amsterdam": {1937},
		"Africa/Monrovia": {1972}, "America/Juneau": {1867}, "Asia/Manila": {1844}, "Asia/Gaza": {2023},
		"America/Godthab": {2023}, "Atlantic/Azores": {2026}, "UTC": {2026},
	}
	names := make([]string, 0, len(from))
	for name := range from {
		names = append(names, name)
	}
	slices.Sort(names)
	var out []change
	for _, name := range names {
		zone, err := time.LoadLocation(name)
		if err != nil {
			panic(err)
		}
		for _, year := range from[name] {
			at := time.Date(year, 1, 1, 0, 0, 0, 0, zone)
			for range 3 { // up to three changes from the year's start
				_, end := at.ZoneBounds()
				if end.IsZero() || end.Year() > year+1 {
					break
				}
				out = append(out, change{zone, end})
				at = end
			}
			if name == "UTC" {
				out = append(out, change{zone, at})
			}
		}
	}
	return out
}
