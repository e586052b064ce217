package api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/snapshot"
	"github.com/envdeck/envdeck/internal/status"
)

func (a *API) mountStatus() {
	a.document(a.operation(http.MethodGet, base+"/status", "status", "What runs where", access.ViewStatus), status.Status{})
	a.Door.HandleReady("GET "+base+"/status", access.FaceAPI, access.ViewStatus, func(w http.ResponseWriter, r *http.Request, who access.Actor) {
		s, ages, err := a.Boards.Status(r.Context(), who, projectOf(r))
		if err != nil {
			a.Door.Fail(w, r, access.FaceAPI, err)
			return
		}
		serve(w, r, s, ages.Header)
	})
	a.document(a.operation(http.MethodGet, base+"/deployments", "deployments", "The newest builds, and what is current", access.ViewDeployments), status.Deployments{})
	a.Door.HandleReady("GET "+base+"/deployments", access.FaceAPI, access.ViewDeployments, func(w http.ResponseWriter, r *http.Request, who access.Actor) {
		s, ages, err := a.Boards.Deployments(r.Context(), who, projectOf(r))
		if err != nil {
			a.Door.Fail(w, r, access.FaceAPI, err)
			return
		}
		serve(w, r, s, ages.Header)
	})
}

// projectOf reads ?project= without parsing a query that is not there.
func projectOf(r *http.Request) string {
	if r.URL.RawQuery == "" {
		return ""
	}
	return r.URL.Query().Get("project")
}

var (
	jsonType = []string{"application/json"}
	gzipped  = []string{"gzip"}
	vary     = []string{"Accept-Encoding"}
)

// serve writes a finished answer: 304 when the reader has it already. The age
// of its facts travels in a header on both, because it changes all the time
// and the facts do not.
func serve[T any](w http.ResponseWriter, r *http.Request, s *snapshot.Snapshot[T], ages string) {
	h := w.Header()
	h["Envdeck-Age"] = []string{ages}
	h["Etag"] = []string{s.ETag}
	h["Vary"] = vary
	if match := r.Header.Get("If-None-Match"); match != "" && matches(match, s.ETag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h["Content-Type"] = jsonType
	body := s.JSON
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h["Content-Encoding"] = gzipped
		body = s.Gzip
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))} // one write, no chunks
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // the reader has gone: nobody is left to tell
}

// matches compares an If-None-Match list with our tag; weak comparison, as
// RFC 9110 wants it here.
func matches(list, tag string) bool {
	if list == tag || list == "*" {
		return true
	}
	for candidate := range strings.SplitSeq(list, ",") {
		if strings.TrimPrefix(strings.TrimSpace(candidate), "W/") == tag {
			return true
		}
	}
	return false
}

// document describes a route whose ready answer does not pass through the
// framework.
func (a *API) document(op huma.Operation, body any) {
	text := &huma.Schema{Type: "string"}
	op.Parameters = []*huma.Param{
		{Name: "project", In: "query", Description: "Another project than the first.", Schema: text},
		{Name: "If-None-Match", In: "header", Description: "The ETag of the answer that you have.", Schema: text},
	}
	age := &huma.Param{Description: "Seconds since each source was last asked with success: vercel=12, sentry=240;stale", Schema: text}
	op.Responses["200"] = a.answer("The facts as they are known. A fact that could not be had is null, with its reason.", body)
	op.Responses["200"].Headers = map[string]*huma.Param{"Envdeck-Age": age, "ETag": {Schema: text}}
	op.Responses["304"] = &huma.Response{Description: "Nothing has changed.", Headers: map[string]*huma.Param{"Envdeck-Age": age}}
	a.refuses(&op, http.StatusNotFound)
	a.huma.OpenAPI().AddOperation(&op)
}
