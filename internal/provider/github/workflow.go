package github

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

const (
	routeDispatch = "/repos/{owner}/{repo}/actions/workflows/{workflow}/dispatches"
	routeRuns     = "/repos/{owner}/{repo}/actions/workflows/{workflow}/runs"
	routeRun      = "/repos/{owner}/{repo}/actions/runs/{run}"
	routeCancel   = "/repos/{owner}/{repo}/actions/runs/{run}/cancel"
	routeCommit   = "/repos/{owner}/{repo}/commits/{ref...}"
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
	body := map[string]any{"ref": d.Ref, "return_run_details": true}
	if len(inputs) > 0 {
		body["inputs"] = inputs
	}
	started, err := post[*struct {
		ID      int64  `json:"workflow_run_id"`
		HTMLURL string `json:"html_url"`
	}](ctx, c, body, routeDispatch, file)
	switch {
	case !taken(err):
		return provider.Run{}, err
	case err != nil || started == nil:
		return provider.Run{}, nil
	}
	return provider.Run{ID: max(started.ID, 0), URL: c.out.Link(started.HTMLURL, "github.com"), Status: "queued"}, nil
}

// FindRun looks through the newest dispatched runs for the correlation in
// their titles, which the workflow puts there with run-name.
func (c *Client) FindRun(ctx context.Context, p provider.Purpose, correlation string, since time.Time) (provider.Run, error) {
	if correlation == "" {
		return provider.Run{}, fault.New(fault.Invalid, "A run is found by its correlation.")
	}
	list, err := get[struct {
		Runs []restRun `json:"workflow_runs"`
	}](ctx, c, url.Values{
		"event": {"workflow_dispatch"}, "created": {">=" + since.Add(-5*time.Second).UTC().Format(time.RFC3339)}, "per_page": {"20"},
	}, routeRuns, c.workflow(p))
	if err != nil {
		return provider.Run{}, err
	}
	for i := range list.Runs {
		if w := &list.Runs[i]; strings.Contains(w.DisplayTitle, correlation) && w.ID > 0 {
			return c.run(w), nil
		}
	}
	return provider.Run{}, c.out.Fault(fault.NotFound, "GitHub shows no run of that name yet; the workflow has to put correlation_id into its run-name")
}

// Run reads one run.
func (c *Client) Run(ctx context.Context, id int64) (provider.Run, error) {
	w, err := get[restRun](ctx, c, nil, routeRun, strconv.FormatInt(id, 10))
	if err != nil {
		return provider.Run{}, err
	}
	if w.ID != id || w.Status == "" {
		return provider.Run{}, c.out.Unusable(routeRun, outbound.Misfit("the run's id or status is missing"))
	}
	return c.run(&w), nil
}

func (c *Client) run(w *restRun) provider.Run {
	r := provider.Run{
		ID: w.ID, URL: c.out.Link(w.HTMLURL, "github.com"),
		Status: outbound.Line(w.Status, 40), Conclusion: outbound.Line(w.Conclusion, 40),
	}
	if hash.MatchString(w.HeadSHA) {
		r.Commit = w.HeadSHA
	}
	return r
}

// CancelRun asks for a run to stop; what it already did stays done.
func (c *Client) CancelRun(ctx context.Context, id int64) error {
	_, err := post[struct{}](ctx, c, nil, routeCancel, strconv.FormatInt(id, 10))
	return err
}

// Resolve is the commit that a branch, a tag or a short hash stands for.
func (c *Client) Resolve(ctx context.Context, ref string) (string, error) {
	if ref == "" || len(ref) > 250 || strings.HasPrefix(ref, "-") || strings.Contains(ref, "..") {
		return "", fault.New(fault.Invalid, "A commit is named by a branch, a tag or its hash.")
	}
	w, err := get[restCommit](ctx, c, perPage(1), routeCommit, ref)
	if err != nil {
		if fault.Is(err, fault.Invalid) { // GitHub's 422 for a name that is no commit
			return "", c.out.Fault(fault.NotFound, "GitHub knows no branch, tag or commit of that name")
		}
		return "", err
	}
	if !hash.MatchString(w.SHA) {
		return "", c.out.Unusable(routeCommit, outbound.Misfit("a commit has no hash"))
	}
	return w.SHA, nil
}

// DefaultBranch is the repository's own.
func (c *Client) DefaultBranch(ctx context.Context) (string, error) {
	w, err := get[struct {
		DefaultBranch string `json:"default_branch"`
	}](ctx, c, nil, routeRepo)
	if err != nil {
		return "", err
	}
	if w.DefaultBranch == "" {
		return "", c.out.Unusable(routeRepo, outbound.Misfit("the default branch is missing"))
	}
	return outbound.Line(w.DefaultBranch, 250), nil
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
