// Package door is the HTTP entrance that every face shares: it says who is
// asking, refuses what must not come in, sets the headers that every answer
// carries, and turns faults into answers.
//
// A route cannot be opened without naming the use case it stands for, so there
// is no address without a policy. What a route does is the faces' affair, and
// whether an actor may is the Gate's: this room only asks it early, before a
// body is read. It must not know what any use case means.
package door

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/hostile"
)

// Handler is a route: the actor is an argument, never hidden in the request.
type Handler func(w http.ResponseWriter, r *http.Request, a access.Actor)

// Options is what a Door is made of.
type Options struct {
	Control *access.Control
	Log     *slog.Logger
	// PublicURL is the address people use; nil when it is the listener's own.
	// Its scheme decides the session cookie's name.
	PublicURL *url.URL
	// Observe is told of every answer, by route pattern; nil for nobody.
	Observe func(pattern, method string, status int, took time.Duration)
	// Clock moves the limits; nil for the machine's.
	Clock clock.Clock
	// Limits is how much callers may ask; the zero value is the defaults.
	Limits Limits
	// Proxies are the addresses of our own reverse proxies: their word on who
	// the client is counts, nobody else's. None by default.
	Proxies []netip.Prefix
	// Trusted is a proxy that says who people are; nil for none.
	Trusted *access.TrustedHeader
	// Fixed is who every request comes from, for a door that no network
	// reaches: the command line's, on the machine that holds the database.
	// Nothing is asked for then and nothing is limited. Nil for all others.
	Fixed *access.Actor
}

// Door is the entrance of one server. It is an http.Handler.
type Door struct {
	control *access.Control
	log     *slog.Logger
	public  *url.URL
	observe func(pattern, method string, status int, took time.Duration)
	origins *http.CrossOriginProtection
	clock   clock.Clock
	limits  *limiter
	proxies []netip.Prefix
	vouches *access.TrustedHeader
	fixed   *access.Actor
	mux     *http.ServeMux
	routes  []Route
	page    Page

	requests atomic.Uint64
	started  string // keeps request ids of different processes apart
}

// Route is one address with its policy, for tables that must cover them all.
type Route struct {
	Pattern string // "GET /admin/environments"
	Use     access.UseCase
	Face    access.Face
	// Ready says that the answer lies ready in memory: it costs no more than a
	// refusal, so it is not counted against the caller.
	Ready bool
	// Stream says that the answer goes on for as long as somebody watches. It
	// keeps no session alive, and how long it took says nothing about speed.
	Stream bool
}

// New makes an entrance without routes.
func New(o Options) *Door {
	d := &Door{
		control: o.Control, log: o.Log, public: o.PublicURL, observe: o.Observe,
		origins: http.NewCrossOriginProtection(), mux: http.NewServeMux(),
		clock: o.Clock, limits: newLimiter(o.Limits), proxies: o.Proxies, vouches: o.Trusted, fixed: o.Fixed,
		started: strconv.FormatInt(time.Now().UnixNano(), 36),
	}
	if d.clock == nil {
		d.clock = clock.Real()
	}
	d.mux.HandleFunc("/", d.nowhere)
	return d
}

// Handle opens a route for a use case. The pattern is ServeMux's and must name
// a method.
func (d *Door) Handle(pattern string, face access.Face, use access.UseCase, h Handler) {
	d.open(Route{Pattern: pattern, Use: use, Face: face}, h)
}

// HandleReady opens a route whose answer lies ready in memory, see Route.Ready.
func (d *Door) HandleReady(pattern string, face access.Face, use access.UseCase, h Handler) {
	d.open(Route{Pattern: pattern, Use: use, Face: face, Ready: true}, h)
}

// HandleStream opens a route whose answer goes on, see Route.Stream.
func (d *Door) HandleStream(pattern string, face access.Face, use access.UseCase, h Handler) {
	d.open(Route{Pattern: pattern, Use: use, Face: face, Stream: true}, h)
}

func (d *Door) open(rt Route, h Handler) {
	if rt.Use == access.None {
		panic("door: " + rt.Pattern + " stands for no use case")
	}
	d.routes = append(d.routes, rt)
	d.mux.HandleFunc(rt.Pattern, func(w http.ResponseWriter, r *http.Request) {
		if answer, ok := w.(*recorder); ok {
			answer.stream = rt.Stream
		}
		d.admit(w, r, &rt, h)
	})
}

// Routes lists every route in the order they were opened.
func (d *Door) Routes() []Route { return d.routes }

// ServeHTTP answers a request.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	answer := &recorder{ResponseWriter: w}
	setHeaders(w.Header(), r.URL.Path)
	id := d.newID()
	answer.id[0] = id
	w.Header()["Envdeck-Request"] = answer.id[:]
	defer func() {
		if p := recover(); p != nil {
			d.caught(answer, r, id, p)
		}
		if d.observe != nil && !answer.stream {
			d.observe(pattern(r), r.Method, answer.code(), time.Since(began))
		}
	}()
	d.mux.ServeHTTP(answer, r)
}

