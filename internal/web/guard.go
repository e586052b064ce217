package web

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/panel/guards"
	"github.com/envdeck/envdeck/internal/web/panel/operations"
	"github.com/envdeck/envdeck/internal/web/ui"
)

const untilForm = "2 Jan 15:04 MST"

// guardGates are the gates that breaking the glass passes.
func guardGates(g release.Guards, sheet release.Sheet, to string, now time.Time) []gate {
	held := gate{Name: "No hold", State: passed(), Text: "Nobody holds " + ui.Name(to) + ".", At: now, Guard: true}
	if len(g.Holds) > 0 {
		h := g.Holds[0]
		held.State, held.Stops = stopped(), true
		held.Text = ui.Reason(h.By.Name + " holds it until " + h.ExpiresAt.UTC().Format(untilForm) + ": " + h.Reason)
	}
	freeze := gate{Name: "No freeze", State: passed(), Text: "No freeze is in force.", At: now, Guard: true}
	switch {
	case g.Frozen != nil:
		freeze.State, freeze.Stops = stopped(), true
		freeze.Text = ui.Reason("Frozen until " + g.Frozen.Until.UTC().Format(untilForm) + ": " + g.Frozen.Reason)
	case g.Freezing != nil:
		freeze.State = ui.Badge{Icon: "stale", Word: "Soon", Tone: ui.Warn}
		freeze.Text = ui.Reason("A freeze begins " + g.Freezing.From.UTC().Format(untilForm) + ": " + g.Freezing.Reason)
	}
	all := []gate{held, freeze}
	if g.Approval != nil {
		all = append(all, approvalGate(g, sheet, now))
	}
	return all
}

func approvalGate(g release.Guards, sheet release.Sheet, now time.Time) gate {
	out := gate{Name: "Approved", State: stopped(), Stops: true, Guard: true, Wants: true, At: now, Text: "Nobody has approved exactly this content."}
	i := slices.IndexFunc(g.Waiting, func(ap release.Approval) bool { return ap.Sheet == sheet.Hash })
	if i < 0 {
		return out
	}
	ap := g.Waiting[i]
	out.Wants, out.Path = false, ApprovalsPath+"/"+url.PathEscape(ap.ID)
	if ap.State != release.ApprovalGiven || ap.Decision == nil {
		out.State = ui.Badge{Icon: "queued", Word: "Waits", Tone: ui.Busy}
		out.Text = ui.Reason(ap.By.Name + " has asked, and nobody has decided yet.")
		return out
	}
	out.State, out.Stops, out.At = passed(), false, ap.Decision.At
	out.Text = ui.Reason(ap.Decision.By.Name + " approved exactly this content, until " + ap.ExpiresAt.UTC().Format(untilForm) + ".")
	if ap.Decision.Solo {
		out.Text += " Solo: nobody else could."
	}
	return out
}

// guarded decides what the promote page offers: the promotion, a request for
// an approval, and the glass when only guards stand in the way.
func (v *promoteView) guarded(a access.Actor) {
	v.Form.Why = whyNot(a, access.Promote, v.Gates)
	if v.Form.Why == "" || !access.Permits(a, access.Promote) {
		return
	}
	wants := false
	for _, g := range v.Gates {
		if g.Stops && !g.Guard {
			return
		}
		wants = wants || g.Stops && g.Wants
	}
	glass := glassForm(v.Form, v.To)
	v.Glass = &glass
	if wants {
		v.Asking, v.Form.Why, v.Form.Action, v.Form.Submit = true, "", ApprovalsPath, "Ask for an approval"
	}
}

// glassForm is the promotion with the environment's name to be typed.
func glassForm(promote formView, to ui.Text) formView {
	f := formView{ID: "glass", Action: PromotePath, Submit: "Break the glass and promote", Danger: true}
	for _, one := range promote.Fields {
		if one.Kind == "hidden" {
			f.Fields = append(f.Fields, one)
		}
	}
	reason := reasonField(true)
	reason.Hint = "At least 10 characters, for those who were not there."
	f.Fields = append(f.Fields, field{Name: "breakGlass", Label: "Type " + string(to) + " to confirm", Kind: "text", Required: true, Max: 64, Complete: "off"}, reason)
	return f
}

func (s *Web) placeHold(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	v := r.PostForm
	life, err := time.ParseDuration(v.Get("for"))
	if err != nil {
		life = 0 // which the desk refuses with the right words
	}
	_, err = s.deps.Releases.Hold(r.Context(), a, release.HoldRequest{Project: v.Get("project"), Reason: v.Get("reason"), For: life})
	s.guardDone(w, r, err)
}

