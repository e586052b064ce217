package github_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/github"
	"github.com/envdeck/envdeck/internal/provider/providertest"
	"github.com/envdeck/envdeck/internal/secret"
)

func block(base string, token secret.Text) any {
	return &github.Block{Repo: "acme/web", Token: token, BaseURL: base}
}

// sha makes a full hash of a number.
func sha(n int) string { return fmt.Sprintf("%040x", n) }

func compare(ctx context.Context, api any) (provider.Comparison, error) {
	return api.(provider.Comparer).Compare(ctx, sha(0xba5e), sha(0x4ead))
}

func TestContract(t *testing.T) {
	providertest.Suite{Kind: github.Kind(), Block: block, Calls: []providertest.Call{
		{Name: "compare", Do: func(ctx context.Context, api any) error {
			_, err := compare(ctx, api)
			return err
		}},
		{Name: "pull request of a branch", List: true, Do: func(ctx context.Context, api any) error {
			_, err := api.(provider.PullRequestFinder).PullRequestOf(ctx, "feature/x")
			return err
		}},
		{Name: "check", List: true, Do: func(ctx context.Context, api any) error { return api.(provider.Checker).Check(ctx) }},
	}}.Run(t)
}

// repo is a small GitHub: a line of commits between two hashes, some of them
// brought by pull requests.
type repo struct {
	t       *testing.T
	commits int    // in the comparison
	total   int    // as it says, 0 for the truth
	status  string // "" for ahead
	files   int
	circle  bool
	graph   func(hashes []string) string // "" hands the question to prOf
	prOf    map[int]string               // by commit: the nodes
	queries int
}

const merged = `{"number":%d,"title":"PR %d","url":"https://github.com/acme/web/pull/%d","mergedAt":"2026-11-20T10:00:00Z","baseRefName":%q,"author":{"login":"alice"},"labels":{"nodes":[{"name":"db"}]}}`

func pr(n int, base string) string { return fmt.Sprintf(merged, n, n, n, base) }

func (r *repo) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	switch req.URL.Path {
	case "/repos/acme/web/compare/" + sha(0xba5e) + "..." + sha(0x4ead):
		if v := req.Header.Get("X-Github-Api-Version"); v != "2022-11-28" {
			r.t.Errorf("API version %q", v)
		}
		page, _ := strconv.Atoi(req.URL.Query().Get("page"))
		_, _ = w.Write([]byte(r.page(page)))
	case "/graphql":
		r.queries++
		var q struct{ Variables map[string]string }
		if err := json.NewDecoder(req.Body).Decode(&q); err != nil {
			r.t.Error(err)
		}
		var hashes []string
		for i := range len(q.Variables) - 2 {
			hashes = append(hashes, q.Variables[fmt.Sprintf("s%d", i)])
		}
		answer := r.answer
		if r.graph != nil {
			answer = r.graph
		}
		_, _ = w.Write([]byte(answer(hashes)))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (r *repo) page(page int) string {
	var commits, files []string
	from, to := (max(page, 1)-1)*100, max(page, 1)*100
	if r.circle {
		from, to = 0, 100
	}
	for i := from; i < min(to, r.commits); i++ {
		commits = append(commits, fmt.Sprintf(`{"sha":%q,"html_url":"https://github.com/acme/web/commit/%s","author":{"login":"bob"},
			"commit":{"message":"commit %d\n\nbody","author":{"name":"Bob","date":"2026-11-20T09:00:00Z"}}}`, sha(i+1), sha(i+1), i+1))
	}
	for i := range r.files {
		files = append(files, fmt.Sprintf(`{"filename":"f%d"}`, i))
	}
	total, status := r.total, r.status
	if total == 0 {
		total = r.commits
	}
	if status == "" {
		status = "ahead"
	}
	return fmt.Sprintf(`{"status":%q,"ahead_by":%d,"behind_by":2,"total_commits":%d,"commits":[%s],"files":[%s]}`,
		status, total, total, strings.Join(commits, ","), strings.Join(files, ","))
}

func (r *repo) answer(hashes []string) string {
	parts := []string{`"defaultBranchRef":{"name":"main"}`}
	for i, h := range hashes {
		n, _ := strconv.ParseInt(h, 16, 64)
		parts = append(parts, fmt.Sprintf(`"c%d":{"oid":%q,"associatedPullRequests":{"nodes":[%s]}}`, i, h, r.prOf[int(n)]))
	}
	return `{"data":{"repository":{` + strings.Join(parts, ",") + `},"rateLimit":{"cost":1,"remaining":4999,"resetAt":"2026-11-22T13:00:00Z"}}}`
}

func bubble(t *testing.T, h http.Handler, check func(*testing.T, *providertest.Bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { check(t, providertest.Open(t, github.Kind(), block, h)) })
}

func TestCompare(t *testing.T) {
	r := &repo{t: t, commits: 4, files: 2, prOf: map[int]string{
		1: pr(7, "main"),
		2: pr(9, "release") + "," + pr(8, "main"), // the default branch is preferred
		3: strings.Replace(pr(10, "main"), `"2026-11-20T10:00:00Z"`, "null", 1),
		4: pr(7, "main"),
	}}
	bubble(t, r, func(t *testing.T, b *providertest.Bench) {
		commit := func(n, pr int) provider.Commit {
			return provider.Commit{
				SHA: sha(n), Message: fmt.Sprintf("commit %d", n), Author: "bob", At: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC),
				URL: "https://github.com/acme/web/commit/" + sha(n), PullRequest: pr,
			}
		}
		pull := func(n int) provider.PullRequest {
			return provider.PullRequest{
				Number: n, Title: fmt.Sprintf("PR %d", n), URL: fmt.Sprintf("https://github.com/acme/web/pull/%d", n), Author: "alice",
				Base: "main", Labels: []string{"db"}, MergedAt: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC),
			}
		}
		want := provider.Comparison{
			Base: sha(0xba5e), Head: sha(0x4ead), Relation: provider.AheadOf, Ahead: 4, Behind: 2,
			Commits:      []provider.Commit{commit(1, 7), commit(2, 8), commit(3, 0), commit(4, 7)},
			PullRequests: []provider.PullRequest{pull(7), pull(8)},
			Files:        []string{"f0", "f1"},
		}
		for range 3 {
			got, err := compare(t.Context(), b.API)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		if n := b.Requests.Load(); n != 2 {
			t.Errorf("%d requests for three looks at one pair, want 2", n)
		}
	})
}

