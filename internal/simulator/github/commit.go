package github

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// compareMost is how many commits a comparison shows when it is not paged, and
// filesMost how many files it ever shows.
const (
	compareMost = 250
	filesMost   = 300
)

func (f *Face) commitRoutes() []wire.Route {
	return []wire.Route{
		{
			Pattern: "GET " + repoPath + "/commits", Doc: "the log of a ref", Need: needContents,
			Query: paged(
				wire.Param{Name: "sha", Type: wire.String}, wire.Param{Name: "path", Type: wire.String},
				wire.Param{Name: "author", Type: wire.String}, wire.Param{Name: "committer", Type: wire.String},
				wire.Param{Name: "since", Type: wire.Time}, wire.Param{Name: "until", Type: wire.Time},
			),
			Handle: f.on(commits),
		},
		{
			Pattern: "GET " + repoPath + "/commits/{ref...}", Doc: "one commit", Need: needContents,
			Query: paged(), Handle: f.on(oneCommit),
		},
		{
			Pattern: "GET " + repoPath + "/commits/{sha}/pulls", Doc: "the pull requests that brought a commit", Need: needPulls,
			Query: paged(), Handle: f.on(func(i *in) (*wire.Answer, error) {
				c := i.s.Commit(i.Path("sha"))
				if c == nil {
					return nil, noCommit(i.Path("sha"))
				}
				return list(i, i.s.PullsOf(c.SHA), i.pull), nil
			}),
		},
		{
			Pattern: "GET " + repoPath + "/compare/{basehead...}", Doc: "what head has that base has not", Need: needContents,
			Query: paged(), Handle: f.on(compare),
		},
	}
}

func noCommit(ref string) error {
	return &wire.Error{Kind: wire.Unprocessable, Message: "No commit found for SHA: " + ref}
}

func commits(i *in) (*wire.Answer, error) {
	ref := i.StrOr("sha", i.s.Repo.DefaultBranch)
	if i.s.Resolve(ref) == nil {
		return nil, i.notFound()
	}
	since, hasSince := i.Time("since")
	until, hasUntil := i.Time("until")
	var found []*world.Commit
	for _, c := range i.s.Log(ref) {
		if hasSince && c.At.Before(since) || hasUntil && c.At.After(until) ||
			!wrote(c, i.Str("author")) || !wrote(c, i.Str("committer")) || !touches(c, i.Str("path")) {
			continue
		}
		found = append(found, c)
	}
	return list(i, found, i.commit), nil
}

func wrote(c *world.Commit, who string) bool {
	return who == "" || strings.EqualFold(c.Author.Login, who) || strings.EqualFold(c.Author.Email, who)
}

// touches says whether a commit changed a path. A merge is left out, as git
// does when its result is that of one parent.
func touches(c *world.Commit, path string) bool {
	path = strings.Trim(path, "/")
	if path == "" {
		return true
	}
	return len(c.Parents) < 2 && slices.ContainsFunc(c.Changes, func(f world.FileChange) bool {
		return f.Path == path || strings.HasPrefix(f.Path, path+"/")
	})
}

func oneCommit(i *in) (*wire.Answer, error) {
	c := i.s.Resolve(i.Path("ref"))
	if c == nil {
		return nil, noCommit(i.Path("ref"))
	}
	switch mediaKind(i.Request) {
	case "sha":
		return wire.Raw(http.StatusOK, "application/vnd.github.sha; charset=utf-8", []byte(c.SHA)), nil
	case "diff", "patch":
		return wire.Raw(http.StatusOK, "application/vnd.github."+mediaKind(i.Request)+"; charset=utf-8", diff(c.Changes)), nil
	}
	out := i.commit(c)
	added, removed := 0, 0
	for _, f := range c.Changes {
		added, removed = added+f.Additions, removed+f.Deletions
	}
	out["stats"] = obj{"total": added + removed, "additions": added, "deletions": removed}
	per := i.perPage(filesMost)
	out["files"] = i.files(cut(i, c.Changes, per), c)
	return i.linked(wire.OK(out), len(c.Changes), per), nil
}

