package cloudflare

import (
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) tokenRoutes() []wire.Route {
	return []wire.Route{
		{Pattern: "GET /client/v4/user/tokens/verify", Doc: "is the token good", Need: tokenItself, Handle: f.verifyUserToken},
		{Pattern: "GET /client/v4/accounts/{account}/tokens/verify", Doc: "is the account's token good", Need: tokenItself, Handle: f.verifyAccountToken},
		{Pattern: "GET /client/v4/user", Doc: "who owns the token", Need: UserRead, Handle: f.user},
		{Pattern: "GET /client/v4/memberships", Doc: "the user's accounts and roles", Need: Memberships, Query: pageParams(5, 50), Handle: f.memberships},
	}
}

// verifyUserToken does not know tokens that belong to an account: that is how
// wrangler tells the two apart.
func (f *Face) verifyUserToken(c *wire.Call) (*wire.Answer, error) {
	if t := c.Caller.Grant.(Token); t.Owned {
		return nil, refuse(wire.Unauthorized, 1000, "Invalid API Token").done()
	}
	return f.verified(c)
}

func (f *Face) verifyAccountToken(c *wire.Call) (*wire.Answer, error) {
	return f.inAccount(c, func(*world.State, *state) (*wire.Answer, error) {
		if t := c.Caller.Grant.(Token); !t.Owned {
			return nil, refuse(wire.Unauthorized, 1000, "Invalid API Token").done()
		}
		return f.verifiedAnswer(c, ""), nil
	})
}

func (f *Face) verified(c *wire.Call) (*wire.Answer, error) {
	var id string
	f.world.View(func(s *world.State) { id = s.Hex(32, "cf-token", c.Caller.Name) })
	return f.verifiedAnswer(c, id), nil
}

func (f *Face) verifiedAnswer(c *wire.Call, id string) *wire.Answer {
	if id == "" {
		id = strings.Repeat("ac", 16)
	}
	return wire.OK(obj{
		"success": true, "errors": []any{},
		"messages": []obj{{"code": 10000, "message": "This API Token is valid and active", "type": nil}},
		"result": obj{
			"id": id, "status": "active",
			"not_before": c.Now.AddDate(0, -6, 0).UTC().Format(time.RFC3339), "expires_on": c.Now.AddDate(0, 6, 0).UTC().Format(time.RFC3339),
		},
	})
}

func (f *Face) user(*wire.Call) (*wire.Answer, error) {
	return f.view(func(s *world.State, _ *state) (*wire.Answer, error) {
		p := s.People[0]
		return ok(obj{
			"id": s.Hex(32, "cf-user", p.Email), "email": p.Email, "first_name": p.Name, "last_name": nil, "username": s.Hex(32, "cf-user", p.Email),
			"telephone": nil, "country": nil, "zipcode": nil, "two_factor_authentication_enabled": true, "two_factor_authentication_locked": false,
			"created_on": s.Born.AddDate(-2, 0, 0).UTC().Format(time.RFC3339), "modified_on": s.Born.UTC().Format(time.RFC3339), "suspended": false,
		}), nil
	})
}

func account(s *world.State) obj {
	return obj{
		"id": Account, "name": AccountName, "type": "standard", "settings": obj{"enforce_twofactor": false},
		"created_on": s.Born.AddDate(-2, 0, 0).UTC().Format(time.RFC3339),
	}
}

func (f *Face) memberships(c *wire.Call) (*wire.Answer, error) {
	return f.view(func(s *world.State, _ *state) (*wire.Answer, error) {
		return paged(c, []obj{{
			"id": s.Hex(32, "cf-member"), "status": "accepted", "account": account(s), "api_access_enabled": nil, "code": "",
			"roles": []string{"Super Administrator - All Privileges"}, "permissions": obj{},
		}}, 20), nil
	})
}

func (f *Face) accountRoutes() []wire.Route {
	return []wire.Route{
		{
			Pattern: "GET /client/v4/accounts", Doc: "list accounts", Need: SettingsRead,
			Query: append(pageParams(5, 50), wire.Param{Name: "name", Type: wire.String}, wire.Param{Name: "direction", Type: wire.Enum, OneOf: []string{"asc", "desc"}}),
			Handle: func(c *wire.Call) (*wire.Answer, error) {
				return f.view(func(s *world.State, _ *state) (*wire.Answer, error) {
					list := []obj{}
					if t := c.Caller.Grant.(Token); !t.Outside && strings.Contains(AccountName, c.Str("name")) {
						list = append(list, account(s))
					}
					return paged(c, list, 20), nil
				})
			},
		},
		{
			Pattern: "GET /client/v4/accounts/{account}", Doc: "one account", Need: SettingsRead,
			Handle: func(c *wire.Call) (*wire.Answer, error) {
				return f.inAccount(c, func(s *world.State, _ *state) (*wire.Answer, error) { return ok(account(s)), nil })
			},
		},
		{
			Pattern: "GET /client/v4/zones", Doc: "list zones", Need: ZoneRead,
			Query: append(pageParams(5, 50),
				wire.Param{Name: "name", Type: wire.String}, wire.Param{Name: "account.id", Type: wire.String}, wire.Param{Name: "account.name", Type: wire.String},
				wire.Param{Name: "status", Type: wire.Enum, OneOf: []string{"initializing", "pending", "active", "moved"}},
				wire.Param{Name: "order", Type: wire.Enum, OneOf: []string{"name", "status", "account.id", "account.name", "plan.id"}},
				wire.Param{Name: "direction", Type: wire.Enum, OneOf: []string{"asc", "desc"}},
				wire.Param{Name: "match", Type: wire.Enum, OneOf: []string{"any", "all"}}),
			Handle: f.listZones,
		},
		{Pattern: "GET /client/v4/zones/{zone}", Doc: "one zone", Need: ZoneRead, Handle: f.getZone},
		{Pattern: "GET /client/v4/zones/{zone}/workers/routes", Doc: "routes of a zone", Need: RoutesRead, Handle: f.listRoutes},
		{Pattern: "GET /client/v4/zones/{zone}/workers/routes/{route}", Doc: "one route", Need: RoutesRead, Handle: f.getRoute},
	}
}

