package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/provider/all"
)

// openDemo is the whole product on the simulator, with nothing running.
func openDemo(t *testing.T) *Demo {
	t.Helper()
	var blocks []config.BlockKind
	for _, k := range all.Kinds() {
		blocks = append(blocks, config.BlockKind{Name: k.Name, Block: k.Block, FromEnv: k.FromEnv})
	}
	d, err := NewDemo(context.WithoutCancel(t.Context()), DemoOptions{
		Listen: "127.0.0.1:0", Data: t.TempDir(), Speed: 1, Version: "test", Log: slog.New(slog.DiscardHandler), Getenv: os.Getenv, Blocks: blocks,
	})
	if err != nil {
		t.Fatal(err)
	}
	// The outside answers; the server's own loops do not run, so that nothing
	// changes but by what is asked.
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var outside sync.WaitGroup
	outside.Go(func() { _ = d.simulation.Run(ctx) })
	t.Cleanup(func() {
		if err := d.app.Close(); err != nil {
			t.Error(err)
		}
		cancel()
		outside.Wait()
		d.Close()
	})
	return d
}

// caller is one sort of whoever may ask. dress puts its credential on a
// request; actor is who that makes them, nil when the credential is refused.
type caller struct {
	name  string
	dress func(*http.Request)
	actor *access.Actor
}

func withToken(text string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+text) }
}

func callers(t *testing.T, d *Demo) []caller {
	t.Helper()
	control, operator := d.Control(), access.OperatorActor("test")
	token := func(owner string, s access.Scope) func(*http.Request) {
		_, text, err := control.IssueToken(t.Context(), operator, access.TokenRequest{Owner: owner, Scope: s, Name: "test"})
		if err != nil {
			t.Fatal(err)
		}
		return withToken(text.Reveal())
	}
	// A new session every time: some routes end the one that asks.
	session := func(user string) func(*http.Request) {
		return func(r *http.Request) {
			link, err := control.SignInLink(r.Context(), operator, user)
			if err != nil {
				t.Fatal(err)
			}
			in, err := control.Redeem(r.Context(), link.Reveal(), access.Visit{Face: access.FaceWeb})
			if err != nil {
				t.Fatal(err)
			}
			r.AddCookie(&http.Cookie{Name: access.SessionCookieLoopback, Value: in.Cookie.Reveal()})
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			r.Header.Set("Origin", "http://"+r.Host)
		}
	}
	gone, err := control.CreateUser(t.Context(), operator, access.NewUser{Login: "gone", Role: access.SuperAdmin})
	if err != nil {
		t.Fatal(err)
	}
	disabled := token(gone.ID, access.API)
	yes := true
	if _, err := control.ChangeUser(t.Context(), operator, gone.ID, access.UserChange{Disabled: &yes}); err != nil {
		t.Fatal(err)
	}
	machine := func(s access.Scope, r access.Role) *access.Actor {
		return &access.Actor{Kind: access.Machine, ID: "u", TokenID: "t", Scope: s, Role: r}
	}
	person := func(r access.Role) *access.Actor {
		return &access.Actor{Kind: access.Person, ID: "u", SessionID: "s", Role: r}
	}
	super, admin := d.Tokens.SuperAdminID, d.Tokens.AdminID
	return []caller{
		{"nobody", func(*http.Request) {}, &access.Actor{}},
		{"disabled SUPER_ADMIN's token", disabled, nil},
		{"ping token", token(super, access.Ping), machine(access.Ping, access.SuperAdmin)},
		{"report token", token(super, access.Report), machine(access.Report, access.SuperAdmin)},
		{"mcp token", token(super, access.MCP), machine(access.MCP, access.SuperAdmin)},
		{"ADMIN's token", withToken(d.Tokens.Admin.Reveal()), machine(access.API, access.Admin)},
		{"SUPER_ADMIN's token", withToken(d.Tokens.SuperAdmin.Reveal()), machine(access.API, access.SuperAdmin)},
		{"ADMIN's session", session(admin), person(access.Admin)},
		{"SUPER_ADMIN's session", session(super), person(access.SuperAdmin)},
	}
}

var wildcard = regexp.MustCompile(`\{[^}]*\}`)

// pathOf fills a pattern's wildcards with what is nowhere.
func pathOf(pattern string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	path = strings.ReplaceAll(path, "{$}", "")
	path = strings.ReplaceAll(path, "{seq}", "999999")
	return method, wildcard.ReplaceAllString(path, "nobody-there")
}

