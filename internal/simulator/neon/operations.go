package neon

import (
	"slices"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) operationRoutes() []wire.Route {
	operations := "/api/v2/projects/{project}/operations"
	return []wire.Route{
		{
			Pattern: "GET " + operations, Doc: "list operations, newest first", Handle: f.listOperations,
			Query: []wire.Param{{Name: "cursor", Type: wire.String}, {Name: "limit", Type: wire.Int, Min: 1, Max: 1000}},
		},
		{Pattern: "GET " + operations + "/{operation}", Doc: "one operation", Handle: f.getOperation},
	}
}

func (f *Face) listOperations(c *wire.Call) (*wire.Answer, error) {
	return f.inProject(c, func(s *world.State, st *state) (*wire.Answer, error) {
		all := slices.Clone(st.operations)
		slices.Reverse(all)
		page, next, err := cut(c, all, 100)
		if err != nil {
			return nil, err
		}
		if next == "" { // the cursor is required and stays at the end
			next = cursor(len(all))
		}
		return wire.OK(obj{"operations": showOperations(s, page), "pagination": obj{"cursor": next}}), nil
	})
}

func (f *Face) getOperation(c *wire.Call) (*wire.Answer, error) {
	return f.inProject(c, func(s *world.State, st *state) (*wire.Answer, error) {
		for _, o := range st.operations {
			if o.id == c.Path("operation") {
				return wire.OK(obj{"operation": o.show(s)}), nil
			}
		}
		return nil, wire.Refuse(wire.NotFound, "operation not found")
	})
}