func (f *Face) listZones(c *wire.Call) (*wire.Answer, error) {
	return f.view(func(s *world.State, st *state) (*wire.Answer, error) {
		list := []obj{}
		if id := c.StrOr("account.id", Account); id == Account && !c.Caller.Grant.(Token).Outside {
			for _, z := range st.zones {
				if (!c.Has("name") || c.Str("name") == z.name) && (!c.Has("status") || c.Str("status") == z.status) {
					list = append(list, z.show(s))
				}
			}
		}
		return paged(c, list, 20), nil
	})
}

func (z zone) show(s *world.State) obj {
	var activated any
	if z.status == "active" {
		activated = z.created.Add(time.Hour).UTC().Format("2006-01-02T15:04:05.000000Z")
	}
	return obj{
		"id": z.id, "name": z.name, "status": z.status, "paused": false, "type": "full", "development_mode": 0,
		"name_servers":          []string{"ada.ns.cloudflare.com", "bob.ns.cloudflare.com"},
		"original_name_servers": []string{"ns1.registrar.example", "ns2.registrar.example"}, "original_registrar": "registrar", "original_dnshost": "host",
		"vanity_name_servers": []string{}, "created_on": stamp(s, z.created), "modified_on": stamp(s, z.created.Add(time.Hour)), "activated_on": activated,
		"meta":    obj{"step": 2, "custom_certificate_quota": 0, "page_rule_quota": 3, "phishing_detected": false, "cdn_only": false, "dns_only": false, "foundation_dns": false},
		"owner":   obj{"id": Account, "type": "organization", "name": AccountName},
		"account": obj{"id": Account, "name": AccountName}, "tenant": obj{"id": nil, "name": nil}, "tenant_unit": obj{"id": nil},
		"permissions": []string{"#worker:read", "#zone:read"},
		"plan":        obj{"id": "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee", "name": "Free Website", "price": 0, "currency": "USD", "frequency": "", "is_subscribed": false, "can_subscribe": false, "legacy_id": "free", "legacy_discount": false, "externally_managed": false},
	}
}

// inZone finds the zone of the path.
func (f *Face) inZone(c *wire.Call, fn func(*world.State, *zone) (*wire.Answer, error)) (*wire.Answer, error) {
	if !hex32(c.Path("zone")) {
		return nil, refuse(wire.NotFound, 7003, "Could not route to %s, perhaps your object identifier is invalid?", c.Request.URL.Path).done()
	}
	return f.view(func(s *world.State, st *state) (*wire.Answer, error) {
		z := st.zone(c.Path("zone"))
		if z == nil || c.Caller.Grant.(Token).Outside {
			return nil, refuse(wire.Forbidden, 10000, "Authentication error").done()
		}
		return fn(s, z)
	})
}

func (f *Face) getZone(c *wire.Call) (*wire.Answer, error) {
	return f.inZone(c, func(s *world.State, z *zone) (*wire.Answer, error) { return ok(z.show(s)), nil })
}

// show leaves the script out for a route that keeps Workers away. The
// published schema calls it required; what is really sent for such a route is
// not documented, so both readings have to be borne.
func (r route) show() obj {
	o := obj{"id": r.id, "pattern": r.pattern}
	if r.script != "" {
		o["script"] = r.script
	}
	return o
}

func (f *Face) listRoutes(c *wire.Call) (*wire.Answer, error) {
	return f.inZone(c, func(_ *world.State, z *zone) (*wire.Answer, error) {
		list := []obj{}
		for _, r := range z.routes {
			list = append(list, r.show())
		}
		return ok(list), nil
	})
}

func (f *Face) getRoute(c *wire.Call) (*wire.Answer, error) {
	return f.inZone(c, func(_ *world.State, z *zone) (*wire.Answer, error) {
		for _, r := range z.routes {
			if r.id == c.Path("route") {
				return ok(r.show()), nil
			}
		}
		return nil, refuse(wire.NotFound, 10013, "workers.api.error.route_not_found").done()
	})
}

