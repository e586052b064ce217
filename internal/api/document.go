package api

import (
	"net/http"
	"sync"

	"github.com/envdeck/envdeck/internal/access"
)

// mountDocument serves the description of the API. It is made when somebody
// asks for the first time: most processes never need it.
func (a *API) mountDocument() {
	document := sync.OnceValues(a.huma.OpenAPI().MarshalJSON)
	a.Door.Handle("GET /openapi.json", access.FaceAPI, access.ViewDocs, func(w http.ResponseWriter, r *http.Request, _ access.Actor) {
		body, err := document()
		if err != nil {
			a.Door.Fail(w, r, access.FaceAPI, err)
			return
		}
		w.Header()["Content-Type"] = jsonType
		_, _ = w.Write(body)
	})
}

// Document is the OpenAPI description as YAML, for the repository's own copy.
func (a *API) Document() ([]byte, error) { return a.huma.OpenAPI().YAML() }
