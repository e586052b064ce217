package neon

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) branchRoutes() []wire.Route {
	branches := "/api/v2/projects/{project}/branches"
	search := wire.Param{Name: "search", Type: wire.String}
	return []wire.Route{
		{
			Pattern: "GET " + branches, Doc: "list branches", Handle: f.listBranches,
			Query: []wire.Param{
				search,
				{Name: "sort_by", Type: wire.Enum, OneOf: []string{"name", "created_at", "updated_at"}},
				{Name: "sort_order", Type: wire.Enum, OneOf: []string{"asc", "desc"}},
				{Name: "cursor", Type: wire.String},
				{Name: "limit", Type: wire.Int, Min: 1, Max: 10_000},
				{Name: "include_deleted", Type: wire.Bool},
			},
		},
		{Pattern: "GET " + branches + "/count", Doc: "count branches", Query: []wire.Param{search}, Handle: f.countBranches},
		{Pattern: "GET " + branches + "/{branch}", Doc: "one branch", Handle: f.getBranch},
		{Pattern: "POST " + branches, Doc: "make a branch", Body: wire.OptionalBody[createRequest](), Handle: f.createBranch, PretendStatus: http.StatusCreated},
		{Pattern: "PATCH " + branches + "/{branch}", Doc: "rename, protect, let expire", Body: wire.JSONBody[updateRequest](), Handle: f.updateBranch},
		{
			Pattern: "DELETE " + branches + "/{branch}", Doc: "delete a branch", Query: []wire.Param{{Name: "hard_delete", Type: wire.Bool}},
			Handle: f.deleteBranch,
		},
	}
}

func (f *Face) listBranches(c *wire.Call) (*wire.Answer, error) {
	return f.inProject(c, func(s *world.State, st *state) (*wire.Answer, error) {
		list := st.alive()
		if c.Bool("include_deleted", false) {
			list = slices.Clone(st.branches)
		}
		list = slices.DeleteFunc(list, func(b *branch) bool { return !b.found(c.Str("search")) })
		by, order := c.StrOr("sort_by", "updated_at"), c.StrOr("sort_order", "desc")
		slices.SortStableFunc(list, func(a, b *branch) int {
			n := 0
			switch by {
			case "name":
				n = cmp.Compare(a.name, b.name)
			case "created_at":
				n = a.created.Compare(b.created)
			default:
				n = later(a.updated, a.measured(s)).Compare(later(b.updated, b.measured(s)))
			}
			if order == "desc" {
				n = -n
			}
			return cmp.Or(n, cmp.Compare(a.id, b.id))
		})
		page, next, err := cut(c, list, 10_000)
		if err != nil {
			return nil, err
		}
		info := obj{"sort_by": by, "sort_order": order}
		if next != "" {
			info["next"] = next
		}
		notes := obj{}
		for _, b := range page {
			if b.note != nil {
				notes[b.id] = b.annotation(s)
			}
		}
		return wire.OK(obj{"branches": st.showBranches(s, page), "annotations": notes, "pagination": info}), nil
	})
}

// found searches names and ids, as the console does.
func (b *branch) found(text string) bool {
	return strings.Contains(strings.ToLower(b.name), strings.ToLower(text)) || strings.Contains(b.id, text)
}

func (f *Face) countBranches(c *wire.Call) (*wire.Answer, error) {
	return f.inProject(c, func(_ *world.State, st *state) (*wire.Answer, error) {
		n := 0
		for _, b := range st.alive() {
			if b.found(c.Str("search")) {
				n++
			}
		}
		return wire.OK(obj{"count": n}), nil
	})
}

func (f *Face) getBranch(c *wire.Call) (*wire.Answer, error) {
	return f.onBranch(c, func(s *world.State, st *state, b *branch) (*wire.Answer, error) {
		return wire.OK(obj{"branch": st.showBranch(s, b), "annotation": b.annotation(s)}), nil
	})
}

type endpointRequest struct {
	Type        string          `json:"type" wire:"required,oneof=read_only|read_write"`
	BranchID    string          `json:"branch_id"`
	Name        string          `json:"name"`
	Region      string          `json:"region_id"`
	Settings    json.RawMessage `json:"settings"`
	Min         *float64        `json:"autoscaling_limit_min_cu"`
	Max         *float64        `json:"autoscaling_limit_max_cu"`
	Provisioner string          `json:"provisioner"`
	Suspend     *int64          `json:"suspend_timeout_seconds"`
	Pooler      *bool           `json:"pooler_enabled"`
}

type createRequest struct {
	Branch *struct {
		Name            *string `json:"name"`
		ParentID        *string `json:"parent_id"`
		ParentLSN       *string `json:"parent_lsn"`
		ParentTimestamp *string `json:"parent_timestamp"`
		Protected       bool    `json:"protected"`
		Archived        bool    `json:"archived"`
		InitSource      string  `json:"init_source" wire:"oneof=parent-data|schema-only"`
		ExpiresAt       *string `json:"expires_at"`
	} `json:"branch"`
	Endpoints  []endpointRequest  `json:"endpoints"`
	Annotation *map[string]string `json:"annotation_value"`
}

// origin is where a new branch starts.
type origin struct {
	parent *branch
	at     point
}

