package api

import (
	"context"
	"net/http"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/release"
)

type approvalList struct {
	Approvals []release.Approval `json:"approvals" nullable:"false"`
}

type newApproval struct {
	Project string `query:"project" doc:"Another project than the first."`
	Body    struct {
		DeploymentID string `json:"deploymentId,omitempty" maxLength:"200" doc:"Required. The deployment to promote."`
		Reason       string `json:"reason,omitempty" maxLength:"1000" doc:"Required. Why, for the record."`
		Rebuild      bool   `json:"rebuild,omitempty" doc:"As for the promotion."`
		Sheet        string `json:"sheet,omitempty" maxLength:"128" doc:"The hash of the comparison that you saw: refused if it has changed."`
	}
}

type approvalID struct {
	ID string `path:"id" maxLength:"64"`
}

type decision struct {
	ID   string `path:"id" maxLength:"64"`
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"1000" doc:"Why, for the record."`
	}
}

func (d *decision) reason() string {
	if d.Body == nil {
		return ""
	}
	return d.Body.Reason
}

type sheetHash struct {
	Hash string `path:"hash" maxLength:"128"`
}

type resumption struct {
	Project string `query:"project" doc:"Another project than the first."`
	Body    struct {
		Reason string `json:"reason,omitempty" maxLength:"1000" doc:"Required. Why, for the record."`
	}
}

func (a *API) mountGuards() {
	guards := a.operation(http.MethodGet, base+"/guards", "guards", "Everything that stands in front of production: holds, freezes, approvals, the pin of a rollback", access.ViewOperations)
	a.refuses(&guards, http.StatusNotFound)
	route(a, guards, func(ctx context.Context, who access.Actor, in *projectQuery) (*body[release.Guards], error) {
		g, err := a.Desk.Guards(ctx, who, in.Project)
		return answer(g, err)
	})
	resume := a.operation(http.MethodPost, base+"/resume", "resume", "Let pushes go live by themselves again, after a rollback has pinned production", access.ManageHolds)
	resume.DefaultStatus = http.StatusNoContent
	a.refuses(&resume, http.StatusNotFound, http.StatusConflict, http.StatusNotImplemented, http.StatusServiceUnavailable)
	route(a, resume, func(ctx context.Context, who access.Actor, in *resumption) (*none, error) {
		return nil, a.Desk.Resume(ctx, who, in.Project, in.Body.Reason)
	})
	sheet := a.operation(http.MethodGet, base+"/sheets/{hash}", "sheet", "A comparison as it was confirmed or approved, by its hash", access.Compare)
	a.refuses(&sheet, http.StatusNotFound)
	route(a, sheet, func(ctx context.Context, who access.Actor, in *sheetHash) (*body[release.Sheet], error) {
		s, err := a.Desk.Sheet(ctx, who, in.Hash)
		return answer(s, err)
	})
	a.mountApprovals()
}

// answer is a body, or the error alone.
func answer[T any](v T, err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{v}, nil
}

func (a *API) mountApprovals() {
	list := a.operation(http.MethodGet, base+"/approvals", "approvals", "The newest requests for an approval", access.ViewOperations)
	a.refuses(&list, http.StatusNotFound)
	route(a, list, func(ctx context.Context, who access.Actor, in *projectQuery) (*body[approvalList], error) {
		all, err := a.Desk.Approvals(ctx, who, in.Project)
		return answer(approvalList{all}, err)
	})
	ask := a.operation(http.MethodPost, base+"/approvals", "ask-approval", "Ask for the approval of exactly what a promotion would change; nothing is locked meanwhile", access.Promote)
	ask.DefaultStatus = http.StatusCreated
	a.refuses(&ask, http.StatusNotFound, http.StatusConflict, http.StatusNotImplemented, http.StatusServiceUnavailable)
	route(a, ask, func(ctx context.Context, who access.Actor, in *newApproval) (*body[release.Approval], error) {
		ap, err := a.Desk.AskApproval(ctx, who, release.ApprovalRequest{
			Project: in.Project, DeploymentID: in.Body.DeploymentID, Reason: in.Body.Reason, Rebuild: in.Body.Rebuild, Sheet: in.Body.Sheet,
		})
		return answer(ap, err)
	})
	one := a.operation(http.MethodGet, base+"/approvals/{id}", "approval", "One request for an approval", access.ViewOperations)
	a.refuses(&one, http.StatusNotFound)
	route(a, one, func(ctx context.Context, who access.Actor, in *approvalID) (*body[release.Approval], error) {
		ap, err := a.Desk.Approval(ctx, who, in.ID)
		return answer(ap, err)
	})
	for _, way := range []struct {
		name, summary string
		decide        func(ctx context.Context, who access.Actor, id, reason string) (release.Approval, error)
	}{
		{"approve", "Approve exactly what was asked about; refused when that has changed", a.Desk.Approve},
		{"decline", "Say no, or take back one's own request or approval that is not used", a.Desk.Decline},
	} {
		op := a.operation(http.MethodPost, base+"/approvals/{id}/"+way.name, way.name, way.summary, access.ApproveOperation)
		a.refuses(&op, http.StatusNotFound, http.StatusConflict, http.StatusNotImplemented, http.StatusServiceUnavailable)
		route(a, op, func(ctx context.Context, who access.Actor, in *decision) (*body[release.Approval], error) {
			ap, err := way.decide(ctx, who, in.ID, in.reason())
			return answer(ap, err)
		})
	}
}
