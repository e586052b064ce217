package api

import (
	"net/http"
	"path"
	"reflect"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/door"
)

// mountDocument serves the description of the API. It is made when somebody
// asks for the first time: most processes never need it.
func (a *API) mountDocument() {
	op := a.operation(http.MethodGet, "/openapi.json", "openapi", "This description", access.ViewDocs)
	op.Responses["200"] = a.answer("OpenAPI 3.1.", map[string]any{})
	a.huma.OpenAPI().AddOperation(&op)
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

// operation describes a route of a use case. Its refusals are described here
// and not by the framework, which would promise a status that it does not give.
func (a *API) operation(method, path, id, summary string, use access.UseCase) huma.Operation {
	op := huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary,
		Metadata: map[string]any{useOf: use},
		// The door has read the body. A deadline for reading that the framework
		// set now would only cut off a client that waits long for its answer.
		MaxBodyBytes: door.MaxBody + 1, BodyReadTimeout: -1,
		Responses: map[string]*huma.Response{},
	}
	codes := []int{http.StatusBadRequest, http.StatusTooManyRequests, http.StatusInternalServerError}
	if use.Open() {
		op.Security = []map[string][]string{{}}
	} else {
		codes = append(codes, http.StatusUnauthorized, http.StatusForbidden)
	}
	a.refuses(&op, codes...)
	return op
}

// refusals says what each status means here.
var refusals = map[int]string{
	http.StatusBadRequest:          "Something in the request is wrong; errors names each place.",
	http.StatusUnauthorized:        "Nobody is signed in, or the token is not valid.",
	http.StatusForbidden:           "The role or the scope does not allow this, or a proof of presence is missing.",
	http.StatusNotFound:            "There is no such thing.",
	http.StatusConflict:            "Something else is in the way, or the idempotency key belongs to another request.",
	http.StatusTooManyRequests:     "Too often. Retry-After says when to try again.",
	http.StatusInternalServerError: "A defect inside envdeck. The log has it under the request's id.",
}

// refuses adds what a route may be refused with.
func (a *API) refuses(op *huma.Operation, codes ...int) {
	for _, code := range codes {
		op.Responses[statusText(code)] = &huma.Response{
			Description: refusals[code],
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: a.schema(refusal{})}},
		}
	}
}

// answer describes an answer in JSON.
func (a *API) answer(description string, v any) *huma.Response {
	return &huma.Response{Description: description, Content: map[string]*huma.MediaType{"application/json": {Schema: a.schema(v)}}}
}

// schemaName names a type in the document. Types of rooms that show something
// beside the environments carry their room's name: every room may have a Status.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	switch room := path.Base(t.PkgPath()); room {
	case "database", "worker":
		title := strings.ToUpper(room[:1]) + room[1:]
		if !strings.HasPrefix(name, title) {
			return title + name
		}
	}
	return name
}

// schema registers a Go type in the document and answers the reference to it.
func (a *API) schema(v any) *huma.Schema {
	return a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(v), true, "")
}

// describe adds what is true of every route of a sort.
func (a *API) describe() {
	text := &huma.Schema{Type: "string"}
	for _, item := range a.huma.OpenAPI().Paths {
		op := item.Post
		if op == nil {
			continue
		}
		longest := 128
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: "string", MaxLength: &longest},
			Description: "Any text of your own, a UUID for example. The same key with the same request within a day gets the first answer again, " +
				"and nothing is done twice; with another request it is a conflict.",
		})
		a.refuses(op, http.StatusConflict)
		for code, response := range op.Responses {
			if code[0] == '2' {
				if response.Headers == nil {
					response.Headers = map[string]*huma.Param{}
				}
				response.Headers["Idempotent-Replayed"] = &huma.Param{Schema: text, Description: "true when this is the first answer again."}
			}
		}
	}
}
