package github

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// batch is how many commits one query asks for.
const batch = 50

// addPullRequests asks which pull requests brought the commits, fifty at a
// time.
func (c *Client) addPullRequests(ctx context.Context, all *provider.Comparison) error {
	byNumber := map[int]provider.PullRequest{}
	for part := range slices.Chunk(all.Commits, batch) {
		found, err := c.pullRequests(ctx, part)
		if err != nil {
			return err
		}
		for i := range part {
			if pr, ok := found[part[i].SHA]; ok {
				part[i].PullRequest = pr.Number
				byNumber[pr.Number] = pr
			}
		}
	}
	for _, pr := range byNumber {
		all.PullRequests = append(all.PullRequests, pr)
	}
	slices.SortFunc(all.PullRequests, func(a, b provider.PullRequest) int { return cmp.Compare(a.Number, b.Number) })
	return nil
}

// query asks for n commits under the names c0, c1, …. The hashes go in as
// variables, so nothing from outside becomes part of its text.
func query(n int) string {
	var head, body strings.Builder
	for i := range n {
		fmt.Fprintf(&head, ",$s%d:GitObjectID!", i)
		fmt.Fprintf(&body, " c%d:object(oid:$s%d){...C}", i, i)
	}
	return `query($o:String!,$r:String!` + head.String() + `){repository(owner:$o,name:$r){defaultBranchRef{name}` + body.String() + `} rateLimit{cost remaining resetAt}}
fragment C on Commit{oid associatedPullRequests(first:5){nodes{number title url mergedAt baseRefName author{login} labels(first:10){nodes{name}}}}}`
}

type graphAnswer struct {
	Data *struct {
		// Repository holds defaultBranchRef and the commits by their aliases.
		Repository map[string]json.RawMessage `json:"repository"`
	} `json:"data"`
	Errors []struct {
		Type string `json:"type"`
	} `json:"errors"`
}

type graphCommit struct {
	OID   string `json:"oid"`
	Pulls struct {
		Nodes []*graphPull `json:"nodes"`
	} `json:"associatedPullRequests"`
}

type graphPull struct {
	Number      int        `json:"number"`
	Title       string     `json:"title"`
	URL         string     `json:"url"`
	MergedAt    *time.Time `json:"mergedAt"`
	BaseRefName string     `json:"baseRefName"`
	Author      *struct {
		Login string `json:"login"`
	} `json:"author"`
	Labels *struct {
		Nodes []*struct {
			Name string `json:"name"`
		} `json:"nodes"`
	} `json:"labels"`
}

// pullRequests answers the pull request that brought each commit; a commit
// that was pushed without one has no entry.
func (c *Client) pullRequests(ctx context.Context, commits []provider.Commit) (map[string]provider.PullRequest, error) {
	vars := map[string]string{"o": c.owner, "r": c.repo}
	for i, commit := range commits {
		vars[fmt.Sprintf("s%d", i)] = commit.SHA
	}
	w, _, err := outbound.JSON[graphAnswer](ctx, c.out, outbound.Request{
		Method: http.MethodPost, Route: routeGraph, Reads: true,
		Body: map[string]any{"query": query(len(commits)), "variables": vars},
	})
	if err != nil {
		return nil, err
	}
	if err := c.graphFault(w); err != nil {
		return nil, err
	}
	var branch struct {
		Name string `json:"name"`
	}
	if raw := w.Data.Repository["defaultBranchRef"]; raw != nil {
		_ = json.Unmarshal(raw, &branch) // without it no base is preferred
	}
	found := map[string]provider.PullRequest{}
	for i, commit := range commits {
		raw := w.Data.Repository[fmt.Sprintf("c%d", i)]
		if raw == nil {
			return nil, c.out.Unusable(routeGraph, outbound.Misfit("a commit that was asked for is missing"))
		}
		var got *graphCommit
		if err := json.Unmarshal(raw, &got); err != nil || got == nil || got.OID != commit.SHA {
			return nil, c.out.Unusable(routeGraph, outbound.Misfit("a commit that was asked for is missing"))
		}
		if pr, ok := c.brought(got, branch.Name); ok {
			found[commit.SHA] = pr
		}
	}
	return found, nil
}

// graphFault reads GraphQL's own refusals, which come with status 200. A
// partial answer would leave commits out of the list silently, so any error
// makes the pull requests unknown.
func (c *Client) graphFault(w graphAnswer) error {
	if len(w.Errors) == 0 {
		if w.Data == nil || w.Data.Repository == nil {
			return c.out.Unusable(routeGraph, outbound.Misfit("the repository is missing"))
		}
		return nil
	}
	for _, e := range w.Errors {
		switch e.Type {
		case "RATE_LIMITED", "RATE_LIMIT":
			f := c.out.Fault(fault.RateLimited, "GitHub's hourly budget for queries is used up; the pull requests come back when it is filled again")
			f.RetryAfter = time.Minute
			return f
		case "FORBIDDEN", "INSUFFICIENT_SCOPES":
			return c.out.Fault(fault.Denied, "GitHub did not allow it: the token lacks the permission Pull requests: read on this repository")
		case "NOT_FOUND":
			return c.out.Fault(fault.NotFound, "GitHub did not find it: a commit is gone, or the token may not see the repository")
		}
	}
	return c.out.Fault(fault.BadResponse, "GitHub could not say which pull requests brought the commits")
}

// brought picks the pull request that brought a commit: a merged one, into the
// default branch if there is such a one. GitHub also lists open ones that hold
// the commit.
func (c *Client) brought(w *graphCommit, branch string) (provider.PullRequest, bool) {
	var best *graphPull
	for _, p := range w.Pulls.Nodes {
		if p == nil || p.Number <= 0 || p.MergedAt == nil {
			continue
		}
		if best == nil || best.BaseRefName != branch && p.BaseRefName == branch {
			best = p
		}
	}
	if best == nil {
		return provider.PullRequest{}, false
	}
	pr := provider.PullRequest{
		Number: best.Number, Title: outbound.Line(best.Title, 300), URL: c.out.Link(best.URL, "github.com"),
		Base: outbound.Line(best.BaseRefName, 250), MergedAt: best.MergedAt.UTC(),
	}
	if best.Author != nil {
		pr.Author = outbound.Line(best.Author.Login, 100)
	}
	if best.Labels != nil {
		for _, l := range best.Labels.Nodes {
			if l != nil {
				pr.Labels = append(pr.Labels, outbound.Line(l.Name, 100))
			}
		}
	}
	return pr, true
}
