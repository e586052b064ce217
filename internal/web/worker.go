package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/web/panel/operations"
	"github.com/envdeck/envdeck/internal/web/panel/workers"
	"github.com/envdeck/envdeck/internal/web/ui"
)

func (s *Web) workerRoutes() []Route {
	return []Route{
		{"GET " + workers.Path + "/{id}/rollback", access.ViewWorkers, s.workerRollbackForm},
		{"POST " + workers.Path + "/{id}/rollback", access.RollbackWorker, s.workerRollback},
	}
}

// workerRollbackView is the choice of what a Worker goes back to.
type workerRollbackView struct {
	settingsView
	Worker   ui.Text
	Page     string // the Worker's own
	Targets  []versionView
	Possible bool // to one of them at least
	Form     formView
}

type versionView struct {
	ID       ui.Text
	Name     ui.Text // its tag, or the start of its id
	Number   int
	Message  ui.Text
	Author   ui.Text
	Served   time.Time // zero when that is not listed
	Why      ui.Text
	Possible bool
	Chosen   bool
}

func (s *Web) workerRollbackForm(w http.ResponseWriter, r *http.Request, a access.Actor) {
	s.drawWorkerRollback(w, r, a, http.StatusOK, r.URL.Query(), nil)
}

func (s *Web) drawWorkerRollback(w http.ResponseWriter, r *http.Request, a access.Actor, code int, asked url.Values, back func(formView) formView) {
	project, name := asked.Get("project"), r.PathValue("id")
	targets, err := s.deps.Releases.WorkerTargets(r.Context(), a, project, name)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	page := workers.Path + "/" + url.PathEscape(name)
	view := workerRollbackView{settingsView: s.settings(r, a, "Roll a Worker back"), Worker: ui.Name(name), Page: withProject(page, project)}
	for _, c := range targets {
		v := c.Version
		t := versionView{
			ID: ui.Name(v.ID), Name: ui.Name(v.Tag), Number: v.Number, Message: ui.Title(v.Message), Author: ui.Name(v.Author),
			Why: ui.Reason(c.Why), Possible: c.Possible, Chosen: c.Default,
		}
		if t.Name == "" {
			t.Name = ui.Name(v.ID[:min(len(v.ID), 8)])
		}
		if c.Served != nil {
			t.Served = *c.Served
		}
		if id := asked.Get("versionId"); id != "" {
			t.Chosen = id == v.ID
		}
		view.Possible = view.Possible || c.Possible
		view.Targets = append(view.Targets, t)
	}
	view.Form = formView{ID: "worker", Action: page + "/rollback", Submit: "Roll back now", Danger: true, Back: view.Page, Fields: []field{
		{Name: "project", Kind: "hidden", Value: ui.Text(project)}, reasonField(true),
	}}.fill(asked)
	switch {
	case !access.Permits(a, access.RollbackWorker):
		view.Form.Why = whyNot(a, access.RollbackWorker, nil)
	case !view.Possible:
		view.Form.Why = "There is no version that it could go back to."
	}
	if back != nil {
		view.Form = back(view.Form)
	}
	s.draw(w, r, code, "worker-rollback", view)
}

func (s *Web) workerRollback(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	v, name := r.PostForm, r.PathValue("id")
	op, err := s.deps.Releases.RollbackWorker(r.Context(), a, release.WorkerRollbackRequest{
		Project: v.Get("project"), Worker: name, VersionID: v.Get("versionId"), Reason: v.Get("reason"), Force: v.Get("force") != "",
	})
	if err != nil {
		page := workers.Path + "/" + url.PathEscape(name) + "/rollback?" + keep(v, "project", "versionId").Encode()
		s.refused(w, r, err, formView{Fields: []field{reasonField(true)}}, page, "reason", func(code int, f formView) {
			s.drawWorkerRollback(w, r, a, code, v, func(fresh formView) formView { return fresh.withProblems(f) })
		})
		return
	}
	http.Redirect(w, r, operations.Path+"/"+op.ID, http.StatusSeeOther)
}
