package github

import (
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/world"
)

func cursor(n int) string {
	return base64.StdEncoding.EncodeToString([]byte("cursor:" + strconv.Itoa(n)))
}

func cursorOf(v any) (int, bool) {
	text, _ := v.(string)
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || text == "" {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimPrefix(string(raw), "cursor:"))
	return n, err == nil
}

// query is the root.
func (i *in) query() *thing {
	return &thing{"Query", map[string]any{
		"viewer": i.account(granted(i.Call).user),
		"rateLimit": resolver(func(map[string]any) (any, error) {
			g := granted(i.Call)
			i.face.mu.Lock()
			defer i.face.mu.Unlock()
			m, all := i.face.meter(g, "graphql", i.Now), total(g, "graphql")
			return &thing{"RateLimit", map[string]any{
				"cost": 1, "limit": all, "nodeCount": 1, "remaining": max(0, all-m.used), "resetAt": stamp(m.reset), "used": m.used,
			}}, nil
		}),
		"repository": resolver(func(args map[string]any) (any, error) {
			owner, name := fmt.Sprint(args["owner"]), fmt.Sprint(args["name"])
			if !i.sees(owner, name) {
				return nil, &graphError{"NOT_FOUND", fmt.Sprintf("Could not resolve to a Repository with the name '%s/%s'.", owner, name)}
			}
			return i.graphRepository(), nil
		}),
	}}
}

// account is a person as an actor; nil when there is no account.
func (i *in) account(p *world.Person) *thing {
	if p == nil || p.Login == "" {
		return nil
	}
	login, bot := strings.CutSuffix(p.Login, "[bot]")
	kind, path := "User", "/"+login
	if bot {
		kind, path = "Bot", "/apps/"+login
	}
	return &thing{kind, map[string]any{
		"id": i.node("U", p.Login), "databaseId": p.GitHubID, "login": login, "name": p.Name, "email": "", "resourcePath": path,
		"url": "https://github.com" + path, "avatarUrl": "https://avatars.githubusercontent.com/u/" + itoa(p.GitHubID) + "?v=4",
	}}
}

func (i *in) graphRepository() *thing {
	r, may := i.s.Repo, "WRITE"
	if granted(i.Call).ReadOnly {
		may = "TRIAGE"
	}
	fields := map[string]any{
		"parent": nil, "viewerPermission": may, "hasIssuesEnabled": true, "hasWikiEnabled": false,
		"mergeCommitAllowed": true, "rebaseMergeAllowed": false, "squashMergeAllowed": true,
		"id": i.node("R", r.ID), "databaseId": r.ID, "name": r.Name, "nameWithOwner": r.FullName(), "url": i.html(""),
		"owner": i.account(i.s.People[0]), "description": "spike.land, built with AI", "isPrivate": true, "isArchived": false, "isFork": false,
		"createdAt": stamp(r.CreatedAt), "pushedAt": stamp(i.s.Resolve(r.DefaultBranch).At),
		"defaultBranchRef": resolver(func(map[string]any) (any, error) { return i.graphRef(r.DefaultBranch), nil }),
		"object":           resolver(i.graphObject),
		"ref": resolver(func(args map[string]any) (any, error) {
			name := strings.TrimPrefix(strings.TrimPrefix(fmt.Sprint(args["qualifiedName"]), "refs/"), "heads/")
			return orNone(i.graphRef(name)), nil
		}),
		"refs": resolver(func(args map[string]any) (any, error) {
			var all []*thing
			for _, n := range i.s.BranchNames() {
				text, _ := args["query"].(string)
				if args["refPrefix"] == "refs/heads/" && strings.Contains(n, text) {
					all = append(all, i.graphRef(n))
				}
			}
			return connection("RefConnection", "refs", all, nil)(args)
		}),
		"pullRequest": resolver(func(args map[string]any) (any, error) {
			n, _ := whole(args["number"])
			p := i.s.Pull(n)
			if p == nil {
				return nil, &graphError{"NOT_FOUND", fmt.Sprintf("Could not resolve to a PullRequest with the number of %d.", n)}
			}
			return i.graphPull(p), nil
		}),
		"pullRequests": resolver(i.graphPulls),
	}
	return &thing{"Repository", fields}
}

