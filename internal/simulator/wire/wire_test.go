package wire_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/net/netutil"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/simulator/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type thing struct {
	Name string            `json:"name" wire:"required"`
	Size int               `json:"size"`
	Mode string            `json:"mode" wire:"oneof=on|off"`
	Tags map[string]string `json:"tags"`
	Sub  *struct {
		On bool `json:"on" wire:"required"`
	} `json:"sub"`
}

// plainDialect says kind, field and wish, so that a test can read them.
func plainDialect(_ *http.Request, e *wire.Error) *wire.Answer {
	a := wire.JSON(e.HTTPStatus(), map[string]any{"kind": e.Kind, "field": e.Field, "want": e.Want, "message": e.Message})
	if e.Retry > 0 {
		a.Set("Retry-After", fmt.Sprint(int(e.Retry.Seconds())))
	}
	return a
}

type fixture struct {
	exchange *wire.Exchange
	server   *httptest.Server
	client   *http.Client
	made     atomic.Int64  // things made by POST
	through  chan struct{} // a call whose handler is through
}

func setup(t *testing.T, opts ...wire.Option) *fixture {
	t.Helper()
	f := &fixture{exchange: wire.NewExchange(clock.Real(), 1), through: make(chan struct{}, 16)}
	opts = append([]wire.Option{
		wire.WithAuth(func(r *http.Request, need string) (wire.Caller, error) {
			token, ok := wire.Bearer(r)
			switch {
			case !ok || (token != "writer-token" && token != "reader-token"):
				return wire.Caller{}, wire.Refuse(wire.Unauthorized, "bad token")
			case need == "write" && token != "writer-token":
				return wire.Caller{}, wire.Refuse(wire.Forbidden, "not yours")
			}
			return wire.Caller{Name: strings.TrimSuffix(token, "-token")}, nil
		}),
		wire.WithHeaders(func(_ *wire.Call, h http.Header) { h.Set("X-Vendor", "yes") }),
		wire.WithPages(wire.Pages{
			Last: func(_ *http.Request, body any, _ http.Header) { body.(map[string]any)["next"] = nil },
			Loop: func(r *http.Request, body any, _ http.Header) {
				body.(map[string]any)["next"] = r.URL.Query().Get("cursor")
			},
		}),
	}, opts...)
	face := f.exchange.NewFace("acme", plainDialect, opts...)
	face.Add(
		wire.Route{
			Pattern: "GET /things", Query: []wire.Param{
				{Name: "cursor", Type: wire.String},
				{Name: "limit", Type: wire.Int, Min: 1, Max: 100},
				{Name: "since", Type: wire.Time},
				{Name: "state", Type: wire.CSV, OneOf: []string{"READY", "ERROR"}},
				{Name: "all", Type: wire.Bool},
				{Name: "meta-*", Type: wire.String},
				{Name: "id", Type: wire.String, Repeat: true},
			},
			Handle: func(c *wire.Call) (*wire.Answer, error) {
				return wire.OK(map[string]any{
					"items": []any{"a", "b", "c", "d"}, "next": "2", "id": 9007199254740993, "at": "2026-11-22T12:00:00Z", "ms": 1795348800000,
				}), nil
			},
		},
		wire.Route{
			Pattern: "POST /things", Need: "write", Body: wire.JSONBody[thing](), PretendStatus: 201,
			Handle: func(c *wire.Call) (*wire.Answer, error) {
				f.made.Add(1)
				c.Changed()
				return wire.JSON(201, wire.BodyOf[thing](c)), nil
			},
		},
		wire.Route{Pattern: "GET /things/{id}", Handle: func(c *wire.Call) (*wire.Answer, error) {
			return nil, wire.Refuse(wire.NotFound, "no %s", c.Path("id"))
		}},
	)
	handler := f.exchange.Handler()
	f.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			select {
			case f.through <- struct{}{}:
			default: // nobody waits for so many
			}
		}()
		handler.ServeHTTP(w, r)
	}))
	f.client = &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		f.exchange.Release()
		f.client.CloseIdleConnections()
		f.server.Close()
	})
	return f
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (f *fixture) call(t *testing.T, method, path, body string, header ...string) (reply, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.server.URL+"/acme"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer writer-token")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := f.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(text)}, err
}

