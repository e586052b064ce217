package vercel

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

var buildStates = []string{"BUILDING", "ERROR", "INITIALIZING", "QUEUED", "READY", "CANCELED", "BLOCKED"}

func (f *Face) deploymentRoutes() []wire.Route {
	list := paged(
		wire.Param{Name: "app", Type: wire.String},
		wire.Param{Name: "projectId", Type: wire.String},
		wire.Param{Name: "projectIds", Type: wire.CSV, Repeat: true},
		wire.Param{Name: "target", Type: wire.String},
		wire.Param{Name: "state", Type: wire.CSV, OneOf: buildStates},
		wire.Param{Name: "users", Type: wire.CSV},
		wire.Param{Name: "branch", Type: wire.String},
		wire.Param{Name: "sha", Type: wire.String},
		wire.Param{Name: "rollbackCandidate", Type: wire.Bool},
		wire.Param{Name: "from", Type: wire.Millis},
		wire.Param{Name: "to", Type: wire.Millis},
		wire.Param{Name: "meta-*", Type: wire.String},
	)
	one := scoped(wire.Param{Name: "withGitRepoInfo", Type: wire.Enum, OneOf: []string{"true", "false"}})
	return []wire.Route{
		{Pattern: "GET /v6/deployments", Doc: "list deployments", Query: list, Need: needRead, Handle: f.listDeployments},
		{Pattern: "GET /v7/deployments", Doc: "list deployments", Query: list, Need: needRead, Handle: f.listDeployments},
		{Pattern: "GET /v13/deployments/{idOrUrl}", Doc: "one deployment", Query: one, Need: needRead, Handle: f.getDeployment},
		{Pattern: "POST /v13/deployments", Doc: "build, rebuild or upload", Query: scoped(
			wire.Param{Name: "forceNew", Type: wire.Enum, OneOf: []string{"0", "1"}},
			wire.Param{Name: "skipAutoDetectionConfirmation", Type: wire.Enum, OneOf: []string{"0", "1"}},
		), Body: wire.JSONBody[createBody](), Need: needWrite, Handle: f.createDeployment},
		{Pattern: "PATCH /v12/deployments/{id}/cancel", Doc: "stop a build", Query: scoped(), Need: needWrite, Handle: f.cancelDeployment},
		{Pattern: "GET /v11/deployments/{id}/builds", Doc: "builds of a deployment, as the command line tool asks", Query: scoped(), Need: needRead, Handle: f.listBuilds},
		{Pattern: "GET /v3/now/deployments/{idOrUrl}/events", Doc: "build log, as the command line tool asks", Query: eventQuery(), Need: needRead, Handle: f.listEvents},
		{Pattern: "GET /v3/deployments/{idOrUrl}/events", Doc: "build log", Query: eventQuery(), Need: needRead, Handle: f.listEvents},
	}
}

func (f *Face) listDeployments(c *wire.Call) (*wire.Answer, error) {
	g := granted(c)
	if c.Has("projectId") && c.Has("projectIds") {
		return nil, wire.Refuse(wire.BadRequest, "Invalid request: `projectId` and `projectIds` exclude each other.")
	}
	var answer *wire.Answer
	f.world.View(func(s *world.State) {
		var all []*world.Deployment
		for _, d := range s.Deployments() {
			if f.listed(c, g, s, d) {
				all = append(all, d)
			}
		}
		cut, info := page(c, all, 20, func(d *world.Deployment) time.Time { return d.CreatedAt.Add(s.Knobs.Skew) })
		items := make([]obj, len(cut))
		for i, d := range cut {
			items[i] = listItem(s, d)
		}
		answer = wire.OK(obj{"deployments": items, "pagination": info})
	})
	return answer, nil
}

