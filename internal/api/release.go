package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/release"
)

// releaseAnswer is what somebody who moves production is told.
type releaseAnswer struct {
	Success              *bool          `json:"success" doc:"null until the operation has ended."`
	NewDeploymentURL     string         `json:"newDeploymentUrl" doc:"Of what is to be live; empty while it is not known."`
	PreviousDeploymentID string         `json:"previousDeploymentId" doc:"What was live when it was asked for; empty while it is not known."`
	OperationID          string         `json:"operationId"`
	Status               release.Status `json:"status" enum:"pending,success,failed"`
	Phase                release.Phase  `json:"phase"`
	Cause                release.Cause  `json:"cause,omitempty"`
	Message              string         `json:"message"`
}

type releaseOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     releaseAnswer
}

// Asked is what every request that moves something shares. The framework reads
// no fields of an embedded type that is not exported.
type Asked struct {
	Project string `query:"project" doc:"Another project than the first."`
	Prefer  string `header:"Prefer" doc:"wait=N: answer when the build is confirmed live or the operation has ended, after N seconds (at most 120) in any case."`
}

// The reason is required, and Desk says so: its refusal is in the audit log.
type promotion struct {
	Asked
	Body struct {
		DeploymentID    string `json:"deploymentId,omitempty" maxLength:"200" doc:"Required. The deployment to promote."`
		Reason          string `json:"reason,omitempty" maxLength:"1000" doc:"Required. Why, for the record."`
		ExpectedCurrent string `json:"expectedCurrent,omitempty" maxLength:"200" doc:"What you saw live, as deployment id or commit. If it is something else by now, the promotion is refused."`
		Rebuild         bool   `json:"rebuild,omitempty" doc:"Build it again with production's variables first. A preview needs this."`
		Sheet           string `json:"sheet,omitempty" maxLength:"128" doc:"The hash of the comparison that you saw. If the release would change something else by now, it is refused."`
		WithoutSnapshot string `json:"withoutSnapshot,omitempty" maxLength:"300" doc:"Waives the snapshot of the database that is made before a release with migrations, and says why. It is recorded."`
		BreakGlass      string `json:"breakGlass,omitempty" maxLength:"120" doc:"The name of the environment: passes holds, freezes and a missing approval. It is recorded and loud; the reason needs 10 characters."`
	}
}

type rollback struct {
	Asked
	Body struct {
		DeploymentID    string `json:"deploymentId,omitempty" maxLength:"200" doc:"What to go back to. Left out: the last build that a release proved good."`
		Environment     string `json:"environment" enum:"production" doc:"production."`
		Reason          string `json:"reason,omitempty" maxLength:"1000" doc:"Required. Why, for the record."`
		ExpectedCurrent string `json:"expectedCurrent,omitempty" maxLength:"200" doc:"What you saw live, as deployment id or commit."`
		BelowFloor      bool   `json:"belowFloor,omitempty" doc:"Go back although the build may not run on the schema as it is. Without it such a rollback is refused with the reason."`
	}
}

type deployment struct {
	Asked
	Body struct {
		Environment     string `json:"environment" maxLength:"120" doc:"Name of an environment, or production."`
		Ref             string `json:"ref,omitempty" maxLength:"250" doc:"Branch, tag or commit. Left out: the default branch."`
		Reason          string `json:"reason,omitempty" maxLength:"1000" doc:"Required. Why, for the record."`
		ExpectedCurrent string `json:"expectedCurrent,omitempty" maxLength:"200" doc:"What you saw live, as deployment id or commit."`
		WithoutSnapshot string `json:"withoutSnapshot,omitempty" maxLength:"300" doc:"Waives the snapshot of the database that is made before a release with migrations, and says why. It is recorded."`
		BreakGlass      string `json:"breakGlass,omitempty" maxLength:"120" doc:"As for a promotion: the name of the environment, when that is production."`
	}
}

