package status

import (
	"math"
	"time"

	"github.com/envdeck/envdeck/internal/health"
)

// uptimeOf is a day in words and shares that stay the same while nothing
// happens, so that the answer does too; nil when the day is not known.
func uptimeOf(day health.History, known bool, now time.Time) *Uptime {
	if !known {
		return nil
	}
	u := &Uptime{Bars: make([]UptimeBar, 0, len(day.Bars))}
	if share, ok := day.Total.Uptime(); ok {
		// Rounded down: a short fault is never rounded away to a full day.
		u.Share = new(math.Floor(share*10_000) / 10_000)
	}
	for _, b := range day.Bars {
		u.Bars = append(u.Bars, UptimeBar{At: b.From, State: b.State(now), DownSeconds: int64(math.Ceil(b.Down.Seconds()))})
	}
	return u
}
