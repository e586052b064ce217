package github

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
)

// The primary limits, per user and hour.
var hourly = map[string]int{"core": 5000, "graphql": 5000, "search": 30, "code_search": 10, "integration_manifest": 5000, "source_import": 100, "code_scanning_upload": 1000, "actions_runner_registration": 10000, "scim": 15000, "dependency_snapshots": 100, "audit_log": 1750}

// anonymousHourly is the primary limit of callers without a token.
const anonymousHourly = 60

// The secondary limits, in points per minute: a read costs one, a write five.
const (
	restPoints  = 900
	graphPoints = 2000
)

// meter counts one user's calls to one resource. Both windows begin with the
// first call in them.
type meter struct {
	used   int
	reset  time.Time // of the hour
	points int
	minute time.Time
}

func resourceOf(c *wire.Call) string {
	if strings.HasSuffix(c.Request.URL.Path, "/graphql") {
		return "graphql"
	}
	return "core"
}

func total(g *grant, resource string) int {
	if g.anonymous {
		if resource == "graphql" {
			return 0
		}
		return anonymousHourly
	}
	return hourly[resource]
}

// meter finds a counter; the caller holds mu.
func (f *Face) meter(g *grant, resource string, now time.Time) *meter {
	key := g.key + " " + resource
	m := f.meters[key]
	if m == nil {
		m = &meter{}
		f.meters[key] = m
	}
	if !now.Before(m.reset) {
		m.used, m.reset = 0, now.Add(time.Hour).Truncate(time.Second)
	}
	if now.Sub(m.minute) >= time.Minute {
		m.points, m.minute = 0, now
	}
	return m
}

// free is a call that costs no quota.
func free(c *wire.Call) bool { return strings.HasSuffix(c.Route.Pattern, "/rate_limit") }

func (f *Face) count(c *wire.Call) error {
	if free(c) {
		return nil
	}
	g, resource := granted(c), resourceOf(c)
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.meter(g, resource, c.Now)
	if m.used >= total(g, resource) {
		return &wire.Error{Kind: wire.TooMany, Status: http.StatusForbidden, Variant: "primary", Extra: g}
	}
	m.used++
	cost, most := 1, restPoints
	if resource == "graphql" {
		most = graphPoints
	} else if c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead {
		cost = 5
	}
	if m.points += cost; m.points > most {
		return &wire.Error{Kind: wire.TooMany, Status: http.StatusForbidden, Variant: "secondary", Retry: m.minute.Add(time.Minute).Sub(c.Now)}
	}
	return nil
}

// refund takes back what a 304 did not cost.
func (f *Face) refund(c *wire.Call) {
	g := granted(c)
	if g.anonymous || free(c) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.meter(g, resourceOf(c), c.Now); m.used > 0 {
		m.used--
	}
}

// limitHeaders tells where the caller stands.
func (f *Face) limitHeaders(c *wire.Call, h http.Header) {
	g, ok := c.Caller.Grant.(*grant)
	if !ok {
		return
	}
	resource := resourceOf(c)
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.meter(g, resource, c.Now)
	all := total(g, resource)
	h.Set("X-Ratelimit-Limit", strconv.Itoa(all))
	left := max(0, all-m.used)
	if h.Get("X-Ratelimit-Remaining") == "0" { // a fault pretends that all is spent
		left = 0
	}
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(left))
	h.Set("X-Ratelimit-Used", strconv.Itoa(all-left))
	h.Set("X-Ratelimit-Reset", strconv.FormatInt(m.reset.Unix(), 10))
	h.Set("X-Ratelimit-Resource", resource)
}

// SetUsed makes a user look as if so many calls of this hour were spent
// already, to bring the end of the quota near.
func (f *Face) SetUsed(login, resource string, used int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.meter(&grant{key: login}, resource, f.world.Now()).used = used
}

func (f *Face) rateLimit(i *in) (*wire.Answer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	g := granted(i.Call)
	resources := obj{}
	for name := range hourly {
		m := f.meter(g, name, i.Now)
		all := total(g, name)
		resources[name] = obj{"limit": all, "used": m.used, "remaining": max(0, all-m.used), "reset": m.reset.Unix()}
	}
	return wire.OK(obj{"resources": resources, "rate": resources["core"]}), nil
}
