package github

import (
	"maps"
	"strconv"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

const repoPath = "/repos/{owner}/{repo}"

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func (f *Face) repositoryRoutes() []wire.Route {
	return []wire.Route{
		{Pattern: "GET " + repoPath, Doc: "the repository", Need: needMetadata, Handle: f.on(func(i *in) (*wire.Answer, error) {
			return wire.OK(i.fullRepository()), nil
		})},
		{
			Pattern: "GET " + repoPath + "/branches", Doc: "its branches", Need: needContents,
			Query: paged(wire.Param{Name: "protected", Type: wire.String}),
			Handle: f.on(func(i *in) (*wire.Answer, error) {
				var names []string
				for _, n := range i.s.BranchNames() {
					if p := i.Str("protected"); p == "" || (p == "true") == (n == i.s.Repo.DefaultBranch) {
						names = append(names, n)
					}
				}
				return list(i, names, i.shortBranch), nil
			}),
		},
		{Pattern: "GET " + repoPath + "/branches/{branch...}", Doc: "one branch", Need: needContents, Handle: f.on(func(i *in) (*wire.Answer, error) {
			b := i.s.Branches[i.Path("branch")]
			if b == nil {
				return nil, &wire.Error{Kind: wire.NotFound, Message: "Branch not found"}
			}
			return wire.OK(i.branch(b)), nil
		})},
		{Pattern: "GET " + repoPath + "/releases", Doc: "its releases: it has none", Need: needContents, Query: paged(), Handle: f.on(func(*in) (*wire.Answer, error) {
			return wire.OK([]obj{}), nil
		})},
		{Pattern: "GET " + repoPath + "/tags", Doc: "its tags: it has none", Need: needContents, Query: paged(), Handle: f.on(func(*in) (*wire.Answer, error) {
			return wire.OK([]obj{}), nil
		})},
	}
}

// repository is the form in which a repository is part of something else.
func (i *in) repository() obj {
	r, api := i.s.Repo, i.repo("")
	out := obj{
		"id": r.ID, "node_id": i.node("R", r.ID), "name": r.Name, "full_name": r.FullName(), "private": true,
		"owner": i.user(i.s.People[0]), "html_url": i.html(""), "description": "spike.land, built with AI", "fork": false, "url": api,
	}
	for key, rest := range map[string]string{
		"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}",
		"branches_url": "/branches{/branch}", "collaborators_url": "/collaborators{/collaborator}", "comments_url": "/comments{/number}",
		"commits_url": "/commits{/sha}", "compare_url": "/compare/{base}...{head}", "contents_url": "/contents/{+path}",
		"contributors_url": "/contributors", "deployments_url": "/deployments", "downloads_url": "/downloads", "events_url": "/events",
		"forks_url": "/forks", "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}",
		"hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}",
		"issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}", "languages_url": "/languages",
		"merges_url": "/merges", "milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}",
		"pulls_url": "/pulls{/number}", "releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}",
		"subscribers_url": "/subscribers", "subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams",
		"trees_url": "/git/trees{/sha}",
	} {
		out[key] = api + rest
	}
	return out
}

// fullRepository is the repository on its own.
func (i *in) fullRepository() obj {
	out, r := i.repository(), i.s.Repo
	open := len(i.s.Pulls("open"))
	head := i.s.Resolve(r.DefaultBranch)
	maps.Copy(out, obj{
		"clone_url": i.html(".git"), "git_url": "git://github.com/" + r.FullName() + ".git", "ssh_url": "git@github.com:" + r.FullName() + ".git",
		"svn_url": i.html(""), "mirror_url": nil, "homepage": "https://" + world.ProductionDomain, "language": "TypeScript",
		"forks": 3, "forks_count": 3, "stargazers_count": 21, "watchers": 21, "watchers_count": 21, "size": 48_211,
		"default_branch": r.DefaultBranch, "open_issues": open, "open_issues_count": open, "is_template": false, "topics": []string{"nextjs"},
		"has_issues": true, "has_projects": true, "has_wiki": false, "has_pages": false, "has_downloads": true, "has_discussions": false,
		"archived": false, "disabled": false, "visibility": "private", "license": nil, "web_commit_signoff_required": false, "allow_forking": true,
		"pushed_at": stamp(head.At), "created_at": stamp(r.CreatedAt), "updated_at": stamp(head.At),
		"allow_rebase_merge": false, "allow_squash_merge": true, "allow_merge_commit": true, "allow_auto_merge": true, "delete_branch_on_merge": true,
		"network_count": 3, "subscribers_count": 4,
		"permissions": obj{"admin": false, "maintain": false, "push": !granted(i.Call).ReadOnly, "triage": true, "pull": true},
	})
	return out
}

func (i *in) shortBranch(name string) obj {
	sha := i.s.Branches[name].Head
	protected := name == i.s.Repo.DefaultBranch
	return obj{
		"name": name, "commit": obj{"sha": sha, "url": i.repo("/commits/%s", sha)}, "protected": protected,
		"protection": i.protection(protected), "protection_url": i.repo("/branches/%s/protection", name),
	}
}

func (i *in) protection(on bool) obj {
	level, contexts := "off", []string{}
	if on {
		level, contexts = "non_admins", []string{"test"}
	}
	return obj{"enabled": on, "required_status_checks": obj{"enforcement_level": level, "contexts": contexts, "checks": []obj{}}}
}

func (i *in) branch(b *world.Branch) obj {
	out := i.shortBranch(b.Name)
	out["commit"] = i.commit(i.s.Commit(b.Head))
	out["_links"] = obj{"self": i.repo("/branches/%s", b.Name), "html": i.html("/tree/%s", b.Name)}
	return out
}
