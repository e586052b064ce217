package outbound_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
	"github.com/envdeck/envdeck/internal/provider/providertest"
	"github.com/envdeck/envdeck/internal/secret"
)

// acme is a vendor with one read and one write, so the kit's promises are
// proved apart from any room's translation.
var acme = provider.Define("acme", func(func(string) string) (*block, bool) { return nil, false }, open)

type block struct {
	base  string
	token secret.Text
}

func fill(base string, token secret.Text) any { return &block{base, token} }

func open(b *block, deps provider.Deps) (any, error) {
	return outbound.New(outbound.Config{
		Provider: "acme", Title: "Acme", BaseURL: b.base + "/api", Token: b.token, RequestID: "X-Request-Id",
		Codes: []string{"forbidden"}, Code: func(body []byte) string {
			v, err := outbound.Decode[struct{ Code string }](body)
			if err != nil {
				return ""
			}
			return v.Code
		},
		Explain: func(r outbound.Refusal) outbound.Meaning {
			if r.Code == "forbidden" {
				return outbound.Meaning{Kind: fault.Rejected, Text: "give the token the scope read"}
			}
			return outbound.Meaning{}
		},
		Budget: outbound.EpochBudget("X-RateLimit-"), ThrottlesWith403: true, ETags: true,
	}, deps)
}

type thing struct {
	ID string `json:"id"`
}

func call(method, route string, args ...string) func(context.Context, any) error {
	return func(ctx context.Context, api any) error {
		c := api.(*outbound.Client)
		v, _, err := outbound.JSON[thing](ctx, c, outbound.Request{Method: method, Route: route, Args: args})
		if err != nil {
			return err
		}
		if v.ID == "" || v.ID == "x" {
			return c.Unusable(route, outbound.Misfit("the id is missing"))
		}
		return nil
	}
}

var get = call("GET", "/v1/things/{id}", "t/1?x#y")

func TestContract(t *testing.T) {
	providertest.Suite{Kind: acme, Block: fill, Calls: []providertest.Call{
		{Name: "get", Do: get},
		{Name: "post", Do: call("POST", "/v1/things/{id}/go", "t1"), Write: true},
	}}.Run(t)
}

// bubble runs one test on a fresh client in virtual time.
func bubble(t *testing.T, vendor http.HandlerFunc, check func(*testing.T, *providertest.Bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { check(t, providertest.Open(t, acme, fill, vendor)) })
}

func TestPathsAreEscaped(t *testing.T) {
	bubble(t, func(w http.ResponseWriter, r *http.Request) {
		if want := "/api/v1/things/t%2F1%3Fx%23y"; r.URL.EscapedPath() != want {
			t.Errorf("path = %s, want %s", r.URL.EscapedPath(), want)
		}
		_, _ = w.Write([]byte(`{"id":"t1"}`))
	}, func(t *testing.T, b *providertest.Bench) {
		if err := get(t.Context(), b.API); err != nil {
			t.Fatal(err)
		}
		for _, arg := range []string{"", ".", ".."} {
			if f := b.Fault(t, call("GET", "/v1/things/{id}", arg)(t.Context(), b.API)); f.Kind != fault.Invalid {
				t.Errorf("%q: %s, want invalid", arg, f.Kind)
			}
		}
		if n := b.Requests.Load(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

// A file's path is one argument: its slashes part segments, and nothing in them
// leads elsewhere.
func TestPathsOfSeveralSegmentsAreEscaped(t *testing.T) {
	var got []string
	bubble(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.EscapedPath())
		_, _ = w.Write([]byte(`{"id":"t1"}`))
	}, func(t *testing.T, b *providertest.Bench) {
		for _, arg := range []string{"one", "a b/c#d/e?f%2Fg"} {
			if err := call("GET", "/v1/files/{path...}", arg)(t.Context(), b.API); err != nil {
				t.Fatal(err)
			}
		}
		if want := []string{"/api/v1/files/one", "/api/v1/files/a%20b/c%23d/e%3Ff%252Fg"}; !slices.Equal(got, want) {
			t.Errorf("paths %q, want %q", got, want)
		}
		for _, arg := range []string{"", "/a", "a/", "a//b", "a/../b", "..", "./a"} {
			if f := b.Fault(t, call("GET", "/v1/files/{path...}", arg)(t.Context(), b.API)); f.Kind != fault.Invalid {
				t.Errorf("%q: %s, want invalid", arg, f.Kind)
			}
		}
	})
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	bubble(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Request-Id", "fra1::abc-1")
		w.WriteHeader(418)
		_, _ = w.Write([]byte(`{"code":"forbidden","message":"secret words"}`))
	}, func(t *testing.T, b *providertest.Bench) {
		err := get(t.Context(), b.API)
		f := b.Fault(t, err)
		if want := "Acme refused the token (418 forbidden): give the token the scope read"; f.Message != want || f.Kind != fault.Rejected {
			t.Errorf("%s %q, want %q", f.Kind, f.Message, want)
		}
		if provider.OutcomeUnknown(err) {
			t.Error("a refused read leaves no doubt")
		}
	})
}

func TestA403CanMeanTooOften(t *testing.T) {
	for name, header := range map[string]map[string]string{
		"empty budget": {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "946684845"}, // 45 s into the bubble
		"retry after":  {"Retry-After": "45"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(403)
			}, func(t *testing.T, b *providertest.Bench) {
				if f := b.Fault(t, get(t.Context(), b.API)); f.Kind != fault.RateLimited || f.RetryAfter != 45*time.Second {
					t.Errorf("%s after %v, want rate_limited after 45s", f.Kind, f.RetryAfter)
				}
			})
		})
	}
}

