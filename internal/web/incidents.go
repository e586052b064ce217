package web

import (
	"context"
	"net/http"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/panel/incidents"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// Incidents is what people do about what went wrong; every method passes the
// Gate.
type Incidents interface {
	Acknowledge(ctx context.Context, a access.Actor, id, reason string) (alert.Incident, error)
	Snooze(ctx context.Context, a access.Actor, id string, span time.Duration, reason string) (alert.Incident, error)
	Close(ctx context.Context, a access.Actor, id, reason string) (alert.Incident, error)
	// LinkOf reads the link of a message and changes nothing.
	LinkOf(ctx context.Context, a access.Actor, link string) (alert.Incident, error)
	SnoozeByLink(ctx context.Context, a access.Actor, link string) (alert.Incident, error)
}

// Alarms counts what went wrong and lasts.
type Alarms interface {
	// Open passes the Gate.
	Open(ctx context.Context, a access.Actor, project string) (int, error)
}

// openIncidents is how many last; -1 when that is not known or not theirs to
// know, and never 0 then.
func (s *Web) openIncidents(ctx context.Context, v panel.Viewer) int {
	if s.deps.Alarms == nil || !access.Permits(v.Actor, access.ViewIncidents) {
		return -1
	}
	n, err := s.deps.Alarms.Open(ctx, v.Actor, v.Project)
	if err != nil {
		return -1
	}
	return n
}

func (s *Web) incidentRoutes() []Route {
	if s.deps.Incidents == nil {
		return nil
	}
	return []Route{
		{"POST " + incidents.Path + "/{id}", access.ManageIncidents, s.actOnIncident},
		{"GET " + alert.SnoozePath, access.SnoozeByLink, s.snoozeForm},
		{"POST " + alert.SnoozePath, access.SnoozeByLink, s.snooze},
	}
}

func (s *Web) actOnIncident(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	id, reason := r.PathValue("id"), r.PostForm.Get("reason")
	var err error
	switch r.PostForm.Get("act") {
	case "acknowledge":
		_, err = s.deps.Incidents.Acknowledge(r.Context(), a, id, reason)
	case "snooze-1h":
		_, err = s.deps.Incidents.Snooze(r.Context(), a, id, time.Hour, reason)
	case "snooze-1d":
		_, err = s.deps.Incidents.Snooze(r.Context(), a, id, 24*time.Hour, reason)
	case "close":
		_, err = s.deps.Incidents.Close(r.Context(), a, id, reason)
	default:
		err = fault.New(fault.Invalid, "There is nothing of this name to do about an incident.")
	}
	page := incidents.Path + "/" + id
	if err != nil {
		s.refused(w, r, err, formView{Fields: []field{reasonField(false)}}, page, "reason", func(int, formView) { s.Problem(w, r, err) })
		return
	}
	http.Redirect(w, r, page, http.StatusSeeOther)
}

// snoozeView is the page that a link in a message opens.
type snoozeView struct {
	head
	Link ui.Text
	What ui.Text
	Done string // until when it is silent, "" before that
	Over bool
}

// snoozeForm asks first: robots open links to show a preview of them.
func (s *Web) snoozeForm(w http.ResponseWriter, r *http.Request, a access.Actor) {
	link := r.URL.Query().Get("link")
	inc, err := s.deps.Incidents.LinkOf(r.Context(), a, link)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	s.draw(w, r, http.StatusOK, "snooze", snoozeView{head: s.head(r, "Silence an incident"), Link: ui.Text(link), What: ui.Reason(inc.Title), Over: !inc.Open()})
}

func (s *Web) snooze(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	inc, err := s.deps.Incidents.SnoozeByLink(r.Context(), a, r.PostForm.Get("link"))
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	view := snoozeView{head: s.head(r, "Silenced"), What: ui.Reason(inc.Title)}
	if inc.SnoozedUntil != nil {
		view.Done = inc.SnoozedUntil.UTC().Format("15:04 MST")
	}
	s.draw(w, r, http.StatusOK, "snooze", view)
}