type cancellation struct {
	ID   string `path:"id" maxLength:"64"`
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"1000" doc:"Why, for the record."`
	}
}

type operationQuery struct {
	Project     string    `query:"project" doc:"Another project than the first."`
	Environment string    `query:"environment" maxLength:"120" doc:"Of this environment alone."`
	Limit       int       `query:"limit" minimum:"1" maximum:"100" default:"20"`
	Before      time.Time `query:"before" doc:"Those begun before this time: the createdAt of the last one you have."`
}

type operationList struct {
	Operations []release.Operation `json:"operations" nullable:"false"`
}

type operationID struct {
	ID string `path:"id" maxLength:"64"`
}

type comparison struct {
	Project string `query:"project" doc:"Another project than the first."`
	From    string `query:"from" required:"true" maxLength:"200" doc:"Name of an environment, or a deployment's id: what is."`
	To      string `query:"to" required:"true" maxLength:"200" doc:"The same: what would be."`
}

type projectQuery struct {
	Project string `query:"project" doc:"Another project than the first."`
}

type candidateList struct {
	Candidates []release.Candidate `json:"candidates" nullable:"false"`
}

type holdList struct {
	Holds []release.Hold `json:"holds" nullable:"false"`
}

type newHold struct {
	Project string `query:"project" doc:"Another project than the first."`
	Body    struct {
		Reason  string `json:"reason,omitempty" maxLength:"1000" doc:"Required. Why nothing may be promoted."`
		Expires string `json:"expires" maxLength:"40" doc:"When it ends: a time such as 2027-01-31T00:00:00Z, or from now on such as 2d or 12h. At most 30 days."`
	}
}

type liftedHold struct {
	Project string `query:"project" doc:"Another project than the first."`
	ID      string `path:"id" maxLength:"64"`
	Reason  string `query:"reason" maxLength:"1000" doc:"Why, for the record."`
}

func (a *API) mountReleases() {
	route(a, a.moving("/promote", "promote", "Move a build to production, prove it, watch it, and take it back when it is bad", access.Promote, releaseAnswer{}),
		func(ctx context.Context, who access.Actor, in *promotion) (*releaseOutput, error) {
			op, err := a.Desk.Promote(ctx, who, release.PromoteRequest{
				Project: in.Project, DeploymentID: in.Body.DeploymentID, Reason: in.Body.Reason,
				ExpectedCurrent: in.Body.ExpectedCurrent, Rebuild: in.Body.Rebuild, Sheet: in.Body.Sheet, BreakGlass: in.Body.BreakGlass,
				WithoutSnapshot: in.Body.WithoutSnapshot,
			})
			return a.begun(ctx, who, op, err, in.Prefer)
		})
	route(a, a.moving("/rollback", "rollback", "Give production back to a build that was live before", access.Rollback, releaseAnswer{}),
		func(ctx context.Context, who access.Actor, in *rollback) (*releaseOutput, error) {
			op, err := a.Desk.Rollback(ctx, who, release.RollbackRequest{
				Project: in.Project, DeploymentID: in.Body.DeploymentID, Reason: in.Body.Reason, ExpectedCurrent: in.Body.ExpectedCurrent,
				BelowFloor: in.Body.BelowFloor,
			})
			return a.begun(ctx, who, op, err, in.Prefer)
		})
	route(a, a.moving("/deploy", "deploy", "Deploy a commit by hand", access.Deploy, releaseAnswer{}),
		func(ctx context.Context, who access.Actor, in *deployment) (*releaseOutput, error) {
			op, err := a.Desk.Deploy(ctx, who, release.DeployRequest{
				Project: in.Project, Environment: in.Body.Environment, Ref: in.Body.Ref, Reason: in.Body.Reason, ExpectedCurrent: in.Body.ExpectedCurrent,
				BreakGlass: in.Body.BreakGlass, WithoutSnapshot: in.Body.WithoutSnapshot,
			})
			return a.begun(ctx, who, op, err, in.Prefer)
		})
	a.mountOperations()
	a.mountHolds()
	a.mountGuards()
}

// moving describes a route that moves something, and is answered with answer.
func (a *API) moving(path, id, summary string, use access.UseCase, answer any) huma.Operation {
	op := a.operation(http.MethodPost, base+path, id, summary, use)
	op.DefaultStatus = http.StatusAccepted
	a.refuses(&op, http.StatusNotFound, http.StatusConflict, http.StatusNotImplemented, http.StatusServiceUnavailable)
	op.Responses["200"] = a.answer("It is confirmed live, or has ended.", answer)
	op.Responses["202"] = a.answer("It is accepted, and goes on whatever happens to this connection. Location says where to watch it.", answer)
	// Whoever asked to wait must not be cut off by the time limit for answers.
	op.Middlewares = huma.Middlewares{func(c huma.Context, next func(huma.Context)) {
		if wait := waitOf(c.Header("Prefer")); wait > 0 {
			_, w := humago.Unwrap(c)
			// Not every writer has deadlines; then the server's own limit holds.
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(wait + 30*time.Second))
		}
		next(c)
	}}
	return op
}

// longestWait is the most that Prefer may ask for.
const longestWait = 2 * time.Minute

// waitOf reads "wait=N" out of a Prefer header (RFC 7240), 0 without one.
func waitOf(prefer string) time.Duration {
	for part := range strings.FieldsFuncSeq(prefer, func(r rune) bool { return r == ',' || r == ';' }) {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if n, err := strconv.Atoi(strings.Trim(value, `" `)); err == nil && strings.EqualFold(strings.TrimSpace(name), "wait") && n > 0 {
			return min(time.Duration(min(n, 3600))*time.Second, longestWait)
		}
	}
	return 0
}

