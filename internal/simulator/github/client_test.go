package github_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	gogithub "github.com/google/go-github/v92/github"

	"github.com/envdeck/envdeck/internal/simulator/world"
)

// The widely used Go client reads every answer of the face.
func TestGoGitHubReadsEverything(t *testing.T) {
	b := newBench(t)
	c, ctx := b.client("full"), t.Context()
	repo, _, err := c.Repositories.Get(ctx, owner, name)
	if err != nil || repo.GetDefaultBranch() != "main" || repo.GetFullName() != owner+"/"+name {
		t.Fatalf("repository %v: %v", repo, err)
	}
	var live, staged string
	b.world.View(func(s *world.State) { live, staged = s.Live().SHA, s.NewestStaged().SHA })
	comparison, _, err := c.Repositories.CompareCommits(ctx, owner, name, live, staged, nil)
	if err != nil || comparison.GetStatus() != "ahead" || comparison.GetAheadBy() == 0 || len(comparison.Commits) != comparison.GetTotalCommits() {
		t.Fatalf("comparison %v: %v", comparison, err)
	}
	merged := 0
	for _, commit := range comparison.Commits {
		pulls, _, err := c.PullRequests.ListPullRequestsWithCommit(ctx, owner, name, commit.GetSHA(), nil)
		if err != nil {
			t.Fatal(err)
		}
		merged += len(pulls)
	}
	if merged < 3 {
		t.Errorf("staging is ahead by %d pull requests, want 3 or more", merged)
	}
	one, _, err := c.Repositories.GetCommit(ctx, owner, name, "main", nil)
	if err != nil || len(one.Files) == 0 || one.GetStats().GetTotal() == 0 {
		t.Fatalf("commit %v: %v", one, err)
	}
	file, _, _, err := c.Repositories.GetContents(ctx, owner, name, "vercel.json", &gogithub.RepositoryContentGetOptions{Ref: live})
	if err != nil {
		t.Fatal(err)
	}
	text, err := file.GetContent()
	if err != nil || !strings.Contains(text, "/api/cron/") {
		t.Errorf("vercel.json is %q: %v", text, err)
	}
	_, folder, _, err := c.Repositories.GetContents(ctx, owner, name, "prisma/migrations", nil)
	if err != nil || len(folder) < 10 {
		t.Errorf("%d migrations: %v", len(folder), err)
	}
	tree, _, err := c.Git.GetTree(ctx, owner, name, "main", true)
	if err != nil || len(tree.Entries) < 20 {
		t.Fatalf("tree: %v", err)
	}
	for _, e := range tree.Entries {
		if e.GetType() == "tree" {
			if sub, _, err := c.Git.GetTree(ctx, owner, name, e.GetSHA(), false); err != nil || len(sub.Entries) == 0 {
				t.Errorf("folder %s: %v", e.GetPath(), err)
			}
		}
	}
	if blob, _, err := c.Git.GetBlob(ctx, owner, name, file.GetSHA()); err != nil || blob.GetSize() != file.GetSize() {
		t.Errorf("blob: %v", err)
	}
	if ref, _, err := c.Git.GetRef(ctx, owner, name, "heads/main"); err != nil || ref.GetObject().GetSHA() != one.GetSHA() {
		t.Errorf("ref: %v", err)
	}
	branch, _, err := c.Repositories.GetBranch(ctx, owner, name, "main", 0)
	if err != nil || branch.GetCommit().GetSHA() != one.GetSHA() {
		t.Errorf("branch: %v", err)
	}
	deployments, _, err := c.Repositories.ListDeployments(ctx, owner, name, &gogithub.DeploymentsListOptions{Environment: "Production"})
	if err != nil || len(deployments) == 0 {
		t.Fatalf("deployments: %v", err)
	}
	if statuses, _, err := c.Repositories.ListDeploymentStatuses(ctx, owner, name, deployments[0].GetID(), nil); err != nil || len(statuses) == 0 {
		t.Errorf("statuses: %v", err)
	}
	if me, _, err := c.Users.Get(ctx, ""); err != nil || me.GetLogin() != owner {
		t.Errorf("user: %v", err)
	}
	if limits, _, err := c.RateLimit.Get(ctx); err != nil || limits.GetCore().Limit != 5000 {
		t.Errorf("limits: %v", err)
	}
	pull, _, err := c.PullRequests.List(ctx, owner, name, &gogithub.PullRequestListOptions{State: "open"})
	if err != nil || len(pull) != 6 {
		t.Fatalf("%d open pull requests: %v", len(pull), err)
	}
	if whole, _, err := c.PullRequests.Get(ctx, owner, name, pull[0].GetNumber()); err != nil || whole.GetCommits() == 0 {
		t.Errorf("pull request: %v", err)
	}
	if list, _, err := c.PullRequests.ListCommits(ctx, owner, name, pull[0].GetNumber(), nil); err != nil || len(list) == 0 {
		t.Errorf("commits of a pull request: %v", err)
	}
}

