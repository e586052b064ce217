package vercel

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

// The calls that change production. None of them takes a key against doing it
// twice, so each leaves the process once and what became of it is read.
const (
	routePromote  = "/v10/projects/{project}/promote/{deployment}"
	routeRollback = "/v1/projects/{project}/rollback/{deployment}"
	routeMoves    = "/v1/projects/{project}/{kind}/aliases"
	routeCreate   = "/v13/deployments"
)

var (
	_ provider.Promoter   = (*Client)(nil)
	_ provider.RollBacker = (*Client)(nil)
	_ provider.MoveReader = (*Client)(nil)
	_ provider.Builder    = (*Client)(nil)

	_ provider.AutoAssigner = (*Client)(nil)
)

// maxWhy is how long Vercel lets the reason of a rollback be, in characters.
const maxWhy = 250

// Promote is vercel.com/docs/rest-api, "Points all production domains for a
// project to the given deploy". 201 is accepted, 202 waits behind an active
// rolling release; both answer nothing else. The body must be an object.
func (c *Client) Promote(ctx context.Context, deploymentID string) (provider.Accepted, error) {
	return c.give(ctx, outbound.Request{Method: http.MethodPost, Route: routePromote, Query: c.query(nil), Body: struct{}{}}, deploymentID)
}

// RollBack is the call of vercel.com/docs/instant-rollback.
func (c *Client) RollBack(ctx context.Context, deploymentID, why string) (provider.Accepted, error) {
	query := url.Values{}
	if why = outbound.Line(why, maxWhy-1); why != "" { // Line may add a mark where it cuts
		query.Set("description", why)
	}
	return c.give(ctx, outbound.Request{Method: http.MethodPost, Route: routeRollback, Query: c.query(query), Body: struct{}{}}, deploymentID)
}

func (c *Client) give(ctx context.Context, r outbound.Request, deploymentID string) (provider.Accepted, error) {
	if !outbound.Plain(deploymentID, 100) || utf8.RuneCountInString(deploymentID) < 5 {
		return provider.Accepted{}, fault.New(fault.Invalid, "A deployment is named by its id (dpl_…).")
	}
	project, err := c.id(ctx)
	if err != nil {
		return provider.Accepted{}, err
	}
	r.Args = []string{project, deploymentID}
	answer, err := c.out.Do(ctx, r)
	if err != nil {
		return provider.Accepted{}, err
	}
	return provider.Accepted{Queued: answer.Status == http.StatusAccepted}, nil
}

// AutoAssign is "Update an existing project" of vercel.com/docs/rest-api, with
// the one setting that a rollback turns off.
func (c *Client) AutoAssign(ctx context.Context, on bool) error {
	project, err := c.id(ctx)
	if err != nil {
		return err
	}
	_, err = c.out.Do(ctx, outbound.Request{
		Method: http.MethodPatch, Route: routeProject, Args: []string{project}, Query: c.query(nil),
		Body: struct {
			AutoAssignCustomDomains bool `json:"autoAssignCustomDomains"`
		}{on},
	})
	return err
}

// id is the project's id, which these calls want; a name is looked up once.
func (c *Client) id(ctx context.Context) (string, error) {
	if id := c.ownID(); id != "" {
		return id, nil
	}
	w, err := c.project(ctx)
	if err != nil {
		return "", err
	}
	return w.ID, nil
}

// FailedMoves reads the aliases that a switch left behind. The specification
// says that an alias is a string; Vercel's own tool reads an object.
func (c *Client) FailedMoves(ctx context.Context, kind string) ([]string, error) {
	if kind != "promote" && kind != "rollback" {
		return nil, fault.New(fault.Invalid, "A switch is a promote or a rollback, not %q.", outbound.Line(kind, 40))
	}
	project, err := c.id(ctx)
	if err != nil {
		return nil, err
	}
	w, _, err := outbound.JSON[movesWire](ctx, c.out, outbound.Request{
		Route: routeMoves, Args: []string{project, kind}, Query: c.query(url.Values{"failedOnly": {"true"}, "limit": {"20"}}),
	})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range w.Aliases {
		if m.Status == "failed" && m.Alias != "" {
			names = append(names, outbound.Line(string(m.Alias), 253))
		}
	}
	return names, nil
}

type movesWire struct {
	Aliases []struct {
		Alias  aliasName `json:"alias"`
		Status string    `json:"status"`
	} `json:"aliases"`
}

// aliasName is a host name, as a string or inside an object.
type aliasName string

// UnmarshalJSON never fails: a name that cannot be read is none.
func (n *aliasName) UnmarshalJSON(text []byte) error {
	var object struct {
		Alias string `json:"alias"`
	}
	var name string
	if json.Unmarshal(text, &name) == nil {
		*n = aliasName(name)
	} else if json.Unmarshal(text, &object) == nil {
		*n = aliasName(object.Alias)
	}
	return nil
}

// createWire is the body of POST /v13/deployments. That a build with
// autoAssignCustomDomains false stays staged is what "vercel deploy --prod
// --skip-domain" relies on.
type createWire struct {
	Name                    string            `json:"name"`
	Project                 string            `json:"project,omitempty"`
	DeploymentID            string            `json:"deploymentId,omitempty"`
	GitSource               *gitSourceWire    `json:"gitSource,omitempty"`
	Target                  string            `json:"target"`
	AutoAssignCustomDomains bool              `json:"autoAssignCustomDomains"`
	Meta                    map[string]string `json:"meta,omitempty"`
}

type gitSourceWire struct {
	Type string `json:"type"`
	Org  string `json:"org"`
	Repo string `json:"repo"`
	Ref  string `json:"ref"`
	SHA  string `json:"sha"`
}

// Rebuild builds a deployment's source again for production, as "vercel
// promote" does with a preview; it does not go live by itself.
func (c *Client) Rebuild(ctx context.Context, deploymentID string) (provider.Deployment, error) {
	w, err := c.project(ctx)
	if err != nil {
		return provider.Deployment{}, err
	}
	return c.create(ctx, createWire{
		Name: w.Name, DeploymentID: deploymentID, Target: provider.TargetProduction, Meta: map[string]string{"action": "promote"},
	})
}

// Build builds a commit of the connected repository for production. fault.Unsupported
// when the project is not connected to one on GitHub.
func (c *Client) Build(ctx context.Context, commit, branch string) (provider.Deployment, error) {
	w, err := c.project(ctx)
	if err != nil {
		return provider.Deployment{}, err
	}
	if w.Link == nil || w.Link.Type != "github" || w.Link.Org == "" || w.Link.Repo == "" {
		return provider.Deployment{}, c.out.Fault(fault.Unsupported, "the project on Vercel is not connected to a repository on GitHub, so Vercel cannot build a commit; deploy with a workflow instead")
	}
	return c.create(ctx, createWire{
		Name: w.Name, Project: w.ID, Target: provider.TargetProduction,
		GitSource: &gitSourceWire{Type: "github", Org: w.Link.Org, Repo: w.Link.Repo, Ref: branch, SHA: commit},
	})
}

func (c *Client) create(ctx context.Context, body createWire) (provider.Deployment, error) {
	w, _, err := outbound.JSON[deploymentWire](ctx, c.out, outbound.Request{
		Method: http.MethodPost, Route: routeCreate, Query: c.query(url.Values{"forceNew": {"1"}}), Body: body,
	})
	if err != nil {
		return provider.Deployment{}, err
	}
	d, ok := c.deployment(&w)
	if !ok {
		return provider.Deployment{}, c.out.Unusable(routeCreate, outbound.Misfit("the new deployment's id is missing"))
	}
	return d, nil
}