func (a *API) begun(ctx context.Context, who access.Actor, op release.Operation, err error, prefer string) (*releaseOutput, error) {
	if err == nil {
		op, err = a.awaited(ctx, who, op, prefer)
	}
	if err != nil {
		return nil, err
	}
	return &releaseOutput{Status: begunStatus(op), Location: base + "/operations/" + op.ID, Body: releaseAnswerOf(op)}, nil
}

// awaited is the operation after the time that Prefer gives it.
func (a *API) awaited(ctx context.Context, who access.Actor, op release.Operation, prefer string) (release.Operation, error) {
	if wait := waitOf(prefer); wait > 0 {
		return a.Desk.Await(ctx, who, op.ID, wait)
	}
	return op, nil
}

func begunStatus(op release.Operation) int {
	if op.Phase.Confirmed() {
		return http.StatusOK
	}
	return http.StatusAccepted
}

func releaseAnswerOf(op release.Operation) releaseAnswer {
	out := releaseAnswer{OperationID: op.ID, Status: op.Status, Phase: op.Phase, Cause: op.Cause, Message: op.Message}
	if op.Phase.Ended() {
		out.Success = new(op.Status == release.StatusSuccess)
	}
	if op.To != nil {
		out.NewDeploymentURL = op.To.URL
	}
	if op.From != nil {
		out.PreviousDeploymentID = op.From.ID
	}
	return out
}

