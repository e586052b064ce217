package app

import (
	"context"
	"net/http"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/api"
)

// mountProbes opens what a supervisor asks. Neither says anything but yes or
// no: they are open to everybody.
func (a *App) mountProbes() {
	answer := func(w http.ResponseWriter, status int, text string) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text + "\n"))
	}
	a.door.HandleReady("GET /livez", access.FaceAPI, access.PublicHealth, func(w http.ResponseWriter, _ *http.Request, _ access.Actor) {
		answer(w, http.StatusOK, "ok")
	})
	a.door.Handle("GET /readyz", access.FaceAPI, access.PublicHealth, func(w http.ResponseWriter, r *http.Request, _ access.Actor) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := a.db.Ping(ctx); err != nil {
			a.o.Log.WarnContext(ctx, "not ready", "error", err)
			answer(w, http.StatusServiceUnavailable, "not ready")
			return
		}
		answer(w, http.StatusOK, "ready")
	})
}

// Health looks at what envdeck itself depends on.
func (a *App) Health(ctx context.Context) api.SelfHealth {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	h := api.SelfHealth{
		Status: "ok", Version: a.o.Version, Uptime: int64(a.o.Clock.Now().Sub(a.started) / time.Second),
		Checks: map[string]string{"database": "ok", "redis": "not_configured"},
	}
	if err := a.db.Ping(ctx); err != nil {
		h.Status, h.Checks["database"] = "down", "error"
	}
	return h
}
