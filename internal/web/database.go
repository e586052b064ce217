package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/fault"
	page "github.com/envdeck/envdeck/internal/web/panel/database"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// Databases changes branches; every method passes the Gate.
type Databases interface {
	page.Databases
	// Plan says what a change would do and what would be lost.
	Plan(ctx context.Context, a access.Actor, ask database.Ask) (database.Plan, error)
	Change(ctx context.Context, a access.Actor, ask database.Ask) (database.Change, error)
}

func (s *Web) databaseRoutes() []Route {
	return []Route{
		{"GET " + page.Path + "/new", access.ViewDatabase, s.newBranchForm},
		{"POST " + page.Path + "/new", access.ManageBranches, s.newBranch},
		{"GET " + page.Path + "/{id}/delete", access.ViewDatabase, s.deleteBranchForm},
		{"POST " + page.Path + "/{id}/delete", access.ManageBranches, s.deleteBranch},
		{"GET " + page.Path + "/{id}/restore", access.ViewDatabase, s.restoreBranchForm},
		{"POST " + page.Path + "/{id}/restore", access.ManageBranches, s.restoreBranch},
	}
}

// branchView is a page that asks before a branch is made, restored or deleted.
type branchView struct {
	settingsView
	Heading string
	About   ui.Text
	Losses  []ui.Text
	// Choose picks what to restore from, with GET; nil where there is nothing to
	// choose.
	Choose *chooseView
	Form   formView
	Shown  bool // the form is drawn
}

type chooseView struct {
	Action  string
	Project string
	Options []option
	At      ui.Text
}

// mayNot is why the viewer can not change branches, "" when they can.
func mayNot(a access.Actor) ui.Text { return whyNot(a, access.ManageBranches, nil) }

func confirmField(name string) field {
	return field{
		Name: "confirm", Label: "Type the branch's name", Kind: "text", Hint: "To show that you know what is lost: " + string(ui.Name(name)), Required: true,
		Max: 256, Complete: "off",
	}
}

func (s *Web) newBranchForm(w http.ResponseWriter, r *http.Request, a access.Actor) {
	s.drawNewBranch(w, r, a, http.StatusOK, newBranchFields(r.URL.Query().Get("project"), a).fill(r.URL.Query()))
}

func newBranchFields(project string, a access.Actor) formView {
	return formView{
		ID: "branch", Action: page.Path + "/new", Submit: "Make the branch", Back: withProject(page.Path, project), Why: mayNot(a), Fields: []field{
			{Name: "project", Kind: "hidden", Value: ui.Text(project)},
			{Name: "name", Label: "Name", Kind: "text", Hint: "Such as: try/credits-v3.", Required: true, Max: 100, Complete: "off"},
			reasonField(true),
		},
	}
}

func (s *Web) drawNewBranch(w http.ResponseWriter, r *http.Request, a access.Actor, code int, form formView) {
	s.draw(w, r, code, "branch", branchView{
		settingsView: s.settings(r, a, "New branch"), Heading: "New branch of the database", Form: form, Shown: true,
		About: "A copy of production's branch as it is now, in which nothing changes production. It has no compute: add one at the provider to connect to it. It holds production's data, so treat it as such.",
	})
}

func (s *Web) newBranch(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	v := r.PostForm
	_, err := s.deps.Databases.Change(r.Context(), a, database.Ask{Project: v.Get("project"), Kind: database.Create, Name: v.Get("name"), Reason: v.Get("reason")})
	if err != nil {
		f := newBranchFields(v.Get("project"), a)
		s.refused(w, r, err, f, withProject(page.Path+"/new", v.Get("project")), "name", func(code int, f formView) { s.drawNewBranch(w, r, a, code, f) })
		return
	}
	done(w, r, withProject(page.Path, v.Get("project")), "branch")
}

func (s *Web) deleteBranchForm(w http.ResponseWriter, r *http.Request, a access.Actor) {
	s.drawDeleteBranch(w, r, a, http.StatusOK, r.URL.Query(), nil)
}

func (s *Web) drawDeleteBranch(w http.ResponseWriter, r *http.Request, a access.Actor, code int, asked url.Values, back func(formView) formView) {
	project, id := asked.Get("project"), r.PathValue("id")
	plan, err := s.deps.Databases.Plan(r.Context(), a, database.Ask{Project: project, Kind: database.Delete, BranchID: id})
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	form := formView{
		ID: "branch", Action: page.Path + "/" + url.PathEscape(id) + "/delete", Submit: "Delete the branch", Danger: true, Back: withProject(page.Path, project), Why: mayNot(a),
		Fields: []field{{Name: "project", Kind: "hidden", Value: ui.Text(project)}, confirmField(plan.Confirm), reasonField(true)},
	}.fill(asked)
	if back != nil {
		form = back(form)
	}
	s.draw(w, r, code, "branch", branchView{
		settingsView: s.settings(r, a, "Delete a branch"), Heading: "Delete " + string(ui.Name(plan.Branch.Name)) + "?", Losses: losses(plan), Form: form, Shown: true,
	})
}

