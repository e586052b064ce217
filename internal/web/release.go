package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/panel/guards"
	"github.com/envdeck/envdeck/internal/web/panel/operations"
	"github.com/envdeck/envdeck/internal/web/ui"
)

// Addresses of the pages that move production.
const (
	PromotePath  = Home + "/promote"
	RollbackPath = Home + "/rollback"
	ComparePath  = Home + "/compare"
	SheetPath    = Home + "/sheets"

	ApprovalsPath = guards.ApprovalsPath
)

// Releases moves production; every method passes the Gate.
type Releases interface {
	Promote(ctx context.Context, a access.Actor, q release.PromoteRequest) (release.Operation, error)
	Rollback(ctx context.Context, a access.Actor, q release.RollbackRequest) (release.Operation, error)
	Cancel(ctx context.Context, a access.Actor, id, reason string) (release.Operation, error)
	// RollbackWorker takes a Worker back; WorkerTargets are the versions that it
	// could go back to.
	RollbackWorker(ctx context.Context, a access.Actor, q release.WorkerRollbackRequest) (release.Operation, error)
	WorkerTargets(ctx context.Context, a access.Actor, project, worker string) ([]release.WorkerCandidate, error)
	// Compare is the dry run of a promotion.
	Compare(ctx context.Context, a access.Actor, project, from, to string) (release.Sheet, error)
	// Targets are the builds that production could go back to.
	Targets(ctx context.Context, a access.Actor, project string) ([]release.Candidate, error)
	// Guards are what stands in front of production.
	Guards(ctx context.Context, a access.Actor, project string) (release.Guards, error)
	Hold(ctx context.Context, a access.Actor, q release.HoldRequest) (release.Hold, error)
	Lift(ctx context.Context, a access.Actor, project, id, reason string) error
	Resume(ctx context.Context, a access.Actor, project, reason string) error
	AskApproval(ctx context.Context, a access.Actor, q release.ApprovalRequest) (release.Approval, error)
	Approve(ctx context.Context, a access.Actor, id, reason string) (release.Approval, error)
	Decline(ctx context.Context, a access.Actor, id, reason string) (release.Approval, error)
	Approval(ctx context.Context, a access.Actor, id string) (release.Approval, error)
	// Sheet is a comparison that was kept.
	Sheet(ctx context.Context, a access.Actor, hash string) (release.Sheet, error)
	Operations(ctx context.Context, a access.Actor, q release.Query) ([]release.Operation, error)
}

func (s *Web) releaseRoutes() []Route {
	return []Route{
		{"GET " + PromotePath, access.Compare, s.promoteForm},
		{"POST " + PromotePath, access.Promote, s.promote},
		{"GET " + RollbackPath, access.ViewDeployments, s.rollbackForm},
		{"POST " + RollbackPath, access.Rollback, s.rollback},
		{"POST " + operations.Path + "/{id}/cancel", access.CancelOperation, s.cancelOperation},

		{"POST " + guards.Path + "/holds", access.ManageHolds, s.placeHold},
		{"POST " + guards.Path + "/holds/{id}/lift", access.ManageHolds, s.liftHold},
		{"POST " + guards.Path + "/resume", access.ManageHolds, s.resume},
		{"POST " + ApprovalsPath, access.Promote, s.askApproval},
		{"GET " + ApprovalsPath + "/{id}", access.ViewOperations, s.approval},
		{"POST " + ApprovalsPath + "/{id}/approve", access.ApproveOperation, s.approve},
		{"POST " + ApprovalsPath + "/{id}/decline", access.ApproveOperation, s.decline},
		{"GET " + ComparePath, access.Compare, s.compare},
		{"GET " + SheetPath + "/{hash}", access.Compare, s.sheet},
	}
}

// promoteView is what a person confirms.
type promoteView struct {
	settingsView
	From, To ui.Text // names of the environments
	Changes  changesView
	Gates    []gate
	Form     formView
	Asking   bool      // the form asks for an approval
	Glass    *formView // passes the guards; nil when none stands in the way
	Undo     string    // the page for going back
}