func (f *fixture) fault(t *testing.T, rule wire.Rule) wire.Rule {
	t.Helper()
	added, err := f.exchange.Faults.Add(rule)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

func TestStrictness(t *testing.T) {
	f := setup(t)
	for name, tc := range map[string]struct {
		method, path, body string
		header             []string
		status             int
		kind               wire.Kind
		field              string
	}{
		"fine":                {"GET", "/things?limit=5&state=READY,ERROR&meta-sha=1&all=true&id=1&id=2&since=2026-11-22T00:00:00Z", "", nil, 200, "", ""},
		"unknown path":        {"GET", "/thing", "", nil, 404, wire.UnknownPath, "/thing"},
		"double slash":        {"GET", "//things", "", nil, 404, wire.UnknownPath, "//things"},
		"trailing slash":      {"GET", "/things/", "", nil, 404, wire.UnknownPath, "/things/"},
		"wrong method":        {"DELETE", "/things", "", nil, 405, wire.WrongMethod, "DELETE"},
		"no token":            {"GET", "/things", "", []string{"Authorization", ""}, 401, wire.Unauthorized, ""},
		"other scheme":        {"GET", "/things", "", []string{"Authorization", "Basic writer-token"}, 401, wire.Unauthorized, ""},
		"not allowed":         {"POST", "/things", `{"name":"a"}`, []string{"Authorization", "Bearer reader-token"}, 403, wire.Forbidden, ""},
		"unknown query":       {"GET", "/things?page=2", "", nil, 400, wire.UnknownQuery, "page"},
		"bare prefix":         {"GET", "/things?meta-=2", "", nil, 400, wire.UnknownQuery, "meta-"},
		"no number":           {"GET", "/things?limit=x", "", nil, 400, wire.InvalidQuery, "limit"},
		"too large":           {"GET", "/things?limit=101", "", nil, 400, wire.InvalidQuery, "limit"},
		"no bool":             {"GET", "/things?all=1", "", nil, 400, wire.InvalidQuery, "all"},
		"no time":             {"GET", "/things?since=yesterday", "", nil, 400, wire.InvalidQuery, "since"},
		"no state":            {"GET", "/things?state=READY,DONE", "", nil, 400, wire.InvalidQuery, "state"},
		"twice":               {"GET", "/things?limit=1&limit=2", "", nil, 400, wire.InvalidQuery, "limit"},
		"unreadable query":    {"GET", "/things?limit=%zz", "", nil, 400, wire.InvalidQuery, ""},
		"made":                {"POST", "/things", `{"name":"a","size":2,"mode":"on","tags":{"x":"y"},"sub":{"on":true}}`, nil, 201, "", ""},
		"null for a pointer":  {"POST", "/things", `{"name":"a","sub":null}`, nil, 201, "", ""},
		"no body":             {"POST", "/things", "", nil, 400, wire.MissingBody, ""},
		"no JSON":             {"POST", "/things", `{"name":`, nil, 400, wire.UnreadableBody, ""},
		"two values":          {"POST", "/things", `{"name":"a"}{}`, nil, 400, wire.UnreadableBody, ""},
		"wrong content type":  {"POST", "/things", `{"name":"a"}`, []string{"Content-Type", "text/plain"}, 415, wire.WrongContentType, ""},
		"unknown field":       {"POST", "/things", `{"name":"a","colour":1}`, nil, 400, wire.UnknownField, "colour"},
		"case matters":        {"POST", "/things", `{"name":"a","Size":1}`, nil, 400, wire.UnknownField, "Size"},
		"field missing":       {"POST", "/things", `{}`, nil, 400, wire.MissingField, "name"},
		"deep field missing":  {"POST", "/things", `{"name":"a","sub":{}}`, nil, 400, wire.MissingField, "sub.on"},
		"wrong type":          {"POST", "/things", `{"name":"a","size":"2"}`, nil, 400, wire.WrongType, "size"},
		"no integer":          {"POST", "/things", `{"name":"a","size":2.5}`, nil, 400, wire.WrongType, "size"},
		"null for a string":   {"POST", "/things", `{"name":null}`, nil, 400, wire.WrongType, "name"},
		"map of other":        {"POST", "/things", `{"name":"a","tags":{"x":1}}`, nil, 400, wire.WrongType, "tags.x"},
		"not one of":          {"POST", "/things", `{"name":"a","mode":"maybe"}`, nil, 400, wire.InvalidField, "mode"},
		"list for the object": {"POST", "/things", `[]`, nil, 400, wire.WrongType, ""},
		"handler's refusal":   {"GET", "/things/7", "", nil, 404, wire.NotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			made := f.made.Load()
			got, err := f.call(t, tc.method, tc.path, tc.body, tc.header...)
			if err != nil {
				t.Fatal(err)
			}
			var body struct {
				Kind  wire.Kind
				Field string
			}
			_ = json.Unmarshal([]byte(got.body), &body)
			if got.status != tc.status || body.Kind != tc.kind || (tc.kind != "" && body.Field != tc.field) {
				t.Errorf("%s %s = %d %s, want %d %s %s", tc.method, tc.path, got.status, got.body, tc.status, tc.kind, tc.field)
			}
			if got.header.Get("X-Vendor") != "yes" {
				t.Error("an answer without the vendor's headers")
			}
			if tc.status >= 400 && f.made.Load() != made {
				t.Error("a refused call changed something")
			}
		})
	}
}

