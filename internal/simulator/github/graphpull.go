package github

import (
	"fmt"
	"slices"

	"github.com/envdeck/envdeck/internal/simulator/world"
)

func stateOf(p *world.PullRequest) string {
	switch {
	case p.Merged:
		return "MERGED"
	case p.State == "open":
		return "OPEN"
	}
	return "CLOSED"
}

// graphPulls lists pull requests, oldest first unless ordered otherwise.
func (i *in) graphPulls(args map[string]any) (any, error) {
	found := i.s.Pulls("all")
	slices.Reverse(found)
	states, _ := args["states"].([]any)
	found = slices.DeleteFunc(found, func(p *world.PullRequest) bool {
		return len(states) > 0 && !slices.Contains(states, any(stateOf(p))) ||
			args["headRefName"] != nil && args["headRefName"] != p.Branch ||
			args["baseRefName"] != nil && args["baseRefName"] != p.Base || !labelled(p, args["labels"])
	})
	order, _ := args["orderBy"].(map[string]any)
	if order["field"] == "UPDATED_AT" {
		slices.SortStableFunc(found, func(a, b *world.PullRequest) int { return a.UpdatedAt.Compare(b.UpdatedAt) })
	}
	if order["direction"] == "DESC" {
		slices.Reverse(found)
	}
	all := []*thing{}
	for _, p := range found {
		all = append(all, i.graphPull(p))
	}
	return connection("PullRequestConnection", "pullRequests", all, nil)(args)
}

func labelled(p *world.PullRequest, want any) bool {
	list, _ := want.([]any)
	return len(list) == 0 || slices.ContainsFunc(list, func(l any) bool { return slices.Contains(p.Labels, fmt.Sprint(l)) })
}

func (i *in) graphPull(p *world.PullRequest) *thing {
	author := i.account(p.Author) // null for an account that is no more
	mergeable := "MERGEABLE"
	if p.State != "open" {
		mergeable = "UNKNOWN"
	}
	fields := map[string]any{
		"id": i.node("PR", p.Number), "fullDatabaseId": itoa(i.number("pull", p.Number)), "number": p.Number, "title": p.Title,
		"body": p.Body, "bodyText": p.Body, "url": i.html("/pull/%d", p.Number), "state": stateOf(p), "isDraft": p.Draft, "merged": p.Merged,
		"closed": p.State != "open", "mergeable": mergeable, "createdAt": stamp(p.CreatedAt), "updatedAt": stamp(p.UpdatedAt),
		"mergedAt": stampOrNull(p.MergedAt), "closedAt": stampOrNull(p.ClosedAt), "author": orNone(author), "mergedBy": orNone(i.account(p.MergedBy)),
		"mergeCommit": nil, "baseRefName": p.Base, "headRefName": p.Branch, "headRefOid": p.Head, "baseRefOid": i.baseOf(p),
		"headRef": orNone(i.graphRef(p.Branch)), "baseRef": orNone(i.graphRef(p.Base)),
		"repository":          resolver(func(map[string]any) (any, error) { return i.graphRepository(), nil }),
		"headRepository":      resolver(func(map[string]any) (any, error) { return i.graphRepository(), nil }),
		"headRepositoryOwner": i.account(i.s.People[0]), "isCrossRepository": false, "maintainerCanModify": false,
	}
	if c := i.s.Commit(p.MergeSHA); c != nil {
		fields["mergeCommit"] = resolver(func(map[string]any) (any, error) { return i.graphCommit(c), nil })
	}
	for name, key := range map[string]string{"additions": "additions", "deletions": "deletions", "changedFiles": "changed_files"} {
		fields[name] = resolver(func(map[string]any) (any, error) { return i.wholePull(p)[key], nil })
	}
	var labels []*thing
	for _, name := range p.Labels {
		labels = append(labels, &thing{"Label", map[string]any{
			"id": i.node("LA", name), "name": name, "color": i.s.Hex(6, "label", name), "description": labelText(name), "url": i.html("/labels/%s", name),
		}})
	}
	fields["labels"] = connection("LabelConnection", "labels", labels, nil)
	fields["commits"] = resolver(func(args map[string]any) (any, error) {
		var all []*thing
		for _, sha := range p.Commits {
			all = append(all, &thing{"PullRequestCommit", map[string]any{
				"id": i.node("PRC", p.Number, sha), "commit": i.graphCommit(i.s.Commit(sha)), "url": i.html("/pull/%d/commits/%s", p.Number, sha),
				"pullRequest": resolver(func(map[string]any) (any, error) { return i.graphPull(p), nil }),
			}})
		}
		return connection("PullRequestCommitConnection", "commits", all, nil)(args)
	})
	return &thing{"PullRequest", fields}
}
