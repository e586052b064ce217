package app_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/simulator/app"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// visit asks an app without a socket, so that time may be a bubble's.
func visit(t *testing.T, h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// bubble runs a test on its own clock with a fresh world and its apps.
func bubble(t *testing.T, f func(*testing.T, *world.World, http.Handler)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := world.New(world.Options{Seed: 5, Clock: clock.Real()})
		f(t, w, app.Handler(app.Options{World: w, Clock: clock.Real(), CronSecret: "s3cret"}))
	})
}

func TestHealthNamesTheServedCommit(t *testing.T) {
	bubble(t, func(t *testing.T, w *world.World, h http.Handler) {
		want := map[string]string{}
		w.View(func(s *world.State) { want["prod"], want["next"] = s.Live().SHA, s.NewestStaged().SHA })
		for _, env := range []string{"dev", "next", "prod"} {
			if got := visit(t, h, "/apps/"+env+"/api/health"); got.Code != 200 || strings.TrimSpace(got.Body.String()) != `{"status":"ok"}` {
				t.Errorf("%s: %d %s", env, got.Code, got.Body)
			}
			var body struct {
				Status, Version, Commit, Branch string
				DeployedAt                      time.Time
				Uptime                          float64
				Checks                          map[string]string
			}
			got := visit(t, h, "/apps/"+env+"/api/health?detailed=true")
			if err := json.Unmarshal(got.Body.Bytes(), &body); err != nil || len(body.Commit) != 40 || body.Uptime <= 0 || body.DeployedAt.IsZero() {
				t.Errorf("%s: %v %s", env, err, got.Body)
			}
			if want[env] != "" && body.Commit != want[env] {
				t.Errorf("%s serves %s, want %s", env, body.Commit, want[env])
			}
			if redis := body.Checks["redis"]; (env == "dev") != (redis == "not_configured") {
				t.Errorf("%s: redis is %s", env, redis)
			}
			if page := visit(t, h, "/apps/"+env+"/"); page.Code != 200 || !strings.Contains(page.Body.String(), body.Commit) {
				t.Errorf("%s: the page does not name its commit", env)
			}
		}
	})
}

func TestHealthSaysWhatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct {
		knob   world.AppKnob
		ills   []world.Ill
		status int
		want   string
	}{
		"fine":            {status: 200, want: `"status":"ok"`},
		"down":            {knob: world.AppKnob{Status: "down"}, status: 503, want: `"status":"down"`},
		"database":        {knob: world.AppKnob{Database: "error"}, status: 503, want: `"database":"error"`},
		"redis":           {knob: world.AppKnob{Redis: "error"}, status: 200, want: `"status":"degraded"`},
		"gateway":         {knob: world.AppKnob{Mode: world.App502}, status: 502, want: "BAD_GATEWAY"},
		"wrong commit":    {knob: world.AppKnob{Commit: strings.Repeat("f", 40)}, status: 200, want: strings.Repeat("f", 40)},
		"build down":      {ills: []world.Ill{{Kind: world.IllDown}}, status: 503, want: `"status":"down"`},
		"build error":     {ills: []world.Ill{{Kind: world.IllError}}, status: 500, want: "Internal Server Error"},
		"build degraded":  {ills: []world.Ill{{Kind: world.IllDegraded}}, status: 200, want: `"redis":"error"`},
		"build only errs": {ills: []world.Ill{{Kind: world.IllErrors}}, status: 200, want: `"status":"ok"`},
		"not ill yet":     {ills: []world.Ill{{Kind: world.IllDown, After: 1000 * time.Hour}}, status: 200, want: `"status":"ok"`},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world.World, h http.Handler) {
				w.Change(func(s *world.State) {
					s.SetApp(world.Prod, tc.knob)
					s.Live().Ills = tc.ills
				})
				got := visit(t, h, "/apps/prod/api/health?detailed=true")
				if got.Code != tc.status || !strings.Contains(got.Body.String(), tc.want) {
					t.Errorf("%d %s, want %d with %s", got.Code, got.Body, tc.status, tc.want)
				}
			})
		})
	}
}

func TestCronPathsWantTheSecret(t *testing.T) {
	bubble(t, func(t *testing.T, _ *world.World, h http.Handler) {
		const path = "/apps/prod/api/cron/pulse-metrics"
		var got []int
		for _, secret := range []string{"", "Bearer wrong", "s3cret", "Bearer s3cret"} {
			got = append(got, visit(t, h, path, "Authorization", secret).Code)
		}
		got = append(got, visit(t, h, "/apps/prod/api/cron/none", "Authorization", "Bearer s3cret").Code)
		if diff := cmp.Diff([]int{401, 401, 401, 200, 404}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLatencyIsTheWorldsTime(t *testing.T) {
	bubble(t, func(t *testing.T, w *world.World, h http.Handler) {
		w.Change(func(s *world.State) { s.SetApp(world.Next, world.AppKnob{Latency: 7 * time.Second}) })
		began := time.Now()
		visit(t, h, "/apps/next/api/health")
		if took := time.Since(began); took != 7*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestAGoneAppHangsUp(t *testing.T) {
	w := world.New(world.Options{Clock: clock.Real()})
	server := httptest.NewServer(app.Handler(app.Options{World: w}))
	defer server.Close()
	w.Change(func(s *world.State) { s.SetApp(world.Dev, world.AppKnob{Mode: world.AppGone}) })
	req, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/apps/dev/api/health", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := server.Client().Do(req)
	if err == nil {
		_ = res.Body.Close()
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("error %v, want the connection closed without an answer", err)
	}
}