func TestLooseFacesNoteWhatTheyIgnore(t *testing.T) {
	f := setup(t, wire.LooseQuery(), wire.LooseBody(), wire.AnyContentType())
	if got, err := f.call(t, "GET", "/things?page=2", ""); err != nil || got.status != 200 {
		t.Fatalf("%v %v", got, err)
	}
	if got, err := f.call(t, "POST", "/things", `{"name":"a","colour":1}`, "Content-Type", "text/plain"); err != nil || got.status != 201 {
		t.Fatalf("%v %v", got, err)
	}
	var notes []string
	for _, e := range f.exchange.Calls.List(wire.Filter{}) {
		notes = append(notes, e.Notes...)
	}
	if diff := cmp.Diff([]string{"ignored query parameter page", "ignored body field colour"}, notes); diff != "" {
		t.Error(diff)
	}
}

func TestCallLog(t *testing.T) {
	f := setup(t)
	_, _ = f.call(t, "GET", "/things?limit=5", "")
	_, _ = f.call(t, "POST", "/things", `{"name":"writer-token","tags":{"apiKey":"s3cret"}}`)
	_, _ = f.call(t, "GET", "/nowhere?token=s3cret", "")
	entries := f.exchange.Calls.List(wire.Filter{Provider: "acme"})
	if len(entries) != 3 {
		t.Fatalf("%d entries, want 3", len(entries))
	}
	get, post, lost := entries[0], entries[1], entries[2]
	if get.Route != "/things" || get.Query != "limit=5" || get.Token != "writer" || get.Changed || get.Status != 200 {
		t.Errorf("GET: %+v", get)
	}
	if post.Status != 201 || !post.Changed || post.BodyHash == "" || post.BodyBytes == 0 {
		t.Errorf("POST: %+v", post)
	}
	if lost.Status != 404 || lost.Route != "" || lost.Refused != wire.UnknownPath {
		t.Errorf("unknown path: %+v", lost)
	}
	text, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"writer-token", "s3cret"} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("the log holds %q: %s", secret, text)
		}
	}
	if got := f.exchange.Calls.Counts("acme", "POST", ""); len(got) != 1 || got[0].Calls != 1 || got[0].Changed != 1 {
		t.Errorf("counts: %+v", got)
	}
	f.exchange.Calls.Clear()
	if left := f.exchange.Calls.List(wire.Filter{}); len(left) != 0 {
		t.Errorf("%d entries after Clear", len(left))
	}
}

