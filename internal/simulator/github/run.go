package github

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

type reviewBody struct {
	EnvironmentIDs []int64 `json:"environment_ids" wire:"required"`
	State          string  `json:"state" wire:"required,oneof=approved|rejected"`
	Comment        string  `json:"comment" wire:"required"`
}

func (f *Face) runRoutes() []wire.Route {
	one := repoPath + "/actions/runs/{run}"
	return []wire.Route{
		{Pattern: "GET " + repoPath + "/actions/runs", Doc: "runs of all workflows", Need: needActions, Query: runQuery(), Handle: f.on(func(i *in) (*wire.Answer, error) {
			return runs(i, nil)
		})},
		{
			Pattern: "GET " + one, Doc: "one run", Need: needActions, Query: []wire.Param{{Name: "exclude_pull_requests", Type: wire.String}},
			Handle: f.on(onRun(func(i *in, r *world.WorkflowRun) (*wire.Answer, error) { return wire.OK(i.run(r)), nil })),
		},
		{
			Pattern: "GET " + one + "/jobs", Doc: "its jobs", Need: needActions,
			Query: paged(wire.Param{Name: "filter", Type: wire.Enum, OneOf: []string{"latest", "all"}}),
			Handle: f.on(onRun(func(i *in, r *world.WorkflowRun) (*wire.Answer, error) {
				return counted(i, "jobs", []*world.WorkflowRun{r}, i.job), nil
			})),
		},
		{
			Pattern: "GET " + one + "/artifacts", Doc: "what it left behind: nothing", Need: needActions,
			Query: paged(wire.Param{Name: "name", Type: wire.String}, wire.Param{Name: "direction", Type: wire.Enum, OneOf: []string{"asc", "desc"}}),
			Handle: f.on(onRun(func(i *in, _ *world.WorkflowRun) (*wire.Answer, error) {
				return wire.OK(obj{"total_count": 0, "artifacts": []obj{}}), nil
			})),
		},
		{
			Pattern: "GET " + repoPath + "/check-runs/{job}/annotations", Doc: "remarks on a job: none", Need: needActions, Query: paged(),
			Handle: f.on(func(i *in) (*wire.Answer, error) {
				for _, r := range i.s.Runs() {
					if itoa(i.number("job", r.ID)) == i.Path("job") {
						return wire.OK([]obj{}), nil
					}
				}
				return nil, i.notFound()
			}),
		},
		{
			Pattern: "GET " + one + "/pending_deployments", Doc: "the environments it waits for", Need: needActions,
			Handle: f.on(onRun(func(i *in, r *world.WorkflowRun) (*wire.Answer, error) {
				if r.Status != "waiting" {
					return wire.OK([]obj{}), nil
				}
				return wire.OK([]obj{{
					"environment": i.environment(r), "wait_timer": 0, "wait_timer_started_at": nil,
					"current_user_can_approve": !granted(i.Call).ReadOnly,
					"reviewers":                []obj{{"type": "User", "reviewer": i.user(i.s.People[0])}},
				}}), nil
			})),
		},
		{
			Pattern: "POST " + one + "/pending_deployments", Doc: "approves or rejects them", Need: needActionsWrite,
			Body: wire.JSONBody[reviewBody](), Handle: f.on(onRun(review)),
		},
		{
			Pattern: "POST " + one + "/cancel", Doc: "stops a run", Need: needActionsWrite, PretendStatus: http.StatusAccepted,
			Handle: f.on(onRun(func(i *in, r *world.WorkflowRun) (*wire.Answer, error) {
				if err := i.s.CancelRun(r.ID); errors.Is(err, world.ErrFinished) {
					return nil, wire.Refuse(wire.Conflict, "Cannot cancel a workflow run that is completed.")
				}
				i.Changed()
				return wire.JSON(http.StatusAccepted, obj{}), nil
			})),
		},
	}
}

func onRun(do func(*in, *world.WorkflowRun) (*wire.Answer, error)) func(*in) (*wire.Answer, error) {
	return func(i *in) (*wire.Answer, error) {
		id, err := strconv.ParseInt(i.Path("run"), 10, 64)
		if err != nil {
			return nil, i.notFound()
		}
		r := i.s.Run(id)
		if r == nil {
			return nil, i.notFound()
		}
		return do(i, r)
	}
}

func (i *in) suite(r *world.WorkflowRun) int64 { return i.number("suite", r.ID) }

