package vercel

import (
	"net/http"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// quota is a limit as Vercel lists them: so many calls per window and user.
type quota struct {
	name  string
	calls int
	per   time.Duration
}

// The published limits. Endpoints that the list does not name get fallback,
// which is a guess on the safe side.
var (
	quotas = map[string]quota{
		"GET /v6/deployments":                            {"deployments list", 1000, time.Minute},
		"GET /v7/deployments":                            {"deployments list", 1000, time.Minute},
		"GET /v13/deployments/{idOrUrl}":                 {"deployment", 500, time.Minute},
		"POST /v13/deployments":                          {"deployments created", 120, 5 * time.Minute},
		"GET /projects/{idOrName}/production-deployment": {"production deployment", 500, time.Minute},
		"GET /v9/projects/{idOrName}/domains":            {"project domains", 500, time.Minute},
		"GET /v4/aliases":                                {"aliases list", 500, time.Minute},
		"GET /v2/deployments/{id}/aliases":               {"aliases list", 500, time.Minute},
		"GET /v4/aliases/{idOrAlias}":                    {"alias", 300, 10 * time.Minute},
	}
	fallback   = quota{"", 100, time.Minute}
	projectGet = quota{"project", 500, time.Minute} // a guess: every project page of theirs polls it
)

// window counts the calls of one caller to one group of endpoints.
type window struct {
	start time.Time
	used  int
}

func quotaOf(r *wire.Route) quota {
	if q, ok := quotas[r.Pattern]; ok {
		return q
	}
	if r.Pattern == "GET /v9/projects/{idOrName}" {
		return projectGet
	}
	q := fallback
	q.name = r.Pattern
	return q
}

// byPlan is the quota of a plan: deployments are dearer on Hobby, reading them
// is cheaper on Enterprise.
func (f *Face) byPlan(q quota) quota {
	plan := world.Pro
	f.world.View(func(s *world.State) { plan = s.Team.Plan })
	switch {
	case q.name == "deployments created" && plan == world.Hobby:
		q.calls = 60
	case q.name == "deployments created" && plan == world.Enterprise:
		q.calls = 300
	case q.name == "deployment" && plan == world.Enterprise:
		q.calls = 2000
	}
	return q
}

func (f *Face) window(c *wire.Call, q quota) *window {
	key := granted(c).user.UID + " " + q.name
	start := c.Now.Truncate(q.per)
	w := f.windows[key]
	if w == nil || !w.start.Equal(start) {
		w = &window{start: start}
		f.windows[key] = w
	}
	return w
}

// count takes one call from its caller's window.
func (f *Face) count(c *wire.Call) error {
	q := f.byPlan(quotaOf(c.Route))
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.window(c, q)
	w.used++
	if w.used <= q.calls {
		return nil
	}
	reset := w.start.Add(q.per)
	e := wire.RefuseCode(wire.TooMany, "rate_limited", "The request was rate limited: try again in %d seconds (%d per %s).", int(reset.Sub(c.Now).Seconds())+1, q.calls, q.per)
	e.Retry = reset.Sub(c.Now)
	e.Extra = obj{"limit": limitBody(q.calls, reset)}
	return e
}

func limitBody(total int, reset time.Time) obj {
	return obj{"remaining": 0, "reset": reset.Unix(), "resetMs": reset.UnixMilli(), "total": total}
}

// limitHeaders tells where the caller stands; nothing for calls that were
// refused before they counted.
func (f *Face) limitHeaders(c *wire.Call, h http.Header) {
	if c.Route == nil || c.Caller.Grant == nil {
		return
	}
	q := f.byPlan(quotaOf(c.Route))
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.window(c, q)
	h.Set("X-RateLimit-Limit", strconv.Itoa(q.calls))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, q.calls-w.used)))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(w.start.Add(q.per).Unix(), 10))
}
