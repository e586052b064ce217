package door

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
)

// Problem is the body of an error: RFC 9457 with our kind.
type Problem struct {
	Type       string         `json:"type" doc:"urn:envdeck:problem: and the kind."`
	Title      string         `json:"title"`
	Status     int            `json:"status"`
	Detail     string         `json:"detail" doc:"What happened and how to mend it, for people."`
	Kind       string         `json:"kind" doc:"Stable, for programs: invalid, unauthenticated, denied, not_found, conflict, too_large, rate_limited, unsupported, unavailable, timeout, bad_response, rejected, internal."`
	Provider   string         `json:"provider,omitempty" doc:"The outside service at fault."`
	RetryAfter int            `json:"retryAfter,omitempty" doc:"Seconds."`
	Errors     []ProblemPlace `json:"errors,omitempty" doc:"Each wrong place of the input. Values are not repeated."`
	Request    string         `json:"request" doc:"The request's id, to find it in the log."`
}

// ProblemPlace is one wrong spot of the input.
type ProblemPlace struct {
	Location string `json:"location" doc:"Such as body.role or query.limit."`
	Message  string `json:"message"`
}

// ProblemOf turns an error into the body that tells of it.
func ProblemOf(err error, request string) Problem {
	f := fault.From(err)
	p := Problem{
		Type: "urn:envdeck:problem:" + f.Kind.String(), Title: f.Kind.Title(), Status: f.Kind.Status(),
		Detail: f.Message, Kind: f.Kind.String(), Provider: f.Provider, Request: request,
	}
	if f.RetryAfter > 0 {
		p.RetryAfter = int((f.RetryAfter + time.Second - 1) / time.Second)
	}
	for _, place := range f.Places {
		p.Errors = append(p.Errors, ProblemPlace{Location: place.Where, Message: place.Problem})
	}
	return p
}

// Explain is ProblemOf, with our own defects logged: they are shown without
// their cause. Route is the pattern, for the log.
func (d *Door) Explain(ctx context.Context, route, request string, err error) Problem {
	p := ProblemOf(err, request)
	if p.Status == http.StatusInternalServerError {
		d.log.ErrorContext(ctx, "request failed", "request", request, "route", route, "error", err)
	}
	return p
}

// Fail answers with what went wrong: a page for people who asked for one, a
// problem for programs.
func (d *Door) Fail(w http.ResponseWriter, r *http.Request, face access.Face, err error) {
	p := d.Explain(r.Context(), pattern(r), requestID(w), err)
	if face == access.FaceWeb && d.page != nil && wantsPage(r) {
		p.Headers(w.Header())
		d.page(w, r, p)
		return
	}
	d.Refuse(w, p)
}

// Refuse answers with a problem for programs and the headers that belong to it.
func (d *Door) Refuse(w http.ResponseWriter, p Problem) {
	p.Headers(w.Header())
	WriteProblem(w, p)
}

// Headers sets what belongs to the problem beside its body.
func (p Problem) Headers(h http.Header) {
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="envdeck"`)
	}
}

// WriteProblem answers with a problem for programs.
func WriteProblem(w http.ResponseWriter, p Problem) {
	body, err := json.Marshal(p)
	if err != nil { // a struct of strings and numbers always encodes
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Del("ETag")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n'))
}

// Page draws an error for people. The web face sets it.
type Page func(w http.ResponseWriter, r *http.Request, p Problem)

// SetPage says how errors are drawn for people.
func (d *Door) SetPage(page Page) { d.page = page }

// wantsPage says whether a browser asks for something to look at.
func wantsPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// nowhere answers addresses that nobody opened, and methods that an address
// does not take.
func (d *Door) nowhere(w http.ResponseWriter, r *http.Request) {
	rt := &Route{Use: access.PublicHealth, Face: access.FaceWeb}
	if strings.HasPrefix(r.URL.Path, "/api/") {
		rt.Face = access.FaceAPI
	}
	// Whoever tries addresses out is a caller like any other. Who it is does
	// not matter here, so a credential that does not work is no error.
	if _, err := d.who(w, r, rt, d.cookie(r)); fault.Is(err, fault.RateLimited) {
		d.Fail(w, r, rt.Face, err)
		return
	}
	allowed := d.methods(r)
	if len(allowed) == 0 {
		d.Fail(w, r, rt.Face, fault.New(fault.NotFound, "There is nothing at this address."))
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	p := ProblemOf(fault.New(fault.Invalid, "This address takes %s, not %s.", strings.Join(allowed, ", "), method(r)), requestID(w))
	p.Status, p.Title = http.StatusMethodNotAllowed, "Method not allowed"
	WriteProblem(w, p)
}

// method is the request's method if it is a known one: others are text from
// outside.
func method(r *http.Request) string {
	if slices.Contains(methods, r.Method) {
		return r.Method
	}
	return "that method"
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// methods is what an address takes.
func (d *Door) methods(r *http.Request) []string {
	var allowed []string
	for _, m := range methods {
		probe := &http.Request{Method: m, URL: r.URL, Host: r.Host}
		if _, p := d.mux.Handler(probe); p != "" && p != "/" {
			allowed = append(allowed, m)
		}
	}
	return allowed
}

// caught answers for a handler that panicked.
func (d *Door) caught(w *recorder, r *http.Request, id string, p any) {
	if p == http.ErrAbortHandler { //nolint:errorlint // the sentinel itself is what is thrown
		panic(p)
	}
	d.log.ErrorContext(r.Context(), "handler panicked", "request", id, "route", pattern(r), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	if w.status == 0 {
		WriteProblem(w, ProblemOf(fault.New(fault.Internal, "Something went wrong inside envdeck. The log has the details under this request's id."), id))
	}
}
