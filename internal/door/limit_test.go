package door_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// stopped is a clock that stands still: what was spent does not come back.
type stopped struct{ at time.Time }

func (s stopped) Now() time.Time                                 { return s.at }
func (stopped) Sleep(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() }
func (stopped) Timer(time.Duration) (<-chan time.Time, func())   { return nil, func() {} }
func from(address string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = address }
}

func with(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func openWith(t testing.TB, o door.Options) *entrance {
	t.Helper()
	keys, err := access.NewKeys(secret.New(strings.Repeat("k", 40)))
	if err != nil {
		t.Fatal(err)
	}
	log := &bytes.Buffer{}
	o.Log = slog.New(slog.NewJSONHandler(log, nil))
	ctx := context.WithoutCancel(t.Context())
	o.Control, err = access.New(ctx, access.Config{Store: storetest.Open(t), Keys: keys, Clock: clock.Real(), Log: o.Log})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := o.Control.Bootstrap(ctx, access.OperatorActor("test"), true)
	if err != nil {
		t.Fatal(err)
	}
	e := &entrance{Door: door.New(o), control: o.Control, tokens: tokens, log: log}
	who := func(w http.ResponseWriter, _ *http.Request, a access.Actor) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"id": a.ID, "token": a.TokenID, "role": string(a.Role), "address": a.Address})
	}
	e.Handle("GET /api/open", access.FaceAPI, access.PublicHealth, who)
	e.Handle("GET /api/view", access.FaceAPI, access.ViewStatus, who)
	e.HandleReady("GET /api/ready", access.FaceAPI, access.ViewStatus, who)
	return e
}

// T22: whoever floods is told to wait, and nobody else notices: not even
// those behind the same address.
func TestT22AFloodStopsOnlyTheFlooder(t *testing.T) {
	e := openWith(t, door.Options{
		Clock:  stopped{time.Now()},
		Limits: door.Limits{Caller: door.Rate{PerSecond: 10, Burst: 30}, Address: door.Rate{PerSecond: 10, Burst: 20}},
	})
	count := func(n int, path string, change ...func(*http.Request)) (passed int, last *httptest.ResponseRecorder) {
		for range n {
			if last = e.ask("GET", path, change...); last.Code != http.StatusTooManyRequests {
				passed++
			}
		}
		return passed, last
	}
	const flood = 3000
	// The first request of a token is a stranger's until it is known.
	if passed, last := count(flood, "/api/view", bearer(e.tokens.Admin)); passed != 30 || last.Header().Get("Retry-After") == "" {
		t.Errorf("%d of a flood with one token passed, want the burst of 30; Retry-After %q", passed, last.Header().Get("Retry-After"))
	}
	if passed, _ := count(30, "/api/view", bearer(e.tokens.SuperAdmin)); passed != 30 {
		t.Errorf("another token at the same address: %d of 30 passed", passed)
	}
	if passed, _ := count(flood, "/api/ready", bearer(e.tokens.Admin)); passed != flood {
		t.Errorf("answers that lie ready: %d of %d passed", passed, flood)
	}
	if passed, _ := count(flood, "/api/open"); passed != 18 {
		t.Errorf("%d strangers at the address passed, want the 18 that its tokens left", passed)
	}
	madeUp := bearer(secret.New("edk_api_" + strings.Repeat("a", 36)))
	if passed, _ := count(flood, "/api/view", madeUp); passed != 0 {
		t.Errorf("%d made-up tokens passed at an address that is spent", passed)
	}
	if passed, _ := count(1, "/api/view", bearer(e.tokens.SuperAdmin)); passed != 0 {
		t.Errorf("a token that has spent its burst passed")
	}
	if passed, _ := count(20, "/api/open", from("198.51.100.7:1")); passed != 20 {
		t.Errorf("another address: %d of 20 passed", passed)
	}
}

func TestAnIPv6CustomerIsOneAddress(t *testing.T) {
	e := openWith(t, door.Options{Clock: stopped{time.Now()}, Limits: door.Limits{Address: door.Rate{PerSecond: 1, Burst: 5}}})
	passed := 0
	for i := range 100 {
		if e.ask("GET", "/api/open", from(fmt.Sprintf("[2001:db8:1:2::%x]:443", i+1))).Code == 200 {
			passed++
		}
	}
	if passed != 5 {
		t.Errorf("%d requests of one /64 passed, want 5", passed)
	}
	if e.ask("GET", "/api/open", from("[2001:db8:1:3::1]:443")).Code != 200 {
		t.Error("the next /64 is held back too")
	}
}

// A token that was revoked is a stranger's from the first refusal on.
func TestARevokedTokenIsCountedAsAStranger(t *testing.T) {
	e := openWith(t, door.Options{Clock: stopped{time.Now()}, Limits: door.Limits{Address: door.Rate{PerSecond: 1, Burst: 5}}})
	list, err := e.control.Tokens(t.Context(), access.OperatorActor("test"), true)
	if err != nil {
		t.Fatal(err)
	}
	e.ask("GET", "/api/view", bearer(e.tokens.Admin)) // known, and one of five spent
	for _, tok := range list {
		if err := e.control.RevokeToken(t.Context(), access.OperatorActor("test"), tok.ID, "test"); err != nil {
			t.Fatal(err)
		}
	}
	codes := map[int]int{}
	for range 50 {
		codes[e.ask("GET", "/api/view", bearer(e.tokens.Admin)).Code]++
	}
	if codes[401] != 5 || codes[429] != 45 { // the one that unmasks it, and four of the address
		t.Errorf("answers %v, want 5 times 401 and then 429", codes)
	}
}

