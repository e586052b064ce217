package vercel

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) projectRoutes() []wire.Route {
	list := paged(
		wire.Param{Name: "search", Type: wire.String},
		wire.Param{Name: "from", Type: wire.String},
		wire.Param{Name: "repo", Type: wire.String},
		wire.Param{Name: "repoUrl", Type: wire.String},
		wire.Param{Name: "repoId", Type: wire.String},
		wire.Param{Name: "deprecated", Type: wire.Bool},
		wire.Param{Name: "excludeRepos", Type: wire.String},
		wire.Param{Name: "gitForkProtection", Type: wire.Enum, OneOf: []string{"0", "1"}},
	)
	domains := paged(
		wire.Param{Name: "production", Type: wire.Enum, OneOf: []string{"true", "false"}},
		wire.Param{Name: "target", Type: wire.Enum, OneOf: []string{"production", "preview"}},
		wire.Param{Name: "customEnvironmentId", Type: wire.String},
		wire.Param{Name: "gitBranch", Type: wire.String},
		wire.Param{Name: "redirects", Type: wire.Enum, OneOf: []string{"true", "false"}},
		wire.Param{Name: "redirect", Type: wire.String},
		wire.Param{Name: "verified", Type: wire.Enum, OneOf: []string{"true", "false"}},
		wire.Param{Name: "order", Type: wire.Enum, OneOf: []string{"ASC", "DESC"}},
	)
	// rollbackInfo is in no document; the command line tool sends it.
	one := scoped(wire.Param{Name: "rollbackInfo", Type: wire.Bool})
	return []wire.Route{
		{Pattern: "GET /v9/projects", Doc: "list projects", Query: list, Need: needTeam, Handle: f.listProjects},
		{Pattern: "GET /v10/projects", Doc: "list projects", Query: list, Need: needTeam, Handle: f.listProjects},
		{Pattern: "GET /v9/projects/{idOrName}", Doc: "one project", Query: one, Need: needRead, Handle: f.getProject},
		{Pattern: "GET /projects/{idOrName}", Doc: "one project, as the command line tool asks", Query: one, Need: needRead, Handle: f.getProject},
		{Pattern: "PATCH /v9/projects/{idOrName}", Doc: "change settings", Query: scoped(), Body: wire.JSONBody[patchBody](), Need: needWrite, Handle: f.patchProject},
		{Pattern: "GET /v9/projects/{idOrName}/domains", Doc: "domains of a project", Query: domains, Need: needRead, Handle: f.listDomains},
		{Pattern: "GET /v9/projects/{idOrName}/custom-environments", Doc: "custom environments", Query: scoped(wire.Param{Name: "gitBranch", Type: wire.String}), Need: needRead, Handle: f.listEnvironments},
		{Pattern: "GET /projects/{idOrName}/custom-environments", Doc: "custom environments, as the command line tool asks", Query: scoped(wire.Param{Name: "gitBranch", Type: wire.String}), Need: needRead, Handle: f.listEnvironments},
		{Pattern: "GET /projects/{idOrName}/production-deployment", Doc: "what is live", Query: scoped(), Need: needRead, Handle: f.productionDeployment},
	}
}

func (f *Face) listProjects(c *wire.Call) (*wire.Answer, error) {
	var answer *wire.Answer
	f.world.View(func(s *world.State) {
		items := []obj{}
		if granted(c).project(s, s.Project.ID) && strings.Contains(s.Project.Name, c.Str("search")) {
			items = append(items, project(s))
		}
		answer = wire.OK(obj{"projects": items, "pagination": obj{"count": len(items), "next": nil, "prev": nil}})
	})
	return answer, nil
}

func (f *Face) getProject(c *wire.Call) (*wire.Answer, error) {
	return f.onProject(c, "idOrName", func(s *world.State) (*wire.Answer, error) { return wire.OK(project(s)), nil })
}