// bindingRoutes are where a script can be reached and when it runs.
func (f *Face) bindingRoutes() []wire.Route {
	account := "/client/v4/accounts/{account}/workers"
	return []wire.Route{
		{
			Pattern: "GET " + account + "/domains", Doc: "custom domains", Need: ScriptsRead,
			Query: []wire.Param{
				{Name: "zone_name", Type: wire.String},
				{Name: "zone_id", Type: wire.String},
				{Name: "service", Type: wire.String},
				{Name: "hostname", Type: wire.String},
				{Name: "environment", Type: wire.String},
			},
			Handle: f.listDomains,
		},
		{Pattern: "GET " + account + "/subdomain", Doc: "the account's workers.dev name", Need: ScriptsRead, Handle: func(c *wire.Call) (*wire.Answer, error) {
			return f.inAccount(c, func(*world.State, *state) (*wire.Answer, error) { return ok(obj{"subdomain": Subdomain}), nil })
		}},
		{Pattern: "GET " + account + "/scripts/{script}/subdomain", Doc: "is the script at workers.dev", Need: ScriptsRead, Handle: func(c *wire.Call) (*wire.Answer, error) {
			return f.onScript(c, func(_ *world.State, w *worker) (*wire.Answer, error) {
				return ok(w.atDev()), nil
			})
		}},
		{
			Pattern: "POST " + account + "/scripts/{script}/subdomain", Doc: "put the script at workers.dev or take it away", Need: ScriptsWrite,
			Body: wire.JSONBody[subdomainRequest](), Handle: f.postSubdomain,
		},
		{Pattern: "GET " + account + "/scripts/{script}/schedules", Doc: "cron triggers", Need: ScriptsRead, Handle: f.getSchedules},
		{
			Pattern: "PUT " + account + "/scripts/{script}/schedules", Doc: "replace the cron triggers", Need: ScriptsWrite,
			Body: wire.JSONBody[[]scheduleRequest](), Handle: f.putSchedules,
		},
	}
}

func (f *Face) listDomains(c *wire.Call) (*wire.Answer, error) {
	return f.inAccount(c, func(s *world.State, st *state) (*wire.Answer, error) {
		list := []obj{}
		for _, w := range st.workers {
			for _, host := range w.domains {
				o := obj{
					"id": s.Hex(32, "cf-domain", host), "hostname": host, "service": w.name, "zone_id": Zone, "zone_name": "spike.land",
					"cert_id": uuid(s, "cf-cert", host), "environment": "production",
				}
				keep := true
				for name := range c.Query {
					keep = keep && o[name] == c.Str(name)
				}
				if keep {
					list = append(list, o)
				}
			}
		}
		return ok(list), nil
	})
}

type subdomainRequest struct {
	Enabled  bool  `json:"enabled" wire:"required"`
	Previews *bool `json:"previews_enabled"`
}

func (f *Face) postSubdomain(c *wire.Call) (*wire.Answer, error) {
	return f.onScript(c, func(_ *world.State, w *worker) (*wire.Answer, error) {
		in := wire.BodyOf[subdomainRequest](c)
		w.devEnabled = in.Enabled
		if in.Previews != nil {
			w.noPreviews = !*in.Previews
		}
		c.Changed()
		return ok(w.atDev()), nil
	})
}

// atDev says whether the script, and previews of its versions, are reachable
// at workers.dev.
func (w *worker) atDev() obj {
	return obj{"enabled": w.devEnabled, "previews_enabled": w.devEnabled && !w.noPreviews}
}

type scheduleRequest struct {
	Cron string `json:"cron" wire:"required"`
	// What an answer carries may come back.
	CreatedOn  string `json:"created_on"`
	ModifiedOn string `json:"modified_on"`
}

func (w *worker) showSchedules(s *world.State) *wire.Answer {
	list := []obj{}
	for _, sc := range w.schedules {
		list = append(list, obj{"cron": sc.cron, "created_on": stamp(s, sc.created), "modified_on": stamp(s, sc.modified)})
	}
	return ok(obj{"schedules": list})
}

func (f *Face) getSchedules(c *wire.Call) (*wire.Answer, error) {
	return f.onScript(c, func(s *world.State, w *worker) (*wire.Answer, error) { return w.showSchedules(s), nil })
}

func (f *Face) putSchedules(c *wire.Call) (*wire.Answer, error) {
	return f.onScript(c, func(s *world.State, w *worker) (*wire.Answer, error) {
		var list []schedule
		for _, want := range wire.BodyOf[[]scheduleRequest](c) {
			if len(strings.Fields(want.Cron)) != 5 {
				return nil, refuse(wire.BadRequest, 10100, "invalid cron string: %s", want.Cron).done()
			}
			sc := schedule{cron: want.Cron, created: s.Now(), modified: s.Now()}
			for _, old := range w.schedules {
				if old.cron == want.Cron {
					sc.created = old.created
				}
			}
			list = append(list, sc)
		}
		w.schedules, w.modified = list, s.Now()
		c.Changed()
		return w.showSchedules(s), nil
	})
}