func TestAnUnchangedAnswerIsNotReadTwice(t *testing.T) {
	bubble(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		if r.Header.Get("If-None-Match") == `"v1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write([]byte(`{"id":"t1"}`))
	}, func(t *testing.T, b *providertest.Bench) {
		for range 3 {
			if err := get(t.Context(), b.API); err != nil {
				t.Fatal(err)
			}
		}
		var got []int
		for _, c := range b.Meter.Calls() {
			got = append(got, c.Status)
		}
		if len(got) != 3 || got[0] != 200 || got[1] != 304 || got[2] != 304 {
			t.Errorf("statuses %v, want 200 304 304", got)
		}
	})
}

func TestAStumbleIsForgiven(t *testing.T) {
	left := 2
	bubble(t, func(w http.ResponseWriter, _ *http.Request) {
		if left--; left >= 0 {
			w.WriteHeader(503)
			return
		}
		_, _ = w.Write([]byte(`{"id":"t1"}`))
	}, func(t *testing.T, b *providertest.Bench) {
		if err := get(t.Context(), b.API); err != nil {
			t.Error(err)
		}
	})
}

func TestTheBreakerClosesAgain(t *testing.T) {
	down := true
	bubble(t, func(w http.ResponseWriter, _ *http.Request) {
		if down {
			w.WriteHeader(500)
			return
		}
		_, _ = w.Write([]byte(`{"id":"t1"}`))
	}, func(t *testing.T, b *providertest.Bench) {
		for range 6 {
			b.Fault(t, get(t.Context(), b.API))
		}
		down = false
		f := b.Fault(t, get(t.Context(), b.API))
		if f.Kind != fault.Unavailable || f.RetryAfter <= 0 {
			t.Errorf("%s after %v, want unavailable and when to try again", f.Kind, f.RetryAfter)
		}
		if err := clock.Real().Sleep(t.Context(), f.RetryAfter); err != nil {
			t.Fatal(err)
		}
		if err := get(t.Context(), b.API); err != nil {
			t.Errorf("the vendor is back and the breaker still open: %v", err)
		}
	})
}

func TestAWriteThatNeverLeftIsCertain(t *testing.T) {
	var nobody providertest.Network
	api, err := open(&block{providertest.BaseURL, secret.New("t")}, provider.Deps{Dial: nobody.Dial})
	if err != nil {
		t.Fatal(err)
	}
	err = call("POST", "/go")(t.Context(), api)
	if !fault.Is(err, fault.Unavailable) || provider.OutcomeUnknown(err) {
		t.Errorf("%v (outcome unknown %v), want unavailable and certain", err, provider.OutcomeUnknown(err))
	}
}

func TestAWriteWithAnUnreadableAnswerIsUncertain(t *testing.T) {
	bubble(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, func(t *testing.T, b *providertest.Bench) {
		for method, want := range map[string]bool{"GET": false, "POST": true, "DELETE": true} {
			err := call(method, "/v1/things/{id}", "t1")(t.Context(), b.API)
			if f := b.Fault(t, err); f.Kind != fault.BadResponse || provider.OutcomeUnknown(err) != want {
				t.Errorf("%s: %v, outcome unknown %v", method, err, provider.OutcomeUnknown(err))
			}
		}
	})
}

func TestAFactThatHoldsTheTokenIsNotRead(t *testing.T) {
	bubble(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"id":"t1","message":"` + strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") + `"}`))
	}, func(t *testing.T, b *providertest.Bench) {
		if f := b.Fault(t, get(t.Context(), b.API)); f.Kind != fault.BadResponse {
			t.Errorf("%s, want bad_response", f.Kind)
		}
	})
}

func TestBaseURL(t *testing.T) {
	for raw, good := range map[string]bool{
		"https://api.example.com": true, "https://host/api/v3/": true, "http://127.0.0.1:1/x": true, "http://localhost:3": true, "http://[::1]:3": true,
		"": false, "api.example.com": false, "http://example.com": false, "http://localhost.example.com": false, "ftp://host": false,
		"https://user:pw@host": false, "https://host?x=1": false, "https://host#f": false, "https:///path": false, "::": false,
	} {
		u, err := outbound.BaseURL("acme.base_url", raw)
		if (err == nil) != good || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", raw, err)
		}
		if good && strings.HasSuffix(u.Path, "/") {
			t.Errorf("%q keeps its slash", raw)
		}
	}
}

func TestTokensThatAreNone(t *testing.T) {
	for _, token := range []string{"", "two words", "line\nbreak", "tab\t", "ü"} {
		if _, err := open(&block{providertest.BaseURL, secret.New(token)}, provider.Deps{}); !fault.Is(err, fault.Invalid) || token != "" && strings.Contains(err.Error(), token) {
			t.Errorf("%q: %v", token, err)
		}
	}
}

func TestBudgets(t *testing.T) {
	now := time.Unix(1_000_000_000, 0).UTC()
	header := func(kv ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(kv); i += 2 {
			h.Set(kv[i], kv[i+1])
		}
		return h
	}
	for name, c := range map[string]struct {
		read func(http.Header, string) (provider.Budget, bool)
		h    http.Header
		want provider.Budget
		ok   bool
	}{
		"vercel": {
			outbound.EpochBudget("X-RateLimit-"),
			header("X-RateLimit-Limit", "500", "X-RateLimit-Remaining", "499", "X-RateLimit-Reset", "1000000060"),
			provider.Budget{Name: "/r", Limit: 500, Remaining: 499, ResetAt: now.Add(time.Minute)},
			true,
		},
		"github": {
			outbound.EpochBudget("X-RateLimit-"),
			header("X-RateLimit-Limit", "5000", "X-RateLimit-Remaining", "1", "X-RateLimit-Reset", "1000000060000", "X-RateLimit-Resource", "graphql"),
			provider.Budget{Name: "graphql", Limit: 5000, Remaining: 1, ResetAt: now.Add(time.Minute)},
			true,
		},
		"no reset": {
			outbound.EpochBudget("X-RateLimit-"), header("X-RateLimit-Limit", "5", "X-RateLimit-Remaining", "1", "X-RateLimit-Reset", "soon"),
			provider.Budget{Name: "/r", Limit: 5, Remaining: 1},
			true,
		},
		"half":     {outbound.EpochBudget("X-RateLimit-"), header("X-RateLimit-Limit", "5"), provider.Budget{}, false},
		"negative": {outbound.EpochBudget("X-RateLimit-"), header("X-RateLimit-Limit", "-5", "X-RateLimit-Remaining", "1"), provider.Budget{}, false},
		"cloudflare": {
			outbound.WindowBudget(func() time.Time { return now }),
			header("Ratelimit", `"default";r=50;t=30`, "Ratelimit-Policy", `"burst";q=100;w=60`),
			provider.Budget{Name: "default", Limit: 100, Remaining: 50, ResetAt: now.Add(30 * time.Second)},
			true,
		},
		"nonsense": {outbound.WindowBudget(func() time.Time { return now }), header("Ratelimit", `;;r=;t`), provider.Budget{}, false},
	} {
		if got, ok := c.read(c.h, "/r"); got != c.want || ok != c.ok {
			t.Errorf("%s: %+v %v, want %+v %v", name, got, ok, c.want, c.ok)
		}
	}
}

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"one\ntwo":              "one",
		"\n\n one ":             "one",
		"a\x1b[31mred\x00":      "a[31mred",
		"x\u202eevil\u2066":     "xevil",
		strings.Repeat("é", 30): strings.Repeat("é", 8) + "…",
		"bad\xffutf8":           "badutf8",
		"a\u200db":              "a\u200db",
	} {
		if got := outbound.Line(in, 20); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"id":"a"}`, "null", "[]", "\xef\xbb\xbf{}", "<html>", `{"id":1}`, "{} {}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := outbound.Decode[thing](body); err != nil && len(err.Error()) > 100 {
			t.Errorf("the error quotes the answer: %v", err)
		}
	})
}