// Paging by Link visits every item once, whatever the page size.
func TestPagingVisitsEverything(t *testing.T) {
	b := newBench(t)
	c := b.client("full")
	var want int
	b.world.View(func(s *world.State) { want = len(s.Log("main")) })
	for _, size := range []int{7, 100} {
		seen := map[string]bool{}
		opt := &gogithub.CommitsListOptions{ListOptions: gogithub.ListOptions{PerPage: size}}
		for {
			list, resp, err := c.Repositories.ListCommits(t.Context(), owner, name, opt)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range list {
				if seen[one.GetSHA()] {
					t.Fatalf("%s came twice", one.GetSHA())
				}
				seen[one.GetSHA()] = true
			}
			if resp.NextPage == 0 {
				break
			}
			opt.Page = resp.NextPage
		}
		if len(seen) != want {
			t.Errorf("pages of %d show %d commits, want %d", size, len(seen), want)
		}
	}
}

// A dispatched deploy is queued, runs, and has changed what is live when it
// has completed; its correlation id is in the title.
func TestDispatchDeploysAndRollsBack(t *testing.T) {
	b := newBench(t)
	c, ctx := b.client("full"), t.Context()
	live := func() (id string) {
		b.world.View(func(s *world.State) { id = s.Live().ID })
		return id
	}
	before := live()
	yes := true
	details, _, err := c.Actions.CreateWorkflowDispatchEventByFileName(ctx, owner, name, "deploy.yml", gogithub.CreateWorkflowDispatchEventRequest{
		Ref: "main", Inputs: map[string]any{"environment": "production", "correlation_id": "op_77"}, ReturnRunDetails: &yes,
	})
	if err != nil {
		t.Fatal(err)
	}
	id := details.GetWorkflowRunID()
	states := map[string]bool{}
	for range 100 {
		run, _, err := c.Actions.GetWorkflowRunByID(ctx, owner, name, id)
		if err != nil {
			t.Fatal(err)
		}
		states[run.GetStatus()] = true
		if !strings.Contains(run.GetDisplayTitle(), "op_77") {
			t.Fatalf("title %q does not name the operation", run.GetDisplayTitle())
		}
		if run.GetStatus() == "completed" {
			if run.GetConclusion() != "success" {
				t.Fatalf("ended with %s", run.GetConclusion())
			}
			break
		}
		b.pass(5 * time.Second)
	}
	if !states["queued"] || !states["in_progress"] || !states["completed"] {
		t.Errorf("states seen: %v", states)
	}
	if live() == before {
		t.Error("production has not moved")
	}
	jobs, _, err := c.Actions.ListWorkflowJobs(ctx, owner, name, id, nil)
	if err != nil || len(jobs.Jobs) != 1 || len(jobs.Jobs[0].Steps) < 3 {
		t.Errorf("jobs: %v %v", jobs, err)
	}
	runs, _, err := c.Actions.ListWorkflowRunsByFileName(ctx, owner, name, "deploy.yml", &gogithub.ListWorkflowRunsOptions{
		Event: "workflow_dispatch", Branch: "main", Created: ">=2026-11-22T11:59:55Z",
	})
	if err != nil || runs.GetTotalCount() != 1 || runs.WorkflowRuns[0].GetID() != id {
		t.Errorf("runs: %v %v", runs, err)
	}
	if _, _, err = c.Actions.CreateWorkflowDispatchEventByFileName(ctx, owner, name, "rollback.yml", gogithub.CreateWorkflowDispatchEventRequest{
		Ref: "main", Inputs: map[string]any{"deployment_id": before, "reason": "bad"},
	}); err != nil {
		t.Fatal(err)
	}
	b.pass(5 * time.Minute)
	if live() != before {
		t.Error("the rollback workflow has not given production back")
	}
}

