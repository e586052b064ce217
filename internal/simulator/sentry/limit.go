package sentry

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
)

// quota is Sentry's limit of one endpoint, per caller: so many calls in a
// fixed window of a second, so many at once. Endpoints without one send no
// limit headers.
type quota struct{ calls, concurrent int }

var quotas = map[string]quota{
	"GET " + orgPath + "/events/{$}":                {30, 15},
	"GET " + orgPath + "/events-timeseries/{$}":     {30, 15},
	"GET " + orgPath + "/events-stats/{$}":          {30, 15},
	"GET /api/0/projects/{org}/{project}/stats/{$}": {5, 15},
	"GET " + orgPath + "/issues/{$}":                {10, 15},
	"GET " + orgPath + "/sessions/{$}":              {20, 15},
	"GET " + orgPath + "/releases/{$}":              {40, 25},
	"GET " + orgPath + "/issues/{issue}/{$}":        {40, 25},
}

type window struct {
	start time.Time
	used  int
}

// window finds a counter; the caller holds mu.
func (f *Face) window(c *wire.Call) *window {
	key := c.Caller.Name + " " + c.Route.Pattern
	start := c.Now.Truncate(time.Second)
	w := f.windows[key]
	if w == nil || !w.start.Equal(start) {
		w = &window{start: start}
		f.windows[key] = w
	}
	return w
}

func (f *Face) count(c *wire.Call) error {
	q, ok := quotas[c.Route.Pattern]
	if !ok {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.window(c)
	if w.used++; w.used > q.calls {
		return wire.Refuse(wire.TooMany, "You are attempting to use this endpoint too frequently. Limit is %d requests in 1 seconds", q.calls)
	}
	return nil
}

func (f *Face) limitHeaders(c *wire.Call, h http.Header) {
	h.Set("X-Frame-Options", "deny")
	h.Set("X-Content-Type-Options", "nosniff")
	if !strings.HasPrefix(c.Request.URL.Path, "/api/0/") || c.Route == nil || c.Caller.Name == "" {
		return
	}
	q, ok := quotas[c.Route.Pattern]
	if !ok {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.window(c)
	h.Set("X-Sentry-Rate-Limit-Limit", strconv.Itoa(q.calls))
	h.Set("X-Sentry-Rate-Limit-Remaining", strconv.Itoa(max(0, q.calls-w.used)))
	h.Set("X-Sentry-Rate-Limit-Reset", strconv.FormatInt(w.start.Unix()+1, 10))
	h.Set("X-Sentry-Rate-Limit-Concurrentlimit", strconv.Itoa(q.concurrent))
	h.Set("X-Sentry-Rate-Limit-Concurrentremaining", strconv.Itoa(q.concurrent-1))
}
