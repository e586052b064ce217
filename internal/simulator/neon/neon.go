// Package neon answers as https://console.neon.tech/api/v2 does, for the
// project that keeps the simulated app's database: paths, required fields,
// locks, operations that take their time and error bodies follow Neon's
// published API document and its own command line tool, not the calls envdeck
// happens to make.
//
// It must not know envdeck. Which migrations a branch has is the world's; the
// branches themselves, computes, snapshots and operations are kept here.
package neon

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// The project of the simulated world, and its owners.
const (
	Project      = "bitter-meadow-41539482"
	Organization = "org-spike-land-60214877"
)

// Token is what a secret stands for. The zero value is a personal key.
type Token struct {
	Name string // as the call log shows it
	// Project-scoped keys see one project (an id) and no user.
	Project string
	// Outside keys are of somebody without access.
	Outside bool
	Revoked bool
}

// Face is the simulated provider.
type Face struct {
	*wire.Face
	world  *world.World
	tokens map[string]Token

	mu      sync.Mutex
	windows map[string]*window
	ids     uint64

	// state is touched only inside the world's lock.
	state *state
}

type obj = map[string]any

// needUser marks routes that a project-scoped key may not call.
const needUser = "user"

// New adds the face to the exchange, at /neon. tokens are what callers may
// present, keyed by the secret.
func New(x *wire.Exchange, w *world.World, tokens map[string]Token) *Face {
	f := &Face{world: w, tokens: tokens, windows: map[string]*window{}}
	f.Face = x.NewFace("neon", f.render,
		wire.WithAuth(f.authenticate),
		wire.WithLimit(f.count),
		wire.WithHeaders(func(c *wire.Call, h http.Header) { h.Set("X-Request-Id", f.requestID(c.Request)) }),
		wire.WithPages(pages),
		wire.AuthFirst(),
		// Neon ignores parameters it does not know; they are noted in the log.
		wire.LooseQuery(),
	)
	f.Add(f.userRoutes()...)
	f.Add(f.branchRoutes()...)
	f.Add(f.actRoutes()...)
	f.Add(f.computeRoutes()...)
	f.Add(f.snapshotRoutes()...)
	f.Add(f.operationRoutes()...)
	return f
}

func (f *Face) authenticate(r *http.Request, need string) (wire.Caller, error) {
	secret, ok := wire.Bearer(r)
	if !ok {
		return wire.Caller{}, wire.Refuse(wire.Unauthorized, "authentication required: no bearer token in the Authorization header")
	}
	t, ok := f.tokens[secret]
	if !ok || t.Revoked {
		return wire.Caller{}, wire.Refuse(wire.Unauthorized, "supplied credentials do not pass authentication")
	}
	if need == needUser && t.Project != "" {
		return wire.Caller{Name: t.Name}, wire.Refuse(wire.Forbidden, "this API key is limited to one project")
	}
	return wire.Caller{Name: t.Name, Grant: t}, nil
}

// requestID is what the caller sent, or one of our own that is then kept.
func (f *Face) requestID(r *http.Request) string {
	if r.Header.Get("X-Request-Id") == "" {
		f.mu.Lock()
		f.ids++
		n := f.ids * 0x9E3779B97F4A7C15
		f.mu.Unlock()
		r.Header.Set("X-Request-Id", fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", n>>32, n>>16&0xffff, n>>4&0xfff, n&0xfff, n>>8&0xffffffffffff))
	}
	return r.Header.Get("X-Request-Id")
}

// render is Neon's one error shape. Its codes are mostly empty, and the texts
// that the published document does not spell out are our own.
func (f *Face) render(r *http.Request, e *wire.Error) *wire.Answer {
	status := e.HTTPStatus()
	if e.Kind == wire.WrongContentType {
		status = http.StatusBadRequest
	}
	return wire.JSON(status, obj{"request_id": f.requestID(r), "code": e.Code, "message": message(e)})
}

func message(e *wire.Error) string {
	if e.Message != "" && e.Kind != wire.UnreadableBody {
		return e.Message
	}
	switch e.Kind {
	case wire.UnknownPath, wire.NotFound:
		return "this route does not exist"
	case wire.WrongMethod:
		return "method not allowed"
	case wire.Unauthorized:
		return "supplied credentials do not pass authentication"
	case wire.Forbidden:
		return "you do not have access to this resource"
	case wire.Locked:
		return "project already has running conflicting operations, scheduling of new ones is prohibited"
	case wire.TooMany:
		return "you have reached the rate limit, please try again later"
	case wire.MissingQuery, wire.InvalidQuery:
		return "parameter \"" + e.Field + "\" in query has an error: value is not " + e.Want
	case wire.UnknownField:
		return "request body has an error: doesn't match schema: property \"" + e.Field + "\" is unsupported"
	case wire.MissingField:
		return "request body has an error: doesn't match schema: property \"" + e.Field + "\" is missing"
	case wire.WrongType, wire.InvalidField:
		return "request body has an error: doesn't match schema: Error at \"" + e.Field + "\": value must be " + e.Want
	case wire.MissingBody, wire.UnreadableBody, wire.WrongContentType:
		return "request body has an error: failed to decode request body"
	case wire.Unavailable:
		return "the service is temporarily unavailable, please try again"
	}
	return "internal server error"
}

// window counts a caller's calls of one minute, and of one second per route.
type window struct {
	calls int
	ends  time.Time
}

// The published limits.
const (
	perMinute      = 700
	perRouteSecond = 40
)

func (f *Face) count(c *wire.Call) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full(c, "minute", perMinute, time.Minute) || f.full(c, c.Route.Pattern, perRouteSecond, time.Second) {
		return &wire.Error{Kind: wire.TooMany}
	}
	return nil
}

