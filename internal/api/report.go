package api

import (
	"context"
	"net/http"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/status"
)

// devReport is what a developer's machine says of its working copy.
type devReport struct {
	Project string `query:"project" doc:"Another project than the first." maxLength:"100"`
	Body    struct {
		Commit      string `json:"commit,omitempty" doc:"7 to 40 hexadecimal digits; empty before the first commit" maxLength:"40"`
		Message     string `json:"message,omitempty" maxLength:"5000"`
		Branch      string `json:"branch" minLength:"1" maxLength:"300"`
		Author      string `json:"author,omitempty" maxLength:"300"`
		Dirty       bool   `json:"dirty,omitempty" doc:"There are changes that are not committed."`
		Ahead       int    `json:"ahead,omitempty" minimum:"0" doc:"Commits that the upstream branch does not have."`
		Behind      int    `json:"behind,omitempty" minimum:"0"`
		PullRequest int    `json:"pullRequest,omitempty" minimum:"0" doc:"The branch's open pull request."`
		Host        string `json:"host,omitempty" maxLength:"300"`
	}
}

func (a *API) mountReport() {
	op := a.operation(http.MethodPost, "/api/dev/report", "report-dev", "Report a working copy as the local environment, for 30 seconds", access.ReportDev)
	op.DefaultStatus = http.StatusNoContent
	a.refuses(&op, http.StatusNotFound)
	route(a, op, func(ctx context.Context, who access.Actor, in *devReport) (*none, error) {
		b := in.Body
		return nil, a.Boards.Report(ctx, who, in.Project, status.Report{
			Commit: b.Commit, Message: b.Message, Branch: b.Branch, Author: b.Author, Dirty: b.Dirty,
			Ahead: b.Ahead, Behind: b.Behind, PullRequest: b.PullRequest, Host: b.Host,
		})
	})
}
