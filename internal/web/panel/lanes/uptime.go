package lanes

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// Uptime is the health of a day as a strip of half hours.
type Uptime struct {
	Share ui.Text // "99.31 %"; "" when nothing was observed
	Down  ui.Text // "down for 4 min"; "" when it never was
	Label string  // the strip in words
	Bars  []UptimeBar
	Width int
}

// UptimeBar is one half hour: its height says the state as its colour does.
type UptimeBar struct {
	X, Y, H int
	Tone    string
	Title   string
}

// The strip's measures, in its own units.
const (
	uptimeStep = 10
	uptimeTop  = 20
)

// looks are how a state is drawn and called. What is bad stands out; what
// nobody saw is hardly there.
var looks = map[health.State]struct {
	tone, word string
	high       int
}{
	health.StateHealthy:    {"good", "healthy", 13},
	health.StateDegraded:   {"warn", "degraded", 17},
	health.StateDown:       {"bad", "down", uptimeTop},
	health.StateUnknown:    {"unknown", "could not be told", 9},
	health.StateOffline:    {"quiet", "not running", 3},
	health.StateUnobserved: {"quiet", "not observed", 3},
}

// uptime draws the day of an environment; nil when it is not known. A working
// copy that does not run all day is nobody's trouble, so it has none.
func (l *Lane) uptime(in *status.Info) {
	if l.Local {
		return
	}
	if in.Uptime == nil {
		l.UptimeWhy = ui.NotKnown(in.Unknown["uptime"]).Why
		return
	}
	u := &Uptime{Width: len(in.Uptime.Bars) * uptimeStep}
	var down time.Duration
	bad := 0
	for i, b := range in.Uptime.Bars {
		look := looks[b.State]
		title := b.At.UTC().Format("15:04") + " UTC: " + look.word
		if d := time.Duration(b.DownSeconds) * time.Second; d > 0 {
			title += " for " + ui.Took(d)
			down += d
			bad++
		}
		u.Bars = append(u.Bars, UptimeBar{X: i*uptimeStep + 1, Y: uptimeTop - look.high, H: look.high, Tone: look.tone, Title: title})
	}
	u.Label = "Health of the last 24 hours in half hours: never down"
	if bad > 0 {
		u.Down = ui.Text("down for " + ui.Took(down))
		u.Label = fmt.Sprintf("Health of the last 24 hours in half hours: down for %s, in %s", ui.Took(down), ui.Plural(bad, "half hour", "half hours"))
	}
	if s := in.Uptime.Share; s != nil {
		u.Share = ui.Text(strconv.FormatFloat(math.Round(*s*10_000)/100, 'f', -1, 64) + " %")
	} else {
		u.Label = "Health of the last 24 hours: nothing was observed"
	}
	l.Uptime = u
}