func (i *in) run(r *world.WorkflowRun) obj {
	api := i.repo("/actions/runs/%d", r.ID)
	c := i.s.Commit(r.SHA)
	who := obj{"name": c.Author.Name, "email": c.Author.Email}
	actor := i.user(r.Actor)
	if actor == nil {
		actor = i.ghost()
	}
	return obj{
		"id": r.ID, "name": r.Workflow.Name, "node_id": i.node("WFR", r.ID), "head_branch": r.Branch, "head_sha": r.SHA,
		"path": ".github/workflows/" + r.Workflow.File, "display_title": r.Title, "run_number": r.Number, "event": r.Event,
		"status": r.Status, "conclusion": orNil(r.Conclusion), "workflow_id": r.Workflow.ID,
		"check_suite_id": i.suite(r), "check_suite_node_id": i.node("CS", r.ID), "url": api, "html_url": i.html("/actions/runs/%d", r.ID),
		"pull_requests": []obj{}, "created_at": stamp(r.CreatedAt), "updated_at": stamp(r.UpdatedAt), "run_started_at": stamp(r.CreatedAt),
		"actor": actor, "triggering_actor": actor, "run_attempt": r.Attempt, "previous_attempt_url": nil, "referenced_workflows": []obj{},
		"jobs_url": api + "/jobs", "logs_url": api + "/logs", "check_suite_url": i.repo("/check-suites/%d", i.suite(r)),
		"artifacts_url": api + "/artifacts", "cancel_url": api + "/cancel", "rerun_url": api + "/rerun",
		"workflow_url": i.repo("/actions/workflows/%d", r.Workflow.ID),
		"head_commit": obj{
			"id": c.SHA, "tree_id": c.Tree, "message": c.Message, "timestamp": stamp(c.At), "author": who, "committer": who,
		},
		"repository": i.repository(), "head_repository": i.repository(),
	}
}

func (i *in) job(r *world.WorkflowRun) obj {
	id := i.number("job", r.ID)
	steps := []obj{}
	for n, step := range r.Steps {
		steps = append(steps, obj{
			"name": step.Name, "status": step.Status, "conclusion": orNil(step.Conclusion), "number": n + 1,
			"started_at": stampOrNull(step.StartedAt), "completed_at": stampOrNull(step.EndedAt),
		})
	}
	name := map[string]string{world.CIWorkflow: "test", world.DeployWorkflow: "deploy", world.RollbackWorkflow: "rollback"}[r.Workflow.File]
	var ended, runner, group any
	if r.Status == "completed" {
		ended = stamp(r.UpdatedAt)
	}
	if len(r.Steps) > 0 {
		runner, group = "GitHub Actions "+itoa(int64(r.Number)), "GitHub Actions"
	}
	return obj{
		"id": id, "run_id": r.ID, "workflow_name": r.Workflow.Name, "head_branch": r.Branch, "run_url": i.repo("/actions/runs/%d", r.ID),
		"run_attempt": r.Attempt, "node_id": i.node("CR", id), "head_sha": r.SHA, "url": i.repo("/actions/jobs/%d", id),
		"html_url": i.html("/actions/runs/%d/job/%d", r.ID, id), "status": r.Status, "conclusion": orNil(r.Conclusion),
		"created_at": stamp(r.CreatedAt), "started_at": stamp(r.StartedAt), "completed_at": ended, "name": name, "steps": steps,
		"check_run_url": i.repo("/check-runs/%d", id), "labels": []string{"ubuntu-latest"},
		"runner_id": nil, "runner_name": runner, "runner_group_id": nil, "runner_group_name": group,
	}
}

// environment is what a waiting run wants to deploy to.
func (i *in) environment(r *world.WorkflowRun) obj {
	name := "production"
	if r.Inputs["environment"] == "preview" {
		name = "preview"
	}
	return obj{
		"id": i.number("environment", name), "node_id": i.node("EN", name), "name": name,
		"url": i.repo("/environments/%s", name), "html_url": i.html("/deployments/activity_log?environments_filter=%s", name),
	}
}

func review(i *in, r *world.WorkflowRun) (*wire.Answer, error) {
	body := wire.BodyOf[reviewBody](i.Call)
	env := i.environment(r)
	if r.Status != "waiting" || !slices.Contains(body.EnvironmentIDs, env["id"].(int64)) {
		return nil, refuse("There are no pending deployments for the given environments.")
	}
	act := i.s.Approve
	if body.State == "rejected" {
		act = i.s.CancelRun
	}
	if err := act(r.ID); err != nil {
		return nil, refuse("There are no pending deployments for the given environments.")
	}
	i.Changed()
	return wire.OK([]obj{i.deploymentOf("run", r.ID, r.SHA, r.Branch, env["name"].(string), r.CreatedAt, i.user(r.Actor))}), nil
}