func (f *Face) full(c *wire.Call, what string, limit int, per time.Duration) bool {
	key := c.Caller.Name + " " + what
	w := f.windows[key]
	if w == nil || !c.Now.Before(w.ends) {
		w = &window{ends: c.Now.Add(per)}
		f.windows[key] = w
	}
	w.calls++
	return w.calls > limit
}

// view runs fn with the face's state brought up to the world's now.
func (f *Face) view(fn func(*world.State, *state) (*wire.Answer, error)) (*wire.Answer, error) {
	var answer *wire.Answer
	var err error
	f.world.Change(func(s *world.State) {
		if f.state == nil {
			f.state = newState(s)
		}
		f.state.settle(s)
		answer, err = fn(s, f.state)
	})
	return answer, err
}

// inProject checks the project of the path.
func (f *Face) inProject(c *wire.Call, fn func(*world.State, *state) (*wire.Answer, error)) (*wire.Answer, error) {
	t := c.Caller.Grant.(Token)
	if c.Path("project") != Project || t.Outside || t.Project != "" && t.Project != Project {
		return nil, wire.Refuse(wire.NotFound, "project not found")
	}
	return f.view(fn)
}

// onBranch finds the branch of the path too; deleted ones are not there.
func (f *Face) onBranch(c *wire.Call, fn func(*world.State, *state, *branch) (*wire.Answer, error)) (*wire.Answer, error) {
	return f.inProject(c, func(s *world.State, st *state) (*wire.Answer, error) {
		b := st.branch(c.Path("branch"))
		if b == nil || !b.deleted.IsZero() {
			return nil, wire.Refuse(wire.NotFound, "branch not found")
		}
		return fn(s, st, b)
	})
}

// pages tells the paging faults where Neon keeps its cursors: next for
// branches, cursor for all else.
var pages = wire.Pages{
	Items: func(body any) ([]any, func([]any)) {
		root, _ := body.(obj)
		for _, key := range []string{"branches", "operations", "projects", "snapshots", "endpoints", "databases", "roles"} {
			if list, ok := root[key].([]any); ok {
				return list, func(kept []any) { root[key] = kept }
			}
		}
		return nil, nil
	},
	Last: func(_ *http.Request, body any, _ http.Header) {
		if p := pagination(body); p != nil {
			delete(p, "next")
			delete(p, "cursor")
		}
	},
	Loop: func(r *http.Request, body any, _ http.Header) {
		p := pagination(body)
		if p == nil {
			return
		}
		key := "cursor"
		if root := body.(obj); root["branches"] != nil {
			key = "next"
		}
		p[key] = cursor(0)
		if c := r.URL.Query().Get("cursor"); c != "" {
			p[key] = c
		}
	},
}

func pagination(body any) obj {
	root, _ := body.(obj)
	p, _ := root["pagination"].(obj)
	return p
}

// stamp is a time as Neon shows it: whole seconds.
func stamp(s *world.State, t time.Time) string {
	return t.Add(s.Knobs.Skew).UTC().Truncate(time.Second).Format(time.RFC3339)
}
