// Package web is the face that people look at: pages, live updates and the
// forms for signing in.
//
// It draws what the features say and holds no rule of theirs: who may see what
// is decided behind the interfaces it is given. It must not know SQL, the
// cache, or any provider. The strict header set of every answer is the door's;
// no page has a line of inline script or style.
package web

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/panel/crons"
	"github.com/envdeck/envdeck/internal/web/panel/lanes"
	"github.com/envdeck/envdeck/internal/web/ui"
)

//go:embed pages/*.html
var pages embed.FS

//go:embed pages/pages.css
var pageStyles []byte

// Home is where signing in leads to.
const Home = "/admin/environments"

// Access is what the pages need to know of people. Implementations set and
// clear the session's cookie on the writer they are given, before anything is
// written to it.
type Access interface {
	// Actor says who asks. fault.Unauthenticated: nobody.
	Actor(r *http.Request) (access.Actor, error)
	// Ways says how people can sign in here, now, with this request's proxy.
	Ways(r *http.Request) (Ways, error)
	// SignIn takes a local account's name and password. fault.Unauthenticated:
	// they are wrong, fault.RateLimited: too many tries.
	SignIn(w http.ResponseWriter, r *http.Request, name, password string) error
	// SignInByProxy takes the word of the proxy that the request came through.
	// fault.Unauthenticated: it vouches for nobody, fault.Denied: for somebody
	// without a role here.
	SignInByProxy(w http.ResponseWriter, r *http.Request) error
	// UseLink spends a one-use sign-in link. fault.Unauthenticated: it was
	// used, it has run out, or it never was one.
	UseLink(w http.ResponseWriter, r *http.Request, token string) error
	// SetUp spends the set-up link on the first account. fault.Invalid: the
	// name or password will not do, with Places; fault.Unauthenticated as above.
	SetUp(w http.ResponseWriter, r *http.Request, token, name, password string) error
	// SignOut ends the session.
	SignOut(w http.ResponseWriter, r *http.Request) error
}

// Ways is how people can sign in.
type Ways struct {
	Password bool   // there are local accounts
	OIDC     string // what the button calls the identity provider, "" for none
	OIDCPath string // where signing in with it starts, with GET
	Proxy    string // whom the proxy in front vouches for, "" for nobody
}

// Deps is what the face is made of.
type Deps struct {
	Access Access
	// Projects names the projects an actor may see, in order.
	Projects func(access.Actor) []string
	Pages    []panel.Page
	// Releases moves production; Board says how it is meanwhile.
	Releases Releases
	// Incidents may be nil: then nothing can be done about them here.
	Incidents Incidents
	// Alarms may be nil: then the navigation counts nothing.
	Alarms Alarms
	Board  lanes.Board
	// Live tells pages that something changed; nil: they only ask.
	Live Live
	// Runner has cron jobs run now.
	Runner CronRunner
	// Databases changes branches of the database.
	Databases Databases
	// Control is people, their tokens and sessions, and the record.
	Control *access.Control
	// Door gives browsers their cookies.
	Door *door.Door
	// Passkeys runs their ceremonies; nil where browsers refuse them, which
	// NoPasskeys explains.
	Passkeys   Passkeys
	NoPasskeys string
	// OIDC signs people in elsewhere; nil when none is configured.
	OIDC Federation
	// URL is the address that people use, for links to hand on.
	URL     func() string
	Clock   clock.Clock
	Log     *slog.Logger
	Version string // shown in the footer
}

// Web is the face.
type Web struct {
	deps      Deps
	assets    *assets
	templates func() *template.Template
}

// New makes the face.
func New(d Deps) *Web {
	styles := [][]byte{ui.Styles(), pageStyles}
	seen := map[string]bool{}
	for _, page := range d.Pages {
		for _, p := range page.Panels {
			if css := p.Styles(); !seen[string(css)] { // two panels may share a room
				seen[string(css)] = true
				styles = append(styles, css)
			}
		}
	}
	return &Web{
		deps:      d,
		assets:    newAssets(bytes.Join(styles, nil)),
		templates: ui.Template("pages", pages, "pages/*.html"),
	}
}

// Route is one address of the face and the use case that it stands for.
type Route struct {
	Pattern string // of a ServeMux
	Use     access.UseCase
	Handler door.Handler
}

// plain is a route that does not care who asks.
func plain(h http.HandlerFunc) door.Handler {
	return func(w http.ResponseWriter, r *http.Request, _ access.Actor) { h(w, r) }
}