func (s *Web) liftHold(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	err := s.deps.Releases.Lift(r.Context(), a, r.PostForm.Get("project"), r.PathValue("id"), r.PostForm.Get("reason"))
	s.guardDone(w, r, err)
}

func (s *Web) resume(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	err := s.deps.Releases.Resume(r.Context(), a, r.PostForm.Get("project"), r.PostForm.Get("reason"))
	s.guardDone(w, r, err)
}

// guardDone leads back to the guards, or says why not.
func (s *Web) guardDone(w http.ResponseWriter, r *http.Request, err error) {
	page := withProject(guards.Path, r.PostForm.Get("project"))
	if err != nil {
		s.refused(w, r, err, formView{}, page, "", func(int, formView) { s.Problem(w, r, err) })
		return
	}
	http.Redirect(w, r, page, http.StatusSeeOther)
}

func (s *Web) askApproval(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	v := r.PostForm
	ap, err := s.deps.Releases.AskApproval(r.Context(), a, release.ApprovalRequest{
		Project: v.Get("project"), DeploymentID: v.Get("deploymentId"), Reason: v.Get("reason"), Rebuild: v.Get("rebuild") != "", Sheet: v.Get("sheet"),
	})
	if err != nil {
		s.promoteRefused(w, r, a, err)
		return
	}
	http.Redirect(w, r, ApprovalsPath+"/"+url.PathEscape(ap.ID), http.StatusSeeOther)
}

// approvalView is one request, with what it is about.
type approvalView struct {
	settingsView
	To           ui.Text
	State        ui.Badge
	StateText    ui.Text
	By, Reason   ui.Text
	At           time.Time
	Until        string
	Decided      ui.Text
	Said         ui.Text
	Operation    string
	Promote      string
	Changes      changesView
	Approve      *formView
	Decline      *formView
	DeclineTitle string
	Back         string
}

// stateTexts say what a state means for whoever looks.
var stateTexts = map[release.ApprovalState]ui.Text{
	release.ApprovalOpen:      "It waits for somebody who may approve.",
	release.ApprovalGiven:     "It can be promoted, once, until it expires or anything changes.",
	release.ApprovalDeclined:  "Somebody said no.",
	release.ApprovalWithdrawn: "Whoever asked has taken it back.",
	release.ApprovalOutdated:  "What it was about has changed since. Ask again.",
	release.ApprovalUsed:      "It was used.",
	release.ApprovalExpired:   "Its time is over. Ask again.",
}

func (s *Web) approval(w http.ResponseWriter, r *http.Request, a access.Actor) {
	s.drawApproval(w, r, a, http.StatusOK, nil)
}

func (s *Web) drawApproval(w http.ResponseWriter, r *http.Request, a access.Actor, code int, back func(*approvalView)) {
	ap, err := s.deps.Releases.Approval(r.Context(), a, r.PathValue("id"))
	var sheet release.Sheet
	if err == nil {
		sheet, err = s.deps.Releases.Sheet(r.Context(), a, ap.Sheet)
	}
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	path := ApprovalsPath + "/" + url.PathEscape(ap.ID)
	v := approvalView{
		settingsView: s.settings(r, a, "Approval"), To: ui.Name(ap.Environment), State: guards.State(ap.State), StateText: stateTexts[ap.State], By: ui.Name(ap.By.Name),
		Reason: ui.Reason(ap.Reason), At: ap.CreatedAt, Until: ap.ExpiresAt.UTC().Format("2 Jan 2006 15:04 MST"), Changes: newChanges(sheet), Back: guards.Path,
	}
	v.Changes.Rebuild = ap.Rebuild
	if d := ap.Decision; d != nil {
		v.Decided, v.Said = ui.Name(d.By.Name), ui.Reason(d.Reason)
		if d.Solo {
			v.Decided += ", solo: nobody else could"
		}
	}
	if ap.Operation != "" {
		v.Operation = operations.Path + "/" + url.PathEscape(ap.Operation)
	}
	own := ap.By.ID == a.ID
	if ap.State == release.ApprovalGiven && ap.To != nil {
		v.Promote = guards.PromoteAt("", ap.To.ID)
	}
	if ap.State == release.ApprovalOpen {
		f := formView{ID: "approve", Action: path + "/approve", Submit: "Approve", Fields: []field{reasonField(false)}, Why: whyNot(a, access.ApproveOperation, nil)}
		v.Approve = &f
	}
	if ap.State == release.ApprovalOpen || ap.State == release.ApprovalGiven {
		f := formView{ID: "decline", Action: path + "/decline", Submit: "Decline", Quiet: true, Fields: []field{reasonField(false)}, Why: whyNot(a, access.ApproveOperation, nil)}
		if v.DeclineTitle = "Decline"; own {
			v.DeclineTitle, f.Submit = "Take it back", "Take it back"
		}
		v.Decline = &f
	}
	if back != nil {
		back(&v)
	}
	s.draw(w, r, code, "approval", v)
}

