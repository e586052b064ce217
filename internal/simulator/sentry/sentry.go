// Package sentry answers as Sentry's API does, for the one organization of the
// simulated world: paths with their trailing slashes, parameters, cursors,
// error bodies, scopes and limits follow Sentry's OpenAPI, its documents and
// its public source, not the calls envdeck happens to make.
//
// It must not know envdeck, and holds no truth of its own but what is written
// to it (releases, deploys, check-ins) and rate counters: which errors there
// are follows from the world's traffic and from how its builds did.
package sentry

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
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
	releases []*release
	deploys  []*deploy
	checkins []*checkin
	monitors map[string]*monitor         // those that check-ins made, by slug
	firsts   map[string]world.ErrorEvent // an issue's first event, by its key and environments
}

type obj = map[string]any

const orgPath = "/api/0/organizations/{org}"

// New adds the face to the exchange, at /sentry. tokens are what callers may
// present, keyed by the secret.
func New(x *wire.Exchange, w *world.World, tokens map[string]Token) *Face {
	f := &Face{world: w, tokens: tokens, windows: map[string]*window{}, monitors: map[string]*monitor{}, firsts: map[string]world.ErrorEvent{}}
	f.Face = x.NewFace("sentry", f.render,
		wire.WithAuth(f.authenticate),
		wire.WithLimit(f.count),
		wire.WithHeaders(f.limitHeaders),
		wire.WithPages(pages),
		wire.LooseQuery(),
		wire.LooseBody(),
	)
	f.Add(f.organizationRoutes()...)
	f.Add(f.eventRoutes()...)
	f.Add(f.statsRoutes()...)
	f.Add(f.issueRoutes()...)
	f.Add(f.releaseRoutes()...)
	f.Add(f.monitorRoutes()...)
	f.Add(f.envelopeRoutes()...)
	return f
}

// in is one call together with the world's state while it is answered.
type in struct {
	*wire.Call
	s    *world.State
	face *Face
}

// on answers with the world at hand, for an organization and a project that
// the path may name.
func (f *Face) on(fn func(*in) (*wire.Answer, error)) wire.Handler {
	return func(c *wire.Call) (*wire.Answer, error) {
		var answer *wire.Answer
		var err error
		f.world.View(func(s *world.State) {
			i := &in{Call: c, s: s, face: f}
			org, project := c.Path("org"), c.Path("project")
			switch {
			case org != "" && org != s.Team.Slug && org != i.orgID():
				err = notFound()
			case project != "" && i.projectNamed(project) == nil:
				err = notFound()
			default:
				answer, err = fn(i)
			}
		})
		return answer, err
	}
}

func notFound() error {
	return &wire.Error{Kind: wire.NotFound, Message: "The requested resource does not exist"}
}

func bad(format string, args ...any) error { return wire.Refuse(wire.BadRequest, format, args...) }

// stamp is a time as Sentry writes it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// second is a time in whole seconds, as the counters write it.
func second(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func stampOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

func (i *in) orgID() string {
	return strconv.Itoa(i.s.Pick(4_506_000_000, 4_509_999_999, "sentry org"))
}

// base is the address of the face as this caller reached it.
func (i *in) base() string {
	scheme := "http"
	if i.Request.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + i.Request.Host + i.face.Mount()
}

// page cuts a list by Sentry's cursor and adds the Link header, which always
// names both neighbours and says whether they have anything.
func page[T any](i *in, all []T, per int) ([]T, string, error) {
	offset := 0
	if text := i.Str("cursor"); text != "" {
		parts := strings.Split(text, ":")
		n, err := strconv.Atoi(parts[min(1, len(parts)-1)])
		if err != nil || len(parts) != 3 || n < 0 {
			return nil, "", bad("Invalid cursor parameter.")
		}
		offset = n
	}
	from, to := min(offset, len(all)), min(offset+per, len(all))
	link := func(rel string, at, flag int, results bool) string {
		q := i.Request.URL.Query()
		cursor := fmt.Sprintf("0:%d:%d", at, flag)
		q.Set("cursor", cursor)
		return fmt.Sprintf(`<%s%s?%s>; rel="%s"; results="%t"; cursor="%s"`, i.base(), i.Request.URL.EscapedPath(), q.Encode(), rel, results, cursor)
	}
	links := link("previous", max(0, offset-per), 1, offset > 0) + ", " + link("next", offset+per, 0, to < len(all))
	return all[from:to], links, nil
}

// list answers one page of a plain array.
func list[T any](i *in, all []T, show func(T) obj) (*wire.Answer, error) {
	per := 100
	if n := i.Int("per_page", 0); n > 0 {
		per = int(n)
	}
	cut, links, err := page(i, all, per)
	if err != nil {
		return nil, err
	}
	items := []obj{}
	for _, item := range cut {
		items = append(items, show(item))
	}
	return wire.OK(items).Set("Link", links), nil
}

// perPage is the parameter that list endpoints share.
var (
	perPage = wire.Param{Name: "per_page", Type: wire.String, Check: func(v string) string {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 100 {
			return "Invalid per_page value. Must be between 1 and 100."
		}
		return ""
	}}
	cursorParam = wire.Param{Name: "cursor", Type: wire.String}
)

// pages tells the paging faults that the cursor is in the Link header.
var pages = wire.Pages{
	Last: func(_ *http.Request, _ any, h http.Header) {
		h.Set("Link", strings.ReplaceAll(h.Get("Link"), `rel="next"; results="true"`, `rel="next"; results="false"`))
	},
	Loop: func(r *http.Request, _ any, h http.Header) {
		cursor := r.URL.Query().Get("cursor")
		if cursor == "" {
			cursor = "0:0:0"
		}
		here := "http://" + r.Host + "/sentry" + r.URL.Path
		h.Set("Link", fmt.Sprintf(`<%s>; rel="previous"; results="false"; cursor="0:0:1", <%s?cursor=%s>; rel="next"; results="true"; cursor="%s"`, here, here, cursor, cursor))
	},
}
