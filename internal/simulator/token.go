package simulator

import (
	"github.com/envdeck/envdeck/internal/simulator/vercel"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// The simulator's tokens for Vercel: each is a kind of token that the real
// one has. They open nothing but the simulator.
const (
	VercelToken        = "sim_vercel_owner"   // full account, of the team's owner
	VercelTeamToken    = "sim_vercel_team"    // made for the team
	VercelProjectToken = "sim_vercel_project" // made for the project
	VercelViewerToken  = "sim_vercel_viewer"  // may look only
	VercelOutsideToken = "sim_vercel_outside" // of somebody outside the team
	VercelExpiredToken = "sim_vercel_expired"
)

// VercelTokens is what each of them stands for in a world.
func VercelTokens(w *world.World) map[string]vercel.Token {
	var project string
	w.View(func(s *world.State) { project = s.Project.ID })
	return map[string]vercel.Token{
		VercelToken:        {Name: "owner"},
		VercelTeamToken:    {Name: "team", Team: true},
		VercelProjectToken: {Name: "project", Project: project},
		VercelViewerToken:  {Name: "viewer", User: "anjali-rao", Role: "VIEWER"},
		VercelOutsideToken: {Name: "outside", User: "tobias-ek", Outside: true},
		VercelExpiredToken: {Name: "expired", Expired: true},
	}
}
