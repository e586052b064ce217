// Package cloudflare answers as https://api.cloudflare.com/client/v4 does, for
// one account with three Workers: paths, envelopes, error codes, limits and
// the analytics GraphQL follow Cloudflare's published schemas and documents
// and the calls of its own tools, not the calls envdeck happens to make.
//
// It must not know envdeck. What the Workers' traffic and sources are comes
// from the world; their versions and deployments are kept here.
package cloudflare

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// The account of the simulated world.
const (
	Account     = "5b1c7e0a94d24f6d8a3be0c91f7d2e46"
	AccountName = "Spike Land"
	Zone        = "9d0f3c6be1a24c0d8b7f5a2e6c4d1b38" // spike.land
	Subdomain   = "spike-land"                       // .workers.dev
)

// Token is what a secret stands for. The zero value may read and write all.
type Token struct {
	Name string // as the call log shows it
	// Owned tokens belong to the account, not to a user: they are verified at
	// another path and know no user.
	Owned   bool
	Expired bool
	// Outside tokens are of somebody without access to the account.
	Outside bool
	// Scopes are what it may do, of the needs below; nil is everything.
	Scopes []string
}

// What a route needs, as its Need says it.
const (
	ScriptsRead  = "Workers Scripts Read"
	ScriptsWrite = "Workers Scripts Write"
	RoutesRead   = "Workers Routes Read"
	ZoneRead     = "Zone Read"
	Analytics    = "Account Analytics Read"
	SettingsRead = "Account Settings Read"
	UserRead     = "User Details Read"
	Memberships  = "Memberships Read"
	tokenItself  = "token"
)

// ReadScopes are those of the token that a dashboard should be given.
func ReadScopes() []string {
	return []string{ScriptsRead, RoutesRead, ZoneRead, Analytics, SettingsRead}
}

// Face is the simulated provider.
type Face struct {
	*wire.Face
	world  *world.World
	tokens map[string]Token

	mu      sync.Mutex
	windows map[string]*window
	rays    uint64

	// state is touched only inside the world's lock.
	state *state
}

type obj = map[string]any

// New adds the face to the exchange, at /cloudflare. tokens are what callers
// may present, keyed by the secret.
func New(x *wire.Exchange, w *world.World, tokens map[string]Token) *Face {
	f := &Face{world: w, tokens: tokens, windows: map[string]*window{}}
	f.Face = x.NewFace("cloudflare", render,
		wire.WithAuth(f.authenticate),
		wire.WithLimit(f.count),
		wire.WithHeaders(f.headers),
		wire.WithPages(pages),
		// Cloudflare ignores parameters it does not know; they are noted in
		// the call log.
		wire.LooseQuery(),
	)
	f.Add(f.tokenRoutes()...)
	f.Add(f.accountRoutes()...)
	f.Add(f.scriptRoutes()...)
	f.Add(f.versionRoutes()...)
	f.Add(f.deploymentRoutes()...)
	f.Add(f.bindingRoutes()...)
	f.Add(wire.Route{
		Pattern: "POST /client/v4/graphql", Doc: "analytics", Need: tokenItself, Body: wire.JSONBody[graphQuery](), Handle: f.graphql,
	})
	return f
}

// view runs fn with the face's state brought up to the world's now.
func (f *Face) view(fn func(*world.State, *state) (*wire.Answer, error)) (*wire.Answer, error) {
	var answer *wire.Answer
	var err error
	f.world.Change(func(s *world.State) {
		if f.state == nil {
			f.state = newState(s)
		}
		f.state.follow(s)
		answer, err = fn(s, f.state)
	})
	return answer, err
}

// authenticate says what Cloudflare says: a malformed header is a bad request,
// an unknown token an authentication error whose code depends on the product.
func (f *Face) authenticate(r *http.Request, need string) (wire.Caller, error) {
	secret, ok := wire.Bearer(r)
	graph := r.URL.Path == "/client/v4/graphql"
	switch {
	case r.Header.Get("Authorization") == "":
		return wire.Caller{}, refuse(wire.BadRequest, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers").graph(graph)
	case !ok || len(secret) < 16:
		e := refuse(wire.BadRequest, 6003, "Invalid request headers")
		e.chain = []obj{{"code": 6111, "message": "Invalid format for Authorization header"}}
		return wire.Caller{}, e.graph(graph)
	}
	t, ok := f.tokens[secret]
	if !ok || t.Expired {
		return wire.Caller{}, unknownToken(r.URL.Path).graph(graph)
	}
	caller := wire.Caller{Name: t.Name, Grant: t}
	if need == tokenItself || need == "" {
		return caller, nil
	}
	switch {
	case t.Owned && need == Memberships:
		// An account has no memberships: Cloudflare's makers tell in their
		// tool's tracker that this is not the 9109 of /user.
		return caller, refuse(wire.BadRequest, 9106, "Authentication failed").done()
	case t.Owned && need == UserRead:
		return caller, refuse(wire.Forbidden, 9109, "Valid user-level authentication not found").done()
	}
	if t.Scopes != nil && !slices.Contains(t.Scopes, need) && (need != ScriptsRead || !slices.Contains(t.Scopes, ScriptsWrite)) {
		if need == UserRead || need == ZoneRead {
			return caller, refuse(wire.Forbidden, 9109, "Unauthorized to access requested resource").done()
		}
		return caller, refuse(wire.Forbidden, 10000, "Authentication error").done()
	}
	return caller, nil
}

func unknownToken(path string) *refusal {
	switch {
	case path == "/client/v4/user/tokens/verify":
		return refuse(wire.Unauthorized, 1000, "Invalid API Token")
	case len(path) > 17 && path[:17] == "/client/v4/zones?", path == "/client/v4/zones", path == "/client/v4/user", path == "/client/v4/accounts":
		return refuse(wire.Forbidden, 9109, "Invalid access token")
	}
	return refuse(wire.Forbidden, 10000, "Authentication error")
}

// headers are on every answer, refusals included.
func (f *Face) headers(c *wire.Call, h http.Header) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rays++
	h.Set("CF-Ray", fmt.Sprintf("%016x-FRA", f.rays*0x9E3779B97F4A7C15))
	h.Set("Server", "cloudflare")
	h.Set("Api-Version", time.Time{}.AddDate(2025, 10, 21).Format("2006-01-02"))
	if c.Caller.Name == "" {
		return
	}
	w, q := f.window(c)
	left := max(0, q.calls-w.calls)
	h.Set("Ratelimit", fmt.Sprintf("%q;r=%d;t=%d", q.name, left, seconds(w.ends.Sub(c.Now))))
	h.Set("Ratelimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", q.name, q.calls, int(q.per.Seconds())))
}

