package simulator_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/simulator"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func ask(t *testing.T, h http.Handler, method, path, token string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	req.RemoteAddr = "127.0.0.1:4000"
	req.Host = "127.0.0.1:4280"
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

func TestEverythingIsOnOneHandler(t *testing.T) {
	s := simulator.New(simulator.Options{})
	for path, tc := range map[string]struct {
		token  string
		status int
		want   string
	}{
		"/vercel/v2/user":                {simulator.VercelToken, 200, "zerdos"},
		"/vercel/v9/projects":            {simulator.VercelTeamToken, 200, "spike-land-nextjs"},
		"/apps/prod/api/health":          {"", 200, "ok"},
		"/apps/elsewhere/":               {"", 404, ""},
		"/_sim/calls":                    {"", 200, "vercel"},
		"/":                              {"", 404, ""},
		"/vercel/v2/teams":               {simulator.VercelProjectToken, 403, "forbidden"},
		"/vercel/v6/deployments?limit=1": {simulator.VercelExpiredToken, 403, "invalidToken"},
	} {
		if path == "/_sim/calls" {
			ask(t, s.Handler(), "GET", "/vercel/v2/user", simulator.VercelToken)
		}
		if got := ask(t, s.Handler(), "GET", path, tc.token); got.Code != tc.status || !strings.Contains(got.Body.String(), tc.want) {
			t.Errorf("%s: %d %.200s, want %d with %s", path, got.Code, got.Body, tc.status, tc.want)
		}
	}
}

// Some of the vendors' tools drop the path of their base URL, and GitHub's
// only asks a host of its own without TLS.
func TestPathsWithoutTheirMountAreFound(t *testing.T) {
	s := simulator.New(simulator.Options{})
	for path, token := range map[string]string{
		"/v2/user": simulator.VercelToken, "/teams/spike-land": simulator.VercelToken, "/projects/spike-land-nextjs?slug=spike-land": simulator.VercelToken,
		"/client/v4/user": "sim_cloudflare_user", "/api/0/": "sim_sentry_integration", "/api/v2/users/me": "sim_neon_owner",
		"/user": "sim_github_writer", "/repos/zerdos/spike-land-nextjs": "sim_github_writer", "http://api.github.localhost/": "sim_github_writer",
		"http://api.github.localhost/github/user": "sim_github_writer",
	} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("User-Agent", "a tool")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, req)
		if w.Code != 200 {
			t.Errorf("%s: %d %.200s", path, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/", "/unknown", "http://api.github.localhost/unknown"} {
		if got := ask(t, s.Handler(), http.MethodGet, path, "sim_github_writer"); got.Code != 404 {
			t.Errorf("%s: %d", path, got.Code)
		}
	}
}

func TestRunMovesTheWorldUnseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulator.New(simulator.Options{Clock: clock.Fast(60)})
		crons := 0
		s.Listen(func(e world.Event) {
			if e.Kind == world.CronFired {
				crons++
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		_ = clock.Real().Sleep(t.Context(), 10*time.Second) // ten minutes of the world's time
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if crons < 9 || crons > 20 {
			t.Errorf("%d crons in ten minutes", crons)
		}
	})
}

func TestResetStartsAnew(t *testing.T) {
	s := simulator.New(simulator.Options{})
	heard := 0
	s.Listen(func(world.Event) { heard++ })
	before := s.World()
	before.Change(func(st *world.State) { st.PushCommit(world.Push{Message: "fix: gone after the reset"}) })
	if err := s.Reset(); err != nil {
		t.Fatal(err)
	}
	if s.World() == before {
		t.Error("the same world")
	}
	was := heard
	s.World().Change(func(st *world.State) {
		if st.Resolve("main").Title() == "fix: gone after the reset" {
			t.Error("the commit survived")
		}
		st.PushCommit(world.Push{Message: "fix: after the reset"})
	})
	if heard == was {
		t.Error("listeners were lost")
	}
}

func TestPlayKnowsScriptsAndScenes(t *testing.T) {
	s := simulator.New(simulator.Options{})
	for _, name := range []string{"busy-day", "edge-lag"} {
		if err := s.Play(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Play("no-such"); err == nil {
		t.Error("an unknown script is played")
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		simulator.New(simulator.Options{})
	}
}