// newID names a request, in one piece of memory: every request pays for it.
func (d *Door) newID() string {
	var text [40]byte
	id := append(append(text[:0], d.started...), '-')
	return string(strconv.AppendUint(id, d.requests.Add(1), 36))
}

// admit lets a request through to its route, or answers why not.
func (d *Door) admit(w http.ResponseWriter, r *http.Request, rt *Route, h Handler) {
	if rt.Face == access.FacePing {
		// The credential is a part of the address, in the dialect of the route:
		// the ping face reads it, counts by it, and passes the Gate with it.
		h(w, r, access.Actor{Face: rt.Face, Address: d.address(r), RequestID: requestID(w)})
		return
	}
	cookie, writes := d.cookie(r), !safe(r.Method)
	if writes && cookie != "" {
		if err := d.sameOrigin(r); err != nil {
			d.Fail(w, r, rt.Face, err)
			return
		}
	}
	a, err := d.who(w, r, rt, cookie)
	if err != nil {
		d.Fail(w, r, rt.Face, err)
		return
	}
	if !access.Permits(a, rt.Use) { // ask the Gate for its words, and for the record
		if _, err := d.control.Gate.Allow(r.Context(), a, rt.Use, access.On{}); err != nil {
			d.Fail(w, r, rt.Face, err)
			return
		}
	}
	if !rt.Use.Open() {
		w.Header()["Cache-Control"] = noStore
	}
	if writes && rt.Face == access.FaceAPI {
		if err := readBody(w, r); err != nil {
			d.Fail(w, r, rt.Face, err)
			return
		}
		if r.Method == http.MethodPost && r.Header[keyHeader] != nil && a.Known() {
			d.once(w, r, a, rt, h)
			return
		}
	}
	h(w, r, a)
}

// Actor says who asks, for a page that must know before its use case does.
func (d *Door) Actor(r *http.Request, face access.Face) (access.Actor, error) {
	return d.identify(r, face, access.Bearer(r.Header.Get("Authorization")), d.cookie(r), "", polls(r))
}

// polls says whether the page asks by itself.
func polls(r *http.Request) bool { return r.Header.Get(PollHeader) != "" }

func (d *Door) identify(r *http.Request, face access.Face, bearer, cookie, request string, polling bool) (access.Actor, error) {
	return d.control.Authenticate(r.Context(), access.Credentials{
		Bearer: bearer, Cookie: cookie, Vouched: d.Vouched(r),
		Face: face, Address: d.address(r), RequestID: request, Polling: polling,
	})
}

// Visit is what is known of a browser that signs in.
func (d *Door) Visit(w http.ResponseWriter, r *http.Request) access.Visit {
	return access.Visit{Face: access.FaceWeb, Address: d.address(r), Agent: r.UserAgent(), RequestID: requestID(w)}
}

// PollHeader marks a request that a page makes by itself, which does not keep
// a session alive that nobody is sitting at.
const PollHeader = "Envdeck-Poll"

// cookie is the session cookie's value, "" without one. On plain http it has
// another name, and only loopback addresses may use that.
func (d *Door) cookie(r *http.Request) string {
	c, err := r.Cookie(d.CookieName(r))
	if err != nil {
		return ""
	}
	return c.Value
}

// CookieName is the session cookie's name for this request's address.
func (d *Door) CookieName(r *http.Request) string {
	if d.secure(r) {
		return access.SessionCookie
	}
	return access.SessionCookieLoopback
}

// SetSession gives the browser the cookie of a session that has just begun.
func (d *Door) SetSession(w http.ResponseWriter, r *http.Request, in access.SignedIn) {
	d.setCookie(w, r, in.Cookie.Reveal(), in.Expires)
}

// EndSession takes the cookie back.
func (d *Door) EndSession(w http.ResponseWriter, r *http.Request) {
	d.setCookie(w, r, "", time.Unix(1, 0))
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
}

func (d *Door) setCookie(w http.ResponseWriter, r *http.Request, value string, expires time.Time) {
	http.SetCookie(w, &http.Cookie{
		Name: d.CookieName(r), Value: value, Path: "/", Expires: expires,
		Secure: d.secure(r), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// secure says whether people reach the server through TLS. Anything that is
// not a loopback address counts as such: browsers then refuse the cookie on
// plain http, which is what should happen.
func (d *Door) secure(r *http.Request) bool {
	if d.public != nil {
		return d.public.Scheme == "https" || !hostile.Loopback(d.public.Hostname())
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	return r.TLS != nil || !hostile.Loopback(host)
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

func requestID(w http.ResponseWriter) string {
	if id := w.Header()["Envdeck-Request"]; len(id) == 1 {
		return id[0]
	}
	return ""
}

func pattern(r *http.Request) string {
	if r.Pattern == "" || r.Pattern == "/" {
		return "none"
	}
	return r.Pattern
}

// recorder remembers the status for the observer, and holds the request's id
// as the header wants it.
type recorder struct {
	http.ResponseWriter
	status int
	id     [1]string
	stream bool
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// Unwrap lets http.ResponseController reach flushing and deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