// quota is a limit: so many calls per window and token.
type quota struct {
	name  string
	calls int
	per   time.Duration
}

var (
	restQuota  = quota{"default", 1200, 5 * time.Minute}
	graphQuota = quota{"graphql", 300, 5 * time.Minute}
)

type window struct {
	calls int
	ends  time.Time
	// shut is set once the limit was passed: every call is refused until then.
	shut time.Time
}

// window finds the caller's current window; the caller holds mu.
func (f *Face) window(c *wire.Call) (*window, quota) {
	q := restQuota
	if c.Request.URL.Path == "/client/v4/graphql" {
		q = graphQuota
	}
	key := q.name + " " + c.Caller.Name
	w := f.windows[key]
	if w == nil || !c.Now.Before(w.ends) && !c.Now.Before(w.shut) {
		w = &window{ends: c.Now.Add(q.per)}
		f.windows[key] = w
	}
	return w, q
}

// count is the limiter: passing the limit shuts all calls out for five minutes.
func (f *Face) count(c *wire.Call) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	w, q := f.window(c)
	w.calls++
	if w.calls > q.calls && w.shut.IsZero() {
		w.shut = c.Now.Add(q.per)
		w.ends = w.shut
	}
	if c.Now.Before(w.shut) {
		return &wire.Error{Kind: wire.TooMany, Retry: w.shut.Sub(c.Now)}
	}
	return nil
}

func seconds(d time.Duration) int { return max(0, int((d+time.Second-1)/time.Second)) }

// pages tells the paging faults where Cloudflare counts its pages.
var pages = wire.Pages{
	Items: func(body any) ([]any, func([]any)) {
		root, _ := body.(obj)
		if list, ok := root["result"].([]any); ok {
			return list, func(kept []any) { root["result"] = kept }
		}
		result, _ := root["result"].(obj)
		for _, key := range []string{"deployments", "items", "schedules"} {
			if list, ok := result[key].([]any); ok {
				return list, func(kept []any) { result[key] = kept }
			}
		}
		return nil, nil
	},
	Last: func(_ *http.Request, body any, _ http.Header) {
		if info := resultInfo(body); info != nil {
			info["total_pages"] = info["page"]
		}
	},
	Loop: func(_ *http.Request, body any, _ http.Header) {
		if info := resultInfo(body); info != nil {
			info["page"], info["total_pages"], info["total_count"] = 1, 1000, 50_000
		}
	},
}

func resultInfo(body any) obj {
	root, _ := body.(obj)
	info, _ := root["result_info"].(obj)
	return info
}

// ok wraps a result into the envelope.
func ok(result any) *wire.Answer {
	return wire.OK(obj{"success": true, "errors": []any{}, "messages": []any{}, "result": result})
}

// paged wraps one page of a list into the envelope.
func paged[T any](c *wire.Call, all []T, perPage int64) *wire.Answer {
	page, per := c.Int("page", 1), c.Int("per_page", perPage)
	from := min(int64(len(all)), (page-1)*per)
	to := min(int64(len(all)), from+per)
	return wire.OK(obj{
		"success": true, "errors": []any{}, "messages": []any{}, "result": orEmpty(all[from:to]),
		"result_info": obj{
			"page": page, "per_page": per, "count": to - from, "total_count": len(all),
			"total_pages": (int64(len(all)) + per - 1) / per,
		},
	})
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// pageParams are page and per_page.
func pageParams(min, max int64) []wire.Param {
	return []wire.Param{{Name: "page", Type: wire.Int, Min: 1, Max: 1 << 31}, {Name: "per_page", Type: wire.Int, Min: min, Max: max}}
}

// stamp is a time as the Workers API shows it.
func stamp(s *world.State, t time.Time) string {
	return t.Add(s.Knobs.Skew).UTC().Format("2006-01-02T15:04:05.000000Z")
}

func itoa(n int) string { return strconv.Itoa(n) }