// A run that waits says for what, and goes on when approved.
func TestWaitingRun(t *testing.T) {
	b := newBench(t)
	c, ctx := b.client("full"), t.Context()
	b.world.Change(func(s *world.State) { s.Knobs.Workflow.Wait = true })
	yes := true
	details, _, err := c.Actions.CreateWorkflowDispatchEventByFileName(ctx, owner, name, "deploy.yml", gogithub.CreateWorkflowDispatchEventRequest{Ref: "main", ReturnRunDetails: &yes})
	if err != nil {
		t.Fatal(err)
	}
	id := details.GetWorkflowRunID()
	b.pass(time.Minute)
	pending, _, err := c.Actions.GetPendingDeployments(ctx, owner, name, id)
	if err != nil || len(pending) != 1 || pending[0].GetEnvironment().GetName() != "production" {
		t.Fatalf("pending %v: %v", pending, err)
	}
	_, _, err = c.Actions.PendingDeployments(ctx, owner, name, id, gogithub.PendingDeploymentsRequest{
		EnvironmentIDs: []int64{pending[0].GetEnvironment().GetID()}, State: "approved", Comment: "go",
	})
	if err != nil {
		t.Fatal(err)
	}
	run, _, err := c.Actions.GetWorkflowRunByID(ctx, owner, name, id)
	if err != nil || run.GetStatus() != "in_progress" {
		t.Errorf("approved run is %s: %v", run.GetStatus(), err)
	}
	if _, err := c.Actions.CancelWorkflowRunByID(ctx, owner, name, id); err != nil {
		if _, accepted := errors.AsType[*gogithub.AcceptedError](err); !accepted {
			t.Error(err)
		}
	}
	run, _, err = c.Actions.GetWorkflowRunByID(ctx, owner, name, id)
	if err != nil || run.GetConclusion() != "cancelled" {
		t.Errorf("cancelled run ended with %q: %v", run.GetConclusion(), err)
	}
}

// GitHub's own tool asks for more than a client of releases does: the root of
// the API, what a run left behind, who may do what.
func TestWhatGitHubsToolAsks(t *testing.T) {
	b := newBench(t)
	run, job := b.fill("{ended}"), struct{ Jobs []struct{ ID int64 } }{}
	if _, text := b.call("GET", root+"/actions/runs/"+run+"/jobs", "full", ""); json.Unmarshal([]byte(text), &job) != nil || len(job.Jobs) != 1 {
		t.Fatal(text)
	}
	notes := root + "/check-runs/%d/annotations"
	for _, c := range []struct {
		path, token string
		status      int
		want        string
	}{
		{"/github/", "full", 200, "/github/rate_limit"},
		{"/github/", "gone", 401, "Bad credentials"},
		{root + "/actions/runs/" + run + "/artifacts", "full", 200, `"artifacts":[]`},
		{root + "/actions/runs/1/artifacts", "full", 404, "Not Found"},
		{fmt.Sprintf(notes, job.Jobs[0].ID), "full", 200, "[]"},
		{fmt.Sprintf(notes, 1), "full", 404, "Not Found"},
	} {
		if resp, text := b.call("GET", c.path, c.token, ""); resp.StatusCode != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d %s, want %d with %s", c.path, resp.StatusCode, text, c.status, c.want)
		}
	}
	query := `{"query":"{repository(owner:\"zerdos\",name:\"spike-land-nextjs\"){parent{id} viewerPermission hasIssuesEnabled squashMergeAllowed pullRequests(first:1,states:[OPEN]){nodes{isCrossRepository headRepository{name} headRepositoryOwner{login} commits(first:1){nodes{commit{authors(first:5){totalCount nodes{name}}}}}}}}}"}`
	for token, may := range map[string]string{"full": "WRITE", "read": "TRIAGE"} {
		_, text := b.call("POST", "/github/graphql", token, query)
		for _, want := range []string{`"viewerPermission":"` + may + `"`, `"parent":null`, `"headRepositoryOwner":{"login":"zerdos"}`, `"isCrossRepository":false`, `"totalCount":1`} {
			if strings.Contains(text, "errors") || !strings.Contains(text, want) {
				t.Errorf("%s: %s, want %s", token, text, want)
			}
		}
	}
}

// Both limits come out as the errors that clients know.
func TestLimits(t *testing.T) {
	b := newBench(t)
	c, ctx := b.client("full"), t.Context()
	resp, _ := b.call("GET", root, "full", "")
	tag := resp.Header.Get("ETag")
	used := resp.Header.Get("X-RateLimit-Used")
	resp, body := b.call("GET", root, "full", "", "If-None-Match", tag)
	if resp.StatusCode != 304 || body != "" || resp.Header.Get("X-RateLimit-Used") != used {
		t.Errorf("conditional request: %d %q, used %s before and %s after", resp.StatusCode, body, used, resp.Header.Get("X-RateLimit-Used"))
	}
	b.face.SetUsed(owner, "core", 5000)
	_, _, err := c.Repositories.Get(ctx, owner, name)
	if _, ok := errors.AsType[*gogithub.RateLimitError](err); !ok {
		t.Errorf("spent quota: %v", err)
	}
	b.pass(61 * time.Minute)
	c = b.client("full")
	for range 900 {
		if resp, _ := b.call("GET", root+"/actions/runs/1", "full", ""); resp.StatusCode != 404 {
			t.Fatalf("status %d", resp.StatusCode)
		}
	}
	_, _, err = c.Repositories.Get(ctx, owner, name)
	abuse, ok := errors.AsType[*gogithub.AbuseRateLimitError](err)
	if !ok || abuse.GetRetryAfter() <= 0 {
		t.Errorf("secondary limit: %v", err)
	}
}