// listed says whether a deployment passes the filters of the query.
func (f *Face) listed(c *wire.Call, g *grant, s *world.State, d *world.Deployment) bool {
	if !g.project(s, s.Project.ID) {
		return false
	}
	for _, name := range []string{"projectId", "app"} {
		if c.Has(name) && !g.project(s, c.Str(name)) {
			return false
		}
	}
	if ids := c.List("projectIds"); len(ids) > 0 && !slices.ContainsFunc(ids, func(id string) bool { return g.project(s, id) }) {
		return false
	}
	if states := c.List("state"); len(states) > 0 && !slices.Contains(states, string(d.State)) {
		return false
	}
	if users := c.List("users"); len(users) > 0 && !slices.Contains(users, d.Creator.UID) {
		return false
	}
	if c.Has("rollbackCandidate") && s.RollbackCandidate(d) != c.Bool("rollbackCandidate", true) {
		return false
	}
	from, hasFrom := c.Time("from")
	to, hasTo := c.Time("to")
	if hasFrom && d.CreatedAt.Before(from) || hasTo && d.CreatedAt.After(to) {
		return false
	}
	if filter := c.Prefixed("meta-"); len(filter) > 0 {
		meta := metaOf(s, d)
		for key, want := range filter {
			if meta[key] != want {
				return false
			}
		}
	}
	return targetMatches(s, d, c.Str("target")) &&
		(!c.Has("branch") || c.Str("branch") == d.Branch) &&
		(!c.Has("sha") || c.Str("sha") == d.SHA)
}

// targetMatches compares with ?target=: production, preview, or the slug of a
// custom environment.
func targetMatches(s *world.State, d *world.Deployment, want string) bool {
	switch want {
	case "":
		return true
	case "production":
		return d.Target == world.Production
	case "preview":
		return d.Target == world.Preview && d.EnvID == ""
	}
	return d.EnvID != "" && want == s.Project.CustomEnv.Slug
}

// find resolves an id, a host or an alias for a caller who sees the project.
func find(s *world.State, g *grant, idOrURL string) (*world.Deployment, error) {
	d := s.Deployment(idOrURL)
	if d == nil || !g.project(s, s.Project.ID) {
		e := wire.RefuseCode(wire.NotFound, "not_found", "The deployment could not be found")
		e.Extra = obj{"id": idOrURL}
		return nil, e
	}
	return d, nil
}

func (f *Face) getDeployment(c *wire.Call) (*wire.Answer, error) {
	var answer *wire.Answer
	var err error
	f.world.View(func(s *world.State) {
		g := granted(c)
		// Somebody outside the team gets the part of it that is public.
		if d := s.Deployment(c.Path("idOrUrl")); d != nil && g.Outside {
			answer = wire.OK(publicPart(s, d))
			return
		}
		var d *world.Deployment
		if d, err = find(s, g, c.Path("idOrUrl")); err == nil {
			answer = wire.OK(detail(s, d))
		}
	})
	return answer, err
}

func (f *Face) cancelDeployment(c *wire.Call) (*wire.Answer, error) {
	var answer *wire.Answer
	var err error
	f.world.Change(func(s *world.State) {
		var d *world.Deployment
		if d, err = find(s, granted(c), c.Path("id")); err != nil {
			return
		}
		if _, refusal := s.CancelBuild(d.ID); refusal != nil {
			err = wire.Refuse(wire.BadRequest, "The deployment cannot be canceled: it is %s.", d.State)
			return
		}
		c.Changed()
		answer = wire.OK(detail(s, d))
	})
	return answer, err
}

// listItem is a deployment as GET /v6/deployments shows it.
func listItem(s *world.State, d *world.Deployment) obj {
	out := obj{
		"uid": d.ID, "name": d.Name, "projectId": s.Project.ID, "url": d.Host,
		"created": ms(s, d.CreatedAt), "createdAt": ms(s, d.CreatedAt),
		"state": d.State, "readyState": d.State, "type": "LAMBDAS",
		"creator": creator(d.Creator), "inspectorUrl": inspector(s, d), "meta": metaOf(s, d),
		"target": target(d), "aliasError": aliasError(d), "aliasAssigned": orNull(s, d.AliasedAt),
		"isRollbackCandidate": s.RollbackCandidate(d), "source": d.Source,
		"projectSettings": projectSettings(),
	}
	lifecycle(s, d, out)
	if d.EnvID != "" {
		out["customEnvironment"] = obj{"id": d.EnvID, "slug": s.Project.CustomEnv.Slug}
	}
	return out
}