func (s *Web) approve(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	_, err := s.deps.Releases.Approve(r.Context(), a, r.PathValue("id"), r.PostForm.Get("reason"))
	s.decided(w, r, a, err, func(v *approvalView) *formView { return v.Approve })
}

func (s *Web) decline(w http.ResponseWriter, r *http.Request, a access.Actor) {
	if !s.form(w, r) {
		return
	}
	_, err := s.deps.Releases.Decline(r.Context(), a, r.PathValue("id"), r.PostForm.Get("reason"))
	s.decided(w, r, a, err, func(v *approvalView) *formView { return v.Decline })
}

func (s *Web) decided(w http.ResponseWriter, r *http.Request, a access.Actor, err error, which func(*approvalView) *formView) {
	page := ApprovalsPath + "/" + url.PathEscape(r.PathValue("id"))
	if err != nil {
		s.refused(w, r, err, formView{Fields: []field{reasonField(false)}}, page, "", func(code int, f formView) {
			s.drawApproval(w, r, a, code, func(v *approvalView) {
				if form := which(v); form != nil {
					*form = form.withProblems(f)
				}
			})
		})
		return
	}
	http.Redirect(w, r, page, http.StatusSeeOther)
}

// compareView is a comparison as a page of its own.
type compareView struct {
	settingsView
	Heading        string
	Kept           ui.Text // that it is a record, "" when it was made just now
	FromTitle      ui.Text
	ToTitle        ui.Text
	Hash           ui.Text
	Changes        changesView
	Form           *formView
	Back, BackText string
}

func (s *Web) compare(w http.ResponseWriter, r *http.Request, a access.Actor) {
	q := r.URL.Query()
	project := q.Get("project")
	st, _, err := s.deps.Board.Status(r.Context(), a, project)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	before, production := waysOf(st, "")
	from, to := q.Get("from"), q.Get("to")
	if from == "" {
		from = production
	}
	if to == "" {
		to = before
	}
	sheet, err := s.deps.Releases.Compare(r.Context(), a, project, from, to)
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	view := s.newCompare(r, a, sheet)
	view.Heading = "What lies between them"
	view.Form = &formView{ID: "compare", Action: ComparePath, Submit: "Compare", Quiet: true, Fields: []field{
		{Name: "project", Kind: "hidden", Value: ui.Text(project)},
		{Name: "from", Label: "From", Kind: "text", Value: ui.Reason(from), Max: 200, Hint: "An environment, or a deployment's id. Here: " + names(st) + "."},
		{Name: "to", Label: "To", Kind: "text", Value: ui.Reason(to), Max: 200},
	}}
	view.Back, view.BackText = withProject(Home, project), "Environments"
	s.draw(w, r, http.StatusOK, "compare", view)
}

// names lists what can be compared.
func names(st status.Status) string {
	text := ""
	for _, name := range st.Order {
		if e := st.Environments[name]; e != nil && e.Kind != string(catalog.Local) {
			if text != "" {
				text += ", "
			}
			text += string(ui.Name(name))
		}
	}
	return text
}

// sheet is a comparison as it was confirmed or approved.
func (s *Web) sheet(w http.ResponseWriter, r *http.Request, a access.Actor) {
	sheet, err := s.deps.Releases.Sheet(r.Context(), a, r.PathValue("hash"))
	if err != nil {
		s.Problem(w, r, err)
		return
	}
	view := s.newCompare(r, a, sheet)
	view.Heading, view.Kept = "What was confirmed", "This is a record: the comparison as it was confirmed or approved. It does not change any more."
	view.Back, view.BackText = operations.Path, "Operations"
	s.draw(w, r, http.StatusOK, "compare", view)
}

func (s *Web) newCompare(r *http.Request, a access.Actor, sheet release.Sheet) compareView {
	title := func(e release.SheetEnd) ui.Text {
		if e.Environment != "" {
			return ui.Name(e.Environment)
		}
		return ui.Name(e.DeploymentID)
	}
	v := compareView{
		settingsView: s.settings(r, a, "Comparison"), FromTitle: title(sheet.From), ToTitle: title(sheet.To),
		Hash: ui.Name(sheet.Hash[:min(12, len(sheet.Hash))]), Changes: newChanges(sheet),
	}
	v.Changes.Rebuild = false
	return v
}
