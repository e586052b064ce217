package control_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/simulator/control"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

type fixture struct {
	api      *control.API
	exchange *wire.Exchange
	world    *world.World
	advanced time.Duration
}

func setup(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{exchange: wire.NewExchange(clock.Real(), 1), world: world.New(world.Options{})}
	for _, name := range []string{"vercel", "github", "cloudflare", "sentry", "neon"} {
		face := f.exchange.NewFace(name, func(_ *http.Request, e *wire.Error) *wire.Answer { return wire.JSON(e.HTTPStatus(), map[string]any{}) })
		face.Add(wire.Route{Pattern: "GET /ok", Doc: "fine", Handle: func(*wire.Call) (*wire.Answer, error) { return wire.OK(map[string]any{}), nil }})
	}
	f.api = control.New(control.Options{
		World: f.world, Exchange: f.exchange, Clock: clock.Real(),
		Advance:  func(d time.Duration) { f.advanced += d },
		Sections: map[string]func() any{"extra": func() any { return "here" }},
	})
	return f
}

func (f *fixture) call(t *testing.T, method, path, body string, header ...string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:4290"
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	f.api.ServeHTTP(w, r)
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%s %s: no JSON: %s", method, path, w.Body)
	}
	return w.Code, got
}

func TestOnlyThisMachineMayCall(t *testing.T) {
	f := setup(t)
	for name, tc := range map[string]struct {
		header []string
		status int
	}{
		"loopback":        {nil, 200},
		"localhost":       {[]string{"Host", "localhost:4290"}, 200},
		"IPv6":            {[]string{"Host", "[::1]:4290"}, 200},
		"own page":        {[]string{"Origin", "http://127.0.0.1:4290", "Sec-Fetch-Site", "same-origin"}, 200},
		"rebound name":    {[]string{"Host", "evil.example"}, 403},
		"look-alike name": {[]string{"Host", "127.0.0.1.evil.example"}, 403},
		"LAN":             {[]string{"Host", "192.168.1.4:4290"}, 403},
		"other site":      {[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		"sister site":     {[]string{"Sec-Fetch-Site", "same-site"}, 403},
		"other origin":    {[]string{"Origin", "https://evil.example"}, 403},
		"other port":      {[]string{"Origin", "http://127.0.0.1:9"}, 403},
		"null origin":     {[]string{"Origin", "null"}, 403},
	} {
		if status, got := f.call(t, "GET", "/_sim", "", tc.header...); status != tc.status {
			t.Errorf("%s: %d %v, want %d", name, status, got, tc.status)
		}
	}
}

func TestMistakesAreExplained(t *testing.T) {
	f := setup(t)
	for _, tc := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/_sim/nothing", "", 404},
		{"PUT", "/_sim/faults", "", 404},
		{"GET", "/_sim/calls?colour=red", "", 400},
		{"GET", "/_sim/calls?since=x", "", 400},
		{"POST", "/_sim/faults", `{"preset":"explode"}`, 400},
		{"POST", "/_sim/faults", `{"preset":"hang","colour":"red"}`, 400},
		{"POST", "/_sim/faults", `{"preset":"hang"}{}`, 400},
		{"POST", "/_sim/faults", `{"preset":"hang","provider":"acme"}`, 400},
		{"POST", "/_sim/faults", `{"kind":"latency","delay":5}`, 400},
		{"DELETE", "/_sim/faults/f9", "", 404},
		{"POST", "/_sim/world", `{"alias":{"mode":"upside-down"}}`, 400},
		{"POST", "/_sim/world", `{"apps":{"moon":{}}}`, 400},
		{"POST", "/_sim/world", `{"apps":{"prod":{"status":"fine"}}}`, 400},
		{"POST", "/_sim/world", `{"spoil":{"deployment":"dpl_none","ills":[{"kind":"down"}]}}`, 404},
		{"POST", "/_sim/world", `{"plan":"gold"}`, 400},
		{"POST", "/_sim/commits", `{}`, 400},
		{"POST", "/_sim/commits", `{"message":"x","author":"nobody at all"}`, 400},
		{"POST", "/_sim/pulls/99999/merge", `{}`, 404},
		{"POST", "/_sim/scripts/none", "", 404},
		{"POST", "/_sim/clock", `{"advance":"-5m"}`, 400},
	} {
		status, got := f.call(t, tc.method, tc.path, tc.body)
		if status != tc.status || got["error"] == "" || got["hint"] == "" || got["error"] == nil || got["hint"] == nil {
			t.Errorf("%s %s %s = %d %v, want %d with an error and a hint", tc.method, tc.path, tc.body, status, got, tc.status)
		}
	}
	if n := len(f.exchange.Faults.List()); n != 0 {
		t.Errorf("%d rules after nothing but mistakes", n)
	}
}

func TestFaultsAndCalls(t *testing.T) {
	f := setup(t)
	status, rule := f.call(t, "POST", "/_sim/faults", `{"provider":"vercel","preset":"error_503","times":1}`)
	if status != 200 || rule["id"] != "f1" {
		t.Fatalf("%d %v", status, rule)
	}
	for _, want := range []int{503, 200} {
		w := httptest.NewRecorder()
		f.exchange.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/vercel/ok", nil))
		if w.Code != want {
			t.Errorf("status %d, want %d", w.Code, want)
		}
	}
	_, got := f.call(t, "GET", "/_sim/calls?provider=vercel&faulted=true", "")
	if calls := got["calls"].([]any); len(calls) != 1 || calls[0].(map[string]any)["fault"] != "f1" {
		t.Errorf("%v", got)
	}
	if _, got = f.call(t, "GET", "/_sim/calls/count?provider=vercel", ""); got["total"] != 2.0 {
		t.Errorf("%v", got)
	}
	if status, _ = f.call(t, "DELETE", "/_sim/faults/f1", ""); status != 200 {
		t.Errorf("%d", status)
	}
	if status, _ = f.call(t, "DELETE", "/_sim/calls", ""); status != 200 {
		t.Errorf("%d", status)
	}
	if _, got = f.call(t, "GET", "/_sim/calls/count", ""); got["total"] != 0.0 {
		t.Errorf("%v", got)
	}
}

func TestKnobsAndVerbs(t *testing.T) {
	f := setup(t)
	status, got := f.call(t, "POST", "/_sim/world", `{"alias":{"mode":"stuck","once":true},"edge_lag":"90s","apps":{"prod":{"status":"down"}},"plan":"hobby","auto_assign":false}`)
	if status != 200 || got["plan"] != "hobby" || got["extra"] != "here" {
		t.Fatalf("%d %v", status, got)
	}
	if prod := got["apps"].(map[string]any)["prod"].(map[string]any); prod["status"] != "down" {
		t.Errorf("prod: %v", prod)
	}
	status, pushed := f.call(t, "POST", "/_sim/commits", `{"message":"feat: x","files":[{"path":"a.ts"}]}`)
	if status != 200 || len(pushed["sha"].(string)) != 40 || pushed["deployment"] == nil {
		t.Errorf("%d %v", status, pushed)
	}
	status, pull := f.call(t, "POST", "/_sim/pulls", `{"branch":"feat/y","title":"feat: y"}`)
	if status != 200 {
		t.Fatalf("%d %v", status, pull)
	}
	number, _ := json.Marshal(pull["number"])
	path := "/_sim/pulls/" + string(number) + "/merge"
	if status, got = f.call(t, "POST", path, ""); status != 200 || got["sha"] == nil {
		t.Errorf("%d %v", status, got)
	}
	if status, got = f.call(t, "POST", path, ""); status != 409 {
		t.Errorf("merged twice: %d %v", status, got)
	}
	if status, _ = f.call(t, "POST", "/_sim/clock", `{"advance":"5m"}`); status != 200 || f.advanced != 5*time.Minute {
		t.Errorf("%d, advanced %v", status, f.advanced)
	}
}

func TestEveryScriptPlays(t *testing.T) {
	f := setup(t)
	_, got := f.call(t, "GET", "/_sim/scripts", "")
	names := got["scripts"].(map[string]any)
	if len(names) < 10 {
		t.Errorf("only %d scripts", len(names))
	}
	for name := range names {
		if status, answer := f.call(t, "POST", "/_sim/scripts/"+name, ""); status != 200 {
			t.Errorf("%s: %d %v", name, status, answer)
		}
		if status, _ := f.call(t, "GET", "/_sim/scripts/"+name, ""); status != 200 {
			t.Errorf("%s cannot be read", name)
		}
	}
	if status, _ := f.call(t, "POST", "/_sim/scripts/calm", ""); status != 200 || len(f.exchange.Faults.List()) != 0 {
		t.Error("calm left faults behind")
	}
	f.world.View(func(s *world.State) {
		if s.Knobs.Alias.Mode != world.AliasOK || s.Serving(world.Prod).Mode != world.AppUp {
			t.Errorf("calm left knobs turned: %+v", s.Knobs)
		}
	})
}
