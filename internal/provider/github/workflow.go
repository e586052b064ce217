package github

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v92/github"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

const (
	routeDispatch = "/repos/{owner}/{repo}/actions/workflows/{workflow}/dispatches"
	routeRuns     = "/repos/{owner}/{repo}/actions/workflows/{workflow}/runs"
	routeRun      = "/repos/{owner}/{repo}/actions/runs/{run}"
	routeCancel   = "/repos/{owner}/{repo}/actions/runs/{run}/cancel"
	routeCommit   = "/repos/{owner}/{repo}/commits/{ref}"
	routeRepo     = "/repos/{owner}/{repo}"
)

var (
	_ provider.WorkflowRunner = (*Client)(nil)
	_ provider.Resolver       = (*Client)(nil)
)

func (c *Client) workflow(p provider.Purpose) string {
	switch p {
	case provider.DeployWorkflow:
		return c.deploy
	case provider.RollbackWorkflow:
		return c.rollback
	default:
		return ""
	}
}

// Runs says whether the configuration names a workflow for the purpose.
func (c *Client) Runs(p provider.Purpose) bool { return c.workflow(p) != "" }

// Dispatch is docs.github.com/rest/actions/workflows, "Create a workflow
// dispatch event". Since February 2026 the answer can name the run; older
// servers answer 204, and the run is found by its title.
func (c *Client) Dispatch(ctx context.Context, d provider.Dispatch) (provider.Run, error) {
	file := c.workflow(d.Purpose)
	if file == "" {
		return provider.Run{}, c.out.Fault(fault.Unsupported, "no workflow is named for this: set github.%s_workflow", d.Purpose)
	}
	inputs := map[string]any{}
	for k, v := range d.Inputs {
		inputs[k] = v
	}
	if d.Correlation != "" {
		inputs["correlation_id"] = d.Correlation
	}
	details, _, err := c.rest.Actions.CreateWorkflowDispatchEventByFileName(outbound.WithRoute(ctx, routeDispatch), c.owner, c.repo, file,
		github.CreateWorkflowDispatchEventRequest{Ref: d.Ref, Inputs: inputs, ReturnRunDetails: new(true)})
	if err != nil {
		err = c.out.FromLibrary(ctx, routeDispatch, err)
		if fault.Is(err, fault.BadResponse) {
			// It was taken, and what was said about it cannot be read.
			return provider.Run{}, nil
		}
		return provider.Run{}, err
	}
	if details == nil {
		return provider.Run{}, nil
	}
	return provider.Run{ID: max(details.GetWorkflowRunID(), 0), URL: c.out.Link(details.GetHTMLURL(), "github.com"), Status: "queued"}, nil
}

// FindRun looks through the newest dispatched runs for the correlation in
// their titles, which the workflow puts there with run-name.
func (c *Client) FindRun(ctx context.Context, p provider.Purpose, correlation string, since time.Time) (provider.Run, error) {
	if correlation == "" {
		return provider.Run{}, fault.New(fault.Invalid, "A run is found by its correlation.")
	}
	list, _, err := c.rest.Actions.ListWorkflowRunsByFileName(outbound.WithRoute(ctx, routeRuns), c.owner, c.repo, c.workflow(p), &github.ListWorkflowRunsOptions{
		Event: "workflow_dispatch", Created: ">=" + since.Add(-5*time.Second).UTC().Format(time.RFC3339), ListOptions: github.ListOptions{PerPage: 20},
	})
	if err != nil {
		return provider.Run{}, c.out.FromLibrary(ctx, routeRuns, err)
	}
	for _, w := range list.WorkflowRuns {
		if strings.Contains(w.GetDisplayTitle(), correlation) && w.GetID() > 0 {
			return c.run(w), nil
		}
	}
	return provider.Run{}, c.out.Fault(fault.NotFound, "GitHub shows no run of that name yet; the workflow has to put correlation_id into its run-name")
}

