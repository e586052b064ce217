package vercel

import (
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) accountRoutes() []wire.Route {
	return []wire.Route{
		{Pattern: "GET /v2/user", Doc: "whose token it is", Query: scoped(), Need: needUser, Handle: f.getUser},
		{Pattern: "GET /v2/teams", Doc: "the caller's teams", Query: paged(), Need: needUser, Handle: f.listTeams},
		{Pattern: "GET /v1/teams", Doc: "the caller's teams, as older tools ask", Query: paged(), Need: needUser, Handle: f.listTeams},
		{Pattern: "GET /v2/teams/{teamId}", Doc: "one team", Query: scoped(), Need: needTeam, Handle: f.getTeam},
		{Pattern: "GET /teams/{teamId}", Doc: "one team, as the command line tool asks", Query: scoped(), Need: needTeam, Handle: f.getTeam},
	}
}

func (f *Face) getUser(c *wire.Call) (*wire.Answer, error) {
	var answer *wire.Answer
	f.world.View(func(s *world.State) {
		p := granted(c).user
		answer = wire.OK(obj{"user": obj{
			"id": p.UID, "email": p.Email, "name": p.Name, "username": username(p), "avatar": nil, "defaultTeamId": s.Team.ID,
			"createdAt": ms(s, s.Team.CreatedAt), "version": "northstar", "softBlock": nil, "hasTrialAvailable": false, "stagingPrefix": username(p),
			"billing": obj{
				"plan": "hobby", "period": obj{"start": ms(s, s.Born), "end": ms(s, s.Born.AddDate(0, 3, 0))}, "cancelation": nil, "addons": nil,
				"address": nil, "email": nil, "language": nil, "name": nil, "tax": nil, "platform": "stripe", "orderId": nil, "overdue": false, "status": "active", "currency": "usd",
			},
			"resourceConfig": obj{"concurrentBuilds": 1}, "importFlowGitProvider": "github",
		}})
	})
	return answer, nil
}

func (f *Face) listTeams(c *wire.Call) (*wire.Answer, error) {
	var answer *wire.Answer
	f.world.View(func(s *world.State) {
		items := []obj{}
		g := granted(c)
		if !g.Outside {
			items = append(items, team(s, g))
		}
		cut, info := page(c, items, 20, func(obj) time.Time { return s.Team.CreatedAt })
		if cut == nil {
			cut = []obj{}
		}
		answer = wire.OK(obj{"teams": cut, "pagination": info})
	})
	return answer, nil
}

func (f *Face) getTeam(c *wire.Call) (*wire.Answer, error) {
	var answer *wire.Answer
	var err error
	f.world.View(func(s *world.State) {
		g, id := granted(c), c.Path("teamId")
		if id != s.Team.ID && id != s.Team.Slug || g.Outside {
			err = wire.RefuseCode(wire.Forbidden, "team_unauthorized", "You are not authorized")
			return
		}
		answer = wire.OK(team(s, g))
	})
	return answer, err
}

func team(s *world.State, g *grant) obj {
	at := ms(s, s.Team.CreatedAt)
	return obj{
		"id": s.Team.ID, "slug": s.Team.Slug, "name": s.Team.Name, "creatorId": s.People[0].UID, "avatar": nil, "description": nil,
		"createdAt": at, "updatedAt": at, "stagingPrefix": s.Team.Slug, "platformVersion": nil,
		"billing": obj{
			"plan": s.Team.Plan, "period": obj{"start": ms(s, s.Born), "end": ms(s, s.Born.AddDate(0, 3, 0))}, "cancelation": nil, "addons": nil,
			"address": nil, "email": nil, "language": nil, "name": nil, "tax": nil, "platform": "stripe", "orderId": nil, "overdue": false, "status": "active", "currency": "usd",
		},
		"resourceConfig": obj{"concurrentBuilds": 2},
		"membership": obj{
			"uid": g.user.UID, "teamId": s.Team.ID, "role": g.Role, "confirmed": true, "created": at, "createdAt": at,
			"teamRoles": []string{g.Role}, "teamPermissions": []string{},
		},
	}
}