// orNone turns a nil thing into a plain nil.
func orNone(t *thing) any {
	if t == nil {
		return nil
	}
	return t
}

func (i *in) graphRef(name string) *thing {
	b := i.s.Branches[name]
	if b == nil {
		return nil
	}
	return &thing{"Ref", map[string]any{
		"id": i.node("REF", name), "name": name, "prefix": "refs/heads/",
		"repository": resolver(func(map[string]any) (any, error) { return i.graphRepository(), nil }),
		"target":     resolver(func(map[string]any) (any, error) { return i.graphCommit(i.s.Commit(b.Head)), nil }),
		"compare": resolver(func(args map[string]any) (any, error) {
			c, ok := i.s.Compare(name, fmt.Sprint(args["headRef"]))
			if !ok {
				return nil, nil
			}
			return &thing{"Comparison", map[string]any{
				"id": i.node("CMP", c.Base.SHA, c.Head.SHA), "aheadBy": len(c.Ahead), "behindBy": c.Behind, "status": strings.ToUpper(c.Status),
				"baseTarget": i.graphCommit(c.Base), "headTarget": i.graphCommit(c.Head),
				"commits": connection("ComparisonCommitConnection", "commits", i.graphCommits(c.Ahead), map[string]any{"authorCount": 1}),
			}}, nil
		}),
	}}
}

var objectID = regexp.MustCompile(`^[0-9a-f]{40}$`)

// graphObject finds an object by its name or by an expression: a branch, a
// SHA, or "main:path".
func (i *in) graphObject(args map[string]any) (any, error) {
	name, _ := args["oid"].(string)
	if name != "" && !objectID.MatchString(name) {
		return nil, &graphError{"", fmt.Sprintf("Could not coerce value %q to GitObjectID.", name)}
	}
	if name == "" {
		name, _ = args["expression"].(string)
	}
	ref, path, isPath := strings.Cut(name, ":")
	c := i.s.Resolve(ref)
	switch {
	case name == "":
		return nil, nil
	case isPath && c != nil:
		return i.graphPath(c, strings.Trim(path, "/")), nil
	case c != nil:
		return i.graphCommit(c), nil
	}
	if text, ok := i.s.Blob(name); ok {
		return i.graphBlob(name, text, name), nil
	}
	if c := i.s.TreeOwner(name); c != nil {
		return i.graphTree(c, "", c.Tree), nil
	}
	return nil, nil
}

func (i *in) gitObject(kind, oid, page string, more map[string]any) *thing {
	fields := map[string]any{
		"id": i.node(kind[:1], oid), "oid": oid, "abbreviatedOid": oid[:7], "commitUrl": i.html("/commit/%s", oid),
		"commitResourcePath": "/" + i.s.Repo.FullName() + "/commit/" + oid, "url": i.html("%s", page), "resourcePath": "/" + i.s.Repo.FullName() + page,
		"repository": resolver(func(map[string]any) (any, error) { return i.graphRepository(), nil }),
	}
	maps.Copy(fields, more)
	return &thing{kind, fields}
}

func (i *in) graphBlob(oid, text, path string) *thing {
	return i.gitObject("Blob", oid, "/blob/"+path, map[string]any{"byteSize": len(text), "isBinary": false, "isTruncated": false, "text": text})
}

func (i *in) graphPath(c *world.Commit, path string) any {
	for _, f := range i.s.Tree(c.SHA) {
		if f.Path == path {
			return i.graphBlob(f.SHA, f.Text, c.SHA+"/"+path)
		}
	}
	if files := relative(i.s.Tree(c.SHA), path); len(files) > 0 {
		return i.graphTree(c, path, world.FolderSHA(files))
	}
	return nil
}

