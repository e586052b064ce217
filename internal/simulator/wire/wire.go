// Package wire is what every simulated provider stands on: routes whose
// queries and bodies are declared and checked, a log of every call, and the
// faults that can be put between a caller and an answer.
//
// It must not know any vendor. How a refusal looks, who may call and how many
// calls are allowed come in through a [Face]; what the answers mean is the
// face's and the world's business.
package wire

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/envdeck/envdeck/internal/clock"
)

// Exchange is the board that all faces of one simulator share: one clock, one
// call log, one set of faults.
type Exchange struct {
	// Calls is the log of every call that any face received.
	Calls *Log
	// Faults are the rules that spoil calls.
	Faults *Faults

	clock clock.Clock
	mu    sync.Mutex
	faces []*Face
}

// NewExchange makes a board. The seed fixes every draw of a rule's probability.
func NewExchange(c clock.Clock, seed uint64) *Exchange {
	return &Exchange{Calls: newLog(), Faults: newFaults(c, seed), clock: c}
}

// Handler serves every face under its mount, "/" plus its name. It is no ServeMux, which would answer a path such as "//x"
// with a redirect of its own before the vendor's dialect had its say.
func (x *Exchange) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var best *Face
		for _, f := range x.Faces() {
			rest, ok := strings.CutPrefix(r.URL.Path, f.mount)
			if ok && (rest == "" || rest[0] == '/') && (best == nil || len(f.mount) > len(best.mount)) {
				best = f
			}
		}
		if best == nil {
			http.NotFound(w, r)
			return
		}
		best.ServeHTTP(w, r)
	})
}

// Faces lists the faces in the order of their names.
func (x *Exchange) Faces() []*Face {
	x.mu.Lock()
	defer x.mu.Unlock()
	faces := slices.Clone(x.faces)
	slices.SortFunc(faces, func(a, b *Face) int { return cmp.Compare(a.name, b.name) })
	return faces
}

// Routes lists every declared route of every face.
func (x *Exchange) Routes() []RouteInfo {
	var all []RouteInfo
	for _, f := range x.Faces() {
		all = append(all, f.Routes()...)
	}
	return all
}

// Release deletes every fault, which ends every hanging call. A server does it
// before it shuts down.
func (x *Exchange) Release() { x.Faults.Clear() }

// Caller is who an [Auth] recognised.
type Caller struct {
	// Name is the token's name, as the call log shows it; never the token.
	Name string
	// Grant is whatever the face wants to find again in its handlers.
	Grant any
}

// Auth recognises the caller of one request, or returns an [*Error] of kind
// [Unauthorized] or [Forbidden]. need is the route's Need.
type Auth func(r *http.Request, need string) (Caller, error)

// Dialect renders a refusal the way the vendor does.
type Dialect func(r *http.Request, e *Error) *Answer

// Face is one simulated provider: an http.Handler with the vendor's routes,
// dialect, authentication, headers and limits.
type Face struct {
	name    string
	mount   string
	x       *Exchange
	dialect Dialect
	auth    Auth
	limit   func(*Call) error
	headers func(*Call, http.Header)
	pages   Pages
	// authFirst asks for the token before looking whether the path exists.
	authFirst   bool
	looseQuery  bool
	looseBody   bool
	anyType     bool
	mux         *http.ServeMux
	routes      []*Route
	bodyMaximum int64
}

// Option shapes a face.
type Option func(*Face)

// WithAuth sets who may call. Without it every route is open.
func WithAuth(a Auth) Option { return func(f *Face) { f.auth = a } }

// WithLimit sets the rate limiter, asked once per recognised call. It returns
// an [*Error] of kind [TooMany] to refuse.
func WithLimit(limit func(*Call) error) Option { return func(f *Face) { f.limit = limit } }

// WithHeaders adds the vendor's headers (rate limits, request ids) to every
// answer, refusals included.
func WithHeaders(headers func(*Call, http.Header)) Option {
	return func(f *Face) { f.headers = headers }
}

// WithPages tells how the vendor's pages say "no more" and "more at this
// cursor", for the faults that lie about it.
func WithPages(p Pages) Option { return func(f *Face) { f.pages = p } }

// AuthFirst asks for the token before looking whether the path exists.
func AuthFirst() Option { return func(f *Face) { f.authFirst = true } }

// LooseQuery is for vendors that ignore query parameters they do not know.
// Such a parameter is still noted in the call log.
func LooseQuery() Option { return func(f *Face) { f.looseQuery = true } }

// LooseBody is for vendors that ignore body fields they do not know. Such a
// field is still noted in the call log.
func LooseBody() Option { return func(f *Face) { f.looseBody = true } }

// AnyContentType is for vendors that read a JSON body whatever its type says.
func AnyContentType() Option { return func(f *Face) { f.anyType = true } }

// Pages is how a vendor's paging is spoiled. body is the decoded JSON answer
// (numbers as json.Number); both functions change body and header in place.
type Pages struct {
	// Items returns the list in a body and a function that replaces it; nil
	// when there is none. Without it, the first list found from the root is used.
	Items func(body any) (items []any, replace func([]any))
	// Last makes the answer say that no page follows.
	Last func(r *http.Request, body any, h http.Header)
	// Loop makes the answer say that this same page follows.
	Loop func(r *http.Request, body any, h http.Header)
}

// NewFace adds a provider to the board.
func (x *Exchange) NewFace(name string, d Dialect, opts ...Option) *Face {
	f := &Face{name: name, mount: "/" + name, x: x, dialect: d, mux: http.NewServeMux(), bodyMaximum: 1 << 20}
	for _, opt := range opts {
		opt(f)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.faces = append(x.faces, f)
	return f
}

// Name is the provider's name, as rules and the call log spell it.
func (f *Face) Name() string { return f.name }

// Mount is the path the face is served under.
func (f *Face) Mount() string { return f.mount }

// Add declares routes. A malformed or conflicting declaration panics: it is a
// mistake in the program, found by the first test that makes the face.
func (f *Face) Add(routes ...Route) {
	for _, declared := range routes {
		route := &declared
		if err := route.prepare(); err != nil {
			panic(fmt.Sprintf("wire: %s: route %q: %v", f.name, route.Pattern, err))
		}
		f.routes = append(f.routes, route)
		f.mux.HandleFunc(route.Pattern, func(_ http.ResponseWriter, r *http.Request) {
			if found, ok := r.Context().Value(foundKey{}).(*found); ok {
				found.route, found.request = route, r
			}
		})
	}
}

// Routes lists the declared routes in the order of declaration.
func (f *Face) Routes() []RouteInfo {
	list := make([]RouteInfo, 0, len(f.routes))
	for _, route := range f.routes {
		list = append(list, route.info(f.name))
	}
	return list
}