// changesView is a comparison, wherever it is shown.
type changesView struct {
	Live     endView
	Next     endView
	Relation ui.Text
	Ahead    int
	Behind   int
	Commits  []commitView
	Pulls    []pullView
	Authors  ui.Text
	Dropped  []commitView
	Reverts  []commitView
	Files    []ui.Text // migrations that nothing here reads
	Schema   []migrationView
	Crons    []ui.CronChange
	Unknown  []fact
	Cut      bool
	Rebuild  bool
}

type endView struct {
	Commit, Message, ID ui.Text
	URL                 ui.Link
}

type commitView struct {
	SHA, Message, Author ui.Text
	URL                  ui.Link
}

type pullView struct {
	Number        int
	Title, Author ui.Text
	URL           ui.Link
}

// gate is one thing that is looked at before a release, with the age of what
// is known of it.
type gate struct {
	Name  string
	State ui.Badge
	Text  ui.Text
	At    time.Time
	Stops bool   // it keeps the button from being used
	Guard bool   // breaking the glass passes it
	Wants bool   // an approval would open it
	Path  string // where there is more of it, "" for nowhere
}

func (s *Web) promoteForm(w http.ResponseWriter, r *http.Request, a access.Actor) {
	s.drawPromote(w, r, a, http.StatusOK, r.URL.Query(), nil)
}

// drawPromote compares anew each time it is drawn: what is confirmed is what
// is on the page. back changes the page that comes back from a refusal.
func (s *Web) drawPromote(w http.ResponseWriter, r *http.Request, a access.Actor, code int, asked url.Values, back func(*promoteView)) {
	project := asked.Get("project")
	st, _, err := s.deps.Board.Status(r.Context(), a, project)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	from, to := waysOf(st, asked.Get("from"))
	sheet, err := s.deps.Releases.Compare(r.Context(), a, project, to, cmp.Or(asked.Get("deploymentId"), from))
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	view := promoteView{Changes: newChanges(sheet), settingsView: s.settings(r, a, "Promote to "+string(ui.Name(to))), From: ui.Name(from), To: ui.Name(to)}
	view.Undo = withProject(RollbackPath, project)
	if view.Gates, err = s.gates(r.Context(), a, project, from, to, st, sheet); err != nil {
		s.Problem(w, r, err)
		return
	}
	view.Form = promoteFields(asked, sheet, from, to)
	view.Form.Back = withProject(Home, project)
	view.guarded(a)
	view.Form = view.Form.fill(asked)
	if back != nil {
		back(&view)
	}
	s.draw(w, r, code, "promote", view)
}

// waysOf answers which environment is promoted, and to which: the one that is
// asked for, else the one before production.
func waysOf(st status.Status, asked string) (from, to string) {
	for _, name := range st.Order {
		switch info := st.Environments[name]; {
		case info == nil || info.Kind == string(catalog.Local):
		case info.Kind == string(catalog.Production):
			to = name
		case to == "" || name == asked:
			from = name
		}
	}
	if asked != "" && slices.Contains(st.Order, asked) && asked != to {
		from = asked
	}
	return from, to
}

func promoteFields(asked url.Values, sheet release.Sheet, from, to string) formView {
	hidden := func(name, value string) field { return field{Name: name, Kind: "hidden", Value: ui.Text(value)} }
	return formView{ID: "promote", Action: PromotePath, Submit: "Promote to " + string(ui.Name(to)), Fields: []field{
		hidden("project", asked.Get("project")), hidden("from", from), hidden("deploymentId", sheet.To.DeploymentID),
		hidden("expectedCurrent", sheet.From.DeploymentID), hidden("sheet", sheet.Hash), hidden("rebuild", map[bool]string{true: "1"}[rebuilt(sheet)]),
		reasonField(true),
		{Name: "withoutSnapshot", Label: "Without a snapshot, because", Kind: "text", Hint: "Leave it empty: then the database is kept as it is before a release with migrations.", Max: 300},
	}}
}

// rebuilt says whether the build has to be made again for production.
func rebuilt(sheet release.Sheet) bool { return sheet.To.Target != string(catalog.Production) }

