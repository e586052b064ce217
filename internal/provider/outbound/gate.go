package outbound

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// maxWait is the longest that a vendor can keep us away. Some headers speak of
// days; a person would rather see the refusal again.
const maxWait = 15 * time.Minute

// unsaidWait is for a vendor that says "too often" and not for how long. The
// limits in question are counted by the minute.
const unsaidWait = time.Minute

// gate keeps every call in until the time that the vendor named: asking
// earlier makes some vendors wait longer.
type gate struct{ until atomic.Int64 } // Unix nanoseconds

func (g *gate) held(now time.Time) (until time.Time, held bool) {
	until = time.Unix(0, g.until.Load()).UTC()
	return until, until.After(now)
}

// closeUntil never opens a gate that is closed for longer.
func (g *gate) closeUntil(t time.Time) {
	for {
		old := g.until.Load()
		if t.UnixNano() <= old || g.until.CompareAndSwap(old, t.UnixNano()) {
			return
		}
	}
}

// retryAfter reads Retry-After in seconds or as a date. Anything else is as if
// it were not there; a longer wait than maxWait is maxWait.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	raw := strings.TrimSpace(h.Get("Retry-After"))
	if raw == "" {
		return 0, false
	}
	if digits(raw) {
		seconds, err := strconv.ParseInt(raw, 10, 64)
		if err != nil || seconds > int64(maxWait/time.Second) {
			return maxWait, true
		}
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(raw)
	if err != nil {
		return 0, false
	}
	return min(max(at.Sub(now), 0), maxWait), true
}

func digits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// howLong is for how long to stay away after "too often": Retry-After, else
// when the budget starts anew, else a minute.
func (c *Client) howLong(h http.Header, route string) time.Duration {
	now := c.clock.Now()
	if wait, ok := retryAfter(h, now); ok {
		return wait
	}
	if c.conf.Budget != nil {
		if b, ok := c.conf.Budget(h, route); ok && b.ResetAt.After(now) {
			return min(b.ResetAt.Sub(now), maxWait)
		}
	}
	return unsaidWait
}
