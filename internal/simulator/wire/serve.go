package wire

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

type foundKey struct{}

// found is where a route's mux entry leaves itself.
type found struct {
	route   *Route
	request *http.Request
}

// turn is one call on its way through a face.
type turn struct {
	face    *Face
	w       http.ResponseWriter
	call    *Call
	entry   Entry
	started time.Time
	// lookup is the refusal of an unknown path or method.
	lookup *Error
	// oversize says that the body was larger than the face reads.
	oversize bool
	// skewed is how far rules shift the provider's clock.
	skewed time.Duration
	// extra are the headers of the rule that spoils the call, set last.
	extra map[string]string
}

// ServeHTTP takes one call from the log's first note to its last.
func (f *Face) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := &turn{face: f, w: w, started: time.Now()}
	t.find(f.unmount(r))
	defer t.finish()
	around, main := f.x.Faults.pick(f.name, t.entry.Route, t.call.Request)
	if main != nil || len(around) > 0 {
		t.unhurried()
	}
	for _, rule := range around {
		t.entry.Fault = rule.ID
		if rule.Kind == Skew {
			t.skewed += time.Duration(rule.By)
			t.call.Now = t.call.Now.Add(time.Duration(rule.By))
			continue
		}
		if !t.wait(time.Duration(rule.Delay), rule.gone) && t.call.Request.Context().Err() != nil {
			return // nobody is left to answer
		}
	}
	if main == nil {
		t.send(t.answer())
		return
	}
	t.entry.Fault, t.extra = main.ID, main.Headers
	t.spoil(main)
}

// unmount takes the mount prefix off, as the vendor never sees it.
func (f *Face) unmount(r *http.Request) *http.Request {
	inner := r.Clone(r.Context())
	inner.URL.Path = orRoot(strings.TrimPrefix(r.URL.Path, f.mount))
	if r.URL.RawPath != "" {
		inner.URL.RawPath = orRoot(strings.TrimPrefix(r.URL.RawPath, f.mount))
	}
	return inner
}

func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// find reads the body, looks the route up and opens the log entry.
func (t *turn) find(r *http.Request) {
	f := t.face
	raw, err := io.ReadAll(io.LimitReader(r.Body, f.bodyMaximum+1))
	t.oversize = int64(len(raw)) > f.bodyMaximum
	match := &found{}
	inner := r.WithContext(context.WithValue(r.Context(), foundKey{}, match))
	probe := httptest.NewRecorder()
	f.mux.ServeHTTP(probe, inner)
	t.call = &Call{Request: inner, Now: f.x.clock.Now(), raw: raw, Query: url.Values{}}
	if err != nil {
		t.call.Note("the body broke off: " + err.Error())
	}
	t.entry = Entry{
		Provider: f.name, Time: t.call.Now, Method: r.Method, Path: r.URL.Path,
		Query: redactQuery(r.URL.RawQuery), UserAgent: r.UserAgent(), BodyBytes: len(raw),
	}
	switch {
	case match.route != nil:
		t.call.Route, t.call.Request = match.route, match.request
		_, t.entry.Route, _ = strings.Cut(match.route.Pattern, " ")
	case probe.Code == http.StatusMethodNotAllowed:
		t.lookup = &Error{Kind: WrongMethod, Field: r.Method, Want: probe.Header().Get("Allow")}
	default:
		t.lookup = &Error{Kind: UnknownPath, Field: r.URL.Path}
	}
}

// finish closes the log entry, also when the connection was cut.
func (t *turn) finish() {
	t.entry.DurationMS = float64(time.Since(t.started).Microseconds()) / 1000
	t.entry.Changed = t.call.changed
	t.entry.Token = t.call.Caller.Name
	t.entry.Notes = t.call.notes
	if len(t.call.raw) > 0 {
		sum := sha256.Sum256(t.call.raw)
		t.entry.BodyHash = hex.EncodeToString(sum[:])
		token, _ := Bearer(t.call.Request)
		t.entry.Body = redactBody(t.call.raw, token)
	}
	t.face.x.Calls.add(t.entry)
}

// answer runs the checks and the handler, and renders what comes of it.
func (t *turn) answer() rendered {
	answer, err := t.handle()
	if err != nil {
		return t.refuse(err)
	}
	if answer == nil {
		answer = Empty(http.StatusNoContent)
	}
	return t.dress(answer)
}

func (t *turn) handle() (*Answer, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	return t.call.Route.Handle(t.call)
}

// check walks through the declared strictness in the order vendors do: path,
// token, limits, query, body.
func (t *turn) check() error {
	f, c := t.face, t.call
	if t.lookup != nil && !f.authFirst {
		return t.lookup
	}
	need, open := "", t.lookup == nil && c.Route.Open
	if c.Route != nil {
		need = c.Route.Need
	}
	if f.auth != nil && !open {
		caller, err := f.auth(c.Request, need)
		if err != nil {
			return err
		}
		c.Caller = caller
	}
	if t.lookup != nil {
		return t.lookup
	}
	if f.limit != nil {
		if err := f.limit(c); err != nil {
			return err
		}
	}
	query, notes, refusal := c.Route.checkQuery(c.Request.URL.RawQuery, f.looseQuery)
	if refusal != nil {
		return refusal
	}
	c.Query, c.notes = query, append(c.notes, notes...)
	if refusal := t.checkBody(); refusal != nil {
		return refusal
	}
	return nil
}