func newChanges(sheet release.Sheet) changesView {
	v := changesView{
		Ahead: sheet.Ahead, Behind: sheet.Behind,
		Live: newEnd(sheet.From), Next: newEnd(sheet.To), Relation: ui.Name(sheet.Relation), Cut: sheet.Truncated, Rebuild: rebuilt(sheet),
		Commits: commitViews(sheet.Commits), Dropped: commitViews(sheet.Dropped), Reverts: commitViews(sheet.Reverts), Authors: ui.Reason(strings.Join(sheet.Authors, ", ")),
	}
	for _, p := range sheet.PullRequests {
		v.Pulls = append(v.Pulls, pullView{p.Number, ui.Title(p.Title), ui.Name(p.Author), ui.NewLink(p.URL)})
	}
	v.migrations(sheet)
	v.Crons = cronChanges(sheet.Crons)
	for part, why := range sheet.Unknown {
		v.Unknown = append(v.Unknown, fact{string(ui.Name(part)), ui.Reason(why)})
	}
	slices.SortFunc(v.Unknown, func(a, b fact) int { return cmp.Compare(a.Name, b.Name) })
	return v
}

func cronChanges(c release.SheetCrons) []ui.CronChange {
	var all []ui.CronChange
	for _, one := range c.All() {
		all = append(all, ui.NewCronChange(one.Path, one.From, one.To, cron.Words(one.From), cron.Words(one.To)))
	}
	return all
}

func newEnd(e release.SheetEnd) endView {
	return endView{Commit: ui.Name(e.Commit[:min(7, len(e.Commit))]), Message: ui.Title(e.Message), ID: ui.Name(e.DeploymentID), URL: ui.NewLink(e.URL)}
}

func commitViews(all []release.SheetCommit) []commitView {
	var out []commitView
	for _, c := range all {
		out = append(out, commitView{ui.Name(c.SHA[:min(7, len(c.SHA))]), ui.Title(c.Message), ui.Name(c.Author), ui.NewLink(c.URL)})
	}
	return out
}

// gates are what a person looks at before they confirm. The desk judges again
// and fresh when it is asked: these only say what is known now.
func (s *Web) gates(ctx context.Context, a access.Actor, project, from, to string, st status.Status, sheet release.Sheet) ([]gate, error) {
	var all []gate
	all = append(all, healthGate(from+" is healthy", st.Environments[from]), healthGate(to+" is healthy before", st.Environments[to]))
	ops, err := s.deps.Releases.Operations(ctx, a, release.Query{Project: project, Environment: to, Limit: 1})
	if err != nil {
		return nil, err
	}
	now := s.deps.Clock.Now()
	free := gate{Name: "Nothing else runs", State: passed(), Text: "No operation is changing " + ui.Name(to) + ".", At: now}
	if len(ops) > 0 && !ops[0].Phase.Ended() {
		free.State, free.Stops = stopped(), true
		free.Text = ui.Reason(fmt.Sprintf("%s is under way: %s", ops[0].ID, ops[0].Message))
	}
	guards, err := s.deps.Releases.Guards(ctx, a, project)
	if err != nil {
		return nil, err
	}
	fresh := gate{Name: "Something to promote", State: passed(), Text: ui.Text(ui.Plural(sheet.Ahead, "commit", "commits") + " would be new."), At: now}
	switch {
	case sheet.To.DeploymentID == sheet.From.DeploymentID:
		fresh.State, fresh.Stops, fresh.Text = stopped(), true, "This build is live already."
	case sheet.Relation == "":
		fresh.State, fresh.Text = ui.Badge{Icon: "unknown", Word: "Unknown", Tone: ui.Unknown}, "Nobody could say what lies between the two builds."
	case sheet.Behind > 0:
		fresh.State = ui.Badge{Icon: "degraded", Word: "Look", Tone: ui.Warn}
		fresh.Text += ui.Text(" " + ui.Plural(sheet.Behind, "commit that is live would be gone.", "commits that are live would be gone."))
	}
	all = append(all, free)
	all = append(all, schemaGates(sheet, now)...)
	all = append(all, guardGates(guards, sheet, to, now)...)
	return append(all, fresh), nil
}

func passed() ui.Badge { return ui.Badge{Icon: "ok", Word: "Pass", Tone: ui.Good} }

func stopped() ui.Badge { return ui.Badge{Icon: "failed", Word: "Stops", Tone: ui.Bad} }

