package ui

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Moment is a point in time as a page shows it: relative, with the absolute
// time a pointer or a screen reader away.
type Moment struct {
	ISO  string // RFC 3339, for the script that keeps the text right
	Long string
	Text string
}

// NewMoment answers at as seen from now; the zero Moment for no time at all.
func NewMoment(now, at time.Time) Moment {
	if at.IsZero() {
		return Moment{}
	}
	at = at.UTC()
	return Moment{ISO: at.Format(time.RFC3339), Long: at.Format("2 January 2006, 15:04:05 MST"), Text: Ago(now.Sub(at))}
}

// Ago says how long ago something was, in one unit. Seconds come in steps of
// five so that a quiet page stays quiet. app.js has the same rules: change both.
func Ago(d time.Duration) string {
	switch s := int64(d / time.Second); {
	case s < 5:
		return "now"
	case s < 60:
		return strconv.FormatInt(s/5*5, 10) + " s ago"
	case s < 3600:
		return strconv.FormatInt(s/60, 10) + " min ago"
	case s < 48*3600:
		return strconv.FormatInt(s/3600, 10) + " h ago"
	default:
		return strconv.FormatInt(s/86400, 10) + " d ago"
	}
}

// Old is Ago for the facts of a source: "12 s ago", or "stale 22 min" when they
// are older than they should be.
func Old(d time.Duration, stale bool) string {
	ago := Ago(d)
	if stale {
		return "stale " + strings.TrimSuffix(ago, " ago")
	}
	return ago
}

// Plural counts things: "1 commit", "7 commits".
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(int64(n)) + " " + many
}

// Count groups digits with a thin space, which no language reads as a decimal
// point: 12 345.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return sign + s
}

// Milliseconds writes a duration of a probe: "0.4 ms", "87 ms", "1.2 s".
func Milliseconds(ms float64) string {
	switch {
	case ms >= 1000:
		return fmt.Sprintf("%.1f s", ms/1000)
	case ms >= 10:
		return fmt.Sprintf("%.0f ms", ms)
	default:
		return fmt.Sprintf("%.1f ms", ms)
	}
}

// Took writes how long something lasted, in its two greatest units: "0.4 ms",
// "1.2 s", "48 s", "1 min 34 s", "2 h 5 min".
func Took(d time.Duration) string {
	switch s := int(d / time.Second); {
	case d < 10*time.Second:
		return Milliseconds(float64(d) / float64(time.Millisecond))
	case s < 60:
		return strconv.Itoa(s) + " s"
	case s < 3600:
		return inTwo(s/60, "min", s%60, "s")
	default:
		return inTwo(s/3600, "h", s%3600/60, "min")
	}
}

// inTwo leaves the smaller unit out where there is none of it.
func inTwo(n int, unit string, rest int, smaller string) string {
	text := strconv.Itoa(n) + " " + unit
	if rest > 0 {
		text += " " + strconv.Itoa(rest) + " " + smaller
	}
	return text
}

// Bytes writes a size: "412 B", "9.3 MB", "31.4 GB", in powers of a thousand as
// providers bill it.
func Bytes(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	size, unit := float64(n)/1000, 0
	for size >= 999.95 && unit < len(units)-1 {
		size /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %s", size, units[unit])
}

var units = [...]string{"kB", "MB", "GB", "TB", "PB", "EB"}
