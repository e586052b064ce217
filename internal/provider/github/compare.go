package github

import (
	"cmp"
	"context"
	"net/url"
	"regexp"
	"strconv"

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
		query := perPage(comparePage)
		query.Set("page", strconv.Itoa(page))
		got, err := get[restComparison](ctx, c, query, routeCompare, p.base+"..."+p.head)
		if err != nil {
			return all, err
		}
		if page == 1 {
			if err := c.head(&all, &got); err != nil {
				return all, err
			}
			total = max(got.TotalCommits, all.Ahead)
		}
		before := len(all.Commits)
		for i := range got.Commits {
			made, err := c.commit(&got.Commits[i])
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
func (c *Client) head(all *provider.Comparison, got *restComparison) error {
	all.Relation = provider.Relation(got.Status)
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
		all.Files = append(all.Files, outbound.Line(f.Filename, 1000))
	}
	all.Truncated = len(all.Files) >= mostFiles
	return nil
}

func (c *Client) commit(w *restCommit) (provider.Commit, error) {
	if !hash.MatchString(w.SHA) {
		return provider.Commit{}, c.out.Unusable(routeCompare, outbound.Misfit("a commit has no hash"))
	}
	return provider.Commit{
		SHA:     w.SHA,
		Message: outbound.Line(w.Commit.Message, 300),
		// The login is null where the mail address belongs to nobody.
		Author: outbound.Line(cmp.Or(w.Author.Login, w.Commit.Author.Name), 100),
		At:     w.Commit.Author.Date.UTC(),
		URL:    c.out.Link(w.HTMLURL, "github.com"),
	}, nil
}

// PullRequestOf is the newest open pull request from a branch of this
// repository.
func (c *Client) PullRequestOf(ctx context.Context, branch string) (provider.PullRequest, error) {
	if branch == "" || len(branch) > 250 {
		return provider.PullRequest{}, fault.New(fault.Invalid, "A pull request is found by its branch's name.")
	}
	list, err := get[[]restPull](ctx, c, url.Values{
		"state": {"open"}, "head": {c.owner + ":" + branch}, "sort": {"created"}, "direction": {"desc"}, "per_page": {"10"},
	}, routePulls)
	if err != nil {
		return provider.PullRequest{}, err
	}
	for i := range list {
		w := &list[i]
		if w.Number <= 0 {
			return provider.PullRequest{}, c.out.Unusable(routePulls, outbound.Misfit("a pull request has no number"))
		}
		// A head that GitHub cannot read makes it answer all pull requests.
		if w.Head.Ref != branch {
			continue
		}
		pr := provider.PullRequest{
			Number: w.Number, Title: outbound.Line(w.Title, 300), URL: c.out.Link(w.HTMLURL, "github.com"),
			Author: outbound.Line(w.User.Login, 100), Base: outbound.Line(w.Base.Ref, 250),
		}
		for _, l := range w.Labels {
			pr.Labels = append(pr.Labels, outbound.Line(l.Name, 100))
		}
		return pr, nil
	}
	return provider.PullRequest{}, c.out.Fault(fault.NotFound, "GitHub has no open pull request for that branch")
}
