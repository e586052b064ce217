package github_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/simulator/world"
)

// Every refusal has GitHub's status and words.
func TestRefusals(t *testing.T) {
	b := newBench(t)
	dispatch := root + "/actions/workflows/deploy.yml/dispatches"
	var many []string
	for n := range 26 {
		many = append(many, fmt.Sprintf(`"i%d":"x"`, n))
	}
	for _, c := range []struct {
		name, method, path, token, body string
		status                          int
		want                            string
	}{
		{"unknown token", "GET", root, "nope", "", 401, "Bad credentials"},
		{"expired token", "GET", root, "gone", "", 401, "Bad credentials"},
		{"unknown token on an unknown path", "GET", "/github/nothing", "nope", "", 401, "Bad credentials"},
		{"nobody sees a private repository", "GET", root, "", "", 404, "Not Found"},
		{"nobody is no user", "GET", "/github/user", "", "", 401, "Requires authentication"},
		{"token of another repository", "GET", root, "other", "", 404, "Not Found"},
		{"token of another repository dispatches", "POST", dispatch, "other", `{"ref":"main"}`, 404, "Not Found"},
		{"read-only token dispatches", "POST", dispatch, "read", `{"ref":"main"}`, 403, "Resource not accessible by personal access token"},
		{"unknown path", "GET", root + "/nothing", "full", "", 404, "Not Found"},
		{"trailing slash", "GET", root + "/pulls/", "full", "", 404, "Not Found"},
		{"unknown commit", "GET", root + "/commits/0000000", "full", "", 422, "No commit found for SHA: 0000000"},
		{"comparison with a lost commit", "GET", root + "/compare/main...0123456789012345678901234567890123456789", "full", "", 404, "Not Found"},
		{"comparison without a head", "GET", root + "/compare/main", "full", "", 404, "Not Found"},
		{"unknown branch", "GET", root + "/branches/none", "full", "", 404, "Branch not found"},
		{"unknown file", "GET", root + "/contents/none.txt", "full", "", 404, "Not Found"},
		{"unknown ref of a file", "GET", root + "/contents/vercel.json?ref=none", "full", "", 404, "No commit found for the ref none"},
		{"unknown pull request", "GET", root + "/pulls/1", "full", "", 404, "Not Found"},
		{"state that is none", "GET", root + "/pulls?state=merged", "full", "", 422, "Validation Failed"},
		{"status that is none", "GET", root + "/actions/runs?status=done", "full", "", 422, "Validation Failed"},
		{"unknown workflow", "POST", root + "/actions/workflows/none.yml/dispatches", "full", `{"ref":"main"}`, 404, "Not Found"},
		{"workflow that is not dispatched", "POST", root + "/actions/workflows/ci.yml/dispatches", "full", `{"ref":"main"}`, 422, "Workflow does not have 'workflow_dispatch' trigger"},
		{"no JSON", "POST", dispatch, "full", `{"ref":`, 400, "Problems parsing JSON"},
		{"no object", "POST", dispatch, "full", `[]`, 400, "Body should be a JSON object"},
		{"no body", "POST", dispatch, "full", "", 422, `"ref" wasn't supplied.`},
		{"no ref", "POST", dispatch, "full", `{}`, 422, `"ref" wasn't supplied.`},
		{"unknown key", "POST", dispatch, "full", `{"ref":"main","x":1}`, 422, `"x" is not a permitted key.`},
		{"inputs of a wrong type", "POST", dispatch, "full", `{"ref":"main","inputs":"x"}`, 422, "is not an object"},
		{"unknown ref", "POST", dispatch, "full", `{"ref":"none"}`, 422, "No ref found for: none"},
		{"unknown input", "POST", dispatch, "full", `{"ref":"main","inputs":{"x":"1"}}`, 422, `Unexpected inputs provided: ["x"]`},
		{"choice that is none", "POST", dispatch, "full", `{"ref":"main","inputs":{"environment":"moon"}}`, 422, "not in the list of allowed values"},
		{"26 inputs", "POST", dispatch, "full", `{"ref":"main","inputs":{` + strings.Join(many, ",") + `}}`, 422, "up to 25"},
		{"cancel what has ended", "POST", root + "/actions/runs/{ended}/cancel", "full", "", 409, "Cannot cancel"},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, text := b.call(c.method, b.fill(c.path), c.token, c.body)
			var body struct{ Message, Status, DocumentationURL string }
			if err := json.Unmarshal([]byte(text), &body); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if resp.StatusCode != c.status || body.Status != fmt.Sprint(c.status) || !strings.Contains(body.Message, c.want) {
				t.Errorf("%d %s, want %d %s", resp.StatusCode, text, c.status, c.want)
			}
		})
	}
}

// fill puts the id of a run that has ended into a path.
func (b *bench) fill(path string) string {
	b.world.View(func(s *world.State) {
		for _, r := range s.Runs() {
			if r.Status == "completed" {
				path = strings.ReplaceAll(path, "{ended}", fmt.Sprint(r.ID))
				return
			}
		}
	})
	return path
}

