package provider

import (
	"context"
	"time"
)

// Accepted is a platform's yes to a write. It is not yet done: what became of
// it is read from Live.
type Accepted struct {
	// Queued says that it waits behind something else, a gradual release.
	Queued bool
}

// Promoter gives production to a build that was made for it and never had it.
// Nothing is built.
//
// Vercel: POST /v10/projects/{projectId}/promote/{deploymentId}.
type Promoter interface {
	// Promote asks once. OutcomeUnknown(err): it may have been taken all the
	// same. fault.Conflict: it is live already, or another switch is under way.
	// fault.Invalid: this build cannot be promoted as it is.
	Promote(ctx context.Context, deploymentID string) (Accepted, error)
}

// RollBacker gives production back to a build that had it before.
//
// Vercel: POST /v1/projects/{projectId}/rollback/{deploymentId}. Unlike a
// promotion it pins production: later pushes do not go live.
type RollBacker interface {
	// RollBack asks once; why is kept by the platform. OutcomeUnknown as for
	// Promote. fault.Unsupported: the plan does not reach back that far.
	// fault.Conflict and fault.Invalid: look at the state before trying again.
	RollBack(ctx context.Context, deploymentID, why string) (Accepted, error)
}

// AutoAssigner can say whether pushes to the production branch go live by
// themselves.
//
// Vercel: PATCH /v9/projects/{project} with autoAssignCustomDomains. A rollback
// turns it off, and this turns it on again without moving anything.
type AutoAssigner interface {
	// AutoAssign sets it; setting it twice is setting it once.
	AutoAssign(ctx context.Context, on bool) error
}

// MoveReader can say which production domains the last switch failed to move.
//
// Vercel: GET /v1/projects/{projectId}/promote/aliases and …/rollback/aliases.
type MoveReader interface {
	// FailedMoves names the domains; kind is a Switch's.
	FailedMoves(ctx context.Context, kind string) ([]string, error)
}

// Builder makes production builds that do not go live by themselves.
//
// Vercel: POST /v13/deployments.
type Builder interface {
	// Rebuild builds what a deployment was built from once more, with
	// production's variables. It answers the new build, which is not ready yet.
	Rebuild(ctx context.Context, deploymentID string) (Deployment, error)
	// Build builds a commit (a full hash) of a branch for production.
	Build(ctx context.Context, commit, branch string) (Deployment, error)
}

// Purpose is what a workflow is for.
type Purpose string

// The purposes that a configuration can name a workflow for.
const (
	DeployWorkflow   Purpose = "deploy"
	RollbackWorkflow Purpose = "rollback"
)

// Dispatch asks for a run of a workflow.
type Dispatch struct {
	Purpose Purpose
	Ref     string // a branch or tag
	Inputs  map[string]string
	// Correlation is found again in the run's title, when the answer names no
	// run.
	Correlation string
}

// Run is one run of a workflow.
type Run struct {
	ID         int64
	URL        string // https page, "" when there is none
	Commit     string // full hash of what it runs on
	Status     string // queued, in_progress, waiting, completed, …
	Conclusion string // success, failure, cancelled, …; "" until completed
}

// Done says that the run has ended, well or badly.
func (r Run) Done() bool { return r.Status == "completed" }

// WorkflowRunner starts workflows of the repository and follows their runs.
//
// GitHub: POST /repos/{owner}/{repo}/actions/workflows/{file}/dispatches with
// return_run_details.
type WorkflowRunner interface {
	// Runs says whether the configuration names a workflow for the purpose.
	Runs(p Purpose) bool
	// Dispatch asks once. A Run without an ID was accepted and has to be found
	// with FindRun. OutcomeUnknown(err): it may have started.
	// fault.Invalid: the workflow does not take these inputs, or the ref is gone.
	Dispatch(ctx context.Context, d Dispatch) (Run, error)
	// FindRun finds a dispatched run by its correlation. fault.NotFound: it is
	// not there (yet).
	FindRun(ctx context.Context, p Purpose, correlation string, since time.Time) (Run, error)
	// Run reads one.
	Run(ctx context.Context, id int64) (Run, error)
	// CancelRun asks for a run to stop.
	CancelRun(ctx context.Context, id int64) error
}

// Resolver knows which commit a name stands for.
//
// GitHub: GET /repos/{owner}/{repo}/commits/{ref}.
type Resolver interface {
	// Resolve answers the full hash of a branch, tag or short hash.
	// fault.NotFound: there is no such thing.
	Resolve(ctx context.Context, ref string) (string, error)
	// DefaultBranch is the branch that things are merged into.
	DefaultBranch(ctx context.Context) (string, error)
}
