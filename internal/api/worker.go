package api

import (
	"context"
	"net/http"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/release"
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
	a.mountWorkerRollback()
}

type workerRollback struct {
	Asked
	Name string `path:"name" maxLength:"255" doc:"As the configuration calls it."`
	Body struct {
		VersionID       string `json:"versionId,omitempty" maxLength:"200" doc:"What to go back to. Left out: the version that served before and was not taken back."`
		Reason          string `json:"reason,omitempty" maxLength:"1000" doc:"Required. Why, for the record."`
		ExpectedCurrent string `json:"expectedCurrent,omitempty" maxLength:"200" doc:"What you saw serving, as the id of its deployment or version. If it is something else by now, the rollback is refused."`
		Force           bool   `json:"force,omitempty" doc:"Go back although a secret of the Worker has changed since that version was uploaded. Without it such a rollback fails and changes nothing."`
	}
}

// workerAnswer is what somebody who takes a Worker back is told.
type workerAnswer struct {
	Success           *bool          `json:"success" doc:"null until the operation has ended."`
	Worker            string         `json:"worker"`
	VersionID         string         `json:"versionId" doc:"What is to serve; empty while it is not known."`
	PreviousVersionID string         `json:"previousVersionId" doc:"What served when it was asked for, the larger part of it while two versions had traffic; empty while it is not known."`
	OperationID       string         `json:"operationId"`
	Status            release.Status `json:"status" enum:"pending,success,failed"`
	Phase             release.Phase  `json:"phase"`
	Cause             release.Cause  `json:"cause,omitempty"`
	Message           string         `json:"message"`
}

type workerRollbackOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     workerAnswer
}

type workerCandidateList struct {
	Candidates []release.WorkerCandidate `json:"candidates" nullable:"false"`
}

func (a *API) mountWorkerRollback() {
	route(a, a.moving("/workers/{name}/rollback", "worker-rollback", "Give a Worker's traffic back to a version that served before", access.RollbackWorker, workerAnswer{}),
		func(ctx context.Context, who access.Actor, in *workerRollback) (*workerRollbackOutput, error) {
			op, err := a.Desk.RollbackWorker(ctx, who, release.WorkerRollbackRequest{
				Project: in.Project, Worker: in.Name, VersionID: in.Body.VersionID, Reason: in.Body.Reason, ExpectedCurrent: in.Body.ExpectedCurrent, Force: in.Body.Force,
			})
			if err == nil {
				op, err = a.awaited(ctx, who, op, in.Prefer)
			}
			if err != nil {
				return nil, err
			}
			return &workerRollbackOutput{Status: begunStatus(op), Location: base + "/operations/" + op.ID, Body: workerAnswerOf(op)}, nil
		})
	targets := a.operation(http.MethodGet, base+"/workers/{name}/rollback/candidates", "worker-rollback-candidates", "Five versions of a Worker, each with the reason why it can or cannot go back to it", access.ViewWorkers)
	a.refuses(&targets, http.StatusNotFound, http.StatusNotImplemented, http.StatusServiceUnavailable)
	route(a, targets, func(ctx context.Context, who access.Actor, in *workerQuery) (*body[workerCandidateList], error) {
		all, err := a.Desk.WorkerTargets(ctx, who, in.Project, in.Name)
		if err != nil {
			return nil, err
		}
		return &body[workerCandidateList]{workerCandidateList{Candidates: all}}, nil
	})
}

func workerAnswerOf(op release.Operation) workerAnswer {
	r := releaseAnswerOf(op)
	out := workerAnswer{
		Success: r.Success, PreviousVersionID: r.PreviousDeploymentID, OperationID: r.OperationID, Status: r.Status, Phase: r.Phase, Cause: r.Cause, Message: r.Message,
	}
	if op.Worker != nil {
		out.Worker = op.Worker.Name
	}
	if op.To != nil {
		out.VersionID = op.To.ID
	}
	return out
}
