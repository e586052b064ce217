package api

import (
	"context"
	"net/http"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/worker"
)

type workerQuery struct {
	Project string `query:"project" doc:"Another project than the first." maxLength:"100"`
	Name    string `path:"name" maxLength:"255" doc:"As the configuration calls it."`
}

// workerOutput carries the age of the facts as the ready answers do.
type workerOutput struct {
	Age  string `header:"Envdeck-Age" doc:"Seconds since each source was last asked with success: cloudflare=12"`
	Body worker.History
}

func (a *API) mountWorkers() {
	a.document(a.operation(http.MethodGet, base+"/workers", "workers", "The Workers: what serves, who deployed it, and a day of traffic", access.ViewWorkers), worker.Workers{})
	a.Door.HandleReady("GET "+base+"/workers", access.FaceAPI, access.ViewWorkers, func(w http.ResponseWriter, r *http.Request, who access.Actor) {
		s, ages, err := a.Workers.Workers(r.Context(), who, projectOf(r))
		if err != nil {
			a.Door.Fail(w, r, access.FaceAPI, err)
			return
		}
		serve(w, r, s, ages.Header)
	})
	one := a.operation(http.MethodGet, base+"/workers/{name}", "worker", "One Worker with its versions, deployments and cron triggers", access.ViewWorkers)
	a.refuses(&one, http.StatusNotFound)
	route(a, one, func(ctx context.Context, who access.Actor, in *workerQuery) (*workerOutput, error) {
		h, ages, err := a.Workers.Worker(ctx, who, in.Project, in.Name)
		if err != nil {
			return nil, err
		}
		return &workerOutput{Age: ages.Header, Body: h}, nil
	})
}
