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
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/door"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/worker"
)

// base is where the dashboard's own API lives.
const base = "/api/admin/environments"

// Options is what the API speaks for.
type Options struct {
	Door    *door.Door
	Boards  *status.Boards
	Workers *worker.Boards
	Control *access.Control
	// Crons may be nil: then there are no routes of cron jobs.
	Crons *cron.Book
	// Databases may be nil: then there are no routes of databases.
	Databases *database.Book
	// Alerts may be nil: then there are no routes of incidents.
	Alerts  *alert.Desk
	Desk    *release.Desk
	Self    Self
	Version string
	// Clock is for expiries that are asked for as a time; nil for the
	// machine's.
	Clock clock.Clock
}

// API is the JSON face.
type API struct {
	Options
	huma huma.API
	// checking holds the one audit check that runs at a time: each reads the
	// whole log.
	checking chan struct{}
}

// Mount opens the API's routes.
func Mount(o Options) *API {
	a := newAPI(o)
	a.mountStatus()
	a.mountWorkers()
	a.mountReleases()
	a.mountReport()
	a.mountCrons()
	a.mountDatabase()
	a.mountIncidents()
	a.mountHealth()
	a.mountAccess()
	a.mountDocument()
	a.describe()
	return a
}

// MountAccess opens the routes of people, tokens and the audit log alone: what
// works on a database without a server.
func MountAccess(o Options) *API {
	a := newAPI(o)
	a.mountAccess()
	return a
}

func (a *API) mountAccess() {
	a.mountTokens()
	a.mountUsers()
	a.mountSessions()
	a.mountAudit()
}

func newAPI(o Options) *API {
	setFramework()
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	a := &API{Options: o, checking: make(chan struct{}, 1)}
	cfg := huma.DefaultConfig("envdeck", o.Version)
	cfg.CreateHooks = nil // no $schema in bodies, no Link headers
	cfg.DocsPath, cfg.OpenAPIPath, cfg.SchemasPath = "", "", ""
	cfg.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	// A filter with a slip of the pen would let everything through.
	cfg.RejectUnknownQueryParameters = true
	cfg.Info.Description = "What runs where, moved and proven. Errors are problems as in RFC 9457 with a stable kind. " +
		"Unknown fields and query parameters are refused with their place."
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "A token of scope api (or report, for reports)."},
		"session": {
			Type: "apiKey", In: "cookie", Name: access.SessionCookie,
			Description: "The session of a browser that has signed in. Writes must come from envdeck's own pages.",
		},
	}
	cfg.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	a.huma = huma.NewAPI(cfg, adapter{o.Door})
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
		handler(humago.NewContext(op, r.WithContext(context.WithValue(r.Context(), actorKey{}, a)), w))
	})
}

// ServeHTTP is not used: the door serves.
func (ad adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { ad.door.ServeHTTP(w, r) }

// actorKey carries the actor over the framework, whose handlers get nothing
// but a context. It is taken out at once in route.
type actorKey struct{}

func actor(ctx context.Context) access.Actor {
	a, _ := ctx.Value(actorKey{}).(access.Actor)
	return a
}

// body is an answer that is nothing but a body.
type body[T any] struct{ Body T }

// none is an answer, or a question, without anything.
type none struct{}

// route opens an operation and hands its actor on.
func route[I, O any](a *API, op huma.Operation, do func(context.Context, access.Actor, *I) (*O, error)) {
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := do(ctx, actor(ctx), in)
		if err != nil {
			return nil, a.failed(ctx, op, err)
		}
		return out, nil
	})
}

// maybe is nil for the zero time: there was none.
func maybe(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
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
	Status     string            `json:"status" enum:"ok,degraded,down"`
	Version    string            `json:"version"`
	Commit     string            `json:"commit"`
	Branch     string            `json:"branch"`
	DeployedAt *time.Time        `json:"deployedAt"`
	Uptime     int64             `json:"uptime" doc:"Seconds since the process started."`
	Checks     map[string]string `json:"checks" doc:"What envdeck depends on: ok, error or not_configured."`
}