// detail is a deployment as GET /v13/deployments/{idOrUrl} shows it.
func detail(s *world.State, d *world.Deployment) obj {
	out := publicPart(s, d)
	env := []string{"DATABASE_URL", "NEXTAUTH_SECRET", "CRON_SECRET", "SENTRY_DSN", "UPSTASH_REDIS_REST_URL"}
	delete(out, "public")
	maps.Copy(out, obj{
		"public": false, "projectId": s.Project.ID, "ownerId": s.Team.ID, "plan": s.Team.Plan,
		"project":   obj{"id": s.Project.ID, "name": s.Project.Name, "framework": "nextjs"},
		"team":      obj{"id": s.Team.ID, "slug": s.Team.Slug, "name": s.Team.Name},
		"createdIn": "sfo1", "inspectorUrl": inspector(s, d), "build": obj{"env": env}, "env": env,
		"isInConcurrentBuildsQueue": d.State == world.Queued, "isInSystemBuildsQueue": false,
		"projectSettings": projectSettings(), "routes": nil, "crons": s.CronsAt(d.SHA),
		"gitSource": gitSource(s, d), "source": d.Source, "autoAssignCustomDomains": d.AutoAssign,
		"automaticAliases": automaticAliases(s, d), "userAliases": []string{},
		"aliasAssignedAt": orNull(s, d.AliasedAt), "aliasError": aliasError(d), "aliasWarning": nil,
		"aliasFinal": nil, "lambdas": []any{}, "functions": nil,
		"previewCommentsEnabled": d.Target != world.Production,
		"creator":                creator(d.Creator), "meta": metaOf(s, d),
	})
	if d.SHA != "" {
		out["gitRepo"] = gitRepo(s)
	}
	if d.EnvID != "" {
		out["customEnvironment"] = environment(s)
	}
	return out
}

// publicPart is what anybody may know of a deployment.
func publicPart(s *world.State, d *world.Deployment) obj {
	booted := d.BuildingAt
	if booted.IsZero() {
		booted = d.CreatedAt
	}
	out := obj{
		"id": d.ID, "name": d.Name, "url": d.Host, "version": 2, "type": "LAMBDAS", "public": true,
		"status": d.State, "readyState": d.State, "target": target(d),
		"createdAt": ms(s, d.CreatedAt), "buildingAt": ms(s, booted), "bootedAt": ms(s, booted),
		"alias": names(s.AliasesOf(d.ID)), "aliasAssigned": !d.AliasedAt.IsZero(),
		"buildSkipped": false, "regions": []string{"iad1"}, "creator": obj{"uid": d.Creator.UID, "username": username(d.Creator)},
		"meta": obj{},
	}
	lifecycle(s, d, out)
	return out
}

// lifecycle adds what comes and goes with a build's state.
func lifecycle(s *world.State, d *world.Deployment, out obj) {
	if !d.BuildingAt.IsZero() {
		out["buildingAt"] = ms(s, d.BuildingAt)
	}
	switch d.State {
	case world.Ready:
		out["ready"] = ms(s, d.ReadyAt)
		out["checksState"], out["checksConclusion"] = "completed", "succeeded"
	case world.Canceled:
		out["canceledAt"] = ms(s, d.CanceledAt)
	case world.Failed:
		out["errorCode"], out["errorMessage"], out["errorStep"] = d.ErrorCode, d.ErrorMessage, d.ErrorStep
	case world.Queued, world.Initializing, world.Building, world.Blocked:
	}
	if d.Substate != "" {
		out["readySubstate"] = d.Substate
	}
}

func target(d *world.Deployment) any {
	if d.Target == world.Production {
		return "production"
	}
	return nil
}

func aliasError(d *world.Deployment) any {
	if d.AliasError == "" {
		return nil
	}
	return obj{"code": "alias_failed", "message": d.AliasError}
}

