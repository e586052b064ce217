package vercel

import (
	"encoding/json"
	"maps"
	"strconv"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// createBody is the body of POST /v13/deployments, as far as the spec's fields
// make sense without an upload.
type createBody struct {
	Name                      string            `json:"name" wire:"required"`
	DeploymentID              string            `json:"deploymentId"`
	Project                   string            `json:"project"`
	Target                    string            `json:"target"`
	CustomEnvironmentSlugOrID string            `json:"customEnvironmentSlugOrId"`
	GitSource                 *gitSourceBody    `json:"gitSource"`
	Meta                      map[string]string `json:"meta"`
	WithLatestCommit          bool              `json:"withLatestCommit"`
	AutoAssignCustomDomains   *bool             `json:"autoAssignCustomDomains"`
	Files                     json.RawMessage   `json:"files"`
	GitMetadata               json.RawMessage   `json:"gitMetadata"`
	MonorepoManager           json.RawMessage   `json:"monorepoManager"`
	ProjectSettings           json.RawMessage   `json:"projectSettings"`
}

type gitSourceBody struct {
	Type   string          `json:"type" wire:"required,oneof=github|github-limited"`
	Org    string          `json:"org"`
	Repo   string          `json:"repo"`
	RepoID json.RawMessage `json:"repoId"` // a number, or a number as text
	Ref    string          `json:"ref" wire:"required"`
	SHA    string          `json:"sha"`
	PrID   *int            `json:"prId"`
}

func (f *Face) createDeployment(c *wire.Call) (*wire.Answer, error) {
	body := wire.BodyOf[createBody](c)
	var answer *wire.Answer
	var err error
	f.world.Change(func(s *world.State) {
		var request world.BuildRequest
		if request, err = buildRequest(s, granted(c), body); err != nil {
			return
		}
		d, refusal := s.CreateDeployment(request)
		if refusal != nil {
			err = wire.RefuseCode(wire.BadRequest, "incorrect_git_source_info", "The provided git source is not valid: the commit could not be found.")
			return
		}
		c.Changed()
		answer = wire.OK(detail(s, d))
	})
	return answer, err
}

func buildRequest(s *world.State, g *grant, b createBody) (world.BuildRequest, error) {
	r := world.BuildRequest{Creator: g.user, Meta: b.Meta, AutoAssign: b.AutoAssignCustomDomains}
	if b.Project != "" && !g.project(s, b.Project) || !g.project(s, s.Project.ID) {
		return r, noProject(g)
	}
	switch {
	case b.DeploymentID != "":
		from, err := find(s, g, b.DeploymentID)
		if err != nil {
			return r, err
		}
		r.SHA, r.Branch, r.PR, r.RebuildOf, r.Source = from.SHA, from.Branch, from.PR, from.ID, world.FromRedeploy
		r.Target, r.EnvID, r.Dirty = from.Target, from.EnvID, from.Dirty
		r.Meta = maps.Clone(b.Meta)
		if head := s.Resolve(from.Branch); b.WithLatestCommit && head != nil {
			r.SHA = head.SHA
		}
	case b.GitSource != nil:
		if err := fromGit(s, b.GitSource, &r); err != nil {
			return r, err
		}
	default:
		return r, wire.RefuseCode(wire.BadRequest, "missing_files", "Missing files")
	}
	return r, aim(s, g, b, &r)
}

// fromGit takes commit and branch from a gitSource.
func fromGit(s *world.State, git *gitSourceBody, r *world.BuildRequest) error {
	id, _ := strconv.Unquote(string(git.RepoID))
	if id == "" {
		id = string(git.RepoID)
	}
	byName := git.Org == s.Repo.Owner && git.Repo == s.Repo.Name
	if !byName && id != itoa(s.Repo.ID) {
		return wire.RefuseCode(wire.BadRequest, "incorrect_git_source_info", "The provided git source is not valid: the repository is not connected.")
	}
	c := s.Resolve(git.Ref)
	if git.SHA != "" {
		c = s.Commit(git.SHA)
	}
	if c == nil {
		return wire.RefuseCode(wire.BadRequest, "incorrect_git_source_info", "The provided git source is not valid: the ref could not be found.")
	}
	r.SHA, r.Branch, r.Source = c.SHA, git.Ref, world.FromAPI
	if git.PrID != nil {
		r.PR = *git.PrID
	}
	return nil
}

// aim sets the environment it is built for.
func aim(s *world.State, g *grant, b createBody, r *world.BuildRequest) error {
	env := s.Project.CustomEnv
	if slug := b.CustomEnvironmentSlugOrID; slug != "" {
		if b.Target != "" {
			return wire.Refuse(wire.BadRequest, "Invalid request: `target` and `customEnvironmentSlugOrId` exclude each other.")
		}
		if slug != env.Slug && slug != env.ID {
			return wire.RefuseCode(wire.NotFound, "not_found", "Custom environment not found")
		}
		r.Target, r.EnvID = world.Preview, env.ID
		return nil
	}
	switch b.Target {
	case "":
		if b.DeploymentID == "" {
			r.Target, r.EnvID = world.Preview, ""
		}
	case "preview", "staging":
		r.Target, r.EnvID = world.Preview, ""
	case "production":
		if !g.may(needProduction) {
			return wire.RefuseCode(wire.Forbidden, "forbidden", "You don't have permission to create a Production Deployment for this project.")
		}
		r.Target, r.EnvID, r.PR = world.Production, "", 0
	case env.Slug:
		r.Target, r.EnvID = world.Preview, env.ID
	default:
		return wire.Refuse(wire.BadRequest, "Invalid request: `target` should be production, staging or the slug of a custom environment.")
	}
	return nil
}
