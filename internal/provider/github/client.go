package github

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// The calls, as routes for meters and logs.
const (
	routeCommits = "/repos/{owner}/{repo}/commits"
	routeCompare = "/repos/{owner}/{repo}/compare/{basehead}"
	routePulls   = "/repos/{owner}/{repo}/pulls"
	routeGraph   = "/graphql"
)

// Client is one repository.
type Client struct {
	out         *outbound.Client
	rest        string // where the REST API hangs under the base
	owner, repo string
	web         string // where people look at it
	// deploy and rollback are workflow files, "" where there is none.
	deploy, rollback string

	mu    sync.Mutex
	known map[pair]provider.Comparison // two hashes always compare the same
	order []pair
}

type pair struct{ base, head string }

// maxKnown bounds the comparisons that are kept.
const maxKnown = 128

// The promises of this room.
var (
	_ provider.Comparer          = (*Client)(nil)
	_ provider.PullRequestFinder = (*Client)(nil)
	_ provider.CommitLinker      = (*Client)(nil)
	_ provider.Checker           = (*Client)(nil)
)

func open(b *Block, deps provider.Deps) (*Client, error) {
	if err := b.Validate(); err != nil {
		return nil, err
	}
	root, rest := b.roots()
	out, err := outbound.New(outbound.Config{
		Provider: name, Title: "GitHub", BaseURL: root, Token: b.Token, Header: headers,
		Codes: []string{codeSecondary}, Code: code, ThrottleCode: codeSecondary, Explain: explain,
		RequestID: "X-Github-Request-Id", Budget: outbound.EpochBudget("X-RateLimit-"), ThrottlesWith403: true,
		// A 304 does not count against the limit.
		ETags: true,
		// GitHub allows 900 points a minute, a read being one.
		Rate: 100, Per: 10 * time.Second,
	}, deps)
	if err != nil {
		return nil, err
	}
	owner, repo, _ := strings.Cut(b.Repo, "/")
	return &Client{out: out, rest: rest, owner: owner, repo: repo, web: b.web(), deploy: b.DeployWorkflow, rollback: b.RollbackWorkflow, known: map[pair]provider.Comparison{}}, nil
}

// Check reads one commit and one pull request: the two permissions that the
// reads of this room need.
func (c *Client) Check(ctx context.Context) error {
	commits, err := get[[]restCommit](ctx, c, perPage(1), routeCommits)
	if err != nil {
		return err
	}
	for i := range commits {
		if _, err := c.commit(&commits[i]); err != nil {
			return err
		}
	}
	_, err = get[[]restPull](ctx, c, perPage(1), routePulls)
	return err
}

// codeSecondary is our name for GitHub's "secondary rate limit", which it
// tells from a missing permission in the text of a 403 alone.
const codeSecondary = "secondary_rate_limit"

func code(body []byte) string {
	v, err := outbound.Decode[struct {
		Message string `json:"message"`
	}](body)
	if err == nil && strings.Contains(strings.ToLower(v.Message), "secondary rate limit") {
		return codeSecondary
	}
	return ""
}

func explain(r outbound.Refusal) outbound.Meaning {
	if m := explainActions(r); m.Text != "" {
		return m
	}
	switch r.Status {
	case http.StatusUnauthorized:
		return outbound.Meaning{Kind: fault.Rejected, Text: "the token (github.token, or GH_PAT_TOKEN) is unknown or has expired. Make a new one at github.com/settings/personal-access-tokens"}
	case http.StatusForbidden:
		if r.Route == routePulls {
			return outbound.Meaning{Text: "the token lacks the permission Pull requests: read on this repository, or its organisation has not approved it"}
		}
		return outbound.Meaning{Text: "the token lacks the permission Contents: read on this repository, or its organisation has not approved it"}
	case http.StatusConflict:
		if r.Route == routeCommits {
			return outbound.Meaning{Text: "the repository is empty"}
		}
	case http.StatusNotFound:
		if r.Route == routeCompare {
			return outbound.Meaning{Text: "one of the two commits is gone (a forced push), or the token may not see the repository (Contents: read)"}
		}
		if r.Route == routeFolder || r.Route == routeTree {
			return outbound.Meaning{Text: "there is no such folder at that commit, or the token may not see the repository (Contents: read)"}
		}
		return outbound.Meaning{Text: "there is no such repository for this token. Check github.repo (GH_REPO), and that the token was given this repository"}
	}
	return outbound.Meaning{}
}

// CommitURL is the commit's page.
func (c *Client) CommitURL(sha string) string {
	return c.web + "/" + c.owner + "/" + c.repo + "/commit/" + sha
}