func losses(plan database.Plan) []ui.Text {
	all := make([]ui.Text, 0, len(plan.Losses))
	for _, text := range plan.Losses {
		all = append(all, ui.Reason(text))
	}
	return all
}

func (s *Web) deleteBranch(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	v, id := r.PostForm, r.PathValue("id")
	_, err := s.deps.Databases.Change(r.Context(), a, database.Ask{
		Project: v.Get("project"), Kind: database.Delete, BranchID: id, Confirm: v.Get("confirm"), Reason: v.Get("reason"),
	})
	if err != nil {
		f := formView{Fields: []field{confirmField(""), reasonField(true)}}
		s.refused(w, r, err, f, withProject(page.Path+"/"+url.PathEscape(id)+"/delete", v.Get("project")), "confirm", func(code int, f formView) {
			s.drawDeleteBranch(w, r, a, code, v, func(fresh formView) formView { return fresh.withProblems(f) })
		})
		return
	}
	done(w, r, withProject(page.Path, v.Get("project")), "branch")
}

func (s *Web) restoreBranchForm(w http.ResponseWriter, r *http.Request, a access.Actor) {
	s.drawRestoreBranch(w, r, a, http.StatusOK, r.URL.Query(), nil)
}

// momentForm is how a moment is typed.
const momentForm = "2006-01-02T15:04:05Z"

func (s *Web) drawRestoreBranch(w http.ResponseWriter, r *http.Request, a access.Actor, code int, asked url.Values, back func(formView) formView) {
	project, id, source := asked.Get("project"), r.PathValue("id"), asked.Get("source")
	st, _, err := s.deps.Databases.Database(r.Context(), a, project)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	view := branchView{settingsView: s.settings(r, a, "Restore a branch"), Heading: "Restore a branch"}
	view.Choose = &chooseView{Action: page.Path + "/" + url.PathEscape(id) + "/restore", Project: project, At: ui.Name(asked.Get("at"))}
	for _, b := range st.Branches {
		if b.ID == id {
			view.Heading = "Restore " + string(ui.Name(b.Name))
		}
		view.Choose.Options = append(view.Choose.Options, option{Value: b.ID, Text: sourceText(b, id), Chosen: b.ID == source})
	}
	if source == "" {
		view.About = "Choose what it is overwritten with. Nothing happens before you have seen what is lost, and confirmed it."
		s.draw(w, r, code, "branch", view)
		return
	}
	ask := database.Ask{Project: project, Kind: database.Restore, BranchID: id, SourceID: source}
	plan := database.Plan{}
	if ask.At, err = typedMoment(asked.Get("at")); err == nil {
		plan, err = s.deps.Databases.Plan(r.Context(), a, ask)
	}
	if err != nil {
		problem := s.logged(r, err)
		view.About = ui.Reason(problem.Message)
		s.draw(w, r, problem.Kind.Status(), "branch", view)
		return
	}
	view.Losses, view.Shown = losses(plan), true
	view.Form = formView{
		ID: "branch", Action: view.Choose.Action, Submit: "Overwrite the branch", Danger: true, Back: withProject(page.Path, project), Why: mayNot(a), Fields: []field{
			{Name: "project", Kind: "hidden", Value: ui.Text(project)},
			{Name: "source", Kind: "hidden", Value: ui.Name(source)},
			{Name: "at", Kind: "hidden", Value: ui.Name(asked.Get("at"))},
			confirmField(plan.Confirm), reasonField(true),
		},
	}.fill(asked)
	if back != nil {
		view.Form = back(view.Form)
	}
	s.draw(w, r, code, "branch", view)
}

// sourceText names what a branch can be restored from.
func sourceText(b database.Branch, self string) string {
	text := string(ui.Name(b.Name))
	switch {
	case b.ID == self:
		text += " (its own past: say the moment below)"
	case b.Operation != "":
		text += " (snapshot before a release, " + b.CreatedAt.UTC().Format("2 Jan 15:04") + ")"
	}
	return text
}

func typedMoment(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, &fault.Error{Kind: fault.Invalid, Message: "A moment is written as " + momentForm + ", in UTC.", Places: []fault.Place{{Where: "at", Problem: "write it as " + momentForm}}}
	}
	return at, nil
}

func (s *Web) restoreBranch(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	v, id := r.PostForm, r.PathValue("id")
	at, err := typedMoment(v.Get("at"))
	if err == nil {
		_, err = s.deps.Databases.Change(r.Context(), a, database.Ask{
			Project: v.Get("project"), Kind: database.Restore, BranchID: id, SourceID: v.Get("source"), At: at, Confirm: v.Get("confirm"), Reason: v.Get("reason"),
		})
	}
	if err != nil {
		back := page.Path + "/" + url.PathEscape(id) + "/restore?" + keep(v, "project", "source", "at").Encode()
		f := formView{Fields: []field{confirmField(""), reasonField(true)}}
		s.refused(w, r, err, f, back, "confirm", func(code int, f formView) {
			s.drawRestoreBranch(w, r, a, code, v, func(fresh formView) formView { return fresh.withProblems(f) })
		})
		return
	}
	done(w, r, withProject(page.Path, v.Get("project")), "branch")
}
