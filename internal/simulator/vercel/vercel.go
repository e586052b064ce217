// Package vercel answers as https://api.vercel.com does, for the one project
// of the simulated world: paths, parameters, bodies, error codes, limits and
// token scopes follow Vercel's OpenAPI, its documents and the calls of its own
// command line tool, not the calls envdeck happens to make.
//
// It must not know envdeck, and holds no truth of its own but tokens, webhooks
// and rate counters: what is deployed, live or moving is the world's.
package vercel

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// Face is the simulated provider.
type Face struct {
	*wire.Face
	world  *world.World
	tokens map[string]Token

	mu       sync.Mutex
	windows  map[string]*window
	requests uint64
	webhooks []*webhook
}

type obj = map[string]any

// New adds the face to the exchange, at /vercel. tokens are what callers may
// present, keyed by the secret.
func New(x *wire.Exchange, w *world.World, tokens map[string]Token) *Face {
	f := &Face{world: w, tokens: tokens, windows: map[string]*window{}}
	f.Face = x.NewFace("vercel", f.render,
		wire.WithAuth(f.authenticate),
		wire.WithLimit(f.count),
		wire.WithHeaders(f.headers),
		wire.WithPages(pages),
	)
	f.Add(f.deploymentRoutes()...)
	f.Add(f.projectRoutes()...)
	f.Add(f.promotionRoutes()...)
	f.Add(f.rollingRoutes()...)
	f.Add(f.aliasRoutes()...)
	f.Add(f.domainRoutes()...)
	f.Add(f.cronRoutes()...)
	f.Add(f.analyticsRoutes()...)
	f.Add(f.accountRoutes()...)
	f.Add(f.webhookRoutes()...)
	return f
}

// pages tells the paging faults where Vercel keeps its cursor.
var pages = wire.Pages{
	Last: func(_ *http.Request, body any, _ http.Header) {
		if p := pagination(body); p != nil {
			p["next"] = nil
		}
	},
	Loop: func(r *http.Request, body any, _ http.Header) {
		if p := pagination(body); p != nil {
			if until, err := strconv.ParseInt(r.URL.Query().Get("until"), 10, 64); err == nil {
				p["next"] = until
			} else {
				p["next"] = p["prev"]
			}
		}
	},
}

func pagination(body any) map[string]any {
	root, _ := body.(map[string]any)
	p, _ := root["pagination"].(map[string]any)
	return p
}

// scoped are the parameters every call may carry.
func scoped(params ...wire.Param) []wire.Param {
	return append(params,
		wire.Param{Name: "teamId", Type: wire.String},
		wire.Param{Name: "slug", Type: wire.String},
	)
}

// paged are limit, since and until.
func paged(params ...wire.Param) []wire.Param {
	return scoped(append(params,
		wire.Param{Name: "limit", Type: wire.Int, Min: 1, Max: 100},
		wire.Param{Name: "since", Type: wire.Millis},
		wire.Param{Name: "until", Type: wire.Millis},
	)...)
}

// page cuts a list that is sorted newest first. at is an item's time.
func page[T any](c *wire.Call, all []T, fallback int, at func(T) time.Time) (cut []T, info obj) {
	since, hasSince := c.Time("since")
	until, hasUntil := c.Time("until")
	limit := int(c.Int("limit", int64(fallback)))
	info = obj{"count": 0, "next": nil, "prev": nil}
	for _, item := range all {
		t := at(item).Truncate(time.Millisecond)
		if hasSince && !t.After(since) || hasUntil && !t.Before(until) {
			continue
		}
		if len(cut) == limit {
			info["next"] = at(cut[limit-1]).UnixMilli()
			break
		}
		cut = append(cut, item)
	}
	info["count"] = len(cut)
	if len(cut) > 0 {
		info["prev"] = at(cut[0]).UnixMilli()
	}
	return cut, info
}

// ms is a time as Vercel shows it, on a platform whose clock may be off.
func ms(s *world.State, t time.Time) int64 { return t.Add(s.Knobs.Skew).UnixMilli() }

// orNull is ms, or null for a time that has not come.
func orNull(s *world.State, t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return ms(s, t)
}

// headers are on every answer, refusals included.
func (f *Face) headers(c *wire.Call, h http.Header) {
	f.mu.Lock()
	f.requests++
	n := f.requests
	f.mu.Unlock()
	h.Set("x-vercel-id", fmt.Sprintf("fra1::iad1::%05x-%d-%012x", n&0xfffff, c.Now.UnixMilli(), n*0x9E3779B97F4A7C15>>16))
	h.Set("Server", "Vercel")
	h.Set("Cache-Control", "private, no-cache, no-store, must-revalidate")
	f.limitHeaders(c, h)
}