func TestLogKeepsTheNewest(t *testing.T) {
	f := setup(t)
	for range 10_050 {
		f.exchange.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/acme/nowhere", nil))
	}
	entries := f.exchange.Calls.List(wire.Filter{})
	if len(entries) != 10_000 || entries[0].Seq != 51 || entries[len(entries)-1].Seq != 10_050 {
		t.Errorf("%d entries from %d to %d", len(entries), entries[0].Seq, entries[len(entries)-1].Seq)
	}
	if got := f.exchange.Calls.Counts("", "", ""); got[0].Calls != 10_050 {
		t.Errorf("counted %d", got[0].Calls)
	}
}

// TestFaults walks through every kind against a real socket.
func TestFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		rule  wire.Rule
		check func(*testing.T, reply, error)
	}{
		"status":          {wire.Rule{Preset: "error_503"}, wants(503, "unavailable")},
		"status own body": {wire.Rule{Kind: wire.Status, Status: 418, Body: json.RawMessage(`{"tea":1}`), Headers: map[string]string{"X-Tea": "1"}}, wants(418, `{"tea":1}`)},
		"status text":     {wire.Rule{Kind: wire.Status, Status: 502, Body: json.RawMessage(`"bad gateway"`)}, wants(502, "bad gateway")},
		"unauthorized":    {wire.Rule{Preset: "unauthorized"}, wants(401, "unauthorized")},
		"latency":         {wire.Rule{Kind: wire.Latency, Delay: wire.Duration(time.Millisecond)}, wants(200, "items")},
		"retry none":      {wire.Rule{Kind: wire.RateLimited, RetryAfter: "none"}, retry("")},
		"retry vendor":    {wire.Rule{Preset: "rate_limited"}, retry("30")},
		"retry seconds":   {wire.Rule{Kind: wire.RateLimited, RetryAfter: "seconds", Seconds: 7}, retry("7")},
		"retry garbage":   {wire.Rule{Kind: wire.RateLimited, RetryAfter: "garbage"}, retry("in a little while")},
		"retry ten days":  {wire.Rule{Kind: wire.RateLimited, RetryAfter: "ten_days"}, retry("864000")},
		"retry negative":  {wire.Rule{Kind: wire.RateLimited, RetryAfter: "negative"}, retry("-30")},
		"retry date": {wire.Rule{Kind: wire.RateLimited, RetryAfter: "date"}, func(t *testing.T, r reply, err error) {
			if _, perr := http.ParseTime(r.header.Get("Retry-After")); err != nil || perr != nil {
				t.Errorf("%v %v", err, perr)
			}
		}},
		"reset": {wire.Rule{Preset: "reset"}, func(t *testing.T, _ reply, err error) {
			if !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("error %v, want a reset", err)
			}
		}},
		"close": {wire.Rule{Preset: "close"}, func(t *testing.T, r reply, err error) {
			if r.status != 200 || !errors.Is(err, io.ErrUnexpectedEOF) || r.body == "" {
				t.Errorf("%d %q %v, want half a body", r.status, r.body, err)
			}
		}},
		"truncated":      {wire.Rule{Preset: "malformed"}, broken},
		"wrong types":    {wire.Rule{Preset: "wrong_types"}, wants(200, `"about `)},
		"null root":      {wire.Rule{Preset: "null"}, wants(200, "null")},
		"html":           {wire.Rule{Preset: "html"}, wants(200, "<!DOCTYPE html>")},
		"text":           {wire.Rule{Kind: wire.Malformed, Shape: "text"}, wants(200, "upstream connect error")},
		"bom":            {wire.Rule{Preset: "bom"}, wants(200, "\xef\xbb\xbf{")},
		"deep":           {wire.Rule{Preset: "deep"}, wants(200, strings.Repeat("[", 100_000))},
		"duplicate keys": {wire.Rule{Kind: wire.Malformed, Shape: "duplicate_keys"}, wants(200, `"id":null`)},
		"float ids":      {wire.Rule{Kind: wire.Malformed, Shape: "float_ids"}, wants(200, "9.007199254740992e+15")},
		"huge": {wire.Rule{Kind: wire.Huge, MB: 3}, func(t *testing.T, r reply, err error) {
			if err != nil || len(r.body) < 3<<20 || !json.Valid([]byte(r.body)) {
				t.Errorf("%d bytes, %v", len(r.body), err)
			}
		}},
		"gzip bomb": {wire.Rule{Kind: wire.GzipBomb, MB: 3}, func(t *testing.T, r reply, err error) {
			if err != nil || len(r.body) < 3<<20 || !json.Valid([]byte(r.body)) {
				t.Errorf("%d bytes, %v", len(r.body), err)
			}
		}},
		"empty": {wire.Rule{Preset: "empty"}, func(t *testing.T, r reply, err error) {
			if err != nil || r.status != 200 || r.body != "" {
				t.Errorf("%d %q %v", r.status, r.body, err)
			}
		}},
		"partial page": {wire.Rule{Preset: "partial_page"}, wants(200, `"items":["a","b"],"ms":1795348800000,"next":null`)},
		"looping page": {wire.Rule{Preset: "looping_page"}, wants(200, `"next":"1"`)},
		"redirect": {wire.Rule{Kind: wire.Redirect, Status: 308, Location: "https://elsewhere.example/"}, func(t *testing.T, r reply, err error) {
			if err != nil || r.status != 308 || r.header.Get("Location") != "https://elsewhere.example/" {
				t.Errorf("%d %v %v", r.status, r.header, err)
			}
		}},
		"echo token":  {wire.Rule{Preset: "echo_token"}, wants(401, "Bearer writer-token")},
		"skew":        {wire.Rule{Preset: "skew_ahead"}, wants(200, `"at":"2026-11-22T13:00:00Z"`)},
		"skew millis": {wire.Rule{Preset: "skew_behind"}, wants(200, `"ms":1795345200000`)},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			rule := f.fault(t, tc.rule)
			got, err := f.call(t, "GET", "/things?cursor=1", "")
			tc.check(t, got, err)
			<-f.through // the log has a call when its handler is through, which a client does not wait for
			entries := f.exchange.Calls.List(wire.Filter{Faulted: true})
			if len(entries) != 1 || entries[0].Fault != rule.ID {
				t.Errorf("log: %+v, want one call spoiled by %s", entries, rule.ID)
			}
		})
	}
}