func (i *in) graphTree(c *world.Commit, path, oid string) *thing {
	return i.gitObject("Tree", oid, "/tree/"+oid, map[string]any{"entries": resolver(func(map[string]any) (any, error) {
		names, whole := children(i.s.Tree(c.SHA), path)
		out := []*thing{}
		for _, name := range names {
			full := strings.TrimPrefix(path+"/"+name, "/")
			entry := map[string]any{"name": name, "path": full, "mode": 0o40000, "type": "tree", "oid": world.FolderSHA(relative(i.s.Tree(c.SHA), full))}
			if f, ok := whole[name]; ok {
				entry["mode"], entry["type"], entry["oid"] = 0o100644, "blob", f.SHA
			}
			entry["object"] = resolver(func(map[string]any) (any, error) { return i.graphPath(c, full), nil })
			out = append(out, &thing{"TreeEntry", entry})
		}
		return out, nil
	})})
}

func (i *in) graphCommits(all []*world.Commit) []*thing {
	out := []*thing{}
	for _, c := range all {
		out = append(out, i.graphCommit(c))
	}
	return out
}

func (i *in) graphCommit(c *world.Commit) *thing {
	_, body, _ := strings.Cut(c.Message, "\n")
	who := &thing{"GitActor", map[string]any{
		"name": c.Author.Name, "email": c.Author.Email, "date": stamp(c.At), "user": nil, "avatarUrl": "https://avatars.githubusercontent.com/u/e?v=4",
	}}
	if u := i.account(c.Author); u != nil && u.kind == "User" {
		who.fields["user"] = u
	}
	added, removed := 0, 0
	for _, f := range c.Changes {
		added, removed = added+f.Additions, removed+f.Deletions
	}
	return i.gitObject("Commit", c.SHA, "/commit/"+c.SHA, map[string]any{
		"message": c.Message, "messageHeadline": c.Title(), "messageBody": strings.TrimSpace(body), "author": who, "committer": who,
		"authors":      connection("GitActorConnection", "authors", []*thing{who}, nil),
		"authoredDate": stamp(c.At), "committedDate": stamp(c.At), "additions": added, "deletions": removed, "changedFilesIfAvailable": len(c.Changes),
		"tree": resolver(func(map[string]any) (any, error) { return i.graphTree(c, "", c.Tree), nil }),
		"parents": resolver(func(args map[string]any) (any, error) {
			var all []*world.Commit
			for _, p := range c.Parents {
				all = append(all, i.s.Commit(p))
			}
			return connection("CommitConnection", "parents", i.graphCommits(all), nil)(args)
		}),
		"history":                resolver(func(args map[string]any) (any, error) { return i.graphHistory(c, args) }),
		"associatedPullRequests": resolver(func(args map[string]any) (any, error) { return i.graphBrought(c, args) }),
	})
}

func (i *in) graphHistory(c *world.Commit, args map[string]any) (any, error) {
	path, _ := args["path"].(string)
	var all []*world.Commit
	for _, one := range i.s.Log(c.SHA) {
		if within(one.At, args["since"], args["until"]) && touches(one, path) {
			all = append(all, one)
		}
	}
	return connection("CommitHistoryConnection", "history", i.graphCommits(all), nil)(args)
}

func within(t time.Time, since, until any) bool {
	from, errFrom := time.Parse(time.RFC3339, fmt.Sprint(since))
	to, errTo := time.Parse(time.RFC3339, fmt.Sprint(until))
	return (errFrom != nil || !t.Before(from)) && (errTo != nil || !t.After(to))
}

// graphBrought is the merged pull request that brought a commit to the default
// branch; for a commit that is not there, the open ones too.
func (i *in) graphBrought(c *world.Commit, args map[string]any) (any, error) {
	onDefault := i.s.Contains(i.s.Repo.DefaultBranch, c.SHA)
	all := []*thing{}
	pulls := i.s.PullsOf(c.SHA)
	slices.Reverse(pulls)
	for _, p := range pulls {
		if p.Merged || !onDefault {
			all = append(all, i.graphPull(p))
		}
	}
	return connection("PullRequestConnection", "associatedPullRequests", all, nil)(args)
}
