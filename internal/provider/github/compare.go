package github

import (
	"cmp"
	"context"
	"regexp"

	"github.com/google/go-github/v92/github"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

const (
	comparePage = 100
	// mostCommits is where the list of a comparison ends: nobody reads more,
	// and each fifty cost one more query for their pull requests.
	mostCommits = 500
	// mostFiles is GitHub's own limit; a list of that length may be cut.
	mostFiles = 300
)

var hash = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// Compare says what lies between two commits. The answer for a pair never
// changes and is kept, once everything about it is known; it is shared, so it
// must not be written to.
func (c *Client) Compare(ctx context.Context, base, head string) (provider.Comparison, error) {
	if !hash.MatchString(base) || !hash.MatchString(head) {
		return provider.Comparison{}, fault.New(fault.Invalid, "Commits are compared by their full hashes.")
	}
	if base == head {
		return provider.Comparison{Base: base, Head: head, Relation: provider.Identical}, nil
	}
	p := pair{base, head}
	c.mu.Lock()
	known, ok := c.known[p]
	c.mu.Unlock()
	if ok {
		return known, nil
	}
	all, err := c.commits(ctx, p)
	if err != nil {
		return provider.Comparison{}, err
	}
	err = c.addPullRequests(ctx, &all)
	switch {
	case err == nil:
		if !all.Truncated {
			c.keep(p, all)
		}
	case ctx.Err() != nil:
		return provider.Comparison{}, err
	default:
		// The commits are right without them.
		all.PullRequestsUnknown = fault.From(err).Message
	}
	return all, nil
}

func (c *Client) keep(p pair, all provider.Comparison) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.known[p]; ok {
		return
	}
	if len(c.order) == maxKnown {
		delete(c.known, c.order[0])
		c.order = c.order[1:]
	}
	c.known[p] = all
	c.order = append(c.order, p)
}

// commits reads the comparison page by page. The counts are those of the first
// page, where GitHub also puts the files.
func (c *Client) commits(ctx context.Context, p pair) (provider.Comparison, error) {
	all := provider.Comparison{Base: p.base, Head: p.head}
	total, seen := 0, map[string]bool{}
	for page := 1; ; page++ {
		got, _, err := c.rest.Repositories.CompareCommits(outbound.WithRoute(ctx, routeCompare), c.owner, c.repo, p.base, p.head,
			&github.ListOptions{Page: page, PerPage: comparePage})
		if err != nil {
			return all, c.out.FromLibrary(ctx, routeCompare, err)
		}
		if page == 1 {
			if err := c.head(&all, got); err != nil {
				return all, err
			}
			total = max(got.GetTotalCommits(), all.Ahead)
		}
		before := len(all.Commits)
		for _, commit := range got.Commits {
			made, err := c.commit(commit)
			if err != nil {
				return all, err
			}
			if !seen[made.SHA] {
				seen[made.SHA] = true
				all.Commits = append(all.Commits, made)
			}
		}
		// A page without anything new is the end, or a circle.
		if len(all.Commits) >= min(total, mostCommits) || len(all.Commits) == before {
			break
		}
	}
	if len(all.Commits) > mostCommits {
		all.Commits = all.Commits[:mostCommits]
	}
	all.Truncated = all.Truncated || len(all.Commits) < total
	return all, nil
}

// head reads what is said once for the whole comparison.
func (c *Client) head(all *provider.Comparison, got *github.CommitsComparison) error {
	all.Relation = provider.Relation(got.GetStatus())
	switch all.Relation {
	case provider.Identical, provider.AheadOf, provider.BehindOf, provider.Diverged:
	default:
		return c.out.Unusable(routeCompare, outbound.Misfit("how the commits stand to each other is missing"))
	}
	if got.AheadBy == nil || got.BehindBy == nil || *got.AheadBy < 0 || *got.BehindBy < 0 {
		return c.out.Unusable(routeCompare, outbound.Misfit("the number of commits is missing"))
	}
	all.Ahead, all.Behind = *got.AheadBy, *got.BehindBy
	for _, f := range got.Files {
		all.Files = append(all.Files, outbound.Line(f.GetFilename(), 1000))
	}
	all.Truncated = len(all.Files) >= mostFiles
	return nil
}

func (c *Client) commit(w *github.RepositoryCommit) (provider.Commit, error) {
	if !hash.MatchString(w.GetSHA()) {
		return provider.Commit{}, c.out.Unusable(routeCompare, outbound.Misfit("a commit has no hash"))
	}
	return provider.Commit{
		SHA:     w.GetSHA(),
		Message: outbound.Line(w.GetCommit().GetMessage(), 300),
		// The login is null where the mail address belongs to nobody.
		Author: outbound.Line(cmp.Or(w.GetAuthor().GetLogin(), w.GetCommit().GetAuthor().GetName()), 100),
		At:     w.GetCommit().GetAuthor().GetDate().UTC(),
		URL:    c.out.Link(w.GetHTMLURL(), "github.com"),
	}, nil
}

// PullRequestOf is the newest open pull request from a branch of this
// repository.
func (c *Client) PullRequestOf(ctx context.Context, branch string) (provider.PullRequest, error) {
	if branch == "" || len(branch) > 250 {
		return provider.PullRequest{}, fault.New(fault.Invalid, "A pull request is found by its branch's name.")
	}
	list, _, err := c.rest.PullRequests.List(outbound.WithRoute(ctx, routePulls), c.owner, c.repo, &github.PullRequestListOptions{
		State: "open", Head: c.owner + ":" + branch, Sort: "created", Direction: "desc", ListOptions: github.ListOptions{PerPage: 10},
	})
	if err != nil {
		return provider.PullRequest{}, c.out.FromLibrary(ctx, routePulls, err)
	}
	for _, w := range list {
		if w.GetNumber() <= 0 {
			return provider.PullRequest{}, c.out.Unusable(routePulls, outbound.Misfit("a pull request has no number"))
		}
		// A head that GitHub cannot read makes it answer all pull requests.
		if w.GetHead().GetRef() != branch {
			continue
		}
		pr := provider.PullRequest{
			Number: w.GetNumber(), Title: outbound.Line(w.GetTitle(), 300), URL: c.out.Link(w.GetHTMLURL(), "github.com"),
			Author: outbound.Line(w.GetUser().GetLogin(), 100), Base: outbound.Line(w.GetBase().GetRef(), 250),
		}
		for _, l := range w.Labels {
			pr.Labels = append(pr.Labels, outbound.Line(l.GetName(), 100))
		}
		return pr, nil
	}
	return provider.PullRequest{}, c.out.Fault(fault.NotFound, "GitHub has no open pull request for that branch")
}