// Versions of the API differ in what a dispatch answers and in what a pull
// request shows.
func TestVersions(t *testing.T) {
	b := newBench(t)
	dispatch := root + "/actions/workflows/rollback.yml/dispatches"
	for _, c := range []struct {
		version, body string
		status        int
	}{
		{"", `{"ref":"main"}`, 204},
		{"2022-11-28", `{"ref":"main","return_run_details":true}`, 200},
		{"2022-11-28", `{"ref":"refs/heads/main","return_run_details":false}`, 204},
		{"2026-03-10", `{"ref":"main"}`, 200},
		{"2026-03-10", `{"ref":"main","return_run_details":true}`, 422},
		{"2021-01-01", `{"ref":"main"}`, 400},
	} {
		resp, text := b.call("POST", dispatch, "full", c.body, "X-GitHub-Api-Version", c.version)
		if resp.StatusCode != c.status {
			t.Errorf("version %q %s: %d %s, want %d", c.version, c.body, resp.StatusCode, text, c.status)
		}
	}
	_, text := b.call("GET", root+"/pulls", "full", "", "X-GitHub-Api-Version", "2026-03-10")
	if strings.Contains(text, "merge_commit_sha") {
		t.Error("the new version still shows merge_commit_sha")
	}
	resp, text := b.call("GET", root, "full", "", "User-Agent", "")
	if resp.StatusCode != 403 || !strings.Contains(text, "Request forbidden by administrative rules") {
		t.Errorf("without a User-Agent: %d %s", resp.StatusCode, text)
	}
}

// GraphQL answers 200 whatever happens, with data, errors or both.
func TestGraphQL(t *testing.T) {
	b := newBench(t)
	repo := `repository(owner:"zerdos",name:"spike-land-nextjs")`
	for _, c := range []struct{ name, query, want string }{
		{"a field that is none", `{viewer{nope}}`, `{"errors":[{"extensions":{"code":"undefinedField","fieldName":"nope","typeName":"User"},"locations":[{"column":9,"line":1}],"message":"Field 'nope' doesn't exist on type 'User'","path":["query","viewer","nope"]}]}`},
		{"a repository that is none", `{repository(owner:"a",name:"b"){id}}`, `{"data":{"repository":null},"errors":[{"locations":[{"column":2,"line":1}],"message":"Could not resolve to a Repository with the name 'a/b'.","path":["repository"],"type":"NOT_FOUND"}]}`},
		{"part of it", `{` + repo + `{name pullRequest(number:1){id}}}`, `{"data":{"repository":{"name":"spike-land-nextjs","pullRequest":null}},"errors":[{"locations":[{"column":59,"line":1}],"message":"Could not resolve to a PullRequest with the number of 1.","path":["repository","pullRequest"],"type":"NOT_FOUND"}]}`},
		{"an object that is none", `{` + repo + `{object(oid:"0123456789012345678901234567890123456789"){oid}}}`, `{"data":{"repository":{"object":null}}}`},
		{"no page size", `{` + repo + `{pullRequests{totalCount}}}`, `{"data":{"repository":null},"errors":[{"locations":[{"column":54,"line":1}],"message":"You must provide a ` + "`first` or `last`" + ` value to properly paginate the ` + "`pullRequests`" + ` connection.","path":["repository","pullRequests"],"type":"MISSING_PAGINATION_BOUNDARIES"}]}`},
		{"alias, fragment, directive", `{me:viewer{...A} viewer @skip(if:true){id}} fragment A on User{login __typename}`, `{"data":{"me":{"__typename":"User","login":"zerdos"}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			body, err := json.Marshal(map[string]any{"query": c.query})
			if err != nil {
				t.Fatal(err)
			}
			resp, text := b.call("POST", "/github/graphql", "full", string(body))
			if diff := cmp.Diff(c.want, text); resp.StatusCode != http.StatusOK || diff != "" {
				t.Errorf("%d, (-want +got):\n%s", resp.StatusCode, diff)
			}
		})
	}
	if resp, _ := b.call("POST", "/github/graphql", "", `{"query":"{viewer{login}}"}`); resp.StatusCode != 401 {
		t.Errorf("without a token: %d", resp.StatusCode)
	}
	if resp, text := b.call("POST", "/github/api/graphql", "full", `{"query":"{viewer{login}}"}`); resp.StatusCode != 200 || resp.Header.Get("X-RateLimit-Resource") != "graphql" {
		t.Errorf("on an enterprise path: %d %s", resp.StatusCode, text)
	}
	b.face.SetUsed(owner, "graphql", 5000)
	if resp, text := b.call("POST", "/github/graphql", "full", `{"query":"{viewer{login}}"}`); resp.StatusCode != 200 || !strings.Contains(text, "RATE_LIMITED") {
		t.Errorf("spent quota: %d %s", resp.StatusCode, text)
	}
}

// Two worlds of one seed give the same answers, byte for byte.
func TestDeterminism(t *testing.T) {
	one, two := newBench(t), newBench(t)
	for _, path := range []string{"/commits?per_page=100", "/pulls?state=all", "/actions/runs", "/deployments", "/git/trees/main?recursive=1"} {
		resp, a := one.call("GET", root+path, "full", "")
		_, b := two.call("GET", root+path, "full", "")
		a, b = strings.ReplaceAll(a, one.server.URL, ""), strings.ReplaceAll(b, two.server.URL, "")
		if resp.StatusCode != 200 || a != b {
			t.Errorf("%s: %d, the same: %t", path, resp.StatusCode, a == b)
		}
	}
}