// Run reads one run.
func (c *Client) Run(ctx context.Context, id int64) (provider.Run, error) {
	w, _, err := c.rest.Actions.GetWorkflowRunByID(outbound.WithRoute(ctx, routeRun), c.owner, c.repo, id)
	if err != nil {
		return provider.Run{}, c.out.FromLibrary(ctx, routeRun, err)
	}
	if w.GetID() != id || w.GetStatus() == "" {
		return provider.Run{}, c.out.Unusable(routeRun, outbound.Misfit("the run's id or status is missing"))
	}
	return c.run(w), nil
}

func (c *Client) run(w *github.WorkflowRun) provider.Run {
	r := provider.Run{
		ID: w.GetID(), URL: c.out.Link(w.GetHTMLURL(), "github.com"),
		Status: outbound.Line(w.GetStatus(), 40), Conclusion: outbound.Line(w.GetConclusion(), 40),
	}
	if hash.MatchString(w.GetHeadSHA()) {
		r.Commit = w.GetHeadSHA()
	}
	return r
}

// CancelRun asks for a run to stop; what it already did stays done.
func (c *Client) CancelRun(ctx context.Context, id int64) error {
	_, err := c.rest.Actions.CancelWorkflowRunByID(outbound.WithRoute(ctx, routeCancel), c.owner, c.repo, id)
	if _, taken := errors.AsType[*github.AcceptedError](err); err == nil || taken {
		return nil
	}
	return c.out.FromLibrary(ctx, routeCancel, err)
}

// Resolve is the commit that a branch, a tag or a short hash stands for.
func (c *Client) Resolve(ctx context.Context, ref string) (string, error) {
	if ref == "" || len(ref) > 250 || strings.HasPrefix(ref, "-") || strings.Contains(ref, "..") {
		return "", fault.New(fault.Invalid, "A commit is named by a branch, a tag or its hash.")
	}
	w, _, err := c.rest.Repositories.GetCommit(outbound.WithRoute(ctx, routeCommit), c.owner, c.repo, ref, &github.ListOptions{PerPage: 1})
	if err != nil {
		err = c.out.FromLibrary(ctx, routeCommit, err)
		if fault.Is(err, fault.Invalid) { // GitHub's 422 for a name that is no commit
			return "", c.out.Fault(fault.NotFound, "GitHub knows no branch, tag or commit of that name")
		}
		return "", err
	}
	if !hash.MatchString(w.GetSHA()) {
		return "", c.out.Unusable(routeCommit, outbound.Misfit("a commit has no hash"))
	}
	return w.GetSHA(), nil
}

// DefaultBranch is the repository's own.
func (c *Client) DefaultBranch(ctx context.Context) (string, error) {
	w, _, err := c.rest.Repositories.Get(outbound.WithRoute(ctx, routeRepo), c.owner, c.repo)
	if err != nil {
		return "", c.out.FromLibrary(ctx, routeRepo, err)
	}
	if w.GetDefaultBranch() == "" {
		return "", c.out.Unusable(routeRepo, outbound.Misfit("the default branch is missing"))
	}
	return outbound.Line(w.GetDefaultBranch(), 250), nil
}

// explainActions says what refusals mean on the routes of this file.
func explainActions(r outbound.Refusal) outbound.Meaning {
	switch {
	case r.Status == http.StatusForbidden && (r.Route == routeDispatch || r.Route == routeCancel):
		return outbound.Meaning{Text: "the token lacks the permission Actions: write on this repository, or its organisation has not approved it"}
	case r.Status == http.StatusForbidden && (r.Route == routeRuns || r.Route == routeRun):
		return outbound.Meaning{Text: "the token lacks the permission Actions: read on this repository"}
	case r.Status == http.StatusNotFound && (r.Route == routeDispatch || r.Route == routeRuns):
		return outbound.Meaning{Text: "there is no such workflow for this token. Check github.deploy_workflow and github.rollback_workflow, and the permission Actions: write"}
	case r.Status == http.StatusUnprocessableEntity && r.Route == routeDispatch:
		return outbound.Meaning{Text: "the workflow cannot be started so: it needs a workflow_dispatch trigger with the inputs environment, ref, reason and correlation_id, and the branch must exist"}
	case r.Status == http.StatusNotFound && r.Route == routeCommit:
		return outbound.Meaning{Text: "there is no such branch, tag or commit, or the token may not see the repository (Contents: read)"}
	}
	return outbound.Meaning{}
}