func healthGate(name string, info *status.Info) gate {
	g := gate{Name: string(ui.Name(name)), State: ui.Badge{Icon: "unknown", Word: "Unknown", Tone: ui.Unknown}, Text: "Nobody could tell."}
	if info == nil {
		return g
	}
	if info.HealthCheckedAt != nil {
		g.At = *info.HealthCheckedAt
	}
	if info.HealthReason != nil {
		g.Text = ui.Reason(*info.HealthReason)
	} else if why := info.Unknown["health"]; why != "" {
		g.Text = ui.Reason(why)
	}
	switch info.Health {
	case health.Healthy:
		g.State, g.Text = passed(), "The health check says so."
	case health.Degraded:
		g.State = ui.Badge{Icon: "degraded", Word: "Degraded", Tone: ui.Warn}
	case health.Down:
		g.State = ui.Badge{Icon: "down", Word: "Down", Tone: ui.Bad}
	}
	return g
}

// whyNot is why a button can not be used, "" when it can.
func whyNot(a access.Actor, use access.UseCase, gates []gate) ui.Text {
	if !access.Permits(a, use) {
		return "You are " + ui.Name(string(a.Role)) + ". Only a SUPER_ADMIN can do this."
	}
	for _, g := range gates {
		if g.Stops {
			return g.Text
		}
	}
	return ""
}

func (s *Web) promote(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	v := r.PostForm
	op, err := s.deps.Releases.Promote(r.Context(), a, release.PromoteRequest{
		Project: v.Get("project"), DeploymentID: v.Get("deploymentId"), Reason: v.Get("reason"),
		ExpectedCurrent: v.Get("expectedCurrent"), Rebuild: v.Get("rebuild") != "", Sheet: v.Get("sheet"), BreakGlass: strings.TrimSpace(v.Get("breakGlass")),
		WithoutSnapshot: v.Get("withoutSnapshot"),
	})
	if err != nil {
		s.promoteRefused(w, r, a, err)
		return
	}
	http.Redirect(w, r, operations.Path+"/"+op.ID, http.StatusSeeOther)
}

// promoteRefused draws the page of a promotion again, with what was refused
// beside the form that asked for it.
func (s *Web) promoteRefused(w http.ResponseWriter, r *http.Request, a access.Actor, err error) {
	v := r.PostForm
	page := PromotePath + "?" + keep(v, "project", "from", "deploymentId").Encode()
	s.refused(w, r, err, formView{Fields: []field{{Name: "breakGlass", Kind: "text"}, reasonField(true)}}, page, "reason", func(code int, f formView) {
		// The comparison is made anew, and with it what the form confirms. With
		// the glass it stays that build: whoever breaks it has said which.
		if !v.Has("breakGlass") {
			v.Del("deploymentId")
		}
		s.drawPromote(w, r, a, code, v, func(view *promoteView) {
			if v.Has("breakGlass") && view.Glass != nil {
				*view.Glass = view.Glass.fill(v).withProblems(f)
				return
			}
			view.Form = view.Form.withProblems(f)
		})
	})
}

// withProblems takes the problems over from a form that came back.
func (f formView) withProblems(back formView) formView {
	f.Problem = back.Problem
	for i := range f.Fields {
		for _, one := range back.Fields {
			if one.Name == f.Fields[i].Name {
				f.Fields[i].Problem = one.Problem
			}
		}
	}
	return f
}

// keep is the named values that are set.
func keep(v url.Values, names ...string) url.Values {
	kept := url.Values{}
	for _, name := range names {
		if value := v.Get(name); value != "" {
			kept.Set(name, value)
		}
	}
	return kept
}

// rollbackView is the choice of what to go back to.
type rollbackView struct {
	settingsView
	To      ui.Text
	Targets []targetView
	Stays   []ui.Text
	Form    formView
	// Below says that a build is offered that may not run on the schema, so the
	// one word more is asked for.
	Below bool
}

type targetView struct {
	ID       ui.Text
	Commit   ui.Text
	Message  ui.Text
	Author   ui.Text
	At       time.Time
	URL      ui.Link
	Why      ui.Text
	Possible bool
	Verified bool
	Chosen   bool
	Schema   *standView // nil when nothing here reads migrations
	Workers  ui.Text    // those that go back with it, "" for none
	// Crons are the schedules that would differ; where CronsSame is set none
	// does, and CronsWhy says why nobody can tell.
	Crons     []ui.CronChange
	CronsSame bool
	CronsWhy  ui.Text
}

