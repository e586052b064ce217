package github

import (
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) accountRoutes() []wire.Route {
	return []wire.Route{
		{Pattern: "GET /{$}", Doc: "where what is; tools ask it whether the token is good", Handle: f.on(func(i *in) (*wire.Answer, error) {
			b := i.base()
			return wire.OK(obj{
				"current_user_url": b + "/user", "rate_limit_url": b + "/rate_limit", "repository_url": b + "/repos/{owner}/{repo}",
				"user_url": b + "/users/{user}", "emojis_url": b + "/emojis", "events_url": b + "/events",
			}), nil
		})},
		{Pattern: "GET /rate_limit", Doc: "where the caller's quotas stand; free", Handle: f.on(f.rateLimit)},
		{Pattern: "GET /user", Doc: "who the token belongs to", Need: needUser, Handle: f.on(func(i *in) (*wire.Answer, error) {
			p := granted(i.Call).user
			u := i.user(p).(obj)
			u["name"], u["email"], u["company"], u["blog"], u["location"], u["hireable"], u["bio"] = p.Name, nil, nil, "", nil, nil, nil
			u["twitter_username"], u["public_repos"], u["public_gists"], u["followers"], u["following"] = nil, 4, 0, 12, 3
			u["created_at"], u["updated_at"] = stamp(i.s.Repo.CreatedAt), stamp(i.s.Born)
			return wire.OK(u), nil
		})},
	}
}

// stamp is a time as GitHub writes it: UTC, whole seconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// stampOrNull is stamp, or null for a time that has not come.
func stampOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

// user is the short form of an account; nil when the person's e-mail address
// is linked to none.
func (i *in) user(p *world.Person) any {
	if p == nil || p.Login == "" {
		return nil
	}
	api, kind, page := i.base()+"/users/"+p.Login, "User", "https://github.com/"+p.Login
	if p.Login == "dependabot[bot]" {
		api, kind, page = i.base()+"/users/dependabot%5Bbot%5D", "Bot", "https://github.com/apps/dependabot"
	}
	return obj{
		"login": p.Login, "id": p.GitHubID, "node_id": i.node("U", p.Login), "gravatar_id": "",
		"avatar_url": "https://avatars.githubusercontent.com/u/" + itoa(p.GitHubID) + "?v=4", "url": api, "html_url": page,
		"followers_url": api + "/followers", "following_url": api + "/following{/other_user}", "gists_url": api + "/gists{/gist_id}",
		"starred_url": api + "/starred{/owner}{/repo}", "subscriptions_url": api + "/subscriptions",
		"organizations_url": api + "/orgs", "repos_url": api + "/repos", "events_url": api + "/events{/privacy}",
		"received_events_url": api + "/received_events", "type": kind, "user_view_type": "public", "site_admin": false,
	}
}
