package door_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// entrance is a door on a real database with its people.
type entrance struct {
	*door.Door
	control *access.Control
	tokens  access.Bootstrapped
	log     *bytes.Buffer
}

func open(t *testing.T) *entrance {
	t.Helper()
	log := &bytes.Buffer{}
	logger := slog.New(slog.NewJSONHandler(log, nil))
	keys, err := access.NewKeys(secret.New(strings.Repeat("k", 40)))
	if err != nil {
		t.Fatal(err)
	}
	control, err := access.New(t.Context(), access.Config{Store: storetest.Open(t), Keys: keys, Clock: clock.Real(), Log: logger})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := control.Bootstrap(t.Context(), access.OperatorActor("test"), true)
	if err != nil {
		t.Fatal(err)
	}
	e := &entrance{Door: door.New(door.Options{Control: control, Log: logger}), control: control, tokens: tokens, log: log}
	hello := func(w http.ResponseWriter, _ *http.Request, a access.Actor) {
		_, _ = io.WriteString(w, "hello "+a.Label())
	}
	e.Handle("GET /api/open", access.FaceAPI, access.PublicHealth, hello)
	e.Handle("GET /api/view", access.FaceAPI, access.ViewStatus, hello)
	e.Handle("POST /api/change", access.FaceAPI, access.Promote, hello)
	e.Handle("GET /api/panics", access.FaceAPI, access.PublicHealth, func(http.ResponseWriter, *http.Request, access.Actor) { panic("boom") })
	return e
}

// session signs the SUPER_ADMIN in and answers the cookie.
func (e *entrance) session(t *testing.T) *http.Cookie {
	t.Helper()
	link, err := e.control.SignInLink(t.Context(), access.OperatorActor("test"), e.tokens.SuperAdminID)
	if err != nil {
		t.Fatal(err)
	}
	in, err := e.control.Redeem(t.Context(), link.Reveal(), access.Visit{Face: access.FaceWeb})
	if err != nil {
		t.Fatal(err)
	}
	return &http.Cookie{Name: access.SessionCookieLoopback, Value: in.Cookie.Reveal()}
}

func (e *entrance) ask(method, path string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:4280"+path, nil)
	for _, fn := range change {
		fn(r)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

func bearer(token secret.Text) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token.Reveal()) }
}

func TestWhoMayPass(t *testing.T) {
	e := open(t)
	callers := map[string]func(*http.Request){
		"nobody":       func(*http.Request) {},
		"ADMIN":        bearer(e.tokens.Admin),
		"SUPER_ADMIN":  bearer(e.tokens.SuperAdmin),
		"report token": bearer(e.tokens.Report),
		"made up":      bearer(secret.New("edk_api_" + strings.Repeat("a", 36))),
	}
	want := map[string][3]int{ // open, view, change
		"nobody": {200, 401, 401}, "ADMIN": {200, 200, 403}, "SUPER_ADMIN": {200, 200, 200}, "report token": {200, 403, 403}, "made up": {401, 401, 401},
	}
	for name, as := range callers {
		got := [3]int{e.ask("GET", "/api/open", as).Code, e.ask("GET", "/api/view", as).Code, e.ask("POST", "/api/change", as).Code}
		if got != want[name] {
			t.Errorf("%s: open, view, change = %v, want %v", name, got, want[name])
		}
	}
}

// T7: a write with a session cookie must prove that it comes from our pages.
func TestT7CrossOriginWrites(t *testing.T) {
	e := open(t)
	cookie := e.session(t)
	for name, c := range map[string]struct {
		site, origin, host string
		want               int
	}{
		"same origin":                {"same-origin", "http://127.0.0.1:4280", "", 200},
		"old browser, our origin":    {"", "http://127.0.0.1:4280", "", 200},
		"no proof at all":            {"", "", "", 403},
		"cross site":                 {"cross-site", "https://evil.example", "", 403},
		"same site, other host":      {"same-site", "http://127.0.0.1:9999", "", 403},
		"typed into the address bar": {"none", "", "", 403},
		"other scheme":               {"", "https://127.0.0.1:4280", "", 403},
		"null origin":                {"", "null", "", 403},
		"origin of a look-alike":     {"", "http://127.0.0.1:4280.evil.example", "", 403},
	} {
		w := e.ask("POST", "/api/change", func(r *http.Request) {
			r.AddCookie(cookie)
			if c.site != "" {
				r.Header.Set("Sec-Fetch-Site", c.site)
			}
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
		})
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d: %s", name, w.Code, c.want, w.Body)
		}
	}
	if w := e.ask("GET", "/api/view", func(r *http.Request) { r.AddCookie(cookie) }); w.Code != 200 {
		t.Errorf("reading with the cookie: %d", w.Code)
	}
}

