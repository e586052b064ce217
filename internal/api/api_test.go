package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/envdeck/envdeck/internal/catalog"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/api"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// face is the JSON API on a real database with its people.
type face struct {
	*door.Door
	control *access.Control
	api     *api.API
	tokens  access.Bootstrapped
	log     *bytes.Buffer
	db      *store.DB
}

func open(t *testing.T) *face { return openFor(t) }

func openFor(t testing.TB) *face {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	log := &bytes.Buffer{}
	logger := slog.New(slog.NewJSONHandler(log, nil))
	keys, err := access.NewKeys(secret.New(strings.Repeat("k", 40)))
	if err != nil {
		t.Fatal(err)
	}
	db := storetest.Open(t)
	control, err := access.New(ctx, access.Config{Store: db, Keys: keys, Clock: clock.Real(), Log: logger})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := control.Bootstrap(ctx, access.OperatorActor("test"), true)
	if err != nil {
		t.Fatal(err)
	}
	plenty := door.Rate{PerSecond: 1e6, Burst: 1e6}
	d := door.New(door.Options{Control: control, Log: logger, Limits: door.Limits{Caller: plenty, Address: plenty}})
	u, _ := url.Parse("https://shop.example.com")
	alerts := alert.NewDesk(alert.NewEngine(alert.Options{
		Catalog: catalog.Catalog{{Name: "shop", Environments: []catalog.Environment{{Name: "prod", Kind: catalog.Production, URL: u}}}},
		Store:   db, Clock: clock.Real(), Log: slog.New(slog.DiscardHandler),
	}), control.Gate)
	return &face{Door: d, control: control, api: api.Mount(api.Options{Door: d, Control: control, Alerts: alerts, Version: "test"}), tokens: tokens, log: log, db: db}
}