func creator(p *world.Person) obj {
	kind := "user"
	if strings.HasSuffix(p.Login, "[bot]") {
		kind = "app"
	}
	out := obj{"uid": p.UID, "username": username(p), "email": p.Email, "type": kind}
	if p.Login != "" {
		out["githubLogin"] = p.Login
	}
	return out
}

func username(p *world.Person) string {
	return cmp.Or(p.Username, p.Login, strings.ToLower(strings.ReplaceAll(p.Name, " ", "-")))
}

func inspector(s *world.State, d *world.Deployment) string {
	return "https://vercel.com/" + s.Team.Slug + "/" + s.Project.Name + "/" + strings.TrimPrefix(d.ID, "dpl_")
}

// metaOf is the free-form map that Vercel's Git integration, its command line
// tool or whoever created the deployment filled in.
func metaOf(s *world.State, d *world.Deployment) map[string]string {
	c := s.Commit(d.SHA)
	out := map[string]string{}
	if d.Source == world.FromCLI {
		out["gitCommitSha"], out["gitCommitRef"], out["gitCommitMessage"] = d.SHA, d.Branch, c.Message
		out["gitCommitAuthorName"] = c.Author.Name
		if d.Dirty {
			out["gitDirty"] = "1"
		}
	} else {
		gitMeta(s, d, c, out)
	}
	maps.Copy(out, d.Meta)
	return out
}

func gitMeta(s *world.State, d *world.Deployment, c *world.Commit, out map[string]string) {
	repo, repoID := s.Repo, itoa(s.Repo.ID)
	out["githubCommitSha"], out["githubCommitRef"], out["githubCommitMessage"] = d.SHA, d.Branch, c.Message
	out["githubCommitAuthorName"], out["githubCommitAuthorEmail"] = c.Author.Name, c.Author.Email
	if c.Author.Login != "" {
		out["githubCommitAuthorLogin"] = c.Author.Login
	}
	out["githubCommitOrg"], out["githubCommitRepo"], out["githubCommitRepoId"] = repo.Owner, repo.Name, repoID
	out["githubOrg"], out["githubRepo"], out["githubRepoId"] = repo.Owner, repo.Name, repoID
	out["githubRepoOwnerType"], out["githubRepoVisibility"], out["githubDeployment"] = "User", "public", "1"
	if d.PR != 0 {
		out["githubPrId"] = itoa(int64(d.PR))
	}
	for _, name := range s.AliasesOf(d.ID) {
		if strings.Contains(name, "-git-") {
			out["branchAlias"] = name
		}
	}
}

func gitSource(s *world.State, d *world.Deployment) any {
	if d.Source == world.FromCLI {
		return nil
	}
	out := obj{"type": "github", "repoId": s.Repo.ID, "ref": d.Branch, "sha": d.SHA, "org": s.Repo.Owner, "repo": s.Repo.Name}
	if d.PR != 0 {
		out["prId"] = d.PR
	}
	return out
}

func gitRepo(s *world.State) obj {
	return obj{
		"namespace": s.Repo.Owner, "projectId": s.Repo.ID, "type": "github", "url": "https://github.com/" + s.Repo.FullName(),
		"path": s.Repo.FullName(), "defaultBranch": s.Repo.DefaultBranch, "name": s.Repo.Name, "private": false, "ownerType": "user",
		"org": s.Repo.Owner, "repo": s.Repo.Name, "repoId": s.Repo.ID, "repoOwnerId": s.Repo.OwnerID,
	}
}

func automaticAliases(s *world.State, d *world.Deployment) []string {
	out := []string{}
	for _, name := range s.AliasesOf(d.ID) {
		if strings.HasSuffix(name, ".vercel.app") {
			out = append(out, name)
		}
	}
	return out
}

func projectSettings() obj {
	return obj{
		"framework": "nextjs", "nodeVersion": "22.x", "buildCommand": nil, "devCommand": nil, "installCommand": nil,
		"outputDirectory": nil, "commandForIgnoringBuildStep": nil, "rootDirectory": nil,
	}
}

func names(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
