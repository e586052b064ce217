package vercel

import (
	"errors"
	"net/http"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

func (f *Face) promotionRoutes() []wire.Route {
	moves := paged(wire.Param{Name: "failedOnly", Type: wire.Bool})
	// The document knows no body and the SDK sends none; the command line tool
	// sends an empty object.
	routes := []wire.Route{{
		Pattern: "POST /v10/projects/{projectId}/promote/{deploymentId}", Doc: "give production to a build",
		Query: scoped(), Body: wire.OptionalBody[struct{}](), Need: needProduction, Handle: f.promote,
		Pretend: func(*wire.Call) (*wire.Answer, error) { return wire.Empty(http.StatusCreated), nil },
	}, {
		Pattern: "PATCH /v1/projects/{projectId}/rollback/{deploymentId}/update-description", Doc: "say why it was rolled back",
		Query: scoped(), Body: wire.JSONBody[descriptionBody](), Need: needProduction, Handle: f.describe,
	}}
	for _, v := range []string{"/v1", "/v9"} {
		routes = append(routes, wire.Route{
			Pattern: "POST " + v + "/projects/{projectId}/rollback/{deploymentId}", Doc: "give production back to a build",
			Query: scoped(wire.Param{Name: "description", Type: wire.String, Check: func(text string) string {
				if len([]rune(text)) > 250 {
					return "at most 250 characters"
				}
				return ""
			}}),
			Body: wire.OptionalBody[struct{}](), Need: needProduction, Handle: f.rollback,
			Pretend: func(*wire.Call) (*wire.Answer, error) { return wire.Empty(http.StatusCreated), nil },
		}, wire.Route{
			Pattern: "GET " + v + "/projects/{projectId}/promote/aliases", Doc: "aliases of the last promotion",
			Query: moves, Need: needRead, Handle: f.listMoves(world.JobPromote),
		}, wire.Route{
			Pattern: "GET " + v + "/projects/{projectId}/rollback/aliases", Doc: "aliases of the last rollback",
			Query: moves, Need: needRead, Handle: f.listMoves(world.JobRollback),
		})
	}
	return routes
}

func (f *Face) promote(c *wire.Call) (*wire.Answer, error) {
	return f.onProject(c, "projectId", func(s *world.State) (*wire.Answer, error) {
		d, err := find(s, granted(c), c.Path("deploymentId"))
		if err != nil {
			return nil, err
		}
		queued, err := s.Promote(d.ID, granted(c).user)
		if err != nil {
			return nil, refusePromotion(d, err)
		}
		c.Changed()
		if queued {
			return wire.Empty(http.StatusAccepted), nil
		}
		return wire.Empty(http.StatusCreated), nil
	})
}

// refusePromotion puts the world's reason into status and words. That what is
// live answers 409 is known from people's reports; the statuses for previews
// and for builds that were live before are an assumption within what the
// specification declares (400, 409, 422).
func refusePromotion(d *world.Deployment, err error) error {
	switch {
	case errors.Is(err, world.ErrAlreadyCurrent):
		return wire.RefuseCode(wire.Conflict, "conflict", "Deployment %q is already the current production deployment", d.ID)
	case errors.Is(err, world.ErrJobRunning), errors.Is(err, world.ErrReleaseActive):
		return wire.RefuseCode(wire.Conflict, "conflict", "Another promotion or rollback is in progress for this project")
	case errors.Is(err, world.ErrNotProduction):
		return wire.RefuseCode(wire.BadRequest, "bad_request", "Only production deployments can be promoted. Create a production deployment from %q first.", d.ID)
	case errors.Is(err, world.ErrNotReady):
		return wire.RefuseCode(wire.BadRequest, "bad_request", "Deployment %q is not ready: %s", d.ID, d.State)
	case errors.Is(err, world.ErrAlreadyLive):
		return wire.RefuseCode(wire.Unprocessable, "unprocessable_entity", "Deployment %q has already been promoted. Use rollback to assign production domains to it.", d.ID)
	}
	return err
}

func (f *Face) rollback(c *wire.Call) (*wire.Answer, error) {
	return f.onProject(c, "projectId", func(s *world.State) (*wire.Answer, error) {
		d, err := find(s, granted(c), c.Path("deploymentId"))
		if err != nil {
			return nil, err
		}
		if err := s.Rollback(d.ID, c.Str("description"), granted(c).user); err != nil {
			return nil, refuseRollback(d, err)
		}
		c.Changed()
		return wire.Empty(http.StatusCreated), nil
	})
}

func refuseRollback(d *world.Deployment, err error) error {
	switch {
	case errors.Is(err, world.ErrPlan):
		// 402 for this is inferred from the declared statuses; the sentence is Vercel's.
		return &wire.Error{Kind: wire.OtherStatus, Status: http.StatusPaymentRequired, Code: "payment_required", Message: "To roll back further than the previous production deployment, upgrade to pro"}
	case errors.Is(err, world.ErrNeverLive):
		return wire.RefuseCode(wire.Unprocessable, "unprocessable_entity", "Deployment %q is not eligible for rollback: it was never aliased to a production domain", d.ID)
	case errors.Is(err, world.ErrAlreadyCurrent):
		return wire.RefuseCode(wire.Conflict, "conflict", "Deployment %q is already the current production deployment", d.ID)
	case errors.Is(err, world.ErrJobRunning):
		return wire.RefuseCode(wire.Conflict, "conflict", "Another promotion or rollback is in progress for this project")
	}
	return err
}

type descriptionBody struct {
	Description *string `json:"description" wire:"required"`
}

func (f *Face) describe(c *wire.Call) (*wire.Answer, error) {
	text := wire.BodyOf[descriptionBody](c).Description
	return f.onProject(c, "projectId", func(s *world.State) (*wire.Answer, error) {
		note, live := s.Project.Rollback, s.LastJob()
		switch {
		case text == nil || len([]rune(*text)) > 250:
			return nil, wire.Refuse(wire.BadRequest, "Invalid request: `description` should NOT be longer than 250 characters.")
		case note == nil || live == nil || live.To != c.Path("deploymentId"):
			return nil, wire.RefuseCode(wire.Unprocessable, "unprocessable_entity", "The project is not rolled back to this deployment")
		}
		note.Description = *text
		c.Changed()
		return wire.OK(obj{}), nil
	})
}

// listMoves answers the aliases of the last job of a kind, or an empty object
// when there was none.
func (f *Face) listMoves(kind world.JobKind) wire.Handler {
	return func(c *wire.Call) (*wire.Answer, error) {
		return f.onProject(c, "projectId", func(s *world.State) (*wire.Answer, error) {
			for _, j := range s.Jobs() {
				if j.Kind != kind {
					continue
				}
				var all []*world.AliasMove
				for _, m := range j.Moves {
					if !c.Bool("failedOnly", false) || m.Status == world.JobFailed {
						all = append(all, m)
					}
				}
				cut, info := page(c, all, 20, func(m *world.AliasMove) time.Time { return m.At.Add(s.Knobs.Skew) })
				items := make([]obj, len(cut))
				for i, m := range cut {
					items[i] = obj{"alias": m.Alias, "id": m.ID, "status": m.Status}
				}
				return wire.OK(obj{"aliases": items, "pagination": info}), nil
			}
			return wire.OK(obj{}), nil
		})
	}
}
