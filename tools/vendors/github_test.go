package vendors_test

import (
	"os/exec"
	"testing"

	"github.com/google/go-github/v92/github"
)

// TestGitHubTool uses gh, which no registry for packages of Node has: it is
// looked for on the machine. gh speaks TLS to every host but github.localhost,
// so that is where it is sent, with the simulator as the proxy on its way.
func TestGitHubTool(t *testing.T) {
	gh, err := exec.LookPath("gh")
	if err != nil {
		t.Log("NOT RUN: gh is not installed (Debian: apt-get install gh)")
		return
	}
	t.Parallel()
	w := start(t)
	in := " -R {repo}"
	w.all(t, tool{
		program: []string{gh},
		env: func(token string) []string {
			return []string{"GH_HOST=github.localhost", "GH_ENTERPRISE_TOKEN=" + token, "GH_TOKEN=" + token, "HTTP_PROXY={sim}", "GH_NO_UPDATE_NOTIFIER=1", "GH_PROMPT_DISABLED=1"}
		},
		usual: "sim_github_writer",
	}, []command{
		{line: "auth status --hostname github.localhost", says: []string{`Logged in to github\.localhost`}},
		{line: "api user --jq .login", says: []string{`zerdos`}},
		{line: "api repos/{repo}/commits --paginate --jq .[].sha", says: []string{`[0-9a-f]{40}\n[0-9a-f]{40}`}},
		{line: "api graphql -f query={viewer{login}}", says: []string{`"login":"zerdos"`}},
		{line: "repo view {repo} --json defaultBranchRef,viewerPermission", says: []string{`"main"`, `WRITE`}},
		{line: "pr list" + in, says: []string{`fix/feed-empty\tOPEN`}},
		{line: "pr view 1258 --json number,state,mergeable,commits,labels" + in, says: []string{`"number":1258`, `"authors":\[\{`}},
		{line: "workflow list" + in, says: []string{`Deploy\tactive`}},
		{line: "workflow view deploy.yml" + in, says: []string{`Deploy - deploy\.yml`}},
		{line: "run list" + in, says: []string{`completed\tsuccess`}},
		{line: "run view {run}" + in, says: []string{`JOBS`, `test in`}},
		{line: "run watch {run}" + in, says: []string{`already completed`}},
		{line: "workflow run deploy.yml -f environment=production" + in},
		{line: "run list --workflow deploy.yml" + in, says: []string{`workflow_dispatch`}},
		{line: "workflow run deploy.yml --ref none" + in, exit: 1, says: []string{`No ref found`}},
		{line: "run cancel {run}" + in, exit: 1, says: []string{`Cannot cancel a workflow run that is completed`}},
		{line: "run view 1" + in, exit: 1, says: []string{`HTTP 404`}},
		{line: "workflow run deploy.yml --ref main" + in, token: "sim_github_reader", exit: 1, says: []string{`HTTP 403: Resource not accessible`}},
		{line: "run list" + in, token: "sim_github_outside", exit: 1, says: []string{`HTTP 404`}},
		{line: "api user", token: "unknown", exit: 1, says: []string{`Bad credentials \(HTTP 401\)`}},
	})
}

// TestGoGitHub is short: the simulator's everyday tests read every answer with
// the same library.
func TestGoGitHub(t *testing.T) {
	t.Parallel()
	w := start(t)
	base := w.base + "/github/"
	client, err := github.NewClient(github.WithAuthToken("sim_github_writer"), github.WithURLs(&base, &base))
	if err != nil {
		t.Fatal(err)
	}
	owner, repo := "zerdos", "spike-land-nextjs"
	commits, _, err := client.Repositories.ListCommits(t.Context(), owner, repo, nil)
	if err != nil || len(commits) < 10 {
		t.Fatalf("%d commits: %v", len(commits), err)
	}
	compared, _, err := client.Repositories.CompareCommits(t.Context(), owner, repo, commits[5].GetSHA(), commits[0].GetSHA(), nil)
	if err != nil || compared.GetStatus() != "ahead" {
		t.Errorf("%v: %v", compared.GetStatus(), err)
	}
	yes := true
	run, _, err := client.Actions.CreateWorkflowDispatchEventByFileName(t.Context(), owner, repo, "deploy.yml", github.CreateWorkflowDispatchEventRequest{Ref: "main", ReturnRunDetails: &yes})
	if err != nil {
		t.Fatal(err)
	}
	if found, _, err := client.Actions.GetWorkflowRunByID(t.Context(), owner, repo, run.GetWorkflowRunID()); err != nil || found.GetEvent() != "workflow_dispatch" {
		t.Errorf("%v: %v", found.GetEvent(), err)
	}
	if _, _, err := client.Actions.GetWorkflowRunByID(t.Context(), owner, repo, 1); err == nil {
		t.Error("a run that is not there was found")
	}
}
