package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/app"
	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/provider/all"
	"github.com/envdeck/envdeck/internal/status"
)

// deck is the whole program on the simulator.
type deck struct {
	*app.Demo
	log  *safeBuffer
	data string // its folder
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string { s.mu.Lock(); defer s.mu.Unlock(); return s.b.String() }

func start(t *testing.T, change ...func(*app.DemoOptions)) *deck {
	t.Helper()
	var blocks []config.BlockKind
	for _, k := range all.Kinds() {
		blocks = append(blocks, config.BlockKind{Name: k.Name, Block: k.Block, FromEnv: k.FromEnv})
	}
	log := &safeBuffer{}
	ctx, cancel := context.WithCancel(t.Context())
	o := app.DemoOptions{
		Listen: "127.0.0.1:0", Data: t.TempDir(), Speed: 1, Version: "test", Getenv: func(string) string { return "" }, Blocks: blocks,
		Log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, fn := range change {
		fn(&o)
	}
	d, err := app.NewDemo(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := d.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	if err := d.Filled(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &deck{Demo: d, log: log, data: o.Data}
}

func (d *deck) get(t *testing.T, path string, change ...func(*http.Request)) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+d.Tokens.Admin.Reveal())
	for _, fn := range change {
		fn(r)
	}
	return do(t, d.near(), r)
}

// near is a client without a network between it and the server.
func (d *deck) near() *http.Client { return &http.Client{Transport: inProcess{d.Handler()}} }

type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	served := r.Clone(r.Context())
	served.RemoteAddr, served.Host = "127.0.0.1:50000", r.URL.Host
	if served.Body == nil {
		served.Body = http.NoBody
	}
	p.handler.ServeHTTP(w, served)
	return w.Result(), nil
}

func do(t *testing.T, c *http.Client, r *http.Request) (*http.Response, []byte) {
	t.Helper()
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, body
}

// sim calls the simulator's control API.
func (d *deck) sim(t *testing.T, method, path, body string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+d.Simulator()+"/_sim"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, text := do(t, http.DefaultClient, r)
	if answer.StatusCode >= 300 {
		t.Fatalf("%s %s: %s %s", method, path, answer.Status, text)
	}
	return text
}

func (d *deck) status(t *testing.T) status.Status {
	t.Helper()
	answer, body := d.get(t, "/api/admin/environments/status")
	var s status.Status
	if err := json.Unmarshal(body, &s); err != nil || answer.StatusCode != 200 {
		t.Fatalf("status: %s %v", answer.Status, err)
	}
	return s
}

// browser signs in with a one-use link, as a person does.
func (d *deck) browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := d.near()
	c.Jar = jar
	link, err := d.Control().SignInLink(t.Context(), access.OperatorActor("test"), d.Tokens.AdminID)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL()+"/sign-in/link", strings.NewReader(url.Values{"token": {link.Reveal()}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", d.URL())
	answer, body := do(t, c, r)
	if answer.StatusCode != 200 || !strings.Contains(string(body), "Environments") {
		t.Fatalf("signing in: %s\n%s", answer.Status, body)
	}
	return c
}

func (d *deck) page(t *testing.T, c *http.Client, path string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, body := do(t, c, r)
	if answer.StatusCode != 200 {
		t.Fatalf("%s: %s", path, answer.Status)
	}
	return string(body)
}

func TestStatusHasItsShapeAndEveryLaneIsFilled(t *testing.T) {
	d := start(t)
	_, body := d.get(t, "/api/admin/environments/status")
	var raw struct {
		Environments map[string]map[string]any
		LastUpdated  string
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		t.Fatal(err)
	}
	text := map[string]bool{"name": true, "url": true, "commit": true, "commitMessage": true, "branch": true, "deployedAt": true, "deployedBy": true, "health": true, "healthCheckedAt": true}
	for _, name := range []string{"next", "prod"} {
		e := raw.Environments[name]
		for field := range text {
			if _, ok := e[field].(string); !ok {
				t.Errorf("%s.%s is %v, want text", name, field, e[field])
			}
		}
		if _, ok := e["errorCount24h"].(float64); !ok {
			t.Errorf("%s.errorCount24h is %v", name, e["errorCount24h"])
		}
		if prs, ok := e["prsIncluded"].([]any); !ok || len(prs) == 0 {
			t.Errorf("%s.prsIncluded is %v", name, e["prsIncluded"])
		}
		if e["health"] != "healthy" || len(e["commit"].(string)) != 7 {
			t.Errorf("%s: health %v, commit %v", name, e["health"], e["commit"])
		}
	}
	if n, ok := raw.Environments["prod"]["activeUsers"].(float64); !ok || n <= 0 {
		t.Errorf("prod.activeUsers is %v", raw.Environments["prod"]["activeUsers"])
	}
	if raw.Environments["dev"]["branch"] == nil || raw.LastUpdated == "" {
		t.Errorf("dev is %v, lastUpdated %q", raw.Environments["dev"], raw.LastUpdated)
	}
	page := d.page(t, d.browser(t), "/admin/environments")
	for _, want := range []string{"dev", "next", "prod", *d.status(t).Environments["prod"].Commit, *d.status(t).Environments["next"].Commit} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestNothingIsServedToNobody(t *testing.T) {
	d := start(t)
	for _, path := range []string{"/api/admin/environments/status", "/api/admin/environments/deployments", "/admin/environments", "/openapi.json", "/api/health?detailed=true"} {
		c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, body := do(t, c, r)
		signIn := answer.StatusCode == http.StatusSeeOther && strings.HasPrefix(answer.Header.Get("Location"), "/sign-in")
		if answer.StatusCode != http.StatusUnauthorized && !signIn {
			t.Errorf("%s: %s", path, answer.Status)
		}
		if prod := d.status(t).Environments["prod"]; strings.Contains(string(body), *prod.Commit) {
			t.Errorf("%s shows facts to nobody", path)
		}
	}
	answer, body := d.get(t, "/api/health", func(r *http.Request) { r.Header.Del("Authorization") })
	if answer.StatusCode != 200 || string(body) != `{"status":"ok"}` {
		t.Errorf("the open health answer is %s %q", answer.Status, body)
	}
}

func TestAnUnchangedAnswerIsA304WithItsAge(t *testing.T) {
	d := start(t)
	for _, path := range []string{"/api/admin/environments/status", "/api/admin/environments/deployments"} {
		first, _ := d.get(t, path)
		again, body := d.get(t, path, func(r *http.Request) { r.Header.Set("If-None-Match", first.Header.Get("ETag")) })
		if again.StatusCode != http.StatusNotModified || len(body) != 0 || !strings.Contains(again.Header.Get("Envdeck-Age"), "vercel=") {
			t.Errorf("%s: %s, age %q", path, again.Status, again.Header.Get("Envdeck-Age"))
		}
	}
}

// callsTo counts what left for the providers, by route.
func (d *deck) callsTo() map[string]int {
	counts := map[string]int{}
	for _, c := range d.Simulation().Exchange().Calls.Counts("", "", "") {
		counts[c.Provider+" "+c.Method+" "+c.Route] += int(c.Calls)
	}
	return counts
}

func TestReadersCauseNoCalls(t *testing.T) {
	d := start(t)
	browser := d.browser(t)
	before := d.callsTo()
	var readers sync.WaitGroup
	for range 20 {
		readers.Go(func() {
			for range 50 {
				d.status(t)
			}
			d.page(t, browser, "/admin/environments")
			d.page(t, browser, "/admin/environments/deployments")
		})
	}
	readers.Wait()
	if after := d.callsTo(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("1,040 reads changed the count of calls:\n%v\n%v", before, after)
	}
}

func TestAThousandReadersOfAnExpiredKeyAreOneCall(t *testing.T) {
	d := start(t)
	before := d.callsTo()
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 1000 {
		readers.Go(func() {
			for {
				d.get(t, "/api/admin/environments/status")
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	d.Refresh(t.Context()) // every key is due at once, while they all read
	close(stop)
	readers.Wait()
	for route, n := range d.callsTo() {
		want := before[route] * 2
		if strings.HasPrefix(route, "github") || strings.HasSuffix(route, "{idOrUrl}") {
			want = before[route] // a commit and a build never change: they were read once for good
		}
		if n != want {
			t.Errorf("%s: %d calls, want %d", route, n, want)
		}
	}
}

// presets are the faults that every provider is broken with in turn.
var presets = []string{
	"error_500", "error_503", "unauthorized", "forbidden", "not_found", "rate_limited",
	"hang", "hang_body", "reset", "malformed", "html", "empty", "close", "echo_token",
}

var anyToken = regexp.MustCompile(`sim_(vercel|github|cloudflare|sentry|neon)_[a-z]+`)

// TestF1EveryProviderBrokenInEveryWay is the table of providers and faults: the
// page renders, what was known stays with its age, what is broken says so,
// nothing wrong is green, and no token is anywhere.
func TestF1EveryProviderBrokenInEveryWay(t *testing.T) {
	d := start(t)
	browser := d.browser(t)
	good := d.status(t)
	for _, provider := range []string{"vercel", "github", "cloudflare", "sentry", "neon"} {
		for _, preset := range presets {
			t.Run(provider+" "+preset, func(t *testing.T) {
				d.sim(t, http.MethodPost, "/faults", fmt.Sprintf(`{"provider":%q,"preset":%q}`, provider, preset))
				ctx, cancel := context.WithCancel(t.Context())
				var refreshing sync.WaitGroup
				refreshing.Go(func() { d.Refresh(ctx) })
				if !strings.HasPrefix(preset, "hang") {
					refreshing.Wait() // the failure is known now
				}
				got, body := d.status(t), d.page(t, browser, "/admin/environments")
				compare(t, good, got)
				if source := sourceOf(got, provider); source != nil && !strings.HasPrefix(preset, "hang") && provider != "github" {
					if source.Error == nil || !source.Stale || source.Error.Message == "" {
						t.Errorf("the source does not say that it is broken: %+v", source)
					}
				}
				raw, err := json.Marshal(got)
				if err != nil {
					t.Fatal(err)
				}
				for where, text := range map[string]string{"page": body, "status": string(raw), "log": d.log.String()} {
					if token := anyToken.FindString(text); token != "" {
						t.Errorf("the %s shows a token: %s", where, token)
					}
				}
				cancel()
				d.sim(t, http.MethodDelete, "/faults", "")
				refreshing.Wait()
			})
		}
	}
}

func sourceOf(s status.Status, name string) *status.Source {
	for i := range s.Sources {
		if s.Sources[i].Name == name {
			return &s.Sources[i]
		}
	}
	return nil
}

// compare says what a fault may never do: lose or change what was known.
func compare(t *testing.T, good, got status.Status) {
	t.Helper()
	for name, g := range good.Environments {
		e := got.Environments[name]
		if e == nil || g == nil {
			continue
		}
		if e.Commit == nil || g.Commit == nil || *e.Commit != *g.Commit || e.Health != g.Health || e.Lifecycle != g.Lifecycle {
			t.Errorf("%s was %s and is %s", name, dump(g), dump(e))
		}
		if g.ErrorCount24h != nil && (e.ErrorCount24h == nil || *e.ErrorCount24h < *g.ErrorCount24h) {
			t.Errorf("%s lost its errors: %s", name, dump(e))
		}
	}
}

func dump(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
