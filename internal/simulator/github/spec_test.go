package github_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/envdeck/envdeck/internal/simulator/world"
)

// Answers fit the response schemas of GitHub's own OpenAPI document, when
// ENVDECK_SPECS names a folder that holds it as github.json.
func TestAnswersFitTheSpecification(t *testing.T) {
	folder := os.Getenv("ENVDECK_SPECS")
	if folder == "" {
		t.Log("not compared: ENVDECK_SPECS names no folder with github.json")
		return
	}
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(folder, "github.json"))
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	var live, staged string
	var pull int
	var waiting int64
	b.world.Change(func(s *world.State) {
		live, staged, pull = s.Live().SHA, s.NewestStaged().SHA, s.Pulls("open")[0].Number
		s.Knobs.Workflow.Wait = true
		run, err := s.DispatchWorkflow("deploy.yml", "main", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		waiting = run.ID
	})
	b.pass(time.Minute)
	repo := "/repos/{owner}/{repo}"
	for _, c := range []struct{ method, op, path, body string }{
		{"GET", "/rate_limit", "/github/rate_limit", ""},
		{"GET", "/user", "/github/user", ""},
		{"GET", repo, root, ""},
		{"GET", repo + "/commits", root + "/commits", ""},
		{"GET", repo + "/commits/{ref}", root + "/commits/main", ""},
		{"GET", repo + "/commits/{commit_sha}/pulls", root + "/commits/" + staged + "/pulls", ""},
		{"GET", repo + "/compare/{basehead}", root + "/compare/" + live + "..." + staged, ""},
		{"GET", repo + "/pulls", root + "/pulls?state=all", ""},
		{"GET", repo + "/pulls/{pull_number}", fmt.Sprintf("%s/pulls/%d", root, pull), ""},
		{"GET", repo + "/pulls/{pull_number}/commits", fmt.Sprintf("%s/pulls/%d/commits", root, pull), ""},
		{"GET", repo + "/git/trees/{tree_sha}", root + "/git/trees/main?recursive=1", ""},
		{"GET", repo + "/git/ref/{ref}", root + "/git/ref/heads/main", ""},
		{"GET", repo + "/branches", root + "/branches", ""},
		{"GET", repo + "/branches/{branch}", root + "/branches/main", ""},
		{"GET", repo + "/actions/workflows", root + "/actions/workflows", ""},
		{"GET", repo + "/actions/workflows/{workflow_id}", root + "/actions/workflows/deploy.yml", ""},
		{"GET", repo + "/actions/workflows/{workflow_id}/runs", root + "/actions/workflows/ci.yml/runs", ""},
		{"POST", repo + "/actions/workflows/{workflow_id}/dispatches", root + "/actions/workflows/deploy.yml/dispatches", `{"ref":"main","return_run_details":true}`},
		{"GET", repo + "/actions/runs/{run_id}", fmt.Sprintf("%s/actions/runs/%d", root, waiting), ""},
		{"GET", repo + "/actions/runs/{run_id}/jobs", fmt.Sprintf("%s/actions/runs/%d/jobs", root, waiting), ""},
		{"GET", repo + "/actions/runs/{run_id}/pending_deployments", fmt.Sprintf("%s/actions/runs/%d/pending_deployments", root, waiting), ""},
		{"GET", repo + "/deployments", root + "/deployments", ""},
	} {
		t.Run(c.op, func(t *testing.T) {
			item := doc.Paths.Value(c.op)
			if item == nil || item.GetOperation(c.method) == nil {
				t.Log("not compared: the document does not have it")
				return
			}
			resp, text := b.call(c.method, c.path, "full", c.body)
			answer := item.GetOperation(c.method).Responses.Status(resp.StatusCode)
			if resp.StatusCode != 200 || answer == nil {
				t.Fatalf("%d %s", resp.StatusCode, text)
			}
			fits(t, answer.Value.Content.Get("application/json").Schema.Value, text)
		})
	}
}

func fits(t *testing.T, schema *openapi3.Schema, text string) {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	err := schema.VisitJSON(value, openapi3.MultiErrors(), openapi3.VisitAsResponse())
	if err == nil {
		return
	}
	shown := map[string]bool{}
	if list, ok := errors.AsType[openapi3.MultiError](err); ok {
		for _, one := range list {
			line, _, _ := strings.Cut(one.Error(), "\nSchema:")
			if len(shown) < 12 && !shown[line] {
				shown[line] = true
				t.Error(line)
			}
		}
		return
	}
	t.Errorf("%.600s", err)
}