// patchBody are the settings that PATCH takes. Those the world does not act on
// are accepted and forgotten.
type patchBody struct {
	AutoAssignCustomDomains          *bool           `json:"autoAssignCustomDomains"`
	AutoAssignCustomDomainsUpdatedBy *string         `json:"autoAssignCustomDomainsUpdatedBy"`
	Name                             *string         `json:"name"`
	AutoExposeSystemEnvs             *bool           `json:"autoExposeSystemEnvs"`
	BuildCommand                     *string         `json:"buildCommand"`
	CommandForIgnoringBuildStep      *string         `json:"commandForIgnoringBuildStep"`
	CustomerSupportCodeVisibility    *bool           `json:"customerSupportCodeVisibility"`
	DevCommand                       *string         `json:"devCommand"`
	DirectoryListing                 *bool           `json:"directoryListing"`
	Framework                        *string         `json:"framework"`
	GitForkProtection                *bool           `json:"gitForkProtection"`
	GitLFS                           *bool           `json:"gitLFS"`
	InstallCommand                   *string         `json:"installCommand"`
	NodeVersion                      *string         `json:"nodeVersion"`
	OutputDirectory                  *string         `json:"outputDirectory"`
	PreviewDeploymentsDisabled       *bool           `json:"previewDeploymentsDisabled"`
	PublicSource                     *bool           `json:"publicSource"`
	RootDirectory                    *string         `json:"rootDirectory"`
	SkewProtectionBoundaryAt         *int64          `json:"skewProtectionBoundaryAt"`
	SkewProtectionMaxAge             *int64          `json:"skewProtectionMaxAge"`
	EnablePreviewFeedback            *bool           `json:"enablePreviewFeedback"`
	EnableProductionFeedback         *bool           `json:"enableProductionFeedback"`
	ResourceConfig                   json.RawMessage `json:"resourceConfig"`
	PasswordProtection               json.RawMessage `json:"passwordProtection"`
	SSOProtection                    json.RawMessage `json:"ssoProtection"`
}

func (f *Face) patchProject(c *wire.Call) (*wire.Answer, error) {
	body := wire.BodyOf[patchBody](c)
	return f.onProject(c, "idOrName", func(s *world.State) (*wire.Answer, error) {
		if body.Name != nil && *body.Name != s.Project.Name {
			return nil, wire.RefuseCode(wire.Conflict, "conflict", "The simulated project cannot be renamed.")
		}
		if body.AutoAssignCustomDomains != nil {
			s.SetAutoAssign(*body.AutoAssignCustomDomains, granted(c).user)
		}
		c.Changed()
		return wire.OK(project(s)), nil
	})
}

func (f *Face) productionDeployment(c *wire.Call) (*wire.Answer, error) {
	return f.onProject(c, "idOrName", func(s *world.State) (*wire.Answer, error) {
		d := s.Live()
		if d == nil {
			return nil, wire.RefuseCode(wire.NotFound, "not_found", "Deployment not found")
		}
		return wire.OK(obj{
			"deployment":              obj{"id": d.ID, "url": d.Host, "createdAt": ms(s, d.CreatedAt), "readyState": d.State, "alias": names(s.AliasesOf(d.ID))},
			"deploymentIsAliased":     true,
			"rollbackDescription":     rollbackNote(s),
			"autoAssignCustomDomains": s.Project.AutoAssign,
		}), nil
	})
}

// project is the whole project as GET /v9/projects/{idOrName} shows it.
func project(s *world.State) obj {
	p, r := s.Project, s.Repo
	functions := obj{
		"functionDefaultRegions": []string{"iad1"}, "functionDefaultMemoryType": "standard", "functionDefaultTimeout": 60,
		"fluid": true, "elasticConcurrencyEnabled": false, "functionZeroConfigFailover": false,
	}
	out := obj{
		"accountId": s.Team.ID, "id": p.ID, "name": p.Name, "framework": "nextjs", "nodeVersion": "22.x",
		"createdAt": ms(s, p.CreatedAt), "updatedAt": ms(s, p.UpdatedAt), "directoryListing": false, "live": true, "paused": false,
		"buildCommand": nil, "devCommand": nil, "installCommand": nil, "outputDirectory": nil, "rootDirectory": nil,
		"publicSource": nil, "gitForkProtection": true, "gitLFS": false, "autoExposeSystemEnvs": true,
		"sourceFilesOutsideRootDirectory": true, "skewProtectionMaxAge": 43200,
		"resourceConfig": functions, "defaultResourceConfig": functions,
		"deploymentExpiration": obj{
			"expirationDays": 180, "expirationDaysProduction": 365, "expirationDaysCanceled": 30, "expirationDaysErrored": 90, "deploymentsToKeep": 10,
		},
		"link": obj{
			"type": "github", "org": r.Owner, "repo": r.Name, "repoId": r.ID, "repoOwnerId": r.OwnerID, "productionBranch": p.ProductionBranch,
			"createdAt": ms(s, p.CreatedAt), "updatedAt": ms(s, p.CreatedAt), "deployHooks": []any{}, "gitCredentialId": "cred_" + s.Hex(40, "git"), "sourceless": false,
		},
		"autoAssignCustomDomains": p.AutoAssign, "autoAssignCustomDomainsUpdatedBy": p.AutoAssignUpdatedBy,
		"lastRollbackTarget": nil, "lastAliasRequest": lastJob(s),
		"alias": projectAliases(s), "targets": targets(s), "latestDeployments": latest(s),
		"customEnvironments": []obj{environment(s)}, "crons": crons(s),
		"rollingRelease": rollingConfig(s), "permissions": permissions(),
		"webAnalytics":       webAnalytics(s),
		"speedInsights":      obj{"id": s.Hex(20, "speed"), "enabledAt": ms(s, p.CreatedAt), "hasData": true},
		"gitComments":        obj{"onCommit": false, "onPullRequest": true},
		"gitProviderOptions": obj{"createDeployments": "enabled"},
		"ssoProtection":      obj{"deploymentType": "all_except_custom_domains"}, "passwordProtection": nil, "trustedIps": nil,
		"protectionBypass": obj{}, "hasActiveBranches": true, "hasDeployments": true, "env": []any{},
		"security": obj{"attackModeEnabled": false},
	}
	if s.Project.Rollback != nil {
		out["rollbackDescription"] = rollbackNote(s)
	}
	return out
}

