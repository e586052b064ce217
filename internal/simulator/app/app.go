// Package app is the three little websites of the simulated world: dev, next
// and prod of spike.land. Each has a page, a health endpoint that names the
// commit being served, and the app's cron paths.
//
// What is served where, and how well, is the world's to say; this package only
// turns it into HTTP.
package app

import (
	"encoding/json"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// Options are what the apps are made from.
type Options struct {
	World      *world.World
	Clock      clock.Clock
	CronSecret string // what the platform sends to cron paths; "" is DefaultCronSecret
}

// DefaultCronSecret is the apps' CRON_SECRET unless told otherwise.
const DefaultCronSecret = "simulated-cron-secret"

type apps struct{ Options }

// Handler serves the apps under /apps/dev/, /apps/next/ and /apps/prod/.
func Handler(o Options) http.Handler {
	if o.CronSecret == "" {
		o.CronSecret = DefaultCronSecret
	}
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	a := &apps{o}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /apps/{env}/{$}", a.on(a.page))
	mux.HandleFunc("GET /apps/{env}/api/health", a.on(a.health))
	mux.HandleFunc("GET /apps/{env}/api/cron/{name}", a.on(a.cron))
	return mux
}

// answer is one request to one app, with what is being served there.
type answer struct {
	env    world.Env
	served world.Served
	commit string // the served commit's title
	now    time.Time
}

// on finds the app and lets it behave as badly as the world says before the
// handler has its turn.
func (a *apps) on(handle func(http.ResponseWriter, *http.Request, answer)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		env := world.Env(r.PathValue("env"))
		if env != world.Dev && env != world.Next && env != world.Prod {
			http.NotFound(w, r)
			return
		}
		got := answer{env: env}
		a.World.View(func(s *world.State) {
			got.served, got.now = s.Serving(env), s.Now()
			if c := s.Commit(got.served.SHA); c != nil {
				got.commit = c.Title()
			}
		})
		if got.served.Mode == world.AppGone {
			hangUp(w)
			return
		}
		if got.served.Mode == world.AppHang {
			<-r.Context().Done()
			return
		}
		if a.Clock.Sleep(r.Context(), got.served.Latency) != nil {
			return // the caller did not wait
		}
		w.Header().Set("Cache-Control", "no-store")
		if env != world.Dev {
			w.Header().Set("Server", "Vercel")
			w.Header().Set("X-Vercel-Cache", "MISS")
		}
		if got.served.Mode == world.App502 {
			http.Error(w, "502: BAD_GATEWAY\nCode: ROUTER_EXTERNAL_TARGET_CONNECTION_ERROR", http.StatusBadGateway)
			return
		}
		handle(w, r, got)
	}
}

// hangUp closes the connection without an answer: as near to a dead port as a
// shared one can come.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 cannot be hijacked, but aborted
	}
	_ = conn.Close()
}

// detail is the body of /api/health?detailed=true.
type detail struct {
	Status     string            `json:"status"`
	Version    string            `json:"version"`
	Commit     string            `json:"commit"`
	Branch     string            `json:"branch"`
	DeployedAt time.Time         `json:"deployedAt"`
	Uptime     int64             `json:"uptime"` // seconds
	Checks     map[string]string `json:"checks"`
}

func (a *apps) health(w http.ResponseWriter, r *http.Request, got answer) {
	s := got.served
	if s.HTTPStatus == http.StatusInternalServerError {
		http.Error(w, "Internal Server Error", s.HTTPStatus)
		return
	}
	if r.URL.Query().Get("detailed") != "true" {
		status := "ok"
		if s.HTTPStatus != http.StatusOK {
			status = "down"
		}
		writeJSON(w, s.HTTPStatus, map[string]string{"status": status})
		return
	}
	writeJSON(w, s.HTTPStatus, detail{
		Status: s.Status, Version: "0.9.0", Commit: s.SHA, Branch: s.Branch, DeployedAt: s.DeployedAt.UTC().Truncate(time.Millisecond),
		Uptime: int64(got.now.Sub(s.StartedAt).Seconds()),
		Checks: map[string]string{"database": s.Database, "redis": s.Redis},
	})
}

// cron does a job's work when the platform asks for it: anybody without the
// secret is turned away.
func (a *apps) cron(w http.ResponseWriter, r *http.Request, got answer) {
	if r.Header.Get("Authorization") != "Bearer "+a.CronSecret {
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "Unauthorized"})
		return
	}
	var took time.Duration
	var status int
	var ok bool
	a.World.View(func(s *world.State) {
		took, status, ok = s.Outcome(got.env, strings.TrimPrefix(r.URL.Path, "/apps/"+string(got.env)))
	})
	if !ok {
		http.NotFound(w, r)
		return
	}
	if a.Clock.Sleep(r.Context(), took) != nil {
		return
	}
	writeJSON(w, status, map[string]any{"success": status == http.StatusOK, "durationMs": took.Milliseconds()})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the caller may be gone
}

// pageHTML is parsed when a page is asked for, which no real server does.
var pageHTML = sync.OnceValue(func() *template.Template { return template.Must(template.New("page").Parse(pageText)) })

const pageText = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>spike.land ({{.Env}})</title>
</head>
<body>
<h1>spike.land</h1>
<p>This is the simulated <strong>{{.Env}}</strong> environment. It is {{.Status}}.</p>
<dl>
<dt>Commit</dt><dd><code>{{.SHA}}</code> {{.Title}}</dd>
<dt>Branch</dt><dd>{{.Branch}}</dd>
<dt>Serving since</dt><dd>{{.Since}}</dd>
<dt>Database</dt><dd>{{.Database}}</dd>
<dt>Redis</dt><dd>{{.Redis}}</dd>
</dl>
<p><a href="api/health?detailed=true">Health</a></p>
</body>
</html>
`

func (a *apps) page(w http.ResponseWriter, _ *http.Request, got answer) {
	s := got.served
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(s.HTTPStatus)
	// Only a caller that has left can make this fail.
	_ = pageHTML().Execute(w, map[string]string{
		"Env": string(got.env), "Status": s.Status, "SHA": s.SHA, "Title": got.commit, "Branch": s.Branch,
		"Since": s.DeployedAt.UTC().Format(time.RFC1123), "Database": s.Database, "Redis": s.Redis,
	})
}