func TestLongComparisons(t *testing.T) {
	for name, c := range map[string]struct {
		repo               repo
		commits, queries   int
		requests           int64
		truncated, refuses bool
	}{
		"three pages":       {repo: repo{commits: 230}, commits: 230, queries: 5, requests: 8},
		"exactly a page":    {repo: repo{commits: 100}, commits: 100, queries: 2, requests: 3},
		"behind":            {repo: repo{commits: 0, status: "behind"}, commits: 0, queries: 0, requests: 1},
		"more than is read": {repo: repo{commits: 700}, commits: 500, queries: 10, requests: 15, truncated: true},
		"a page is missing": {repo: repo{commits: 150, total: 240}, commits: 150, queries: 3, requests: 6, truncated: true},
		"circle":            {repo: repo{commits: 100, total: 240, circle: true}, commits: 100, queries: 2, requests: 4, truncated: true},
		"all files":         {repo: repo{commits: 1, files: 300}, commits: 1, queries: 1, requests: 2, truncated: true},
		"unknown relation":  {repo: repo{commits: 1, status: "sideways"}, refuses: true, requests: 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.repo
			r.t = t
			bubble(t, &r, func(t *testing.T, b *providertest.Bench) {
				got, err := compare(t.Context(), b.API)
				if c.refuses {
					if f := b.Fault(t, err); f.Kind != fault.BadResponse {
						t.Errorf("%s, want bad_response", f.Kind)
					}
				} else if err != nil {
					t.Fatal(err)
				}
				if len(got.Commits) != c.commits || r.queries != c.queries || b.Requests.Load() != c.requests || got.Truncated != c.truncated {
					t.Errorf("%d commits, %d queries, %d requests, truncated %v; want %+v", len(got.Commits), r.queries, b.Requests.Load(), got.Truncated, c)
				}
			})
		})
	}
}

func TestUnknownPullRequestsSpareTheCommits(t *testing.T) {
	for name, answer := range map[string]string{
		"refused":      `{"data":{"repository":null},"errors":[{"type":"FORBIDDEN","message":"secret words"}]}`,
		"budget":       `{"errors":[{"type":"RATE_LIMITED","message":"secret words"}]}`,
		"partial":      `{"data":{"repository":{"c0":null}},"errors":[{"type":"SERVICE_UNAVAILABLE"}]}`,
		"null":         `{"data":null}`,
		"missing":      `{"data":{"repository":{"defaultBranchRef":null}}}`,
		"other commit": `{"data":{"repository":{"c0":{"oid":"` + sha(99) + `","associatedPullRequests":{"nodes":[]}}}}}`,
		"wrong type":   `{"data":{"repository":{"c0":[1]}}}`,
		"page":         `<html>`,
	} {
		t.Run(name, func(t *testing.T) {
			r := &repo{t: t, commits: 1, graph: func([]string) string { return answer }}
			bubble(t, r, func(t *testing.T, b *providertest.Bench) {
				for range 2 { // it is not kept: the second look asks again
					got, err := compare(t.Context(), b.API)
					if err != nil {
						t.Fatal(err)
					}
					if len(got.Commits) != 1 || got.PullRequests != nil || got.PullRequestsUnknown == "" || strings.Contains(got.PullRequestsUnknown, "secret") {
						t.Errorf("%+v", got)
					}
				}
				if r.queries != 2 {
					t.Errorf("%d queries, want 2", r.queries)
				}
			})
		})
	}
}

