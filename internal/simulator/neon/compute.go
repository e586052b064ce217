package neon

import (
	"net/http"
	"slices"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) computeRoutes() []wire.Route {
	project := "/api/v2/projects/{project}"
	one := project + "/branches/{branch}"
	return []wire.Route{
		{Pattern: "GET " + project + "/endpoints", Doc: "computes of the project", Handle: f.listEndpoints},
		{Pattern: "POST " + project + "/endpoints", Doc: "make a compute", Body: wire.JSONBody[endpointBody](), Handle: f.createEndpoint, PretendStatus: http.StatusCreated},
		{Pattern: "GET " + project + "/endpoints/{endpoint}", Doc: "one compute", Handle: f.getEndpoint},
		{Pattern: "DELETE " + project + "/endpoints/{endpoint}", Doc: "delete a compute", Handle: f.deleteEndpoint},
		{Pattern: "GET " + one + "/endpoints", Doc: "computes of a branch", Handle: func(c *wire.Call) (*wire.Answer, error) {
			return f.onBranch(c, func(s *world.State, st *state, b *branch) (*wire.Answer, error) {
				return wire.OK(obj{"endpoints": st.showEndpoints(s, b)}), nil
			})
		}},
		{Pattern: "GET " + one + "/databases", Doc: "databases of a branch", Handle: func(c *wire.Call) (*wire.Answer, error) {
			return f.onBranch(c, func(s *world.State, _ *state, b *branch) (*wire.Answer, error) {
				return wire.OK(obj{"databases": showDatabases(s, b)}), nil
			})
		}},
		{Pattern: "GET " + one + "/roles", Doc: "roles of a branch", Handle: func(c *wire.Call) (*wire.Answer, error) {
			return f.onBranch(c, func(s *world.State, _ *state, b *branch) (*wire.Answer, error) {
				return wire.OK(obj{"roles": showRoles(s, b)}), nil
			})
		}},
		{Pattern: "GET " + one + "/roles/{role}/reveal_password", Doc: "a role's password", Handle: f.revealPassword},
		{
			Pattern: "GET " + project + "/connection_uri", Doc: "a connection string with its password", Handle: f.connectionURI,
			Query: []wire.Param{
				{Name: "branch_id", Type: wire.String},
				{Name: "endpoint_id", Type: wire.String},
				{Name: "database_name", Type: wire.String, Required: true},
				{Name: "role_name", Type: wire.String, Required: true},
				{Name: "pooled", Type: wire.Bool},
			},
		},
	}
}

type endpointBody struct {
	Endpoint endpointRequest `json:"endpoint" wire:"required"`
}

func (st *state) endpoint(id string) (*branch, *endpoint) {
	for _, b := range st.alive() {
		for _, e := range b.endpoints {
			if e.id == id {
				return b, e
			}
		}
	}
	return nil, nil
}

func (f *Face) listEndpoints(c *wire.Call) (*wire.Answer, error) {
	return f.inProject(c, func(s *world.State, st *state) (*wire.Answer, error) {
		list := []obj{}
		for _, b := range st.alive() {
			list = append(list, st.showEndpoints(s, b)...)
		}
		return wire.OK(obj{"endpoints": list}), nil
	})
}

func (f *Face) createEndpoint(c *wire.Call) (*wire.Answer, error) {
	return f.inProject(c, func(s *world.State, st *state) (*wire.Answer, error) {
		in := wire.BodyOf[endpointBody](c).Endpoint
		b := st.branch(in.BranchID)
		switch {
		case b == nil || !b.deleted.IsZero():
			return nil, wire.Refuse(wire.NotFound, "branch not found")
		case in.Type == "read_write" && slices.ContainsFunc(b.endpoints, func(e *endpoint) bool { return e.kind == "read_write" }):
			return nil, wire.Refuse(wire.Conflict, "the branch already has a read-write endpoint")
		case st.locked(s.Now()):
			return nil, &wire.Error{Kind: wire.Locked}
		}
		e := st.makeEndpoint(s, b, in)
		operations := st.schedule(s, b, "create_compute", "start_compute")
		c.Changed()
		return wire.JSON(http.StatusCreated, obj{"endpoint": st.showEndpoint(s, b, e), "operations": showOperations(s, operations)}), nil
	})
}

func (f *Face) getEndpoint(c *wire.Call) (*wire.Answer, error) {
	return f.inProject(c, func(s *world.State, st *state) (*wire.Answer, error) {
		b, e := st.endpoint(c.Path("endpoint"))
		if e == nil {
			return nil, wire.Refuse(wire.NotFound, "endpoint not found")
		}
		return wire.OK(obj{"endpoint": st.showEndpoint(s, b, e)}), nil
	})
}

func (f *Face) deleteEndpoint(c *wire.Call) (*wire.Answer, error) {
	return f.inProject(c, func(s *world.State, st *state) (*wire.Answer, error) {
		b, e := st.endpoint(c.Path("endpoint"))
		switch {
		case e == nil:
			return wire.Empty(http.StatusNoContent), nil
		case st.locked(s.Now()):
			return nil, &wire.Error{Kind: wire.Locked}
		}
		operations := st.schedule(s, b, "suspend_compute")
		shown := st.showEndpoint(s, b, e)
		b.endpoints = slices.DeleteFunc(b.endpoints, func(x *endpoint) bool { return x == e })
		c.Changed()
		return wire.OK(obj{"endpoint": shown, "operations": showOperations(s, operations)}), nil
	})
}

func (f *Face) connectionURI(c *wire.Call) (*wire.Answer, error) {
	return f.inProject(c, func(s *world.State, st *state) (*wire.Answer, error) {
		b := st.defaultBranch()
		if c.Has("branch_id") {
			if b = st.branch(c.Str("branch_id")); b == nil || !b.deleted.IsZero() {
				return nil, wire.Refuse(wire.NotFound, "branch not found")
			}
		}
		i := slices.IndexFunc(b.endpoints, func(e *endpoint) bool {
			return c.Str("endpoint_id") == e.id || !c.Has("endpoint_id") && e.kind == "read_write"
		})
		switch {
		case i < 0:
			return nil, wire.Refuse(wire.NotFound, "endpoint not found")
		case c.Str("database_name") != databaseName:
			return nil, wire.Refuse(wire.NotFound, "database %q not found", c.Str("database_name"))
		case c.Str("role_name") != roleName:
			return nil, wire.Refuse(wire.NotFound, "role %q not found", c.Str("role_name"))
		}
		uri := connection(s, b, b.endpoints[i], databaseName, roleName, c.Bool("pooled", false))
		return wire.OK(obj{"uri": uri["connection_uri"]}), nil
	})
}

func (f *Face) revealPassword(c *wire.Call) (*wire.Answer, error) {
	return f.onBranch(c, func(s *world.State, _ *state, b *branch) (*wire.Answer, error) {
		if c.Path("role") != roleName {
			return nil, wire.Refuse(wire.NotFound, "role %q not found", c.Path("role"))
		}
		return wire.OK(obj{"password": password(s, b, roleName)}), nil
	})
}
