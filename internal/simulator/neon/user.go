package neon

import (
	"maps"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) userRoutes() []wire.Route {
	list := []wire.Param{
		{Name: "cursor", Type: wire.String},
		{Name: "limit", Type: wire.Int, Min: 1, Max: 400},
		{Name: "search", Type: wire.String},
		{Name: "org_id", Type: wire.String},
		{Name: "timeout", Type: wire.Int, Min: 1, Max: 120_000},
		{Name: "recoverable", Type: wire.Bool},
	}
	return []wire.Route{
		{Pattern: "GET /api/v2/users/me", Doc: "who owns the key", Need: needUser, Handle: f.me},
		{Pattern: "GET /api/v2/users/me/organizations", Doc: "the user's organizations", Need: needUser, Handle: f.organizations},
		{Pattern: "GET /api/v2/auth", Doc: "what kind of key this is", Handle: f.auth},
		{Pattern: "GET /api/v2/projects", Doc: "list projects", Query: list, Handle: f.listProjects},
		{
			Pattern: "GET /api/v2/projects/shared", Doc: "projects of others", Need: needUser, Query: list[:3],
			Handle: func(*wire.Call) (*wire.Answer, error) {
				return wire.OK(obj{"projects": []any{}}), nil
			},
		},
		{Pattern: "GET /api/v2/projects/{project}", Doc: "one project", Handle: f.getProject},
	}
}

func (f *Face) me(*wire.Call) (*wire.Answer, error) {
	return f.view(func(s *world.State, _ *state) (*wire.Answer, error) {
		p := s.People[0]
		name, last, _ := strings.Cut(p.Name, " ")
		return wire.OK(obj{
			"active_seconds_limit": 0, "id": uuid(s, "neon-user", p.Email), "email": p.Email, "login": p.Email, "name": name, "last_name": last,
			"image": "", "projects_limit": 100, "branches_limit": branchesLimit, "max_autoscaling_limit": 16, "plan": "launch",
			"auth_accounts": []obj{{"email": p.Email, "image": "", "login": p.Email, "name": p.Name, "provider": "github"}},
			"billing_account": obj{
				"payment_source": obj{"type": "card"}, "subscription_type": "launch_v3", "payment_method": "stripe", "quota_reset_at_last": stamp(s, month(s.Now())),
				"name": p.Name, "email": p.Email, "address_city": "", "address_country": "", "address_line1": "", "address_line2": "",
				"address_postal_code": "", "address_state": "", "state": "active",
			},
		}), nil
	})
}

func (f *Face) organizations(c *wire.Call) (*wire.Answer, error) {
	return f.view(func(s *world.State, st *state) (*wire.Answer, error) {
		if c.Caller.Grant.(Token).Outside {
			return wire.OK(obj{"organizations": []any{}}), nil
		}
		return wire.OK(obj{"organizations": []obj{{
			"id": Organization, "name": "Spike Land", "handle": "spike-land-" + Organization, "plan": "launch", "created_at": stamp(s, st.created),
			"updated_at": stamp(s, st.created), "managed_by": "console", "require_mfa": false, "allow_hipaa_projects": false,
		}}}), nil
	})
}

func (f *Face) auth(c *wire.Call) (*wire.Answer, error) {
	return f.view(func(s *world.State, _ *state) (*wire.Answer, error) {
		if c.Caller.Grant.(Token).Project != "" {
			return wire.OK(obj{"account_id": Organization, "auth_method": "api_key_org"}), nil
		}
		return wire.OK(obj{"account_id": uuid(s, "neon-user", s.People[0].Email), "auth_method": "api_key_user"}), nil
	})
}

// project is what list and get have in common.
func (st *state) project(s *world.State) obj {
	used := int64(s.Now().Sub(month(s.Now())).Seconds())
	return obj{
		"id": Project, "platform_id": "aws", "region_id": region, "name": "spike-land", "provisioner": "k8s-neonvm",
		"default_endpoint_settings": obj{"autoscaling_limit_min_cu": 0.25, "autoscaling_limit_max_cu": 2, "suspend_timeout_seconds": 0},
		"settings":                  obj{"allowed_ips": obj{"ips": []string{}, "protected_branches_only": false}, "enable_logical_replication": false},
		"pg_version":                17, "proxy_host": "us-east-2.aws.neon.tech", "branch_logical_size_limit": 204_800, "branch_logical_size_limit_bytes": int64(214_748_364_800),
		"store_passwords": true, "cpu_used_sec": used, "active_time_seconds": used * 2, "compute_time_seconds": used, "creation_source": "console",
		"history_retention_seconds": int(historyRetention.Seconds()), "created_at": stamp(s, st.created), "updated_at": stamp(s, s.Now().Truncate(15*time.Minute)),
		"synthetic_storage_size": int64(48_318_382_080), "owner_id": Organization, "org_id": Organization, "compute_last_active_at": stamp(s, s.Now()),
	}
}

func (f *Face) listProjects(c *wire.Call) (*wire.Answer, error) {
	t := c.Caller.Grant.(Token)
	return f.view(func(s *world.State, st *state) (*wire.Answer, error) {
		list := []obj{}
		visible := !t.Outside && (t.Project == "" || t.Project == Project) && (!c.Has("org_id") || c.Str("org_id") == Organization)
		if visible && !c.Bool("recoverable", false) && strings.Contains("spike-land "+Project, c.Str("search")) {
			p := st.project(s)
			p["active_time"] = p["active_time_seconds"]
			for _, key := range []string{"active_time_seconds", "compute_time_seconds"} {
				delete(p, key)
			}
			list = append(list, p)
		}
		page, next, err := cut(c, list, 10)
		if err != nil {
			return nil, err
		}
		body := obj{"projects": page, "applications": obj{}, "integrations": obj{}, "pagination": obj{"cursor": cursor(len(list))}}
		if next != "" {
			body["pagination"] = obj{"cursor": next}
		}
		return wire.OK(body), nil
	})
}

func (f *Face) getProject(c *wire.Call) (*wire.Answer, error) {
	return f.inProject(c, func(s *world.State, st *state) (*wire.Answer, error) {
		p := st.project(s)
		from := month(s.Now())
		maps.Copy(p, obj{
			"data_storage_bytes_hour": int64(31_000_000_000) * 24, "data_transfer_bytes": int64(7_516_192_768), "written_data_bytes": int64(3_221_225_472),
			"consumption_period_start": stamp(s, from), "consumption_period_end": stamp(s, from.AddDate(0, 1, 0)),
			"owner": obj{"email": s.People[0].Email, "name": "Spike Land", "branches_limit": branchesLimit, "subscription_type": "launch_v3"},
		})
		return wire.OK(obj{"project": p}), nil
	})
}