// T26: the client's address comes from the connection, or from our own
// proxies, and from nobody else.
func TestT26SpoofedForwardedForIsIgnored(t *testing.T) {
	ours := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, c := range map[string]struct {
		proxies   []netip.Prefix
		peer      string
		forwarded []string
		want      string
	}{
		"no proxies: the header is anybody's":     {nil, "203.0.113.9:1", []string{"1.2.3.4"}, "203.0.113.9"},
		"not from a proxy of ours":                {ours, "203.0.113.9:1", []string{"1.2.3.4"}, "203.0.113.9"},
		"from ours":                               {ours, "10.1.1.1:1", []string{"203.0.113.9"}, "203.0.113.9"},
		"what the client wrote itself":            {ours, "10.1.1.1:1", []string{"1.2.3.4, 203.0.113.9"}, "203.0.113.9"},
		"an address of ours that the client made": {ours, "10.1.1.1:1", []string{"10.9.9.9, 203.0.113.9"}, "203.0.113.9"},
		"two proxies of ours":                     {ours, "10.1.1.1:1", []string{"1.2.3.4, 203.0.113.9, 10.2.2.2"}, "203.0.113.9"},
		"in several lines":                        {ours, "10.1.1.1:1", []string{"1.2.3.4", "203.0.113.9", "10.2.2.2"}, "203.0.113.9"},
		"IPv6":                                    {ours, "[fd00::1]:1", []string{"2001:db8::7"}, "2001:db8::7"},
		"IPv4 in IPv6":                            {ours, "[::ffff:10.1.1.1]:1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		"rubbish on the right":                    {ours, "10.1.1.1:1", []string{"203.0.113.9, x"}, "10.1.1.1"},
		"rubbish behind what is known":            {ours, "10.1.1.1:1", []string{"x, 203.0.113.9"}, "203.0.113.9"},
		"nothing":                                 {ours, "10.1.1.1:1", []string{""}, "10.1.1.1"},
		"only ours":                               {ours, "10.1.1.1:1", []string{"10.3.3.3"}, "10.3.3.3"},
	} {
		t.Run(name, func(t *testing.T) {
			e := openWith(t, door.Options{Proxies: c.proxies})
			w := e.ask("GET", "/api/view", bearer(e.tokens.Admin), from(c.peer), func(r *http.Request) { r.Header["X-Forwarded-For"] = c.forwarded })
			var a map[string]string
			if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || a["address"] != c.want {
				t.Errorf("address %q, want %q (%v)", a["address"], c.want, err)
			}
		})
	}
	// And it buys no second bucket.
	e := openWith(t, door.Options{Clock: stopped{time.Now()}, Limits: door.Limits{Address: door.Rate{PerSecond: 1, Burst: 3}}})
	passed := 0
	for i := range 50 {
		if e.ask("GET", "/api/open", with("X-Forwarded-For", fmt.Sprintf("1.2.3.%d", i)), with("X-Real-IP", fmt.Sprintf("1.2.3.%d", i))).Code == 200 {
			passed++
		}
	}
	if passed != 3 {
		t.Errorf("%d requests passed with made-up addresses, want 3", passed)
	}
}

// T13: however many ask at once, nobody is taken for somebody else.
func TestT13NobodyIsTakenForSomebodyElse(t *testing.T) {
	e := openWith(t, door.Options{})
	const principals, requests = 8, 10_000
	want := make([]map[string]string, principals)
	token := make([]secret.Text, principals)
	for i := range principals {
		role := access.Roles()[i%2]
		u, err := e.control.CreateUser(t.Context(), access.OperatorActor("test"), access.NewUser{Login: fmt.Sprintf("p%d", i), Role: role})
		if err != nil {
			t.Fatal(err)
		}
		tok, text, err := e.control.IssueToken(t.Context(), access.OperatorActor("test"), access.TokenRequest{Owner: u.ID, Scope: access.API, Name: "t"})
		if err != nil {
			t.Fatal(err)
		}
		token[i], want[i] = text, map[string]string{"id": u.ID, "token": tok.ID, "role": string(role), "address": fmt.Sprintf("192.0.2.%d", i)}
	}
	var next, crossed atomic.Int64
	var running sync.WaitGroup
	for range 16 {
		running.Go(func() {
			for n := next.Add(1); n <= requests; n = next.Add(1) {
				i := int(n) % principals
				w := e.ask("GET", "/api/ready", bearer(token[i]), from(want[i]["address"]+":9"))
				var got map[string]string
				if json.Unmarshal(w.Body.Bytes(), &got) != nil {
					crossed.Add(1)
				}
				for field := range want[i] {
					if got[field] != want[i][field] {
						crossed.Add(1)
					}
				}
			}
		})
	}
	running.Wait()
	if n := crossed.Load(); n != 0 {
		t.Errorf("%d fields of %d answers belong to somebody else", n, requests)
	}
}

// Sinks of the benchmark.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkReadyGet is the whole way of a GET with a token to an answer that
// lies ready.
func BenchmarkReadyGet(b *testing.B) {
	e := openWith(b, door.Options{})
	e.HandleReady("GET /api/bytes", access.FaceAPI, access.ViewStatus, func(w http.ResponseWriter, _ *http.Request, _ access.Actor) {
		_, _ = io.WriteString(w, "ready")
	})
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:4280/api/bytes", nil)
	r.Header.Set("Authorization", "Bearer "+e.tokens.Admin.Reveal())
	b.ReportAllocs()
	for b.Loop() {
		e.ServeHTTP(discard{http.Header{}}, r)
	}
}
