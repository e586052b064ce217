package health

import (
	"time"
)

// History is how an environment was over a span of time, in bars of equal
// length.
type History struct {
	From, To time.Time
	Bars     []Bar
	// Total is over the whole span.
	Total Bar
}

// Bar is one stretch of a history: how long the environment was what. What is
// missing to its length was not observed, because nothing was probing then.
type Bar struct {
	From, To time.Time
	Healthy  time.Duration
	Degraded time.Duration
	Down     time.Duration
	Unknown  time.Duration // asked, and nobody could tell
	Offline  time.Duration // a local environment that was not running
}

// Observed is how much of the bar is known at all.
func (b Bar) Observed() time.Duration {
	return b.Healthy + b.Degraded + b.Down + b.Unknown + b.Offline
}

// Worst is the worst that was seen, and false when nothing was. A bar that saw
// nothing but an offline environment is Unknown.
func (b Bar) Worst() (Verdict, bool) {
	switch {
	case b.Down > 0:
		return Down, true
	case b.Degraded > 0:
		return Degraded, true
	case b.Unknown > 0:
		return Unknown, true
	case b.Healthy > 0:
		return Healthy, true
	default:
		return Unknown, b.Offline > 0
	}
}

// Uptime is the share of the time, 0 to 1, that the environment answered,
// degraded included, of the time that is known to be one or the other. It is
// false when nothing is known: that is not an uptime of 0, nor of 1.
func (b Bar) Uptime() (float64, bool) {
	up := b.Healthy + b.Degraded
	known := up + b.Down
	if known == 0 {
		return 0, false
	}
	return float64(up) / float64(known), true
}

// State is a bar in one word.
type State string

// The states beside the verdicts' own: offline is a local environment that did
// not run, unobserved a time in which nobody looked.
const (
	StateHealthy    State = "healthy"
	StateDegraded   State = "degraded"
	StateDown       State = "down"
	StateUnknown    State = "unknown"
	StateOffline    State = "offline"
	StateUnobserved State = "unobserved"
)

// State is the worst that was seen. A bar of which less than half was observed,
// of what is over by now, is not called healthy for the rest of it.
func (b Bar) State(now time.Time) State {
	over := earlier(b.To, now).Sub(b.From)
	worst, seen := b.Worst()
	switch {
	case !seen, (worst == Healthy || worst == Unknown) && 2*b.Observed() < over:
		return StateUnobserved
	case worst == Down:
		return StateDown
	case worst == Degraded:
		return StateDegraded
	case worst == Healthy:
		return StateHealthy
	case b.Unknown == 0:
		return StateOffline
	default:
		return StateUnknown
	}
}

// Uptime lays samples, oldest first, out over a span in that many bars. Each
// sample holds until the next one, but no longer than hold: after that,
// nothing was probing and nothing is known. Give two and a half intervals, so
// that one late probe is no gap. The sample that began last before the span
// reaches into it.
func Uptime(samples []Sample, from, to time.Time, bars int, hold time.Duration) History {
	t := trail{hold: hold}
	for _, s := range samples {
		t.add(s)
	}
	return lay(t.stretches, from, to, to, bars)
}

// lay books stretches on bars, up to the time until which anything is known.
func lay(stretches []stretch, from, to, until time.Time, bars int) History {
	h := History{From: from, To: to, Total: Bar{From: from, To: to}}
	if bars <= 0 || !from.Before(to) {
		return h
	}
	width := to.Sub(from) / time.Duration(bars)
	h.Bars = make([]Bar, bars)
	for i := range h.Bars {
		h.Bars[i].From = from.Add(time.Duration(i) * width)
		h.Bars[i].To = h.Bars[i].From.Add(width)
	}
	h.Bars[bars-1].To = to // the rest of an uneven division
	for _, s := range stretches {
		h.add(s, later(s.from, from), earlier(s.to, until), width)
	}
	return h
}

// add books a stretch of one verdict on the bars that it crosses.
func (h *History) add(s stretch, from, to time.Time, width time.Duration) {
	if !from.Before(to) {
		return
	}
	h.Total.book(s.verdict, s.offline, to.Sub(from))
	last := len(h.Bars) - 1
	first := last
	if width > 0 {
		first = min(int(from.Sub(h.From)/width), last)
	}
	for i := first; i <= last && h.Bars[i].From.Before(to); i++ {
		b := &h.Bars[i]
		if d := earlier(to, b.To).Sub(later(from, b.From)); d > 0 {
			b.book(s.verdict, s.offline, d)
		}
	}
}

func (b *Bar) book(v Verdict, offline bool, d time.Duration) {
	switch {
	case offline:
		b.Offline += d
	case v == Healthy:
		b.Healthy += d
	case v == Degraded:
		b.Degraded += d
	case v == Down:
		b.Down += d
	default:
		b.Unknown += d
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
