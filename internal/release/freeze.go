package release

import (
	"slices"
	"time"
)

// Freeze is a time in which nothing is promoted: on days of the week, between
// two dates, or on days between two dates. Rollbacks are never asked.
type Freeze struct {
	Days []time.Weekday // empty for every day from First to Last
	// From and To are minutes since the day began; To is beyond 24 hours when it
	// ends on the day after.
	From, To    int
	First, Last time.Time // dates; zero for no bound
	Zone        *time.Location
	Reason      string
}

// Window is one time in which a freeze is in force.
type Window struct {
	Reason string    `json:"reason"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
}

// on is the window that begins on a day, false when none does. The day is any
// time of it in the freeze's zone.
func (f Freeze) on(day time.Time) (Window, bool) {
	y, m, d := day.Date()
	if len(f.Days) > 0 && !slices.Contains(f.Days, day.Weekday()) {
		return Window{}, false
	}
	plain := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	if !f.First.IsZero() && plain.Before(f.First) || !f.Last.IsZero() && plain.After(f.Last) {
		return Window{}, false
	}
	return Window{Reason: f.Reason, From: wall(y, m, d, f.From, f.Zone), Until: wall(y, m, d, f.To, f.Zone)}, true
}

// wall is a time on the wall. One that a clock change skips is the moment of
// the change; of one that comes twice it is the calendar's choice.
func wall(y int, m time.Month, d, minutes int, zone *time.Location) time.Time {
	t := time.Date(y, m, d, 0, minutes, 0, 0, zone)
	shown, asked := t.Hour()*60+t.Minute(), minutes%(24*60)
	if shown == asked {
		return t
	}
	before, after := t.ZoneBounds()
	if shown > asked {
		return before
	}
	return after
}

// windows are those of all freezes that touch [from, to), in the order they
// begin.
func windows(all []Freeze, from, to time.Time) []Window {
	var out []Window
	for _, f := range all {
		last := to.In(f.Zone)
		y, m, d := from.In(f.Zone).Date()
		// From two days before: the longest window is a day and a night.
		for i := -2; ; i++ {
			day := time.Date(y, m, d+i, 12, 0, 0, 0, f.Zone)
			if day.Add(-36 * time.Hour).After(last) {
				break
			}
			if w, ok := f.on(day); ok && w.Until.After(from) && w.From.Before(to) {
				out = append(out, w)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Window) int { return a.From.Compare(b.From) })
	return out
}

// How far freezes are looked ahead: to say when one begins, and to say when
// one that is in force ends.
const (
	freezeAhead = 48 * time.Hour
	freezeSpan  = 60 * 24 * time.Hour
)

// frozen is the freeze that is in force, nil for none. Windows that touch are
// one: what ends at midnight to begin again has not ended.
func frozen(all []Freeze, at time.Time) *Window {
	if len(all) == 0 {
		return nil
	}
	return joined(windows(all, at, at.Add(freezeSpan)), func(w Window) bool { return !w.From.After(at) && w.Until.After(at) })
}

// freezing is the freeze that begins next within freezeAhead, nil for none and
// while one is in force.
func freezing(all []Freeze, at time.Time) *Window {
	if len(all) == 0 || frozen(all, at) != nil {
		return nil
	}
	return joined(windows(all, at, at.Add(freezeSpan)), func(w Window) bool { return w.From.After(at) && !w.From.After(at.Add(freezeAhead)) })
}

// joined is the first window that is meant, with those that follow it without
// a gap.
func joined(sorted []Window, meant func(Window) bool) *Window {
	i := slices.IndexFunc(sorted, meant)
	if i < 0 {
		return nil
	}
	whole := sorted[i]
	for _, w := range sorted[i:] { // sorted, so what joins later joined earlier ones
		if !w.From.After(whole.Until) && w.Until.After(whole.Until) {
			whole.Until = w.Until
		}
	}
	whole.From, whole.Until = whole.From.UTC(), whole.Until.UTC()
	return &whole
}