// session signs a user in and answers the cookie.
func (f *face) session(t *testing.T, user string) string {
	t.Helper()
	link, err := f.control.SignInLink(t.Context(), access.OperatorActor("test"), user)
	if err != nil {
		t.Fatal(err)
	}
	in, err := f.control.Redeem(t.Context(), link.Reveal(), access.Visit{Face: access.FaceWeb, Address: "192.0.2.7", Agent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return in.Cookie.Reveal()
}

const base = "/api/admin/environments"

// as puts a credential on a request: a token, or a session's cookie with what
// a browser sends beside it.
func as(credential string) func(*http.Request) {
	return func(r *http.Request) {
		switch {
		case credential == "":
		case strings.HasPrefix(credential, "edk_"):
			r.Header.Set("Authorization", "Bearer "+credential)
		default:
			r.AddCookie(&http.Cookie{Name: access.SessionCookieLoopback, Value: credential})
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			r.Header.Set("Origin", "http://127.0.0.1:4280")
		}
	}
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func (f *face) ask(method, path, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:4280"+path, strings.NewReader(body))
	if body == "" {
		r.Body = http.NoBody
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, fn := range change {
		fn(r)
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder, status int) T {
	t.Helper()
	var v T
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return v
}

var update = flag.Bool("update", false, "write openapi.yaml anew")

func TestTheDocumentIsTheOneInTheRepository(t *testing.T) {
	got, err := open(t).api.Document()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("openapi.yaml", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("openapi.yaml is not what the code says; look at the change, then: go test ./internal/api -update\n%s", diff)
	}
}

type openAPI struct {
	Paths map[string]map[string]struct {
		OperationID string         `json:"operationId"`
		Summary     string         `json:"summary"`
		Responses   map[string]any `json:"responses"`
		Parameters  []struct {
			Name, In string
		} `json:"parameters"`
	} `json:"paths"`
}

func TestEveryRouteIsDescribedAndEveryDescriptionIsARoute(t *testing.T) {
	f := open(t)
	doc := decode[openAPI](t, f.ask("GET", "/openapi.json", "", as(f.tokens.Admin.Reveal())), 200)
	var described, mounted []string
	for path, operations := range doc.Paths {
		for method, op := range operations {
			described = append(described, strings.ToUpper(method)+" "+path)
			if op.Summary == "" || op.OperationID == "" {
				t.Errorf("%s %s has no summary or id", method, path)
			}
			if method == "post" && !slices.ContainsFunc(op.Parameters, func(p struct{ Name, In string }) bool { return p.Name == "Idempotency-Key" }) {
				t.Errorf("%s %s does not name Idempotency-Key", method, path)
			}
			if op.Responses["422"] != nil || op.Responses["400"] == nil {
				t.Errorf("%s %s: wrong input is described as %v", method, path, op.Responses)
			}
		}
	}
	for _, r := range f.Routes() {
		mounted = append(mounted, r.Pattern)
	}
	slices.Sort(described)
	slices.Sort(mounted)
	if diff := cmp.Diff(mounted, described); diff != "" {
		t.Errorf("mounted -, described +:\n%s", diff)
	}
}

func TestWrongInputIsNamedWithItsPlaceAndNotRepeated(t *testing.T) {
	f := open(t)
	const canary = "hunter2-canary"
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		place              string
	}{
		"unknown field":            {"POST", base + "/tokens", `{"scope":"api","name":"n","rôle":"` + canary + `"}`, 400, "body.rôle"},
		"field in another case":    {"POST", base + "/tokens", `{"Scope":"api","name":"n"}`, 400, "body.Scope"},
		"not one of the values":    {"POST", base + "/users", `{"login":"x","role":"` + canary + `"}`, 400, "body.role"},
		"wrong type":               {"POST", base + "/users", `{"login":"x","role":["` + canary + `"]}`, 400, "body.role"},
		"number out of range":      {"POST", base + "/users", `{"login":1e999,"role":"ADMIN"}`, 400, "body"},
		"too long":                 {"POST", base + "/users", `{"login":"` + strings.Repeat(canary, 9) + `","role":"ADMIN"}`, 400, "body.login"},
		"not JSON":                 {"POST", base + "/users", `{"login":` + canary, 400, "body"},
		"an expiry that is none":   {"POST", base + "/tokens", `{"scope":"api","name":"n","expires":"` + canary + `"}`, 400, "body.expires"},
		"an expiry too far":        {"POST", base + "/tokens", `{"scope":"api","name":"n","expires":"367d"}`, 400, "body.expires"},
		"password beside others":   {"PATCH", base + "/users/x", `{"name":"x","password":"` + canary + `"}`, 400, "body.password"},
		"nothing to change":        {"PATCH", base + "/users/x", `{}`, 400, "body"},
		"unknown parameter":        {"GET", base + "/audit?actoin=x&x=" + canary, "", 400, "query.actoin"},
		"not a number":             {"GET", base + "/audit?limit=" + canary, "", 400, "query.limit"},
		"a page too long":          {"GET", base + "/audit?limit=501", "", 400, "query.limit"},
		"not a time":               {"GET", base + "/audit?from=" + canary, "", 400, "query.from"},
		"not a format":             {"GET", base + "/audit?format=" + canary, "", 400, "query.format"},
		"not a head":               {"GET", base + "/audit/verify?head=" + canary, "", 400, "query.head"},
		"not an entry's number":    {"GET", base + "/audit/" + canary, "", 400, "path.seq"},
		"another type of content":  {"POST", base + "/users", `login=` + canary, 415, "body"},
		"a body that is not there": {"POST", base + "/users", "", 400, ""},
		"a body that is too long":  {"POST", base + "/users", strings.Repeat(" ", door.MaxBody+1), 413, ""},
	} {
		t.Run(name, func(t *testing.T) {
			change := []func(*http.Request){as(f.tokens.SuperAdmin.Reveal())}
			if c.status == 415 {
				change = append(change, header("Content-Type", "application/x-www-form-urlencoded"))
			}
			w := f.ask(c.method, c.path, c.body, change...)
			p := decode[door.Problem](t, w, c.status)
			if w.Header().Get("Content-Type") != "application/problem+json" || p.Request == "" || p.Request != w.Header().Get("Envdeck-Request") {
				t.Errorf("not a whole problem: %s %s", w.Header(), w.Body)
			}
			if strings.Contains(w.Body.String(), canary) {
				t.Errorf("the value comes back: %s", w.Body)
			}
			if c.place != "" && !slices.ContainsFunc(p.Errors, func(e door.ProblemPlace) bool { return e.Location == c.place }) {
				t.Errorf("no place %s: %s", c.place, w.Body)
			}
		})
	}
}

func TestAddressesAndMethodsThatAreNotThere(t *testing.T) {
	f := open(t)
	token := as(f.tokens.SuperAdmin.Reveal())
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", base + "/nothing", 404, ""},
		{"POST", base + "/status", 405, "GET, HEAD"},
		{"PUT", base + "/tokens", 405, "GET, HEAD, POST"},
		{"GET", base + "/users/x", 405, "PATCH"},
		{"DELETE", base + "/audit/1", 405, "GET, HEAD"},
	} {
		w := f.ask(c.method, c.path, "", token)
		p := decode[door.Problem](t, w, c.status)
		if p.Status != c.status || p.Kind == "" || w.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s: %s Allow %q", c.method, c.path, w.Body, w.Header().Get("Allow"))
		}
	}
	if w := f.ask("HEAD", base+"/audit/head", "", token); w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("HEAD: %d %s", w.Code, w.Header())
	}
	if _, err := io.Copy(io.Discard, f.ask("GET", "/api/health", "").Body); err != nil {
		t.Error(err)
	}
}
