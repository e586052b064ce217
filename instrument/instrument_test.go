package instrument_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/envdeck/envdeck/instrument"
)

// deckServer takes reports as envdeck does.
type deckServer struct {
	*httptest.Server
	mu      sync.Mutex
	reports []map[string]any
	status  int
}

func serve(t *testing.T) *deckServer {
	t.Helper()
	s := &deckServer{status: 200}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if r.URL.Path != "/api/cron/report" || r.Header.Get("Authorization") != "Bearer tok" || json.NewDecoder(r.Body).Decode(&body) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.reports = append(s.reports, body)
		w.WriteHeader(s.status)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestRunTellsStartAndEnd(t *testing.T) {
	s := serve(t)
	deck := instrument.New(instrument.Options{URL: s.URL + "/", Token: "tok", Environment: "next"})
	boom := errors.New("boom")
	for _, want := range []error{nil, boom} {
		if err := deck.Run(t.Context(), "nightly", func(context.Context) error { return want }); !errors.Is(err, want) {
			t.Errorf("Run returned %v, want %v", err, want)
		}
		if err := deck.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.reports) != 4 {
		t.Fatalf("reports: %v", s.reports)
	}
	for i, want := range []struct{ phase, status, message string }{{"start", "", ""}, {"finish", "success", ""}, {"start", "", ""}, {"finish", "failure", "boom"}} {
		got := s.reports[i]
		status, _ := got["status"].(string)
		message, _ := got["errorMessage"].(string)
		if got["path"] != "nightly" || got["environment"] != "next" || got["phase"] != want.phase || status != want.status || message != want.message {
			t.Errorf("report %d: %v", i, got)
		}
	}
	if s.reports[0]["runId"] != s.reports[1]["runId"] || s.reports[1]["runId"] == s.reports[2]["runId"] {
		t.Errorf("run ids: %v", s.reports)
	}
}

func TestAPanicStaysWhatItIs(t *testing.T) {
	s := serve(t)
	deck := instrument.New(instrument.Options{URL: s.URL, Token: "tok"})
	func() {
		defer func() {
			if p := recover(); p != "oops" {
				t.Errorf("panic: %v", p)
			}
		}()
		_ = deck.Run(t.Context(), "nightly", func(context.Context) error { panic("oops") })
	}()
	if err := deck.Flush(t.Context()); err != nil || len(s.reports) != 2 || s.reports[1]["status"] != "failure" {
		t.Errorf("%v %v", err, s.reports)
	}
}

func TestHandler(t *testing.T) {
	s := serve(t)
	deck := instrument.New(instrument.Options{URL: s.URL, Token: "tok"})
	h := deck.Handler("/api/cron/pulse", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no", http.StatusTeapot)
	}))
	r := httptest.NewRequest("GET", "/api/cron/pulse", nil)
	r.Header.Set("X-Vercel-Cron-Schedule", "*/15 * * * *")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if err := deck.Flush(t.Context()); err != nil || w.Code != http.StatusTeapot || !strings.Contains(w.Body.String(), "no") {
		t.Errorf("%v, the answer is %d %s", err, w.Code, w.Body)
	}
	if len(s.reports) != 2 || s.reports[1]["statusCode"] != 418.0 || s.reports[1]["schedule"] != "*/15 * * * *" || s.reports[1]["status"] != "failure" {
		t.Errorf("reports: %v", s.reports)
	}
}

func TestJobsRunWhateverBecomesOfTheServer(t *testing.T) {
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	sick := serve(t)
	sick.status = 503
	for name, o := range map[string]instrument.Options{
		"down": {URL: down.URL, Token: "tok"}, "sick": {URL: sick.URL, Token: "tok"}, "nowhere": {}, "not an address": {URL: "::", Token: "tok"},
	} {
		lost := make(chan error, 10)
		o.OnError = func(err error) { lost <- err }
		deck, ran := instrument.New(o), false
		if err := deck.Run(t.Context(), "job", func(context.Context) error { ran = true; return nil }); err != nil || !ran {
			t.Errorf("%s: %v, ran %t", name, err, ran)
		}
		if err := deck.Flush(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if want := 2; name == "nowhere" && len(lost) != 0 || name != "nowhere" && len(lost) != want {
			t.Errorf("%s: %d reports were lost", name, len(lost))
		}
	}
	var none *instrument.Deck
	if err := none.Run(t.Context(), "job", func(context.Context) error { return nil }); err != nil {
		t.Error(err)
	}
}