func (d *Demo) ask(t *testing.T, method, path string, dress func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:4280"+path, http.NoBody)
	dress(r)
	w := httptest.NewRecorder()
	d.app.Handler().ServeHTTP(w, r)
	return w
}

// Every route of the server, with every sort of caller, gives what the policy
// says: 401 when nobody is asking, 403 when somebody is who may not, and
// anything else when they may.
func TestPolicyMatrix(t *testing.T) {
	d := openDemo(t)
	all := callers(t, d)
	routes := d.app.door.Routes()
	if len(routes) < 30 {
		t.Fatalf("the server has only %d routes", len(routes))
	}
	for _, route := range routes {
		if route.Use == access.None {
			t.Errorf("%s has no policy", route.Pattern)
		}
		method, path := pathOf(route.Pattern)
		for i, c := range all {
			w := d.ask(t, method, path, func(r *http.Request) {
				r.RemoteAddr = "[2001:db8:0:" + string(rune('a'+i)) + "::1]:1" // limits are another test's
				c.dress(r)
			})
			if route.Face == access.FaceWeb && route.Use.Open() {
				// Pages ask for themselves, because they send people to sign in.
				if c.actor != nil && !c.actor.Known() && strings.HasPrefix(path, "/admin") && w.Code == http.StatusOK {
					t.Errorf("%s shows itself to nobody", route.Pattern)
				}
				continue
			}
			if route.Face == access.FacePing {
				// The key is in the address, and this one is nobody's: no other
				// credential opens the door instead.
				if w.Code < http.StatusBadRequest {
					t.Errorf("%s as %s: %d without a key", route.Pattern, c.name, w.Code)
				}
				continue
			}
			want := 0 // anything but a refusal
			switch {
			case c.actor == nil:
				want = http.StatusUnauthorized
			case access.Permits(*c.actor, route.Use):
			case c.actor.Known():
				want = http.StatusForbidden
			default:
				want = http.StatusUnauthorized
			}
			refused := w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden
			if want != 0 && w.Code != want || want == 0 && (refused || w.Code == http.StatusTooManyRequests || w.Code == http.StatusInternalServerError) {
				t.Errorf("%s as %s: %d, want %d (%s)", route.Pattern, c.name, w.Code, want, w.Body)
			}
		}
	}
}

// T8: looking changes nothing. The whole server is read twice; the second time
// nothing is any different, not even the record.
func TestT8LookingChangesNothing(t *testing.T) {
	d := openDemo(t)
	super := withToken(d.Tokens.SuperAdmin.Reveal())
	walk := func() {
		for _, route := range d.app.door.Routes() {
			if method, path := pathOf(route.Pattern); method == http.MethodGet {
				d.ask(t, method, path, super)
			}
		}
	}
	state := func() (all []any) {
		for _, path := range []string{"/audit/head", "/users", "/tokens?all=true"} {
			w := d.ask(t, http.MethodGet, "/api/admin/environments"+path, super)
			var v any
			if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != http.StatusOK {
				t.Fatalf("%s: %d %v", path, w.Code, err)
			}
			all = append(all, v)
		}
		return all
	}
	walk() // the first refusals of their sort are recorded
	before := state()
	walk()
	if diff := cmp.Diff(before, state()); diff != "" {
		t.Errorf("reading changed something:\n%s", diff)
	}
}

// T39: what is for developers and for monitoring is not on the public port.
func TestT39NothingOfTheInsideIsOnThePublicPort(t *testing.T) {
	d := openDemo(t)
	super := withToken(d.Tokens.SuperAdmin.Reveal())
	for _, path := range []string{
		"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline", "/debug/vars", "/debug/requests", "/metrics",
		"/_sim", "/_sim/calls", "/vercel/v9/projects", "/actuator/health", "/server-status", "/.git/config", "/.env", "/envdeck.yaml", "/envdeck.db", "/master.key",
	} {
		if w := d.ask(t, http.MethodGet, path, super); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for _, route := range d.app.door.Routes() {
		if strings.Contains(route.Pattern, "debug") || strings.Contains(route.Pattern, "metrics") || strings.Contains(route.Pattern, "_sim") {
			t.Errorf("%s is on the public port", route.Pattern)
		}
	}
}