func rollbackNote(s *world.State) any {
	n := s.Project.Rollback
	if n == nil {
		return nil
	}
	out := obj{"userId": "", "username": "", "description": n.Description, "createdAt": ms(s, n.At)}
	if n.By != nil {
		out["userId"], out["username"] = n.By.UID, username(n.By)
	}
	return out
}

func lastJob(s *world.State) any {
	j := s.LastJob()
	if j == nil {
		return nil
	}
	out := obj{
		"fromDeploymentId": nil, "toDeploymentId": j.To, "jobStatus": j.Status,
		"requestedAt": ms(s, j.RequestedAt), "type": j.Kind,
	}
	if j.From != "" {
		out["fromDeploymentId"] = j.From
	}
	if j.FromRelease != "" {
		out["fromRollingReleaseId"] = j.FromRelease
	}
	return out
}

// projectAliases are the project's domains and what each leads to.
func projectAliases(s *world.State) []obj {
	out := []obj{}
	for _, d := range s.Project.Domains {
		item := obj{
			"domain": d.Name, "configuredBy": "CNAME", "configuredChangedAt": ms(s, d.CreatedAt), "createdAt": ms(s, d.CreatedAt),
			"target": "PREVIEW", "environment": "preview", "redirect": nil, "redirectStatusCode": nil, "deployment": nil, "gitBranch": nil,
		}
		if d.Production {
			item["target"], item["environment"] = "PRODUCTION", "production"
		}
		if d.CustomEnvID != "" {
			item["customEnvironmentId"] = d.CustomEnvID
		}
		if d.Redirect != "" {
			item["redirect"], item["redirectStatusCode"] = d.Redirect, d.RedirectStatus
		}
		if a := s.Alias(d.Name); a != nil {
			item["deployment"] = brief(s, s.Deployment(a.DeploymentID))
		}
		out = append(out, item)
	}
	return out
}

// brief is a deployment as it appears inside a project.
func brief(s *world.State, d *world.Deployment) obj {
	if d == nil {
		return nil
	}
	out := obj{
		"id": d.ID, "name": d.Name, "url": d.Host, "target": target(d), "type": "LAMBDAS", "plan": s.Team.Plan, "private": true,
		"createdAt": ms(s, d.CreatedAt), "createdIn": "sfo1", "readyState": d.State, "deploymentHostname": strings.TrimSuffix(d.Host, ".vercel.app"),
		"creator": obj{"uid": d.Creator.UID, "username": username(d.Creator), "email": d.Creator.Email, "githubLogin": d.Creator.Login},
		"meta":    metaOf(s, d), "alias": names(s.AliasesOf(d.ID)), "automaticAliases": automaticAliases(s, d),
		"aliasAssigned": orNull(s, d.AliasedAt), "aliasError": aliasError(d), "forced": false, "userId": d.Creator.UID,
		"withCache": false, "teamId": s.Team.ID, "previewCommentsEnabled": d.Target != world.Production,
		"builds": []any{},
	}
	if !d.BuildingAt.IsZero() {
		out["buildingAt"] = ms(s, d.BuildingAt)
	}
	if d.State == world.Ready {
		out["readyAt"] = ms(s, d.ReadyAt)
	}
	if d.Substate != "" {
		out["readySubstate"] = d.Substate
	}
	return out
}