func (a *API) mountOperations() {
	list := a.operation(http.MethodGet, base+"/operations", "operations", "The newest operations, without their steps", access.ViewOperations)
	a.refuses(&list, http.StatusNotFound)
	route(a, list, func(ctx context.Context, who access.Actor, in *operationQuery) (*body[operationList], error) {
		all, err := a.Desk.Operations(ctx, who, release.Query{Project: in.Project, Environment: in.Environment, Limit: in.Limit, Before: in.Before})
		if err != nil {
			return nil, err
		}
		return &body[operationList]{operationList{Operations: all}}, nil
	})
	one := a.operation(http.MethodGet, base+"/operations/{id}", "operation", "One operation: steps, evidence and timings", access.ViewOperations)
	a.refuses(&one, http.StatusNotFound)
	route(a, one, func(ctx context.Context, who access.Actor, in *operationID) (*body[release.Operation], error) {
		op, err := a.Desk.Operation(ctx, who, in.ID)
		if err != nil {
			return nil, err
		}
		return &body[release.Operation]{op}, nil
	})
	cancel := a.operation(http.MethodPost, base+"/operations/{id}/cancel", "cancel-operation", "Stop an operation that has not begun to switch", access.CancelOperation)
	a.refuses(&cancel, http.StatusNotFound, http.StatusConflict)
	route(a, cancel, func(ctx context.Context, who access.Actor, in *cancellation) (*body[release.Operation], error) {
		reason := ""
		if in.Body != nil {
			reason = in.Body.Reason
		}
		op, err := a.Desk.Cancel(ctx, who, in.ID, reason)
		if err != nil {
			return nil, err
		}
		return &body[release.Operation]{op}, nil
	})
	compare := a.operation(http.MethodGet, base+"/compare", "compare", "What lies between two environments or deployments: the dry run of a promotion", access.Compare)
	a.refuses(&compare, http.StatusNotFound, http.StatusNotImplemented, http.StatusServiceUnavailable)
	route(a, compare, func(ctx context.Context, who access.Actor, in *comparison) (*body[release.Sheet], error) {
		sheet, err := a.Desk.Compare(ctx, who, in.Project, in.From, in.To)
		if err != nil {
			return nil, err
		}
		return &body[release.Sheet]{sheet}, nil
	})
	targets := a.operation(http.MethodGet, base+"/rollback/candidates", "rollback-candidates", "Five builds that were live before, each with the reason why production can or cannot go back to it", access.ViewDeployments)
	a.refuses(&targets, http.StatusNotFound, http.StatusNotImplemented, http.StatusServiceUnavailable)
	route(a, targets, func(ctx context.Context, who access.Actor, in *projectQuery) (*body[candidateList], error) {
		all, err := a.Desk.Targets(ctx, who, in.Project)
		if err != nil {
			return nil, err
		}
		return &body[candidateList]{candidateList{Candidates: all}}, nil
	})
}

func (a *API) mountHolds() {
	list := a.operation(http.MethodGet, base+"/holds", "holds", "What keeps production from being promoted to", access.ViewOperations)
	a.refuses(&list, http.StatusNotFound)
	route(a, list, func(ctx context.Context, who access.Actor, in *projectQuery) (*body[holdList], error) {
		all, err := a.Desk.Holds(ctx, who, in.Project)
		if err != nil {
			return nil, err
		}
		return &body[holdList]{holdList{Holds: all}}, nil
	})
	place := a.operation(http.MethodPost, base+"/holds", "place-hold", "Keep production from being promoted to; rollbacks go on", access.ManageHolds)
	place.DefaultStatus = http.StatusCreated
	a.refuses(&place, http.StatusNotFound)
	route(a, place, func(ctx context.Context, who access.Actor, in *newHold) (*body[release.Hold], error) {
		life, err := lifetime(in.Body.Expires, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		h, err := a.Desk.Hold(ctx, who, release.HoldRequest{Project: in.Project, Reason: in.Body.Reason, For: life})
		if err != nil {
			return nil, err
		}
		return &body[release.Hold]{h}, nil
	})
	lift := a.operation(http.MethodDelete, base+"/holds/{id}", "lift-hold", "End a hold", access.ManageHolds)
	lift.DefaultStatus = http.StatusNoContent
	a.refuses(&lift, http.StatusNotFound)
	route(a, lift, func(ctx context.Context, who access.Actor, in *liftedHold) (*none, error) {
		return nil, a.Desk.Lift(ctx, who, in.Project, in.ID, in.Reason)
	})
}
