package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/envdeck/envdeck/internal/access"
)

// plainHealth is all that strangers learn.
type plainHealth struct {
	Status string `json:"status" enum:"ok"`
}

// mountHealth answers for envdeck itself, in the shape that it reads from the
// apps it watches. The plain form is open and says nothing but that the
// process answers; the detailed one names versions, so it needs a viewer.
func (a *API) mountHealth() {
	op := a.operation(http.MethodGet, "/api/health", "health", "Whether envdeck itself is well", access.PublicHealth)
	op.Parameters = []*huma.Param{{
		Name: "detailed", In: "query", Schema: &huma.Schema{Type: "boolean"},
		Description: "true: versions and what envdeck depends on. That needs a token or a session.",
	}}
	op.Responses["200"] = a.answer("It is; the detailed form says how.", plainHealth{})
	op.Responses["200"].Content["application/json"].Schema = &huma.Schema{OneOf: []*huma.Schema{a.schema(plainHealth{}), a.schema(SelfHealth{})}}
	op.Responses["503"] = a.answer("It is not (detailed form only).", SelfHealth{})
	a.refuses(&op, http.StatusUnauthorized, http.StatusForbidden)
	a.huma.OpenAPI().AddOperation(&op)
	a.Door.HandleReady("GET /api/health", access.FaceAPI, access.PublicHealth, a.health)
}

func (a *API) health(w http.ResponseWriter, r *http.Request, who access.Actor) {
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
}

func detailed(u *url.URL) bool { return u.RawQuery != "" && u.Query().Get("detailed") == "true" }

func statusText(code int) string { return strconv.Itoa(code) }