func targets(s *world.State) obj {
	if live := s.Live(); live != nil {
		return obj{"production": brief(s, live)}
	}
	return obj{}
}

func latest(s *world.State) []obj {
	var out []obj
	for _, d := range s.Deployments()[:5] {
		out = append(out, brief(s, d))
	}
	return out
}

func webAnalytics(s *world.State) obj {
	out := obj{"id": s.Hex(20, "analytics"), "hasData": true}
	if s.Project.WebAnalytics {
		out["enabledAt"] = ms(s, s.Project.WebAnalyticsSince)
	} else {
		out["disabledAt"] = ms(s, s.Now())
	}
	return out
}

// permissions is the part of the access list that deciding who may release
// needs.
func permissions() obj {
	all := []string{"create", "delete", "read", "update", "list"}
	out := obj{}
	for _, name := range []string{"deployment", "deploymentProductionGit", "deploymentPromote", "deploymentRollback", "project", "projectRollingRelease", "cronJobs", "webAnalytics", "alias", "aliasProject"} {
		out[name] = all
	}
	return out
}

func environment(s *world.State) obj {
	e := s.Project.CustomEnv
	out := obj{
		"id": e.ID, "slug": e.Slug, "type": "preview", "description": e.Description,
		"createdAt": ms(s, e.CreatedAt), "updatedAt": ms(s, e.CreatedAt),
		"branchMatcher":            obj{"type": "equals", "pattern": e.Branch},
		"domains":                  []obj{},
		"currentDeploymentAliases": []string{e.Domain},
	}
	for _, d := range s.Project.Domains {
		if d.CustomEnvID == e.ID {
			out["domains"] = []obj{domain(s, d)}
		}
	}
	return out
}

func (f *Face) listEnvironments(c *wire.Call) (*wire.Answer, error) {
	return f.onProject(c, "idOrName", func(s *world.State) (*wire.Answer, error) {
		items := []obj{}
		if !c.Has("gitBranch") || c.Str("gitBranch") == s.Project.CustomEnv.Branch {
			items = append(items, environment(s))
		}
		total := map[world.Plan]int{world.Hobby: 0, world.Pro: 1, world.Enterprise: 12}[s.Team.Plan]
		return wire.OK(obj{"accountLimit": obj{"total": total}, "environments": items}), nil
	})
}

func domain(s *world.State, d world.Domain) obj {
	out := obj{
		"name": d.Name, "apexName": apex(d.Name), "projectId": s.Project.ID, "verified": true,
		"redirect": nil, "redirectStatusCode": nil, "gitBranch": nil, "createdAt": ms(s, d.CreatedAt), "updatedAt": ms(s, d.CreatedAt),
	}
	if d.Redirect != "" {
		out["redirect"], out["redirectStatusCode"] = d.Redirect, d.RedirectStatus
	}
	if d.GitBranch != "" {
		out["gitBranch"] = d.GitBranch
	}
	if d.CustomEnvID != "" {
		out["customEnvironmentId"] = d.CustomEnvID
	}
	return out
}

func (f *Face) listDomains(c *wire.Call) (*wire.Answer, error) {
	return f.onProject(c, "idOrName", func(s *world.State) (*wire.Answer, error) {
		var all []world.Domain
		for _, d := range s.Project.Domains {
			if domainMatches(c, d) {
				all = append(all, d)
			}
		}
		if c.StrOr("order", "DESC") == "ASC" {
			slices.Reverse(all)
		}
		cut, info := page(c, all, 20, func(d world.Domain) time.Time { return d.CreatedAt.Add(s.Knobs.Skew) })
		items := make([]obj, len(cut))
		for i, d := range cut {
			items[i] = domain(s, d)
		}
		return wire.OK(obj{"domains": items, "pagination": info}), nil
	})
}

func domainMatches(c *wire.Call, d world.Domain) bool {
	switch {
	case c.Str("production") == "true" && !d.Production, // false is the default, and means all
		c.Str("verified") == "false", // all of them are
		c.Has("target") && (c.Str("target") == "production") != d.Production,
		c.Has("customEnvironmentId") && c.Str("customEnvironmentId") != d.CustomEnvID,
		c.Has("gitBranch") && c.Str("gitBranch") != d.GitBranch,
		c.Has("redirect") && c.Str("redirect") != d.Redirect,
		c.Str("redirects") == "false" && d.Redirect != "":
		return false
	}
	return true
}
