package vercel

import (
	"net/http"
	"slices"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// Token is what a secret stands for. The zero value is a full-account token of
// the team's owner.
type Token struct {
	Name    string // as the call log shows it
	User    string // Vercel user name; "" is the team's owner
	Team    bool   // made for the team: needs no teamId, knows no personal account
	Project string // made for one project (id): no user or team resources
	Role    string // "" is the user's: OWNER, MEMBER, DEVELOPER, VIEWER…
	Outside bool   // belongs to somebody who is not in the team
	Expired bool
}

// grant is what a recognised caller may do in this call.
type grant struct {
	Token
	user *world.Person
	// inTeam says that the call is made in the team's scope.
	inTeam bool
}

// What a route needs, as its Need says it.
const (
	needRead       = "project:read"
	needWrite      = "project:write"
	needProduction = "project:production" // full production deployment
	needTeam       = "team"
	needUser       = "user"
)

func (f *Face) authenticate(r *http.Request, need string) (wire.Caller, error) {
	secret, ok := wire.Bearer(r)
	if !ok {
		e := wire.RefuseCode(wire.Unauthorized, "forbidden", "The request is missing an authentication token")
		e.Extra = obj{"missingToken": true}
		return wire.Caller{}, e
	}
	t, ok := f.tokens[secret]
	if !ok || t.Expired {
		// Vercel says 403 and invalidToken here; its command line tool looks
		// for exactly that to ask for a new login.
		e := wire.RefuseCode(wire.Forbidden, "forbidden", "Not authorized")
		e.Extra = obj{"invalidToken": true}
		return wire.Caller{}, e
	}
	g := &grant{Token: t}
	caller := wire.Caller{Name: t.Name, Grant: g}
	var refusal error
	f.world.View(func(s *world.State) { refusal = g.enter(s, r, need) })
	return caller, refusal
}

// enter settles the scope of the call and whether the caller may be there.
func (g *grant) enter(s *world.State, r *http.Request, need string) error {
	g.user = s.People[0]
	if p := s.Person(g.User); p != nil {
		g.user = p
	}
	if g.Role == "" {
		g.Role = g.user.Role
	}
	q := r.URL.Query()
	team, slug := q.Get("teamId"), q.Get("slug")
	asked := team != "" || slug != ""
	ours := (team == "" || team == s.Team.ID) && (slug == "" || slug == s.Team.Slug)
	g.inTeam = asked || g.Team || g.Project != ""
	switch {
	case asked && (!ours || g.Outside):
		name := slug
		if team != "" {
			name = team
		}
		return wire.RefuseCode(wire.Forbidden, "forbidden", "Not authorized: Trying to access resource under scope %q. You must re-authenticate to this scope or use a token with access to this scope.", name)
	case need == needUser && g.Project != "", need == needTeam && g.Project != "":
		return wire.RefuseCode(wire.Forbidden, "forbidden", "Not authorized: this token only gives access to a project")
	case !g.may(need):
		return wire.RefuseCode(wire.Forbidden, "forbidden", "You don't have permission to do this. Contact the owner of the team.")
	}
	return nil
}

func (g *grant) may(need string) bool {
	switch need {
	case needProduction:
		return slices.Contains([]string{"OWNER", "MEMBER"}, g.Role)
	case needWrite:
		return slices.Contains([]string{"OWNER", "MEMBER", "DEVELOPER"}, g.Role)
	}
	return true
}

// project says whether the caller sees the project under this id or name.
func (g *grant) project(s *world.State, idOrName string) bool {
	return g.inTeam && !g.Outside && (g.Project == "" || g.Project == s.Project.ID) &&
		(idOrName == s.Project.ID || idOrName == s.Project.Name)
}

func granted(c *wire.Call) *grant { return c.Caller.Grant.(*grant) }

// onProject runs fn when the caller sees the project named by the path.
func (f *Face) onProject(c *wire.Call, wildcard string, fn func(*world.State) (*wire.Answer, error)) (*wire.Answer, error) {
	var answer *wire.Answer
	var err error
	f.world.Change(func(s *world.State) {
		if g := granted(c); !g.project(s, c.Path(wildcard)) {
			err = noProject(g)
			return
		}
		answer, err = fn(s)
	})
	return answer, err
}

func noProject(g *grant) error {
	if g.Project != "" {
		return wire.RefuseCode(wire.Forbidden, "forbidden", "You don't have permission to access this project.")
	}
	return wire.RefuseCode(wire.NotFound, "not_found", "Project not found")
}