func TestCompareWantsHashes(t *testing.T) {
	bubble(t, http.NotFoundHandler(), func(t *testing.T, b *providertest.Bench) {
		api := b.API.(provider.Comparer)
		for _, bad := range []string{"", "main", "HEAD", sha(1)[:7], "../x", strings.ToUpper(sha(0xabc))} {
			if _, err := api.Compare(t.Context(), bad, sha(1)); !fault.Is(err, fault.Invalid) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		same, err := api.Compare(t.Context(), sha(1), sha(1))
		if err != nil || same.Relation != provider.Identical || b.Requests.Load() != 0 {
			t.Errorf("%+v, %v after %d requests", same, err, b.Requests.Load())
		}
	})
}

func TestPullRequestOf(t *testing.T) {
	item := func(n int, ref string) string {
		return fmt.Sprintf(`{"number":%d,"title":"T\nx","html_url":"https://github.com/acme/web/pull/%d","user":{"login":"a"},"head":{"ref":%q},"base":{"ref":"main"},"labels":[{"name":"l"}]}`, n, n, ref)
	}
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"newest":             {"[" + item(9, "feature/x") + "," + item(3, "feature/x") + "]", 9},
		"filter passed over": {"[" + item(9, "other") + "," + item(3, "feature/x") + "]", 3},
		"none":               {"[]", 0},
		"only others":        {"[" + item(9, "other") + "]", 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got := r.URL.Query().Get("head"); got != "acme:feature/x" {
					t.Errorf("head = %q", got)
				}
				_, _ = w.Write([]byte(c.body))
			}), func(t *testing.T, b *providertest.Bench) {
				got, err := b.API.(provider.PullRequestFinder).PullRequestOf(t.Context(), "feature/x")
				if c.want == 0 {
					if !fault.Is(err, fault.NotFound) {
						t.Errorf("%v, want not_found", err)
					}
					return
				}
				if err != nil || got.Number != c.want || got.Title != "T" || got.Author != "a" || got.Base != "main" {
					t.Errorf("%+v, %v", got, err)
				}
			})
		})
	}
}

func TestTheSecondaryLimitIsNoMissingPermission(t *testing.T) {
	bubble(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-RateLimit-Limit", "5000")
		w.Header().Set("X-RateLimit-Remaining", "4000")
		w.WriteHeader(403)
		_, _ = w.Write([]byte(`{"message":"You have exceeded a secondary rate limit."}`))
	}), func(t *testing.T, b *providertest.Bench) {
		_, err := compare(t.Context(), b.API)
		if f := b.Fault(t, err); f.Kind != fault.RateLimited || f.RetryAfter != time.Minute {
			t.Errorf("%s after %v, want rate_limited after 1m", f.Kind, f.RetryAfter)
		}
	})
}

func TestEnterpriseServer(t *testing.T) {
	var paths []string
	synctest.Test(t, func(t *testing.T) {
		b := providertest.Open(t, github.Kind(), func(base string, token secret.Text) any { return block(base+"/api/v3", token) },
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				paths = append(paths, r.URL.Path)
				r.URL.Path = strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/api/v3"), "/api")
				(&repo{t: t, commits: 1}).ServeHTTP(w, r)
			}))
		if _, err := compare(t.Context(), b.API); err != nil {
			t.Fatal(err)
		}
	})
	want := []string{"/api/v3/repos/acme/web/compare/" + sha(0xba5e) + "..." + sha(0x4ead), "/api/graphql"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBlock(t *testing.T) {
	token := secret.New("t")
	for name, c := range map[string]struct {
		block github.Block
		place string
	}{
		"good":         {github.Block{Repo: "acme/web.js", Token: token, DeployWorkflow: "deploy.yml", RollbackWorkflow: "r.yaml"}, ""},
		"no repo":      {github.Block{Token: token}, "github.repo"},
		"an address":   {github.Block{Repo: "https://github.com/acme/web", Token: token}, "github.repo"},
		"dots":         {github.Block{Repo: "../..", Token: token}, "github.repo"},
		"no token":     {github.Block{Repo: "a/b"}, "github.token"},
		"a path":       {github.Block{Repo: "a/b", Token: token, DeployWorkflow: ".github/workflows/x.yml"}, "github.deploy_workflow"},
		"no yaml":      {github.Block{Repo: "a/b", Token: token, RollbackWorkflow: "rollback"}, "github.rollback_workflow"},
		"odd base url": {github.Block{Repo: "a/b", Token: token, BaseURL: "github.example.com"}, "github.base_url"},
	} {
		err := c.block.Validate()
		if c.place == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if f := fault.From(err); f == nil || f.Kind != fault.Invalid || len(f.Places) != 1 || f.Places[0].Where != c.place {
			t.Errorf("%s: %+v, want a fault of %s", name, f, c.place)
		}
	}
}