func wants(status int, part string) func(*testing.T, reply, error) {
	return func(t *testing.T, r reply, err error) {
		t.Helper()
		if err != nil || r.status != status || !strings.Contains(r.body, part) {
			t.Errorf("%d %.300q %v, want %d with %.60q", r.status, r.body, err, status, part)
		}
	}
}

func retry(want string) func(*testing.T, reply, error) {
	return func(t *testing.T, r reply, err error) {
		t.Helper()
		if err != nil || r.status != 429 || r.header.Get("Retry-After") != want {
			t.Errorf("%d Retry-After %q %v, want %q", r.status, r.header.Get("Retry-After"), err, want)
		}
	}
}

func broken(t *testing.T, r reply, err error) {
	t.Helper()
	if err != nil || r.status != 200 || r.body == "" || json.Valid([]byte(r.body)) {
		t.Errorf("%d %q %v, want broken JSON", r.status, r.body, err)
	}
}

func TestEveryKindHasAPresetOrAnArgument(t *testing.T) {
	f := setup(t)
	for name := range wire.Presets() {
		f.fault(t, wire.Rule{Preset: name})
	}
	for _, name := range []string{
		"error_500", "error_503", "unauthorized", "forbidden", "not_found", "rate_limited", "hang", "hang_body",
		"reset", "malformed", "html", "huge", "empty", "slow",
	} {
		if _, ok := wire.Presets()[name]; !ok {
			t.Errorf("no preset %s", name)
		}
	}
}

func TestHangEndsWithTheClient(t *testing.T) {
	for _, preset := range []string{"hang", "hang_body", "timeout_after"} {
		t.Run(preset, func(t *testing.T) {
			f := setup(t)
			f.fault(t, wire.Rule{Preset: preset})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				req, _ := http.NewRequestWithContext(ctx, "GET", f.server.URL+"/acme/things", nil)
				req.Header.Set("Authorization", "Bearer writer-token")
				res, err := f.client.Do(req)
				if err == nil {
					_, err = io.ReadAll(res.Body)
					_ = res.Body.Close()
				}
				done <- err
			}()
			waitFor(t, func() bool { return f.exchange.Faults.List()[0].Hits == 1 })
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
			waitFor(t, func() bool { return f.exchange.Calls.Last() == 1 })
		})
	}
}

