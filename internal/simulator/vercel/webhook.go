package vercel

import (
	"fmt"
	"slices"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

type webhook struct {
	id, url string
	events  []string
	project []string
	created time.Time
}

var webhookEvents = []string{
	"deployment.created", "deployment.ready", "deployment.succeeded", "deployment.error", "deployment.canceled", "deployment.blocked",
	"deployment.cleanup", "deployment.promoted", "deployment.rollback", "deployment.checks.failed", "deployment.checks.succeeded",
	"deployment.checkrun.start", "deployment.checkrun.cancel", "deployment.check-rerequested", "project.created", "project.removed",
	"domain.created",
}

func (f *Face) webhookRoutes() []wire.Route {
	return []wire.Route{
		{Pattern: "POST /v1/webhooks", Doc: "ask to be told", Query: scoped(), Body: wire.JSONBody[webhookBody](), Need: needWrite, Handle: f.createWebhook},
		{Pattern: "GET /v1/webhooks", Doc: "list webhooks", Query: scoped(wire.Param{Name: "projectId", Type: wire.String}), Need: needRead, Handle: f.listWebhooks},
		{Pattern: "GET /v1/webhooks/{id}", Doc: "one webhook", Query: scoped(), Need: needRead, Handle: f.getWebhook},
		{Pattern: "DELETE /v1/webhooks/{id}", Doc: "stop being told", Query: scoped(), Need: needWrite, Handle: f.deleteWebhook},
	}
}

type webhookBody struct {
	URL        string   `json:"url" wire:"required"`
	Events     []string `json:"events" wire:"required"`
	ProjectIDs []string `json:"projectIds"`
}

func (f *Face) createWebhook(c *wire.Call) (*wire.Answer, error) {
	b := wire.BodyOf[webhookBody](c)
	if len(b.Events) == 0 || slices.ContainsFunc(b.Events, func(e string) bool { return !slices.Contains(webhookEvents, e) }) {
		return nil, wire.Refuse(wire.BadRequest, "Invalid request: `events` should be a list of known events.")
	}
	var answer *wire.Answer
	var err error
	f.world.View(func(s *world.State) {
		g := granted(c)
		if s.Team.Plan == world.Hobby {
			err = wire.RefuseCode(wire.Forbidden, "forbidden", "Webhooks are not available on the Hobby plan.")
			return
		}
		for _, id := range b.ProjectIDs {
			if !g.project(s, id) {
				err = noProject(g)
				return
			}
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		h := &webhook{id: fmt.Sprintf("hook_%s", s.Token(20, "hook", len(f.webhooks), s.Now())), url: b.URL, events: b.Events, project: b.ProjectIDs, created: s.Now()}
		f.webhooks = append(f.webhooks, h)
		c.Changed()
		out := h.show(s)
		out["secret"] = s.Token(24, "secret", h.id)
		answer = wire.OK(out)
	})
	return answer, err
}

func (h *webhook) show(s *world.State) obj {
	out := obj{"id": h.id, "url": h.url, "events": h.events, "ownerId": s.Team.ID, "createdAt": ms(s, h.created), "updatedAt": ms(s, h.created)}
	if len(h.project) > 0 {
		out["projectIds"] = h.project
	}
	return out
}

func (f *Face) listWebhooks(c *wire.Call) (*wire.Answer, error) {
	var answer *wire.Answer
	f.world.View(func(s *world.State) {
		f.mu.Lock()
		defer f.mu.Unlock()
		items := []obj{}
		for _, h := range f.webhooks {
			if !c.Has("projectId") || len(h.project) == 0 || slices.Contains(h.project, c.Str("projectId")) {
				item := h.show(s)
				item["projectsMetadata"] = nil
				items = append(items, item)
			}
		}
		answer = wire.OK(items)
	})
	return answer, nil
}

func (f *Face) webhook(id string) (int, error) {
	i := slices.IndexFunc(f.webhooks, func(h *webhook) bool { return h.id == id })
	if i < 0 {
		return i, wire.RefuseCode(wire.NotFound, "not_found", "The webhook could not be found")
	}
	return i, nil
}

func (f *Face) getWebhook(c *wire.Call) (*wire.Answer, error) {
	var answer *wire.Answer
	var err error
	f.world.View(func(s *world.State) {
		f.mu.Lock()
		defer f.mu.Unlock()
		var i int
		if i, err = f.webhook(c.Path("id")); err == nil {
			answer = wire.OK(f.webhooks[i].show(s))
		}
	})
	return answer, err
}

func (f *Face) deleteWebhook(c *wire.Call) (*wire.Answer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, err := f.webhook(c.Path("id"))
	if err != nil {
		return nil, err
	}
	f.webhooks = slices.Delete(f.webhooks, i, i+1)
	c.Changed()
	return wire.Empty(204), nil
}
