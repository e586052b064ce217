package sentry

import (
	"slices"
	"strconv"
	"strings"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// project is one Sentry project. Only the first has errors.
type project struct{ id, slug, name, platform string }

func (i *in) projects() []project {
	id := func(name string) string {
		return "45" + strconv.Itoa(i.s.Pick(10_000_000, 99_999_999, "sentry project", name)) + "160001"
	}
	return []project{
		{id("app"), i.s.Project.Name, i.s.Project.Name, "javascript-nextjs"},
		{id("edge"), "spike-land-edge", "spike-land-edge", "javascript-cloudflare-workers"},
	}
}

func (i *in) projectNamed(name string) *project {
	for _, p := range i.projects() {
		if p.id == name || p.slug == name {
			return &p
		}
	}
	return nil
}

// environmentNames are the names the app reports with, by environment.
var environmentNames = map[world.Env]string{world.Prod: "production", world.Next: "preview", world.Dev: "development", "": ""}

var environments = []string{"production", "preview", "development"}

func (f *Face) organizationRoutes() []wire.Route {
	projectPath := "/api/0/projects/{org}/{project}"
	visibility := []wire.Param{{Name: "visibility", Type: wire.Enum, OneOf: []string{"all", "hidden", "visible"}}}
	return []wire.Route{
		{Pattern: "GET /api/0/{$}", Doc: "who the token is", Need: needAny, Handle: f.on(func(i *in) (*wire.Answer, error) {
			t := i.Caller.Grant.(Token)
			out := obj{"version": "0", "auth": obj{"scopes": t.scopes()}, "user": nil}
			if !t.Organization {
				p := i.s.People[0]
				out["user"] = obj{"id": "1", "name": p.Name, "username": p.Login, "email": p.Email, "isActive": true}
			}
			return wire.OK(out), nil
		})},
		{Pattern: "GET /api/0/organizations/{$}", Doc: "organizations", Need: needOrg, Query: []wire.Param{cursorParam, perPage}, Handle: f.on(func(i *in) (*wire.Answer, error) {
			return list(i, []int{0}, func(int) obj { return i.organization() })
		})},
		{Pattern: "GET " + orgPath + "/{$}", Doc: "one organization", Need: needOrg, Query: []wire.Param{{Name: "detailed", Type: wire.String}}, Handle: f.on(func(i *in) (*wire.Answer, error) {
			return wire.OK(i.organization()), nil
		})},
		{Pattern: "GET " + orgPath + "/projects/{$}", Doc: "its projects", Need: needOrg, Query: []wire.Param{cursorParam, perPage, {Name: "query", Type: wire.String}}, Handle: f.on(func(i *in) (*wire.Answer, error) {
			all := slices.DeleteFunc(i.projects(), func(p project) bool { return !strings.Contains(p.slug, i.Str("query")) })
			return list(i, all, i.project)
		})},
		{Pattern: "GET /api/0/projects/{$}", Doc: "all projects of the token", Need: needProject, Query: []wire.Param{cursorParam}, Handle: f.on(func(i *in) (*wire.Answer, error) {
			return list(i, i.projects(), func(p project) obj {
				o := i.project(p)
				o["organization"] = i.organization()
				return o
			})
		})},
		{Pattern: "GET " + projectPath + "/{$}", Doc: "one project", Need: needProject, Handle: f.on(func(i *in) (*wire.Answer, error) {
			o := i.project(*i.projectNamed(i.Path("project")))
			o["organization"] = i.organization()
			return wire.OK(o), nil
		})},
		{Pattern: "GET " + orgPath + "/environments/{$}", Doc: "environments of all projects", Need: needOrg, Query: visibility, Handle: f.on(func(i *in) (*wire.Answer, error) {
			return wire.OK(i.environments(false)), nil
		})},
		{Pattern: "GET " + projectPath + "/environments/{$}", Doc: "environments of a project", Need: needProject, Query: visibility, Handle: f.on(func(i *in) (*wire.Answer, error) {
			return wire.OK(i.environments(true)), nil
		})},
		{Pattern: "GET " + orgPath + "/repos/{$}", Doc: "repositories it knows", Need: needOrg + "|org:ci", Query: []wire.Param{cursorParam}, Handle: f.on(func(i *in) (*wire.Answer, error) {
			r := i.s.Repo
			return list(i, []int{0}, func(int) obj {
				return obj{
					"id": "77", "name": r.FullName(), "url": "https://github.com/" + r.FullName(), "provider": obj{"id": "integrations:github", "name": "GitHub"},
					"status": "active", "dateCreated": stamp(r.CreatedAt), "integrationId": "9", "externalSlug": r.FullName(), "externalId": strconv.FormatInt(r.ID, 10),
				}
			})
		})},
	}
}

func (i *in) environments(ofProject bool) []obj {
	out := []obj{}
	for n, name := range environments {
		hidden := false
		if v := i.StrOr("visibility", "visible"); v == "hidden" && !hidden {
			continue
		}
		o := obj{"id": strconv.Itoa(i.s.Pick(1000, 99_999, "sentry environment", n)), "name": name}
		if ofProject {
			o["isHidden"] = hidden
		}
		out = append(out, o)
	}
	return out
}

func (i *in) organization() obj {
	url := i.base()
	return obj{
		"id": i.orgID(), "slug": i.s.Team.Slug, "name": i.s.Team.Name, "status": obj{"id": "active", "name": "active"},
		"dateCreated": stamp(i.s.Team.CreatedAt), "isEarlyAdopter": false, "require2FA": false,
		"avatar": obj{"avatarType": "letter_avatar", "avatarUuid": nil, "avatarUrl": nil},
		"links":  obj{"organizationUrl": url, "regionUrl": url}, "hasAuthProvider": false, "allowMemberInvite": true,
		"allowMemberProjectCreation": true, "allowSuperuserAccess": false, "features": []string{"discover-basic", "global-views"},
		"access": i.Caller.Grant.(Token).scopes(), "onboardingTasks": []obj{}, "extraOptions": obj{},
	}
}

func (i *in) project(p project) obj {
	team := obj{"id": "71", "name": "engineering", "slug": "engineering"}
	first := p.slug == i.s.Project.Name
	out := obj{
		"id": p.id, "slug": p.slug, "name": p.name, "platform": p.platform, "dateCreated": stamp(i.s.Project.CreatedAt), "isBookmarked": false,
		"isMember": true, "features": []string{"releases"}, "firstEvent": nil, "firstTransactionEvent": first, "access": []string{"project:read"},
		"hasAccess": true, "team": team, "teams": []obj{team}, "platforms": []string{"javascript"}, "hasUserReports": false,
		"environments": []string{}, "latestRelease": nil, "color": "#3fbf7f", "status": "active", "isInternal": false, "isPublic": false,
		"avatar": obj{"avatarType": "letter_avatar", "avatarUuid": nil, "avatarUrl": nil}, "latestDeploys": nil, "options": obj{},
	}
	for has := range strings.FieldsSeq("hasFeedbacks hasFlags hasMinifiedStackTrace hasMonitors hasNewFeedbacks hasProfiles hasReplays hasSessions hasInsightsHttp hasInsightsDb hasInsightsAssets hasInsightsAppStart hasInsightsScreenLoad hasInsightsVitals hasInsightsCaches hasInsightsQueues hasInsightsAgentMonitoring hasInsightsMCP hasLogs hasTraceMetrics") {
		out[has] = first && (has == "hasSessions" || has == "hasMonitors")
	}
	if first {
		out["firstEvent"], out["environments"] = stamp(i.s.Born), environments
		if live := i.s.Live(); live != nil {
			out["latestRelease"] = obj{"version": live.SHA}
		}
	}
	return out
}