// stays is what a rollback never takes back, on any platform.
var stays = [...]ui.Text{
	"The database: its schema and its rows stay as the release left them.",
	"Environment variables that were changed since.",
	"Crons, perhaps: the platform's own pages disagree on whether its schedule goes back with the build. The page of cron jobs says whose schedule runs.",
	"New pushes: the platform stops putting them live by itself until automatic deployments are resumed.",
}

func (s *Web) rollbackForm(w http.ResponseWriter, r *http.Request, a access.Actor) {
	s.drawRollback(w, r, a, http.StatusOK, r.URL.Query(), nil)
}

func (s *Web) drawRollback(w http.ResponseWriter, r *http.Request, a access.Actor, code int, asked url.Values, back func(formView) formView) {
	project := asked.Get("project")
	targets, err := s.deps.Releases.Targets(r.Context(), a, project)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	view := rollbackView{settingsView: s.settings(r, a, "Roll back"), Stays: stays[:]}
	form := formView{ID: "rollback", Action: RollbackPath, Submit: "Roll back now", Danger: true, Back: withProject(Home, project), Fields: []field{
		{Name: "project", Kind: "hidden", Value: ui.Text(project)}, reasonField(true),
	}}
	possible := false
	for _, c := range targets {
		t := targetView{
			ID: ui.Name(c.Build.ID), Commit: ui.Name(c.Build.Commit[:min(7, len(c.Build.Commit))]), Message: ui.Title(c.Build.Message), Author: ui.Name(c.Build.Author),
			At: c.Build.CreatedAt, URL: ui.NewLink(c.Build.URL), Why: ui.Reason(c.Why), Possible: c.Possible, Verified: c.Verified, Chosen: c.Default,
		}
		if id := asked.Get("deploymentId"); id != "" {
			t.Chosen = id == c.Build.ID
		}
		t.Schema, t.Workers = newStand(c.Schema), ui.Reason(strings.Join(c.Workers, ", "))
		if t.CronsWhy = ui.Reason(c.CronsUnknown); c.Crons != nil {
			t.Crons = cronChanges(*c.Crons)
			t.CronsSame = len(t.Crons) == 0
		}
		view.Below = view.Below || c.Possible && c.Schema != nil && c.Schema.Stand == release.StandsBelow
		possible = possible || c.Possible
		view.Targets = append(view.Targets, t)
	}
	view.Form = form.fill(asked)
	switch {
	case !access.Permits(a, access.Rollback):
		view.Form.Why = whyNot(a, access.Rollback, nil)
	case !possible:
		view.Form.Why = "There is no build that production could go back to."
	}
	if back != nil {
		view.Form = back(view.Form)
	}
	s.draw(w, r, code, "rollback", view)
}

func (s *Web) rollback(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	v := r.PostForm
	op, err := s.deps.Releases.Rollback(r.Context(), a, release.RollbackRequest{
		Project: v.Get("project"), DeploymentID: v.Get("deploymentId"), Reason: v.Get("reason"), BelowFloor: v.Get("belowFloor") != "",
	})
	if err != nil {
		page := RollbackPath + "?" + keep(v, "project", "deploymentId").Encode()
		s.refused(w, r, err, formView{Fields: []field{reasonField(true)}}, page, "reason", func(code int, f formView) {
			s.drawRollback(w, r, a, code, v, func(fresh formView) formView { return fresh.withProblems(f) })
		})
		return
	}
	http.Redirect(w, r, operations.Path+"/"+op.ID, http.StatusSeeOther)
}

func (s *Web) cancelOperation(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	id := r.PathValue("id")
	if _, err := s.deps.Releases.Cancel(r.Context(), a, id, r.PostForm.Get("reason")); err != nil {
		s.refused(w, r, err, formView{}, operations.Path+"/"+id, "", func(int, formView) { s.Problem(w, r, err) })
		return
	}
	http.Redirect(w, r, operations.Path+"/"+url.PathEscape(id), http.StatusSeeOther)
}
