package cloudflare

import (
	"cmp"
	"slices"
	"strings"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// inAccount checks the account of the path: a malformed id finds no route, a
// strange one is not for this token.
func (f *Face) inAccount(c *wire.Call, fn func(*world.State, *state) (*wire.Answer, error)) (*wire.Answer, error) {
	id := c.Path("account")
	t, _ := c.Caller.Grant.(Token)
	switch {
	case !hex32(id):
		return nil, refuse(wire.NotFound, 7003, "Could not route to %s, perhaps your object identifier is invalid?", c.Request.URL.Path).done()
	case id != Account || t.Outside:
		return nil, refuse(wire.Forbidden, 10000, "Authentication error").done()
	}
	return f.view(fn)
}

// onScript finds the script of the path too.
func (f *Face) onScript(c *wire.Call, fn func(*world.State, *worker) (*wire.Answer, error)) (*wire.Answer, error) {
	return f.inAccount(c, func(s *world.State, st *state) (*wire.Answer, error) {
		w := st.worker(c.Path("script"))
		if w == nil {
			return nil, refuse(wire.NotFound, 10007, "This Worker does not exist on your account.").done()
		}
		return fn(s, w)
	})
}

func hex32(id string) bool {
	return len(id) == 32 && strings.Trim(id, "0123456789abcdef") == ""
}

func (f *Face) scriptRoutes() []wire.Route {
	script := "/client/v4/accounts/{account}/workers/scripts/{script}"
	return []wire.Route{
		{
			Pattern: "GET /client/v4/accounts/{account}/workers/scripts", Doc: "list scripts", Need: ScriptsRead,
			Query: []wire.Param{{Name: "tags", Type: wire.String}}, Handle: f.listScripts,
		},
		{
			Pattern: "GET /client/v4/accounts/{account}/workers/scripts-search", Doc: "search scripts", Need: ScriptsRead,
			Query: append(pageParams(1, 100),
				wire.Param{Name: "name", Type: wire.String}, wire.Param{Name: "id", Type: wire.String},
				wire.Param{Name: "order_by", Type: wire.Enum, OneOf: []string{"created_on", "modified_on", "name"}}),
			Handle: f.searchScripts,
		},
		{
			Pattern: "GET /client/v4/accounts/{account}/workers/workers", Doc: "list Workers (beta)", Need: ScriptsRead,
			Query: append(pageParams(1, 100),
				wire.Param{Name: "order_by", Type: wire.Enum, OneOf: []string{"deployed_on", "updated_on", "created_on", "name"}},
				wire.Param{Name: "order", Type: wire.Enum, OneOf: []string{"asc", "desc"}}),
			Handle: f.listWorkers,
		},
		{Pattern: "GET /client/v4/accounts/{account}/workers/workers/{worker}", Doc: "one Worker (beta), by id or name", Need: ScriptsRead, Handle: f.getWorker},
		{Pattern: "GET /client/v4/accounts/{account}/workers/services/{script}", Doc: "a service (undocumented; wrangler asks for it)", Need: ScriptsRead, Handle: f.service},
		{Pattern: "GET " + script + "/settings", Doc: "bindings, limits, compatibility", Need: ScriptsRead, Handle: f.settings},
		{Pattern: "GET " + script + "/script-settings", Doc: "logpush, observability, tags", Need: ScriptsRead, Handle: f.scriptSettings},
		{Pattern: "GET " + script + "/secrets", Doc: "names of the secrets", Need: ScriptsRead, Handle: f.secrets},
	}
}

func (f *Face) listScripts(c *wire.Call) (*wire.Answer, error) {
	return f.inAccount(c, func(s *world.State, st *state) (*wire.Answer, error) {
		list := []obj{}
		for _, w := range st.workers {
			if tagged(w, c.Str("tags")) {
				list = append(list, st.script(s, w))
			}
		}
		return ok(list), nil
	})
}

// tagged reads "name:yes,other:no"; the scripts carry the one tag "spike".
func tagged(_ *worker, tags string) bool {
	if tags == "" {
		return true
	}
	for want := range strings.SplitSeq(tags, ",") {
		name, yes, _ := strings.Cut(want, ":")
		if (name == "spike") != (yes == "yes") {
			return false
		}
	}
	return true
}

func (st *state) script(s *world.State, w *worker) obj {
	return obj{
		"id": w.name, "tag": w.tag, "tags": []string{"spike"}, "etag": s.Hex(64, "cf-etag", w.name, len(w.versions)),
		"created_on": stamp(s, w.created), "modified_on": stamp(s, w.modified), "handlers": w.handlers,
		"named_handlers": []any{}, "has_assets": false, "has_modules": true, "last_deployed_from": "wrangler", "logpush": false,
		"usage_model": "standard", "compatibility_date": "2026-03-01", "compatibility_flags": []string{"nodejs_compat"},
		"migration_tag": "", "observability": observability(), "placement": obj{}, "placement_mode": "", "routes": st.routesOf(w.name), "tail_consumers": []any{},
	}
}

func observability() obj {
	return obj{"enabled": true, "head_sampling_rate": 1, "logs": obj{"enabled": true, "head_sampling_rate": 1, "invocation_logs": true}}
}

func (st *state) routesOf(script string) []obj {
	var list []obj
	for _, z := range st.zones {
		for _, r := range z.routes {
			if r.script == script {
				list = append(list, obj{"id": r.id, "pattern": r.pattern, "script": r.script})
			}
		}
	}
	return list
}

func (f *Face) searchScripts(c *wire.Call) (*wire.Answer, error) {
	return f.inAccount(c, func(s *world.State, st *state) (*wire.Answer, error) {
		list := []obj{}
		for _, w := range st.sorted(c.StrOr("order_by", "name"), false) {
			if strings.Contains(w.name, c.Str("name")) && (!c.Has("id") || c.Str("id") == w.tag) {
				list = append(list, obj{
					"id": w.tag, "script_name": w.name, "service_name": w.name, "environment_name": "production", "environment_is_default": true,
					"created_on": stamp(s, w.created), "modified_on": stamp(s, w.modified),
				})
			}
		}
		return paged(c, list, 10), nil
	})
}

func (st *state) sorted(by string, down bool) []*worker {
	list := slices.SortedFunc(slices.Values(st.workers), func(a, b *worker) int {
		switch by {
		case "created_on":
			return a.created.Compare(b.created)
		case "modified_on", "updated_on":
			return a.modified.Compare(b.modified)
		case "deployed_on":
			return a.active().created.Compare(b.active().created)
		}
		return cmp.Compare(a.name, b.name)
	})
	if down {
		slices.Reverse(list)
	}
	return list
}

func (f *Face) listWorkers(c *wire.Call) (*wire.Answer, error) {
	return f.inAccount(c, func(s *world.State, st *state) (*wire.Answer, error) {
		list := []obj{}
		for _, w := range st.sorted(c.StrOr("order_by", "name"), c.Str("order") == "desc") {
			list = append(list, betaWorker(s, w))
		}
		return paged(c, list, 10), nil
	})
}

func (f *Face) getWorker(c *wire.Call) (*wire.Answer, error) {
	return f.inAccount(c, func(s *world.State, st *state) (*wire.Answer, error) {
		for _, w := range st.workers {
			if w.tag == c.Path("worker") || w.name == c.Path("worker") {
				return ok(betaWorker(s, w)), nil
			}
		}
		return nil, refuse(wire.NotFound, 10007, "This Worker does not exist on your account.").done()
	})
}

func betaWorker(s *world.State, w *worker) obj {
	domains := []obj{}
	for _, d := range w.domains {
		domains = append(domains, obj{
			"id": s.Hex(32, "cf-domain", d), "certificate_id": uuid(s, "cf-cert", d), "hostname": d, "zone_id": Zone, "zone_name": "spike.land",
		})
	}
	return obj{
		"id": w.tag, "name": w.name, "created_on": stamp(s, w.created), "updated_on": stamp(s, w.modified),
		"deployed_on": stamp(s, w.active().created), "logpush": false, "observability": observability(),
		"subdomain": w.atDev(), "tags": []string{"spike"}, "tail_consumers": []any{},
		"references": obj{"domains": domains, "workers": []any{}, "queues": []any{}, "durable_objects": []any{}, "dispatch_namespace_outbounds": []any{}},
	}
}

func (f *Face) service(c *wire.Call) (*wire.Answer, error) {
	return f.inAccount(c, func(s *world.State, st *state) (*wire.Answer, error) {
		w := st.worker(c.Path("script"))
		if w == nil {
			return nil, refuse(wire.NotFound, 10090, "This service does not exist on your account.").done()
		}
		return ok(obj{
			"id": w.name, "default_environment": obj{
				"environment": "production", "created_on": stamp(s, w.created), "modified_on": stamp(s, w.modified), "script": st.script(s, w),
			},
			"created_on": stamp(s, w.created), "modified_on": stamp(s, w.modified),
		}), nil
	})
}

func bindings(w *worker) []obj {
	list := []obj{{"type": "plain_text", "name": "ENVIRONMENT", "text": "production"}}
	if w.secret != "" {
		list = append(list, obj{"type": "secret_text", "name": w.secret})
	}
	return list
}

func (f *Face) settings(c *wire.Call) (*wire.Answer, error) {
	return f.onScript(c, func(_ *world.State, w *worker) (*wire.Answer, error) {
		return ok(obj{
			"bindings": bindings(w), "compatibility_date": "2026-03-01", "compatibility_flags": []string{"nodejs_compat"},
			"limits": obj{"cpu_ms": 30_000}, "logpush": false, "observability": observability(), "placement": obj{}, "tags": []string{"spike"},
			"tail_consumers": []any{}, "usage_model": "standard",
		}), nil
	})
}

func (f *Face) scriptSettings(c *wire.Call) (*wire.Answer, error) {
	return f.onScript(c, func(*world.State, *worker) (*wire.Answer, error) {
		return ok(obj{"logpush": false, "observability": observability(), "tags": []string{"spike"}, "tail_consumers": []any{}}), nil
	})
}

func (f *Face) secrets(c *wire.Call) (*wire.Answer, error) {
	return f.onScript(c, func(_ *world.State, w *worker) (*wire.Answer, error) {
		list := []obj{}
		if w.secret != "" {
			list = append(list, obj{"name": w.secret, "type": "secret_text"})
		}
		return ok(list), nil
	})
}