func (t *turn) checkBody() *Error {
	f, c := t.face, t.call
	body := c.Route.Body
	switch {
	case t.oversize:
		return &Error{Kind: TooLargeBody, Want: strconv.FormatInt(f.bodyMaximum, 10) + " bytes at most"}
	case body == nil && len(c.raw) > 0:
		// No vendor refuses a body where none is read; a caller that sends one
		// is still worth a remark.
		c.Note("sent a body where none is read")
		return nil
	case body == nil, body.Optional && len(c.raw) == 0:
		return nil
	case len(c.raw) == 0:
		return &Error{Kind: MissingBody, Want: "a JSON body"}
	case body.lines:
		return nil
	}
	media, _, _ := mime.ParseMediaType(c.Request.Header.Get("Content-Type"))
	if !f.anyType && media != "application/json" && !strings.HasSuffix(media, "+json") {
		return &Error{Kind: WrongContentType, Want: "application/json", Got: media}
	}
	value, issues, err := body.decode(c.raw)
	if err != nil {
		return &Error{Kind: UnreadableBody, Message: err.Error(), Want: "JSON"}
	}
	if f.looseBody {
		for _, issue := range onlyUnknown(issues) {
			c.Note("ignored body field " + issue.Field)
		}
		issues = withoutUnknown(issues)
	}
	if len(issues) > 0 {
		first := *issues[0]
		first.Issues = issues
		return &first
	}
	c.body = value
	return nil
}

func withoutUnknown(issues []*Error) []*Error {
	var kept []*Error
	for _, issue := range issues {
		if issue.Kind != UnknownField {
			kept = append(kept, issue)
		}
	}
	return kept
}

// refuse renders an error in the vendor's dialect.
func (t *turn) refuse(err error) rendered {
	refusal, ok := errors.AsType[*Error](err)
	if !ok {
		t.call.Note("simulator error: " + err.Error())
		refusal = &Error{Kind: Internal, Message: "Internal Server Error"}
	}
	t.entry.Refused = refusal.Kind
	return t.dress(t.face.dialect(t.call.Request, refusal))
}

// dress adds the vendor's headers and the provider's clock.
func (t *turn) dress(a *Answer) rendered {
	out, err := a.render()
	if err != nil {
		t.call.Note("simulator error: " + err.Error())
		out = rendered{status: http.StatusInternalServerError, header: http.Header{}}
	}
	if t.face.headers != nil {
		t.face.headers(t.call, out.header)
	}
	out.header.Set("Date", t.call.Now.UTC().Format(http.TimeFormat))
	if t.skewed != 0 {
		out.body = skewTimes(out.body, t.skewed)
	}
	return out
}

// head writes status and headers.
func (t *turn) head(out rendered) {
	maps.Copy(t.w.Header(), out.header)
	for key, value := range t.extra {
		t.w.Header().Set(key, value)
	}
	t.entry.Status = out.status
	t.w.WriteHeader(out.status)
}

// send writes a whole answer.
func (t *turn) send(out rendered) {
	if len(out.body) > 0 {
		out.header.Set("Content-Length", strconv.Itoa(len(out.body)))
	}
	t.head(out)
	_, _ = t.w.Write(out.body) // the client may be gone; the log has the status
}

// wait sleeps in real time. It is false when the client left or the rule was
// deleted first.
func (t *turn) wait(d time.Duration, gone <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-gone:
		return false
	case <-t.call.Request.Context().Done():
		return false
	}
}

var secretName = regexp.MustCompile(`(?i)(token|secret|passw|authorization|api_?key|private_?key|credential|cookie|dsn|connection_uri)|^value$`)

const (
	redacted    = "[redacted]"
	bodyLogSize = 16 << 10
)

func redactQuery(raw string) string {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return redacted
	}
	for name := range query {
		if secretName.MatchString(name) {
			query[name] = []string{redacted}
		}
	}
	return query.Encode()
}

// redactBody keeps a JSON body without its secrets; nil when it is no JSON
// or too large to keep.
func redactBody(raw []byte, token string) json.RawMessage {
	if len(raw) > bodyLogSize {
		return nil
	}
	tree, err := decodeTree(raw)
	if err != nil {
		return nil
	}
	clean := walk("", tree, func(key string, v any) any {
		if secretName.MatchString(key) {
			return redacted
		}
		if text, ok := v.(string); ok && token != "" && strings.Contains(text, token) {
			return strings.ReplaceAll(text, token, redacted)
		}
		return v
	})
	text, err := encode(clean)
	if err != nil {
		return nil
	}
	return text
}