// Routes lists the face's routes, for whoever opens them at the door.
func (s *Web) Routes() []Route {
	routes := []Route{
		{"GET /{$}", access.PublicHealth, plain(s.home)},
		{"GET /assets/{file}", access.PublicHealth, plain(s.assets.serve)},
		{"GET /favicon.ico", access.PublicHealth, plain(s.assets.favicon)},
		{"GET /sign-in", access.SignIn, plain(s.signInForm)},
		{"POST /sign-in", access.SignIn, plain(s.signIn)},
		{"POST /sign-in/proxy", access.SignIn, plain(s.signInByProxy)},
		{"GET " + OIDCPath, access.SignIn, s.beginOIDC},
		{"GET " + OIDCCallback, access.SignIn, s.finishOIDC},
		{"POST /sign-in/passkey/options", access.SignIn, s.signInOptions},
		{"POST /sign-in/passkey", access.SignIn, s.signInPasskey},
		{"GET /sign-in/link", access.SignIn, plain(s.linkForm)},
		{"POST /sign-in/link", access.SignIn, plain(s.useLink)},
		{"GET /set-up", access.SignIn, plain(s.setUpForm)},
		{"POST /set-up", access.SignIn, plain(s.setUp)},
		{"POST /sign-out", access.ManageOwnSessions, plain(s.signOut)},
		{"GET /admin", access.PublicHealth, plain(s.home)},
	}
	for _, page := range s.deps.Pages {
		routes = append(routes, Route{"GET " + page.Path, page.Use, s.page(page)})
	}
	return slices.Concat(routes, s.releaseRoutes(), s.workerRoutes(), s.incidentRoutes(), s.databaseRoutes(), s.settingsRoutes(), []Route{{"POST " + crons.RunPath, access.RunCron, s.runCron}})
}

// Streams lists the routes whose answers go on for as long as somebody watches.
func (s *Web) Streams() []Route {
	return []Route{{"GET " + LivePath, access.ViewStatus, s.live}}
}

func (s *Web) home(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, Home, http.StatusSeeOther)
}

// page serves a page whole, or one panel of it when ?fragment= names one.
func (s *Web) page(page panel.Page) door.Handler {
	return func(w http.ResponseWriter, r *http.Request, actor access.Actor) {
		fragment := r.URL.Query().Get("fragment")
		viewer, err := s.viewer(r, actor)
		if err != nil {
			s.Problem(w, r, err)
			return
		}
		if fragment != "" {
			s.fragment(w, r, page, fragment, viewer)
			return
		}
		s.whole(w, r, page, viewer)
	}
}

// viewer reads the project from the address. One that does not exist is
// answered as one that the actor may not see.
func (s *Web) viewer(r *http.Request, actor access.Actor) (panel.Viewer, error) {
	q := r.URL.Query()
	if id := r.PathValue("id"); id != "" { // of the one thing that the page is about
		q.Set("id", id)
	}
	v := panel.Viewer{Actor: actor, Project: q.Get("project"), Now: s.deps.Clock.Now(), Query: q, Build: s.assets.build}
	if v.Project != "" && !slices.Contains(s.deps.Projects(actor), v.Project) {
		return v, fault.New(fault.NotFound, "There is no such project here.")
	}
	return v, nil
}

// fragment answers one panel, or 304 when the browser has its facts already.
// How long ago the sources were asked travels in a header on both.
func (s *Web) fragment(w http.ResponseWriter, r *http.Request, page panel.Page, name string, v panel.Viewer) {
	i := slices.IndexFunc(page.Panels, func(p panel.Panel) bool { return p.Name() == name })
	if i < 0 {
		s.Problem(w, r, fault.New(fault.NotFound, "This page has no such panel."))
		return
	}
	ready, err := page.Panels[i].Prepare(r.Context(), v)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	h := w.Header()
	h["Envdeck-Age"] = []string{ageHeader(ready.Ages)}
	h["Envdeck-Now"] = []string{milliseconds(v.Now)}
	h["Etag"] = []string{ready.ETag}
	if n := s.openIncidents(r.Context(), v); n >= 0 {
		h["Envdeck-Incidents"] = []string{strconv.Itoa(n)}
	}
	if sameETag(r.Header.Get("If-None-Match"), ready.ETag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	var b bytes.Buffer
	if err := ready.Draw(&b); err != nil {
		s.Problem(w, r, err)
		return
	}
	writeHTML(w, r, http.StatusOK, b.Bytes())
}

// whole answers the page with every panel on it. A panel that fails is drawn
// as its failure beside the others.
func (s *Web) whole(w http.ResponseWriter, r *http.Request, page panel.Page, v panel.Viewer) {
	mark := s.mark(v) // before the facts are read: what changes from here on is told
	var body bytes.Buffer
	var title ui.Text
	for _, p := range page.Panels {
		ready, err := p.Prepare(r.Context(), v)
		if err == nil {
			title = cmp.Or(title, ready.Title)
			err = ready.Draw(&body)
		}
		if err != nil {
			problem := s.logged(r, err)
			if err := p.Fail(&body, v, problem); err != nil {
				s.Problem(w, r, err)
				return
			}
		}
	}
	layout := s.layout(r, v, page)
	layout.BarTitle, layout.Live = title, mark
	var whole bytes.Buffer
	err := errors.Join(
		s.templates().ExecuteTemplate(&whole, "page-top", layout),
		s.templates().ExecuteTemplate(&whole, "done", settingsView{Done: doneText(r)}),
		writeAll(&whole, body.Bytes()),
		s.templates().ExecuteTemplate(&whole, "page-bottom", layout),
	)
	if err != nil {
		s.Problem(w, r, fmt.Errorf("page %s: %w", page.Path, err))
		return
	}
	writeHTML(w, r, http.StatusOK, whole.Bytes())
}

func writeAll(b *bytes.Buffer, p []byte) error {
	_, err := b.Write(p)
	return err
}

// sameETag compares weakly, as If-None-Match asks for.
func sameETag(header, etag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == etag || one == "*" {
			return true
		}
	}
	return false
}
