package vercel

import (
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) cronRoutes() []wire.Route {
	return []wire.Route{
		{Pattern: "PATCH /v1/projects/{idOrName}/crons", Doc: "turn crons on or off", Query: scoped(), Body: wire.JSONBody[enabledBody](), Need: needProduction, Handle: f.patchCrons},
		{Pattern: "POST /v1/projects/{idOrName}/crons/run", Doc: "run a cron now", Query: scoped(), Body: wire.JSONBody[runBody](), Need: needProduction, Handle: f.runCron},
	}
}

type enabledBody struct {
	Enabled bool `json:"enabled" wire:"required"`
}

// runBody: host is optional, as a project may have the same path on several.
type runBody struct {
	Path     string `json:"path" wire:"required"`
	Schedule string `json:"schedule" wire:"required"`
	Host     string `json:"host"`
}

// crons is the project's cron table.
func crons(s *world.State) any {
	defs := []obj{}
	for _, c := range s.Crons() {
		defs = append(defs, obj{"host": world.ProductionDomain, "path": c.Path, "schedule": c.Schedule})
	}
	out := obj{
		"definitions": defs, "deploymentId": nil, "enabledAt": ms(s, s.Project.CreatedAt),
		"disabledAt": orNull(s, s.Project.CronsDisable), "updatedAt": ms(s, s.Project.CronsChanged),
	}
	if s.Project.CronsOf != "" {
		out["deploymentId"] = s.Project.CronsOf
	}
	return out
}

func (f *Face) patchCrons(c *wire.Call) (*wire.Answer, error) {
	on := wire.BodyOf[enabledBody](c).Enabled
	return f.onProject(c, "idOrName", func(s *world.State) (*wire.Answer, error) {
		s.SetCrons(on)
		c.Changed()
		return wire.OK(obj{"crons": crons(s)}), nil
	})
}

func (f *Face) runCron(c *wire.Call) (*wire.Answer, error) {
	body := wire.BodyOf[runBody](c)
	return f.onProject(c, "idOrName", func(s *world.State) (*wire.Answer, error) {
		if _, err := s.RunCron(world.Cron{Path: body.Path, Schedule: body.Schedule}); err != nil {
			return nil, wire.RefuseCode(wire.NotFound, "not_found", "The cron job %q (%s) could not be found", body.Path, body.Schedule)
		}
		c.Changed()
		return wire.OK(obj{"invocationAt": ms(s, s.Now())}), nil
	})
}