func (f *Face) createBranch(c *wire.Call) (*wire.Answer, error) {
	return f.inProject(c, func(s *world.State, st *state) (*wire.Answer, error) {
		body := wire.BodyOf[createRequest](c)
		name, from, expires, err := st.checkCreate(s, body)
		if err != nil {
			return nil, err
		}
		b := st.newBranch(s, name, from.parent, s.Now())
		b.parentAt, b.source = from.at.time, sourceOf(c)
		rows := s.Applied(from.parent.key)
		if !from.at.time.IsZero() {
			rows = before(rows, from.at.time)
		}
		s.SetApplied(b.key, rows)
		if in := body.Branch; in != nil {
			b.protected, b.archived = in.Protected, in.Archived
			if in.InitSource != "" {
				b.init = in.InitSource
			}
		}
		b.expires = expires
		if body.Annotation != nil {
			b.note, b.noted = *body.Annotation, s.Now()
		}
		actions := []string{"create_branch"}
		for _, in := range body.Endpoints {
			st.makeEndpoint(s, b, in)
			actions = append(actions, "start_compute")
		}
		c.Changed()
		answer := obj{
			"operations": showOperations(s, st.schedule(s, b, actions...)), "endpoints": st.showEndpoints(s, b),
			"roles": showRoles(s, b), "databases": showDatabases(s, b),
		}
		answer["branch"] = st.showBranch(s, b)
		uris := []obj{}
		for _, e := range b.endpoints {
			uris = append(uris, connection(s, b, e, databaseName, roleName, false))
		}
		if len(uris) > 0 {
			answer["connection_uris"] = uris
		}
		return wire.JSON(http.StatusCreated, answer), nil
	})
}

func sourceOf(c *wire.Call) string {
	if strings.Contains(c.Request.UserAgent(), "neonctl") {
		return "neonctl"
	}
	return "console"
}

func (st *state) makeEndpoint(s *world.State, b *branch, in endpointRequest) *endpoint {
	e := st.addEndpoint(s, b, in.Type, s.Now())
	if in.Min != nil {
		e.min = *in.Min
	}
	if in.Max != nil {
		e.max = max(*in.Max, e.min)
	}
	if in.Suspend != nil {
		e.suspend = *in.Suspend
	}
	return e
}

type updateRequest struct {
	Branch struct {
		Name      *string         `json:"name"`
		Protected *bool           `json:"protected"`
		ExpiresAt json.RawMessage `json:"expires_at"` // null takes it away
	} `json:"branch" wire:"required"`
}

func (f *Face) updateBranch(c *wire.Call) (*wire.Answer, error) {
	return f.onBranch(c, func(s *world.State, st *state, b *branch) (*wire.Answer, error) {
		in := wire.BodyOf[updateRequest](c).Branch
		expires := b.expires
		if in.Name != nil {
			if err := st.freeName(*in.Name, b); err != nil {
				return nil, err
			}
		}
		if in.ExpiresAt != nil {
			var text *string
			if err := json.Unmarshal(in.ExpiresAt, &text); err != nil {
				return nil, &wire.Error{Kind: wire.WrongType, Field: "branch.expires_at", Want: "a string"}
			}
			var err error
			if expires, err = expiry(s, text); err != nil {
				return nil, err
			}
		}
		if !expires.IsZero() && (b.isDefault || b.protected) {
			return nil, wire.Refuse(wire.Unprocessable, "a default or protected branch cannot expire")
		}
		if in.Name != nil {
			b.name = *in.Name
		}
		if in.Protected != nil {
			b.protected = *in.Protected
		}
		b.expires, b.updated = expires, s.Now()
		c.Changed()
		return wire.OK(obj{"branch": st.showBranch(s, b), "operations": []any{}}), nil
	})
}

func (f *Face) deleteBranch(c *wire.Call) (*wire.Answer, error) {
	return f.inProject(c, func(s *world.State, st *state) (*wire.Answer, error) {
		b := st.branch(c.Path("branch"))
		switch {
		case b == nil || !b.deleted.IsZero():
			return wire.Empty(http.StatusNoContent), nil
		case b.parent == nil:
			return nil, wire.Refuse(wire.Unprocessable, "cannot delete the root branch of a project")
		case b.isDefault:
			return nil, wire.Refuse(wire.Unprocessable, "cannot delete the default branch")
		case b.protected:
			return nil, wire.Refuse(wire.Unprocessable, "cannot delete a protected branch")
		case len(st.children(b)) > 0:
			return nil, wire.Refuse(wire.Unprocessable, "cannot delete a branch that has children")
		case st.locked(s.Now()):
			return nil, &wire.Error{Kind: wire.Locked}
		}
		actions := []string{"suspend_compute", "delete_timeline"}
		if len(b.endpoints) == 0 {
			actions = actions[1:]
		}
		// Shown as it was: what is scheduled takes it away, it does not make it anew.
		shown := st.showBranch(s, b)
		operations := st.schedule(s, b, actions...)
		b.deleted, b.updated = s.Now(), s.Now()
		if c.Bool("hard_delete", false) {
			st.branches = slices.DeleteFunc(st.branches, func(x *branch) bool { return x == b })
		}
		c.Changed()
		return wire.OK(obj{"branch": shown, "operations": showOperations(s, operations)}), nil
	})
}