func TestHangEndsWithItsRule(t *testing.T) {
	f := setup(t)
	rule := f.fault(t, wire.Rule{Preset: "hang"})
	done := make(chan error, 1)
	go func() {
		_, err := f.call(t, "GET", "/things", "")
		done <- err
	}()
	waitFor(t, func() bool { return f.exchange.Faults.List()[0].Hits == 1 })
	if !f.exchange.Faults.Delete(rule.ID) || f.exchange.Faults.Delete(rule.ID) {
		t.Error("a rule is deleted once")
	}
	if err := <-done; err == nil {
		t.Error("an answer from a call that hung")
	}
}

// TestFaultsOnAServerWithDeadlines uses what a careful server sets: a limit of
// connections, which wraps them, and short deadlines, which no fault may feel.
func TestFaultsOnAServerWithDeadlines(t *testing.T) {
	f := setup(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const deadline = 20 * time.Millisecond
	server := &http.Server{Handler: f.exchange.Handler(), ReadTimeout: deadline, WriteTimeout: deadline}
	go server.Serve(netutil.LimitListener(listener, 10)) // ends with the test
	defer server.Close()
	base := f.server.URL
	f.server.URL = "http://" + listener.Addr().String()
	defer func() { f.server.URL = base }()

	reset := f.fault(t, wire.Rule{Preset: "reset"})
	if _, err := f.call(t, "GET", "/things", ""); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("error %v, want a reset", err)
	}
	f.exchange.Faults.Delete(reset.ID)
	f.fault(t, wire.Rule{Kind: wire.Latency, Delay: wire.Duration(5 * deadline)})
	if got, err := f.call(t, "GET", "/things", ""); err != nil || got.status != 200 {
		t.Errorf("%d %v, want an answer after the deadlines", got.status, err)
	}
}

func TestDripSendsByteAfterByte(t *testing.T) {
	f := setup(t)
	rule := f.fault(t, wire.Rule{Preset: "drip"})
	req, _ := http.NewRequestWithContext(t.Context(), "GET", f.server.URL+"/acme/things", nil)
	req.Header.Set("Authorization", "Bearer writer-token")
	res, err := f.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body := bufio.NewReader(res.Body)
	if first, err := body.ReadByte(); err != nil || first != '{' || body.Buffered() != 0 {
		t.Fatalf("first %q %v, %d more at hand", first, err, body.Buffered())
	}
	f.exchange.Faults.Delete(rule.ID)
	if rest, err := io.ReadAll(body); err != nil || !json.Valid(append([]byte("{"), rest...)) {
		t.Errorf("rest %q %v", rest, err)
	}
}

func TestLostAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		rule   wire.Rule
		status int
		made   int64
	}{
		"failed":     {wire.Rule{Kind: wire.AppliedButFailed}, 500, 1},
		"gateway":    {wire.Rule{Kind: wire.AppliedButFailed, Status: 504}, 504, 1},
		"reset":      {wire.Rule{Preset: "lost_answer"}, 0, 1},
		"timeout":    {wire.Rule{Kind: wire.AppliedButFailed, Then: "timeout", Delay: wire.Duration(time.Millisecond)}, 0, 1},
		"pretended":  {wire.Rule{Kind: wire.NotAppliedButOK}, 201, 0},
		"not at all": {wire.Rule{Preset: "error_500"}, 500, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			f.fault(t, tc.rule)
			got, _ := f.call(t, "POST", "/things", `{"name":"a"}`)
			waitFor(t, func() bool { return f.exchange.Calls.Last() == 1 })
			if made := f.made.Load(); got.status != tc.status || made != tc.made {
				t.Errorf("status %d, made %d; want %d, %d", got.status, made, tc.status, tc.made)
			}
			if e := f.exchange.Calls.List(wire.Filter{})[0]; e.Changed != (tc.made == 1) {
				t.Errorf("the log says changed=%v", e.Changed)
			}
		})
	}
}