// T8: only the declared method changes anything.
func TestT8OnlyDeclaredMethods(t *testing.T) {
	e := open(t)
	for _, method := range []string{"GET", "PUT", "DELETE", "PATCH", "HEAD", "BREW"} {
		w := e.ask(method, "/api/change", bearer(e.tokens.SuperAdmin), func(r *http.Request) {
			r.Header.Set("X-HTTP-Method-Override", "POST")
		})
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
			t.Errorf("%s: %d, Allow %q", method, w.Code, w.Header().Get("Allow"))
		}
	}
	if w := e.ask("GET", "/api/nothing"); w.Code != 404 || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("unknown address: %d %s", w.Code, w.Header().Get("Content-Type"))
	}
}

// T9: every answer carries the whole header set, errors too.
func TestT9HeadersOnEveryAnswer(t *testing.T) {
	e := open(t)
	for _, path := range []string{"/api/open", "/api/view", "/api/nothing", "/api/panics", "/nothing"} {
		h := e.ask("GET", path).Header()
		for name, part := range map[string]string{
			"Content-Security-Policy": "frame-ancestors 'none'", "Strict-Transport-Security": "max-age=63072000",
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Permissions-Policy": "camera=()", "Cache-Control": "no-store", "Envdeck-Request": "-",
		} {
			if !strings.Contains(h.Get(name), part) {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
		if csp := h.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", path, csp)
		}
	}
}

func TestAPanicIsAnAnswerThatSaysNothingOfTheInside(t *testing.T) {
	e := open(t)
	w := e.ask("GET", "/api/panics")
	var p door.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if w.Code != 500 || p.Kind != "internal" || strings.Contains(w.Body.String(), "boom") || p.Request == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !strings.Contains(e.log.String(), "boom") || !strings.Contains(e.log.String(), p.Request) {
		t.Error("the log does not have the panic with its request id")
	}
}

// T11: what a person loses, their cookie loses with it.
func TestT11ASignedOutSessionIsDead(t *testing.T) {
	e := open(t)
	cookie := e.session(t)
	with := func(r *http.Request) { r.AddCookie(cookie) }
	if w := e.ask("GET", "/api/view", with); w.Code != 200 {
		t.Fatalf("before: %d", w.Code)
	}
	if _, err := e.control.EndSessionsOf(t.Context(), access.OperatorActor("test"), e.tokens.SuperAdminID, "left"); err != nil {
		t.Fatal(err)
	}
	if w := e.ask("GET", "/api/view", with); w.Code != 401 {
		t.Errorf("after: %d, want 401", w.Code)
	}
}

// T20: nothing from a request can forge a line of the log.
func TestT20LogLinesCannotBeForged(t *testing.T) {
	e := open(t)
	e.ask("GET", "/api/panics?x=%0A%7B%22level%22%3A%22FATAL%22%7D", func(r *http.Request) {
		r.Header.Set("User-Agent", "a\n{\"level\":\"FATAL\"}")
	})
	for line := range strings.Lines(e.log.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil || record["level"] == "FATAL" {
			t.Errorf("log line %q: %v", line, err)
		}
	}
}

func TestEveryRouteHasAPolicy(t *testing.T) {
	e := open(t)
	for _, r := range e.Routes() {
		if r.Use == access.None {
			t.Errorf("%s stands for no use case", r.Pattern)
		}
	}
}
