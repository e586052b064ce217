package vercel

import (
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// domainRoutes are the team's domains, whatever project they serve.
func (f *Face) domainRoutes() []wire.Route {
	return []wire.Route{
		{Pattern: "GET /v5/domains", Doc: "domains of the team", Query: paged(), Need: needTeam, Handle: f.listTeamDomains},
		{Pattern: "GET /v5/domains/{domain}", Doc: "one domain of the team", Query: scoped(), Need: needTeam, Handle: f.getTeamDomain},
		{Pattern: "GET /v1/domains/{domain}/project-domains", Doc: "which projects it serves", Query: paged(), Need: needTeam, Handle: f.listUses},
	}
}

// owned are the names that the team brought itself: what the project's domains
// end in, without Vercel's own. Nobody without the team has any.
func owned(s *world.State, g *grant) []world.Domain {
	var out []world.Domain
	if !g.inTeam || g.Outside {
		return out
	}
	for _, d := range s.Project.Domains {
		name := apex(d.Name)
		if name != "vercel.app" && !slices.ContainsFunc(out, func(o world.Domain) bool { return o.Name == name }) {
			out = append(out, world.Domain{Name: name, CreatedAt: d.CreatedAt})
		}
	}
	return out
}

// apex is what a name is registered under.
func apex(name string) string {
	if parts := strings.Split(name, "."); len(parts) > 2 {
		return strings.Join(parts[len(parts)-2:], ".")
	}
	return name
}

func (f *Face) listTeamDomains(c *wire.Call) (*wire.Answer, error) {
	var answer *wire.Answer
	f.world.View(func(s *world.State) {
		cut, info := page(c, owned(s, granted(c)), 20, func(d world.Domain) time.Time { return d.CreatedAt.Add(s.Knobs.Skew) })
		items := []obj{}
		for _, d := range cut {
			items = append(items, teamDomain(s, d))
		}
		answer = wire.OK(obj{"domains": items, "pagination": info})
	})
	return answer, nil
}

func (f *Face) getTeamDomain(c *wire.Call) (*wire.Answer, error) {
	var answer *wire.Answer
	f.world.View(func(s *world.State) {
		for _, d := range owned(s, granted(c)) {
			if d.Name == c.Path("domain") {
				out := teamDomain(s, d)
				out["suffix"] = false
				answer = wire.OK(obj{"domain": out})
			}
		}
	})
	if answer == nil {
		return nil, wire.RefuseCode(wire.NotFound, "not_found", "The domain %q was not found.", c.Path("domain"))
	}
	return answer, nil
}

func (f *Face) listUses(c *wire.Call) (*wire.Answer, error) {
	if _, err := f.getTeamDomain(c); err != nil {
		return nil, err
	}
	var answer *wire.Answer
	f.world.View(func(s *world.State) {
		all := slices.DeleteFunc(slices.Clone(s.Project.Domains), func(d world.Domain) bool { return apex(d.Name) != c.Path("domain") })
		cut, info := page(c, all, 20, func(d world.Domain) time.Time { return d.CreatedAt.Add(s.Knobs.Skew) })
		items := []obj{}
		for _, d := range cut {
			items = append(items, domain(s, d))
		}
		answer = wire.OK(obj{"projectDomains": items, "pagination": info})
	})
	return answer, nil
}

// teamDomain is a domain whose names Cloudflare serves: Vercel only knows it.
func teamDomain(s *world.State, d world.Domain) obj {
	owner := s.People[0]
	return obj{
		"id": s.Hex(32, "domain", d.Name), "name": d.Name, "teamId": s.Team.ID, "userId": owner.UID, "verified": true, "serviceType": "external",
		"nameservers":         []string{"ada.ns.cloudflare.com", "bob.ns.cloudflare.com"},
		"intendedNameservers": []string{"ns1.vercel-dns.com", "ns2.vercel-dns.com"}, "customNameservers": []string{},
		"creator":   obj{"id": owner.UID, "username": username(owner), "email": owner.Email, "customerId": nil},
		"createdAt": ms(s, d.CreatedAt), "boughtAt": nil, "expiresAt": nil, "transferredAt": nil, "renew": false, "echMode": "auto",
	}
}
