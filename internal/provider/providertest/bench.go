package providertest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/secret"
)

// Where the in-memory vendor lives, and where it would like the token sent.
const (
	Host      = "127.0.0.1:80"
	BaseURL   = "http://127.0.0.1"
	elsewhere = "127.0.0.2:80"
)

// canary is the token. If it is seen anywhere but at the vendor, it leaked. It
// looks like an id, so that checks of form alone do not stop it.
const canary = "cnry-7f3a9b.51e0c4d2"

// Bench is one client on an in-memory vendor, with everything it says caught.
type Bench struct {
	API      any
	Network  *Network
	Meter    *Meter
	Requests atomic.Int64 // that reached the vendor

	mu   sync.Mutex
	text bytes.Buffer // every log line and every error
}

// Open serves the handler as the vendor and opens a client on it.
func Open(t testing.TB, kind provider.Kind, block func(base string, token secret.Text) any, vendor http.Handler) *Bench {
	t.Helper()
	b := &Bench{Network: new(Network), Meter: new(Meter)}
	b.Network.Serve(t, Host, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.Requests.Add(1)
		if got := r.Header.Get("Authorization"); got != "Bearer "+canary {
			t.Errorf("%s %s came without the token", r.Method, r.URL.Path)
		}
		vendor.ServeHTTP(w, r)
	}))
	b.Network.Serve(t, elsewhere, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a request went to another host")
	}))
	filled := block(BaseURL, secret.New(canary))
	if v, ok := filled.(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			t.Fatalf("the block is refused: %v", err)
		}
	}
	api, err := kind.Open(filled, provider.Deps{
		Project: "web", Clock: clock.Real(), Meter: b.Meter, UserAgent: "envdeck/test", Dial: b.Network.Dial,
		Log: slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	b.API = api
	t.Cleanup(func() { b.leaks(t) })
	return b
}

// Write catches log lines.
func (b *Bench) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// Fault notes every form of an error for the search of leaks, and answers it
// as a fault of the vendor; anything else fails the test.
func (b *Bench) Fault(t testing.TB, err error) *fault.Error {
	t.Helper()
	if err == nil {
		t.Fatal("no error where there must be one")
	}
	f := fault.From(err)
	_, _ = fmt.Fprintf(b, "%v\n%+v\n%#v\n%q\n%s\n%v\n", err, err, err, err, f.Message, f.Places)
	for cause := err; cause != nil; {
		_, _ = fmt.Fprintf(b, "%v %+v\n", cause, cause)
		u, ok := cause.(interface{ Unwrap() error })
		if !ok {
			break
		}
		cause = u.Unwrap()
	}
	if f.Kind == fault.Internal {
		t.Errorf("an outside failure became an internal one: %v", err)
	}
	if f.Kind != fault.Internal && f.Provider == "" && f.Kind != fault.Invalid {
		t.Errorf("the fault does not name the provider: %v", err)
	}
	return f
}

// leaks looks for the token in everything that was said, in the forms that
// text takes on its way.
func (b *Bench) leaks(t testing.TB) {
	b.mu.Lock()
	said := strings.ToLower(b.text.String())
	b.mu.Unlock()
	said += strings.ToLower(fmt.Sprint(b.Meter.Calls(), b.Meter.Budgets()))
	for _, form := range []string{
		canary, url.QueryEscape(canary), url.PathEscape(canary), hex.EncodeToString([]byte(canary)),
		base64.StdEncoding.EncodeToString([]byte(canary)), base64.URLEncoding.EncodeToString([]byte(canary)),
		canary[:8],
	} {
		if strings.Contains(said, strings.ToLower(form)) {
			t.Errorf("the token leaked as %s:\n%s", form, said)
		}
	}
}

// Meter remembers what was counted.
type Meter struct {
	mu      sync.Mutex
	calls   []Counted
	budgets []provider.Budget
}

// Counted is one counted attempt.
type Counted struct {
	Provider, Route string
	Status          int
}

// Called implements provider.Meter.
func (m *Meter) Called(provider, route string, status int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, Counted{provider, route, status})
}

// Budget implements provider.Meter.
func (m *Meter) Budget(_ string, b provider.Budget) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.budgets = append(m.budgets, b)
}

// Calls lists the counted attempts.
func (m *Meter) Calls() []Counted {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Counted(nil), m.calls...)
}

// Budgets lists the limits that were seen.
func (m *Meter) Budgets() []provider.Budget {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]provider.Budget(nil), m.budgets...)
}
