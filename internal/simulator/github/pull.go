package github

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) pullRoutes() []wire.Route {
	return []wire.Route{
		{
			Pattern: "GET " + repoPath + "/pulls", Doc: "pull requests", Need: needPulls,
			Query: paged(
				wire.Param{Name: "state", Type: wire.Enum, OneOf: []string{"open", "closed", "all"}},
				wire.Param{Name: "head", Type: wire.String}, wire.Param{Name: "base", Type: wire.String},
				wire.Param{Name: "sort", Type: wire.Enum, OneOf: []string{"created", "updated", "popularity", "long-running"}},
				wire.Param{Name: "direction", Type: wire.Enum, OneOf: []string{"asc", "desc"}},
			),
			Handle: f.on(pulls),
		},
		{Pattern: "GET " + repoPath + "/pulls/{number}", Doc: "one pull request", Need: needPulls, Handle: f.on(onPull(func(i *in, p *world.PullRequest) *wire.Answer {
			return wire.OK(i.wholePull(p))
		}))},
		{Pattern: "GET " + repoPath + "/pulls/{number}/commits", Doc: "its commits", Need: needPulls, Query: paged(), Handle: f.on(onPull(func(i *in, p *world.PullRequest) *wire.Answer {
			var found []*world.Commit
			for _, sha := range p.Commits {
				found = append(found, i.s.Commit(sha))
			}
			return list(i, found, i.commit)
		}))},
	}
}

func onPull(show func(*in, *world.PullRequest) *wire.Answer) func(*in) (*wire.Answer, error) {
	return func(i *in) (*wire.Answer, error) {
		n, err := strconv.Atoi(i.Path("number"))
		if err != nil {
			return nil, i.notFound()
		}
		p := i.s.Pull(n)
		if p == nil {
			return nil, i.notFound()
		}
		return show(i, p), nil
	}
}

func pulls(i *in) (*wire.Answer, error) {
	var found []*world.PullRequest
	for _, p := range i.s.Pulls(i.StrOr("state", "open")) {
		if base := i.Str("base"); base != "" && base != p.Base {
			continue
		}
		// head is user:branch; anything else is ignored, as GitHub does.
		if head := i.Str("head"); strings.Contains(head, ":") && head != i.s.Repo.Owner+":"+p.Branch {
			continue
		}
		found = append(found, p)
	}
	// Newest first is the rule for sort=created only; the others begin with the
	// least unless a direction is given.
	by := i.StrOr("sort", "created")
	if by == "updated" {
		slices.SortStableFunc(found, func(a, b *world.PullRequest) int { return b.UpdatedAt.Compare(a.UpdatedAt) })
	}
	ascending := i.Str("direction") == "asc" || by != "created" && !i.Has("direction")
	if ascending {
		slices.Reverse(found)
	}
	return list(i, found, i.pull), nil
}

// pull is a pull request as lists show it.
func (i *in) pull(p *world.PullRequest) obj {
	api, page := i.repo("/pulls/%d", p.Number), i.html("/pull/%d", p.Number)
	issue := i.repo("/issues/%d", p.Number)
	out := obj{
		"url": api, "id": i.number("pull", p.Number), "node_id": i.node("PR", p.Number), "html_url": page,
		"diff_url": page + ".diff", "patch_url": page + ".patch", "issue_url": issue, "number": p.Number, "state": p.State,
		"locked": false, "title": p.Title, "user": i.user(p.Author), "body": p.Body, "created_at": stamp(p.CreatedAt), "updated_at": stamp(p.UpdatedAt),
		"closed_at": stampOrNull(p.ClosedAt), "merged_at": stampOrNull(p.MergedAt), "assignees": []obj{}, "requested_reviewers": []obj{},
		"requested_teams": []obj{}, "labels": i.labels(p), "milestone": nil, "draft": p.Draft,
		"commits_url": api + "/commits", "review_comments_url": api + "/comments", "review_comment_url": i.repo("/pulls/comments{/number}"),
		"comments_url": issue + "/comments", "statuses_url": i.repo("/statuses/%s", p.Head),
		"head": i.end(p.Branch, p.Head), "base": i.end(p.Base, i.baseOf(p)),
		"_links": obj{
			"self": href(api), "html": href(page), "issue": href(issue), "comments": href(issue + "/comments"),
			"review_comments": href(api + "/comments"), "review_comment": href(i.repo("/pulls/comments{/number}")),
			"commits": href(api + "/commits"), "statuses": href(i.repo("/statuses/%s", p.Head)),
		},
		"author_association": "MEMBER", "auto_merge": nil, "active_lock_reason": nil,
	}
	if i.Request.Header.Get("X-Github-Api-Version") != newVersion {
		out["assignee"], out["merge_commit_sha"] = nil, orNil(p.MergeSHA)
	}
	if i.user(p.Author) == nil {
		out["user"] = i.ghost()
	}
	return out
}

// ghost is the account that stands for one that is no more; a pull request has
// an author even when the commits' e-mail address is linked to nobody.
func (i *in) ghost() any { return i.user(&world.Person{Login: "ghost", GitHubID: 10137}) }

func href(url string) obj { return obj{"href": url} }

func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (i *in) labels(p *world.PullRequest) []obj {
	out := []obj{}
	for _, name := range p.Labels {
		out = append(out, obj{
			"id": i.number("label", name), "node_id": i.node("LA", name), "url": i.repo("/labels/%s", name),
			"name": name, "description": labelText(name), "color": i.s.Hex(6, "label", name), "default": true,
		})
	}
	return out
}

// end is the head or the base of a pull request.
func (i *in) end(branch, sha string) obj {
	full := i.fullRepository()
	return obj{"label": i.s.Repo.Owner + ":" + branch, "ref": branch, "sha": sha, "user": i.user(i.s.People[0]), "repo": full}
}

// baseOf is the commit the pull request started from.
func (i *in) baseOf(p *world.PullRequest) string {
	if c := i.s.Commit(p.Commits[0]); c != nil && len(c.Parents) > 0 {
		return c.Parents[0]
	}
	return i.s.Resolve(p.Base).SHA
}

func (i *in) wholePull(p *world.PullRequest) obj {
	out := i.pull(p)
	added, removed, paths := 0, 0, map[string]bool{}
	for _, sha := range p.Commits {
		for _, f := range i.s.Commit(sha).Changes {
			added, removed, paths[f.Path] = added+f.Additions, removed+f.Deletions, true
		}
	}
	var mergeable any = true
	state := "clean"
	switch {
	case p.State != "open":
		mergeable, state = nil, "unknown"
	case p.Draft:
		state = "draft"
	}
	maps.Copy(out, obj{
		"merged": p.Merged, "merged_by": i.user(p.MergedBy), "mergeable": mergeable, "rebaseable": mergeable, "mergeable_state": state,
		"comments": 0, "review_comments": 0, "maintainer_can_modify": false, "commits": len(p.Commits),
		"additions": added, "deletions": removed, "changed_files": len(paths),
	})
	return out
}

// labelText is GitHub's own description of a label it makes for every new
// repository.
func labelText(name string) string {
	return map[string]string{
		"enhancement": "New feature or request", "bug": "Something isn't working",
		"documentation": "Improvements or additions to documentation", "performance": "Makes it faster",
	}[name]
}
