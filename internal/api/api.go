// Package api is the JSON face: it translates requests into use cases and
// their answers into JSON, and describes itself as OpenAPI 3.1.
//
// It holds no rule. What may be asked is the Gate's affair, what the answer is
// belongs to the feature rooms, and how errors look is decided in door. The
// routes that are read all the time write ready bytes and do not pass through
// the framework; they are described in the same document.
package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/status"
)

const (
	// base is where the dashboard's own API lives.
	base = "/api/admin/environments"
	// maxBody is the most that a request may send: nothing here takes files.
	maxBody = 64 << 10
)

// Options is what the API speaks for.
type Options struct {
	Door    *door.Door
	Boards  *status.Boards
	Control *access.Control
	Self    Self
	Version string
}

// API is the JSON face.
type API struct {
	Options
	huma huma.API
}

// Mount opens the API's routes.
func Mount(o Options) *API {
	// The framework's own errors repeat the offending value, which may be a
	// mistyped secret, and look different from ours.
	huma.NewError = newError
	a := &API{Options: o}
	cfg := huma.DefaultConfig("envdeck", o.Version)
	cfg.CreateHooks = nil // no $schema in bodies, no Link headers
	cfg.DocsPath, cfg.OpenAPIPath, cfg.SchemasPath = "", "", ""
	cfg.Info.Description = "What runs where, moved and proven. Errors are problems as in RFC 9457 with a stable kind."
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "A token of scope api (or report, for reports)."},
	}
	cfg.Security = []map[string][]string{{"token": {}}}
	a.huma = huma.NewAPI(cfg, adapter{o.Door})
	a.mountStatus()
	a.mountReport()
	a.mountHealth()
	a.mountDocument()
	return a
}

// adapter opens the framework's routes through the door.
type adapter struct{ door *door.Door }

// useOf is the key of an operation's use case in its metadata.
const useOf = "envdeck.use"

// Handle opens an operation for the use case that its metadata names.
func (ad adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	use, ok := op.Metadata[useOf].(access.UseCase)
	if !ok {
		panic("api: operation " + op.OperationID + " names no use case")
	}
	ad.door.Handle(op.Method+" "+op.Path, access.FaceAPI, use, func(w http.ResponseWriter, r *http.Request, a access.Actor) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		handler(humago.NewContext(op, r.WithContext(context.WithValue(r.Context(), actorKey{}, a)), w))
	})
}

// ServeHTTP is not used: the door serves.
func (ad adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { ad.door.ServeHTTP(w, r) }

// actorKey carries the actor over the framework, whose handlers get nothing
// but a context. It is taken out at once in actor.
type actorKey struct{}

func actor(ctx context.Context) access.Actor {
	a, _ := ctx.Value(actorKey{}).(access.Actor)
	return a
}

// operation describes a route of a use case.
func operation(method, path, id, summary string, use access.UseCase) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary,
		Metadata: map[string]any{useOf: use}, MaxBodyBytes: maxBody, SkipValidateParams: false,
		Errors: []int{400, 401, 403, 500},
	}
}

// refusal is our problem as the framework's error.
type refusal struct{ door.Problem }

func (p *refusal) Error() string  { return p.Detail }
func (p *refusal) GetStatus() int { return p.Status }

// ContentType keeps the problem's own type.
func (p *refusal) ContentType(string) string { return "application/problem+json" }

// newError makes every error of the framework a problem of ours. Messages of
// its validation name the place and the rule; the value is left out.
func newError(status int, message string, errs ...error) huma.StatusError {
	for _, err := range errs {
		if f, ok := errors.AsType[*fault.Error](err); ok {
			return &refusal{door.ProblemOf(f, "")}
		}
	}
	f := fault.New(kindOf(status), "%s", sentence(status, message))
	for _, err := range errs {
		if d, ok := err.(huma.ErrorDetailer); ok {
			detail := d.ErrorDetail()
			f.Places = append(f.Places, fault.Place{Where: detail.Location, Problem: detail.Message})
		}
	}
	return &refusal{door.ProblemOf(f, "")}
}

func kindOf(status int) fault.Kind {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return fault.TooLarge
	case http.StatusNotFound:
		return fault.NotFound
	case http.StatusRequestTimeout:
		return fault.Timeout
	case http.StatusInternalServerError:
		return fault.Internal
	default:
		return fault.Invalid
	}
}

func sentence(status int, message string) string {
	if status == http.StatusInternalServerError || message == "" {
		return "Something went wrong inside envdeck. The log has the details under this request's id."
	}
	return strings.ToUpper(message[:1]) + message[1:] + "."
}

// failed turns a use case's error into the framework's.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return newError(fault.KindOf(err).Status(), "", fault.From(err))
}

// schema registers a Go type in the document and answers the reference to it.
func (a *API) schema(v any) *huma.Schema {
	return a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(v), true, "")
}

// Self is what envdeck knows of its own state.
type Self interface {
	// Health looks at what the server depends on, within the context's
	// deadline.
	Health(ctx context.Context) SelfHealth
}

// SelfHealth is the detailed health answer: the shape that envdeck itself
// reads from the apps it watches.
type SelfHealth struct {
	Status     string            `json:"status"` // ok, degraded, down
	Version    string            `json:"version"`
	Commit     string            `json:"commit"`
	Branch     string            `json:"branch"`
	DeployedAt *time.Time        `json:"deployedAt"`
	Uptime     int64             `json:"uptime"` // seconds
	Checks     map[string]string `json:"checks"`
}
