// Package control is the simulator's own API, /_sim: read what was called,
// spoil calls, turn the world's knobs, move its clock. It is for tests, demos
// and people at a keyboard on the same machine.
//
// It must not know how a vendor's API looks, and it holds no state of the
// world: everything goes to the world's verbs and to the wire kit.
package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// Options are what the control API works on.
type Options struct {
	World    *world.World
	Exchange *wire.Exchange
	Clock    clock.Clock
	// Advance moves a virtual clock forward; nil when time goes by itself.
	Advance func(time.Duration)
	// Reset makes everything anew; nil when the simulator cannot.
	Reset func() error
	// Sections are further parts of GET /_sim/state, by name (a face's own state).
	Sections map[string]func() any
}

// API serves /_sim and everything below it.
type API struct {
	o   Options
	mux *http.ServeMux
}

// New makes the control API.
func New(o Options) *API {
	a := &API{o: o, mux: http.NewServeMux()}
	for _, e := range a.endpoints() {
		a.mux.HandleFunc(e.pattern, a.serve(e.do))
	}
	return a
}

// endpoint is one line of the index.
type endpoint struct {
	pattern string
	doc     string
	do      func(*http.Request) (any, error)
}

func (a *API) endpoints() []endpoint {
	return []endpoint{
		{"GET /_sim", "this index", a.index},
		{"GET /_sim/routes", "every route of every provider (?provider=)", a.routes},
		{"GET /_sim/calls", "the last calls (?provider= method= route= path= token= since= changed= faulted= limit=)", a.calls},
		{"DELETE /_sim/calls", "forget the calls and their counters", a.clearCalls},
		{"GET /_sim/calls/count", "calls counted per provider, method and route (?provider= method= route=)", a.counts},
		{"GET /_sim/faults", "the fault rules in force", a.faults},
		{"POST /_sim/faults", "add a fault rule", a.addFault},
		{"DELETE /_sim/faults", "end every fault rule", a.clearFaults},
		{"DELETE /_sim/faults/{id}", "end one fault rule", a.deleteFault},
		{"GET /_sim/presets", "the named faults, every kind and every shape", a.presets},
		{"GET /_sim/state", "what is live, staged and moving, and the knobs", a.state},
		{"POST /_sim/world", "turn the world's knobs", a.turn},
		{"POST /_sim/commits", "push a commit", a.push},
		{"POST /_sim/pulls", "open a pull request", a.openPull},
		{"POST /_sim/pulls/{number}/merge", "merge a pull request", a.mergePull},
		{"GET /_sim/scripts", "the ready-made scenes", a.scripts},
		{"GET /_sim/scripts/{name}", "what a scene does", a.script},
		{"POST /_sim/scripts/{name}", "play a scene", a.play},
		{"GET /_sim/clock", "the world's time", a.clock},
		{"POST /_sim/clock", `move a virtual clock: {"advance":"5m"}`, a.advance},
		{"POST /_sim/reset", "make everything anew", a.reset},
	}
}

// problem is a mistake of the caller: what is wrong and what to do.
type problem struct {
	status      int
	Err         string `json:"error"`
	HintForUser string `json:"hint"`
}

func (p *problem) Error() string { return p.Err }

func refuse(status int, hint, format string, args ...any) *problem {
	return &problem{status: status, Err: fmt.Sprintf(format, args...), HintForUser: hint}
}

// ServeHTTP refuses what a web page could have sent, then answers.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p := fromHere(r); p != nil {
		write(w, p.status, p)
		return
	}
	if _, pattern := a.mux.Handler(r); pattern == "" {
		write(w, http.StatusNotFound, refuse(http.StatusNotFound, "GET /_sim lists what there is", "no %s %s here", r.Method, r.URL.Path))
		return
	}
	a.mux.ServeHTTP(w, r)
}

func (a *API) serve(do func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := do(r)
		if p, ok := errors.AsType[*problem](err); ok {
			write(w, p.status, p)
			return
		}
		if err != nil {
			write(w, http.StatusConflict, refuse(http.StatusConflict, "GET /_sim/state shows how things are", "%v", err))
			return
		}
		write(w, http.StatusOK, answer)
	}
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(body) // the client may be gone
}

// fromHere lets in only what came to a loopback name and not from another
// site's page: there is no login, so a browser must not be a way in.
func fromHere(r *http.Request) *problem {
	if !loopback(r.Host) {
		return refuse(http.StatusForbidden, "call it as http://127.0.0.1:PORT or http://localhost:PORT", "the control API is only for this machine, not for Host %q", r.Host)
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
	default:
		return refuse(http.StatusForbidden, "call it from a program or from its own origin", "a page of another site asked")
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		if err != nil || u.Host != r.Host {
			return refuse(http.StatusForbidden, "call it from a program or from its own origin", "a page of another site asked")
		}
	}
	return nil
}

func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	host = strings.Trim(host, "[]")
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// read decodes a JSON body strictly.
func read(r *http.Request, into any) error {
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media != "application/json" && media != "application/x-www-form-urlencoded" && media != "" {
		return refuse(http.StatusUnsupportedMediaType, "send Content-Type: application/json", "the body is %s", media)
	}
	dec := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return refuse(http.StatusBadRequest, "docs/simulator.md lists the fields", "the body cannot be read: %v", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return refuse(http.StatusBadRequest, "send one JSON object", "there is more after the JSON object")
	}
	return nil
}

// query checks that only known parameters came.
func query(r *http.Request, known ...string) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "send a URL-encoded query", "the query cannot be read")
	}
	for name := range q {
		if !slices.Contains(known, name) {
			return nil, refuse(http.StatusBadRequest, "known are: "+strings.Join(known, ", "), "query parameter %q is not known", name)
		}
	}
	return q, nil
}

func (a *API) index(*http.Request) (any, error) {
	type line struct {
		Call string `json:"call"`
		Does string `json:"does"`
	}
	lines := []line{}
	for _, e := range a.endpoints() {
		lines = append(lines, line{e.pattern, e.doc})
	}
	providers := map[string]string{}
	for _, f := range a.o.Exchange.Faces() {
		providers[f.Name()] = f.Mount()
	}
	return map[string]any{"api": lines, "providers": providers, "now": a.o.Clock.Now()}, nil
}

func (a *API) clock(*http.Request) (any, error) {
	return map[string]any{"now": a.o.Clock.Now(), "virtual": a.o.Advance != nil}, nil
}

func (a *API) advance(r *http.Request) (any, error) {
	var body struct {
		Advance wire.Duration `json:"advance"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	if a.o.Advance == nil {
		return nil, refuse(http.StatusConflict, "start the simulator with a virtual clock", "this simulator's clock goes by itself")
	}
	if body.Advance <= 0 {
		return nil, refuse(http.StatusBadRequest, `send {"advance":"5m"}`, "the clock only goes forward")
	}
	a.o.Advance(time.Duration(body.Advance))
	a.o.World.Advance()
	return a.clock(r)
}

func (a *API) reset(*http.Request) (any, error) {
	a.o.Exchange.Faults.Clear()
	a.o.Exchange.Calls.Clear()
	if a.o.Reset == nil {
		return map[string]any{"reset": []string{"faults", "calls"}}, nil
	}
	if err := a.o.Reset(); err != nil {
		return nil, err
	}
	return map[string]any{"reset": []string{"faults", "calls", "world"}}, nil
}
