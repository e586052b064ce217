package api

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/envdeck/envdeck/internal/access"
)

// mountHealth answers for envdeck itself, in the shape that it reads from the
// apps it watches. The plain form is open and says nothing but that the
// process answers; the detailed one names versions, so it needs a viewer.
func (a *API) mountHealth() {
	a.document(operation(http.MethodGet, "/api/health", "health", "Whether envdeck itself is well; ?detailed=true needs a viewer", access.PublicHealth), SelfHealth{})
	a.Door.Handle("GET /api/health", access.FaceAPI, access.PublicHealth, func(w http.ResponseWriter, r *http.Request, who access.Actor) {
		if !detailed(r.URL) {
			w.Header()["Content-Type"] = jsonType
			_, _ = w.Write([]byte(`{"status":"ok"}`))
			return
		}
		if _, err := a.Control.Gate.Allow(r.Context(), who, access.ViewHealth, access.On{}); err != nil {
			a.Door.Fail(w, r, access.FaceAPI, err)
			return
		}
		h := a.Self.Health(r.Context())
		body, err := json.Marshal(h)
		if err != nil {
			a.Door.Fail(w, r, access.FaceAPI, err)
			return
		}
		w.Header()["Content-Type"] = jsonType
		if h.Status == "down" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write(body)
	})
}

func detailed(u *url.URL) bool { return u.RawQuery != "" && u.Query().Get("detailed") == "true" }
