package vercel

import (
	"slices"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) aliasRoutes() []wire.Route {
	list := paged(
		wire.Param{Name: "domain", Type: wire.String, Repeat: true},
		wire.Param{Name: "from", Type: wire.Millis},
		wire.Param{Name: "projectId", Type: wire.String},
		wire.Param{Name: "rollbackDeploymentId", Type: wire.String},
	)
	one := scoped(
		wire.Param{Name: "from", Type: wire.Millis}, wire.Param{Name: "since", Type: wire.Millis},
		wire.Param{Name: "until", Type: wire.Millis}, wire.Param{Name: "projectId", Type: wire.String},
	)
	return []wire.Route{
		{Pattern: "GET /v4/aliases", Doc: "list aliases", Query: list, Need: needRead, Handle: f.listAliases},
		{Pattern: "GET /v3/now/aliases", Doc: "list aliases, as the command line tool asks", Query: list, Need: needRead, Handle: f.listAliases},
		{Pattern: "GET /v4/aliases/{idOrAlias}", Doc: "one alias", Query: one, Need: needRead, Handle: f.getAlias},
		{Pattern: "GET /v2/deployments/{id}/aliases", Doc: "aliases of a deployment", Query: scoped(), Need: needRead, Handle: f.deploymentAliases},
	}
}

func (f *Face) listAliases(c *wire.Call) (*wire.Answer, error) {
	var answer *wire.Answer
	var err error
	f.world.View(func(s *world.State) {
		g := granted(c)
		var all []*world.Alias
		wanted := map[string]bool{}
		if id := c.Str("rollbackDeploymentId"); id != "" {
			if _, err = find(s, g, id); err != nil {
				return
			}
			// The aliases that a rollback would move are the production domains.
			for _, d := range s.Project.Domains {
				wanted[d.Name] = d.Production
			}
		}
		for _, a := range s.Aliases() {
			switch {
			case !g.project(s, s.Project.ID), c.Has("projectId") && !g.project(s, c.Str("projectId")),
				c.Has("domain") && !slices.Contains(c.List("domain"), a.Name),
				c.Has("rollbackDeploymentId") && !wanted[a.Name]:
			default:
				all = append(all, a)
			}
		}
		cut, info := page(c, all, 20, func(a *world.Alias) time.Time { return a.UpdatedAt.Add(s.Knobs.Skew) })
		items := make([]obj, len(cut))
		for i, a := range cut {
			items[i] = alias(s, a)
		}
		answer = wire.OK(obj{"aliases": items, "pagination": info})
	})
	return answer, err
}

func (f *Face) getAlias(c *wire.Call) (*wire.Answer, error) {
	var answer *wire.Answer
	f.world.View(func(s *world.State) {
		for _, a := range s.Aliases() {
			if (a.Name == c.Path("idOrAlias") || a.UID == c.Path("idOrAlias")) && granted(c).project(s, s.Project.ID) {
				answer = wire.OK(alias(s, a))
			}
		}
	})
	if answer == nil {
		return nil, wire.RefuseCode(wire.NotFound, "not_found", "The alias was not found")
	}
	return answer, nil
}

func alias(s *world.State, a *world.Alias) obj {
	d := s.Deployment(a.DeploymentID)
	out := obj{
		"alias": a.Name, "uid": a.UID, "created": a.CreatedAt.Add(s.Knobs.Skew).UTC().Format("2006-01-02T15:04:05.000Z"),
		"createdAt": ms(s, a.CreatedAt), "updatedAt": ms(s, a.UpdatedAt), "deploymentId": a.DeploymentID, "projectId": s.Project.ID,
		"redirect": nil, "redirectStatusCode": nil,
		"creator":    obj{"uid": d.Creator.UID, "username": username(d.Creator), "email": d.Creator.Email},
		"deployment": obj{"id": d.ID, "url": d.Host},
	}
	for _, dom := range s.Project.Domains {
		if dom.Name == a.Name && dom.Redirect != "" {
			out["redirect"], out["redirectStatusCode"] = dom.Redirect, dom.RedirectStatus
		}
	}
	return out
}

func (f *Face) deploymentAliases(c *wire.Call) (*wire.Answer, error) {
	var answer *wire.Answer
	var err error
	f.world.View(func(s *world.State) {
		var d *world.Deployment
		if d, err = find(s, granted(c), c.Path("id")); err != nil {
			return
		}
		items := []obj{}
		for _, name := range s.AliasesOf(d.ID) {
			items = append(items, alias(s, s.Alias(name)))
		}
		answer = wire.OK(obj{"aliases": items})
	})
	return answer, err
}