// commit is one commit without its files.
func (i *in) commit(c *world.Commit) obj {
	parents := []obj{}
	for _, p := range c.Parents {
		parents = append(parents, obj{"sha": p, "url": i.repo("/commits/%s", p), "html_url": i.html("/commit/%s", p)})
	}
	who := obj{"name": c.Author.Name, "email": c.Author.Email, "date": stamp(c.At)}
	return obj{
		"sha": c.SHA, "node_id": i.node("C", c.SHA), "url": i.repo("/commits/%s", c.SHA), "html_url": i.html("/commit/%s", c.SHA),
		"comments_url": i.repo("/commits/%s/comments", c.SHA),
		"commit": obj{
			"author": who, "committer": who, "message": c.Message, "tree": obj{"sha": c.Tree, "url": i.repo("/git/trees/%s", c.Tree)},
			"url": i.repo("/git/commits/%s", c.SHA), "comment_count": 0,
			"verification": obj{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil},
		},
		"author": i.user(c.Author), "committer": i.user(c.Author), "parents": parents,
	}
}

func (i *in) files(changes []world.FileChange, at *world.Commit) []obj {
	out := []obj{}
	for _, f := range changes {
		out = append(out, obj{
			"sha": world.BlobSHA(at.SHA + f.Path), "filename": f.Path, "status": f.Status,
			"additions": f.Additions, "deletions": f.Deletions, "changes": f.Additions + f.Deletions,
			"blob_url": i.html("/blob/%s/%s", at.SHA, f.Path), "raw_url": i.html("/raw/%s/%s", at.SHA, f.Path),
			"contents_url": i.repo("/contents/%s?ref=%s", f.Path, at.SHA),
			"patch":        fmt.Sprintf("@@ -1,%d +1,%d @@", f.Deletions, f.Additions),
		})
	}
	return out
}

func diff(changes []world.FileChange) []byte {
	var b strings.Builder
	for _, f := range changes {
		fmt.Fprintf(&b, "diff --git a/%s b/%s\n--- a/%s\n+++ b/%s\n@@ -1,%d +1,%d @@\n", f.Path, f.Path, f.Path, f.Path, f.Deletions, f.Additions)
	}
	return []byte(b.String())
}

// side takes "owner:" off one side of a comparison.
func (i *in) side(ref string) string {
	if owner, rest, ok := strings.Cut(ref, ":"); ok && strings.EqualFold(owner, i.s.Repo.Owner) {
		return rest
	}
	return ref
}

func compare(i *in) (*wire.Answer, error) {
	base, head, ok := strings.Cut(i.Path("basehead"), "...")
	if !ok {
		return nil, i.notFound()
	}
	c, ok := i.s.Compare(i.side(base), i.side(head))
	if !ok {
		return nil, i.notFound()
	}
	if kind := mediaKind(i.Request); kind == "diff" || kind == "patch" {
		return wire.Raw(http.StatusOK, "application/vnd.github."+kind+"; charset=utf-8", diff(c.Files)), nil
	}
	out := obj{
		"url":           i.repo("/compare/%s...%s", base, head),
		"html_url":      i.html("/compare/%s...%s", base, head),
		"permalink_url": i.html("/compare/%s:%s...%s:%s", i.s.Repo.Owner, c.Base.SHA[:7], i.s.Repo.Owner, c.Head.SHA[:7]),
		"diff_url":      i.html("/compare/%s...%s.diff", base, head), "patch_url": i.html("/compare/%s...%s.patch", base, head),
		"base_commit": i.commit(c.Base), "merge_base_commit": i.commit(c.MergeBase),
		"status": c.Status, "ahead_by": len(c.Ahead), "behind_by": c.Behind, "total_commits": len(c.Ahead),
	}
	// Without paging, the first 250 commits come; with it, pages of per_page.
	shown, answer := c.Ahead, wire.OK(out)
	if i.Has("page") || i.Has("per_page") {
		per := i.perPage(30)
		shown = cut(i, c.Ahead, per)
		i.linked(answer, len(c.Ahead), per)
	} else if len(shown) > compareMost {
		shown = shown[:compareMost]
		i.linked(answer, len(c.Ahead), compareMost)
	}
	list := []obj{}
	for _, one := range shown {
		list = append(list, i.commit(one))
	}
	out["commits"] = list
	if i.pageNumber() == 1 {
		out["files"] = i.files(c.Files[:min(filesMost, len(c.Files))], c.Head)
	}
	return answer, nil
}
