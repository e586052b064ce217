// Package operations is the panels of releases: the list of them, and one with
// every step, its evidence and the watch over the new build.
//
// It shows what the release room says and decides nothing: what may be done is
// asked of the policy, and a verdict that is missing is drawn as unknown. It
// must not know the platform.
package operations

import (
	"context"
	"embed"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/ui"
)

//go:embed panel.html panel.css
var own embed.FS

// Path is the page of the list; one operation is below it.
const Path = "/admin/environments/operations"

// livePace is how often the page of a running operation asks, in seconds.
const livePace = 2

// followPace is the same for what follows an operation that has ended.
const followPace = 30

// Desk knows the operations.
type Desk interface {
	// Operation answers one with its steps. fault.NotFound.
	Operation(ctx context.Context, a access.Actor, id string) (release.Operation, error)
	// Operations answers the newest without their steps.
	Operations(ctx context.Context, a access.Actor, q release.Query) ([]release.Operation, error)
	// Sheet is what was confirmed, by its hash. fault.NotFound.
	Sheet(ctx context.Context, a access.Actor, hash string) (release.Sheet, error)
}

// All makes the panel of the newest operations.
func All(desk Desk) *panel.Room[View] {
	return list("operations", "Operations", panel.More{Path: "/admin/environments/guards", Text: "Guards: holds, freezes, approvals"}, desk, 50)
}

// Newest makes the short list.
func Newest(desk Desk, limit int) *panel.Room[View] {
	return list("releases", "Newest operations", panel.More{Path: Path, Text: "All operations"}, desk, limit)
}

func list(name, title string, more panel.More, desk Desk, limit int) *panel.Room[View] {
	return panel.New(name, title, more, own, func(ctx context.Context, v panel.Viewer) (panel.Facts[View], error) {
		all, err := desk.Operations(ctx, v.Actor, release.Query{Project: v.Project, Limit: limit})
		if err != nil {
			return panel.Facts[View]{}, err
		}
		facts := panel.Facts[View]{View: View{List: true}}
		for i := range all {
			facts.View.Rows = append(facts.View.Rows, newRow(&all[i]))
			if !all[i].Phase.Ended() {
				facts.Pace = livePace
			}
		}
		return facts, nil
	})
}

// One makes the panel of one operation: the one that the address names.
func One(desk Desk) *panel.Room[View] {
	return panel.New("operation", "Operation", panel.More{}, own, func(ctx context.Context, v panel.Viewer) (panel.Facts[View], error) {
		op, err := desk.Operation(ctx, v.Actor, v.Query.Get("id"))
		if err != nil {
			return panel.Facts[View]{}, err
		}
		facts := Facts(op, v.Actor)
		if op.Sheet != "" {
			// The operation is worth seeing also without what was confirmed, which
			// has a page of its own that says why it cannot be read.
			if sheet, err := desk.Sheet(ctx, v.Actor, op.Sheet); err == nil {
				facts.View.Crons = cronChanges(sheet.Crons)
			}
		}
		return facts, nil
	})
}

func cronChanges(c release.SheetCrons) []ui.CronChange {
	var all []ui.CronChange
	for _, one := range c.All() {
		all = append(all, ui.NewCronChange(one.Path, one.From, one.To, cron.Words(one.From), cron.Words(one.To)))
	}
	return all
}

// Facts makes the facts of one operation.
func Facts(op release.Operation, a access.Actor) panel.Facts[View] {
	view := View{Row: newRow(&op), Floor: newFloor(op.Floor), Stayed: reasons(op.Stayed), Ended: op.Phase.Ended(), Project: ui.Name(op.Project)}
	view.From, view.To, view.Back = newBuild(op.From), newBuild(op.To), newBuild(op.Back)
	if w := op.Worker; w != nil {
		view.Worker = ui.Name(w.Name)
		view.Path = "/admin/environments/workers/" + url.PathEscape(w.Name) + "?" + url.Values{"project": {op.Project}}.Encode()
	}
	for i := range op.Steps {
		view.Steps = append(view.Steps, newStep(&op.Steps[i]))
	}
	if op.Bake != nil {
		view.Bake = newBake(op.Bake)
	}
	if !view.Ended {
		view.Act = newAct(&op, a)
	}
	view.guards(&op)
	view.Issues, view.Reports = newIssues(op.NewIssues), newReports(op.Reports)
	if k := op.Snapshot; k != nil {
		view.Snapshot = &Snapshot{Name: ui.Name(k.Name), Of: ui.Name(k.Of), LSN: ui.Name(k.LSN), At: k.At}
		// After a rollback the database is as the release left it: giving it back
		// is an act of its own.
		if back := op.Phase == release.RolledBack || op.Phase == release.RollbackFailed; back && k.Source != "" {
			view.Snapshot.Restore = "/admin/environments/database/" + url.PathEscape(k.Source) + "/restore?" + url.Values{"project": {op.Project}, "source": {k.ID}}.Encode()
		}
	}
	facts := panel.Facts[View]{View: view, Say: ui.Text(view.Row.State.Word + ". " + string(view.Row.Message)), Title: ui.Text(view.Row.State.Word)}
	switch {
	case !view.Ended:
		facts.Pace = livePace
	case view.follows(&op):
		facts.Pace = followPace
	}
	return facts
}

// follows says that something after the end is still to come soon.
func (v *View) follows(op *release.Operation) bool {
	if v.Issues != nil && !v.Issues.Settled {
		return true
	}
	for i := range op.Reports {
		if op.Reports[i].DoneAt == nil {
			return true
		}
	}
	return false
}

// View is what the template draws: a list, or one operation.
type View struct {
	List bool
	Rows []Row

	Row     Row
	Project ui.Text
	Worker  ui.Text // its name, of an operation on a Worker
	Path    string  // the Worker's page
	From    *Build
	To      *Build
	Back    *Build
	Floor   *Floor // how what it goes back to stands on the schema; nil when nothing here reads migrations
	Steps   []Step
	Bake    *Bake
	Stayed  []ui.Text
	// Issues and Reports are what followed the switch.
	Issues  *Issues // nil: nobody here knows issues, or nothing was moved
	Reports []Report
	// Snapshot is the database as it was before the switch; nil: none was made.
	Snapshot *Snapshot
	Ended    bool
	Act      *Act
	// Crons are the schedules that it changes, as it was confirmed.
	Crons []ui.CronChange
	// Sheet is the page of what was confirmed, Compare of what lies between the
	// two builds; "" when there is none.
	Sheet    string
	Compare  string
	Approved ui.Text
	Request  string // the page of the approval
	Glass    []ui.Text
}

// Floor is how a build stands on the schema.
type Floor struct {
	State     ui.Badge
	Why       ui.Text
	Confirmed bool
}

func newFloor(f *release.Footing) *Floor {
	if f == nil {
		return nil
	}
	v := &Floor{State: ui.Badge{Icon: "unknown", Word: "Schema unknown", Tone: ui.Unknown}, Why: ui.Reason(f.Why), Confirmed: f.Confirmed}
	switch f.Stand {
	case release.StandsOK:
		v.State = ui.Badge{Icon: "ok", Word: "Schema OK", Tone: ui.Good}
	case release.StandsBelow:
		v.State = ui.Badge{Icon: "failed", Word: "Below the floor", Tone: ui.Bad}
	}
	return v
}

// Snapshot is a branch that holds the database as it was.
type Snapshot struct {
	Name    ui.Text
	Of      ui.Text
	LSN     ui.Text
	At      time.Time
	Restore string // where it is restored, "" when that is not offered
}

// Row is one operation in a line.
type Row struct {
	ID          ui.Text
	Path        string
	What        string
	Environment ui.Text
	State       ui.Badge
	Message     ui.Text
	Reason      ui.Text
	By          ui.Text
	Automatic   bool
	Marks       []ui.Badge // what everybody should see at a glance
	Commit      ui.Text
	At          time.Time
	EndedAt     time.Time
	Took        string
}

// Build is one build.
type Build struct {
	ID      ui.Text
	Commit  ui.Text // of a Worker's version: its tag, or the start of its id
	Number  int     // of a Worker's version
	Message ui.Text
	URL     ui.Link
}

// Step is one thing that was done or looked at.
type Step struct {
	Name     ui.Text
	Phase    ui.Text
	Intent   ui.Text
	Seen     ui.Text
	State    ui.Badge
	Attempt  string
	At       time.Time
	Took     string
	Evidence []Evidence
}

// Evidence is one fact that a step rests on.
type Evidence struct {
	Label, Value ui.Text
	URL          ui.Link
}

// Bake is the watch over the new build.
type Bake struct {
	Since, Until time.Time
	Probes       Chart
	Counts       *Chart // nil while nothing was counted
	Healthy      string
	Health       ui.Text
	Errors       ui.Fact
	Before       ui.Fact
	Verdict      ui.Badge
	ErrorsText   ui.Text
	SickBefore   bool
	Unproven     bool
}

// Act is what can be done about a running operation.
type Act struct {
	Action string // where the form goes
	Label  string
	Hint   string
	Cancel bool
	Why    ui.Text // why it can not be done, "" when it can
}

func newAct(op *release.Operation, a access.Actor) *Act {
	act := &Act{Action: "/admin/environments/rollback", Label: "Roll back now", Hint: "Production goes back to what was live before. Nothing blocks this."}
	use := access.Rollback
	if !op.Switched() {
		act = &Act{Action: Path + "/" + op.ID + "/cancel", Label: "Cancel", Hint: "Nothing has changed in production yet.", Cancel: true}
		use = access.CancelOperation
	}
	if op.Phase == release.RollingBack || op.Action == release.Rollback && op.Switched() {
		act.Why = "It goes back already."
	}
	if !access.Permits(a, use) {
		act.Why = "Only a SUPER_ADMIN can do this."
	}
	return act
}

func reasons(all []string) []ui.Text {
	var out []ui.Text
	for _, s := range all {
		out = append(out, ui.Reason(s))
	}
	return out
}

func newRow(op *release.Operation) Row {
	r := Row{
		ID: ui.Name(op.ID), Path: Path + "/" + op.ID, What: what(op.Action), Environment: ui.Name(op.Environment), State: State(op.Phase),
		Message: ui.Reason(op.Message), Reason: ui.Reason(op.Reason), By: ui.Name(op.By.Name), Automatic: op.Automatic, At: op.CreatedAt,
	}
	if op.To != nil {
		r.Commit = nameOf(op.To)
	}
	if op.Glass != nil {
		r.Marks = append(r.Marks, ui.Badge{Icon: "failed", Word: "Glass broken", Tone: ui.Bad})
	}
	if op.Approval != nil && op.Approval.Solo {
		r.Marks = append(r.Marks, ui.Badge{Icon: "note", Word: "Solo", Tone: ui.Warn})
	}
	if op.Automatic {
		r.Marks = append(r.Marks, ui.Badge{Icon: "pin", Word: "By envdeck itself", Tone: ui.Quiet})
	}
	if op.Phase == release.Superseded {
		r.Marks = append(r.Marks, ui.Badge{Icon: "split", Word: "Moved from outside", Tone: ui.Warn})
	}
	if op.EndedAt != nil {
		r.EndedAt, r.Took = *op.EndedAt, ui.Took(op.EndedAt.Sub(op.CreatedAt))
	}
	return r
}

func what(a release.Action) string {
	switch a {
	case release.Promote:
		return "Promotion"
	case release.Rollback:
		return "Rollback"
	case release.Deploy:
		return "Deployment"
	default:
		return "Operation"
	}
}

func short(commit string) ui.Text { return ui.Name(commit[:min(7, len(commit))]) }

func newBuild(b *release.Build) *Build {
	if b == nil {
		return nil
	}
	return &Build{ID: ui.Name(b.ID), Commit: nameOf(b), Number: b.Number, Message: ui.Title(b.Message), URL: ui.NewLink(b.URL)}
}

// nameOf is what people call a build or a Worker's version by, "" for its id.
func nameOf(b *release.Build) ui.Text {
	switch {
	case b.Tag != "":
		return ui.Name(b.Tag)
	case b.Number > 0:
		return ui.Name(b.ID[:min(8, len(b.ID))])
	}
	return short(b.Commit)
}

// State is a phase for the eye. One that is not known is never green.
func State(p release.Phase) ui.Badge {
	switch p {
	case release.Requested, release.Preflight, release.Snapshot:
		return ui.Badge{Icon: "queued", Word: phaseWord(p), Tone: ui.Busy}
	case release.Switching, release.Confirming, release.Baking:
		return ui.Badge{Icon: "deploying", Word: phaseWord(p), Tone: ui.Busy}
	case release.RollingBack:
		return ui.Badge{Icon: "deploying", Word: "Rolling back", Tone: ui.Warn}
	case release.Succeeded:
		return ui.Badge{Icon: "ok", Word: "Succeeded", Tone: ui.Good}
	case release.RolledBack:
		return ui.Badge{Icon: "degraded", Word: "Rolled back", Tone: ui.Warn}
	case release.Refused, release.Cancelled:
		return ui.Badge{Icon: "canceled", Word: phaseWord(p), Tone: ui.Quiet}
	case release.Superseded:
		return ui.Badge{Icon: "split", Word: "Superseded", Tone: ui.Warn}
	case release.Failed, release.RollbackFailed, release.NeedsHuman:
		return ui.Badge{Icon: "failed", Word: phaseWord(p), Tone: ui.Bad}
	default:
		return ui.Badge{Icon: "unknown", Word: string(ui.Name(string(p))), Tone: ui.Unknown}
	}
}

// phaseWord writes a phase's name for people: "rollback_failed" is "Rollback
// failed".
func phaseWord(p release.Phase) string {
	s := strings.ReplaceAll(string(p), "_", " ")
	if s == "" {
		return "Unknown"
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func newStep(s *release.Step) Step {
	step := Step{
		Name: ui.Name(strings.ReplaceAll(s.Name, "_", " ")), Phase: ui.Text(phaseWord(s.Phase)), Intent: ui.Reason(s.Intent), Seen: ui.Reason(s.Observation),
		State: verdict(s.Verdict, s.EndedAt != nil), At: s.StartedAt,
	}
	if s.Attempt > 1 {
		step.Attempt = "attempt " + strconv.Itoa(s.Attempt)
	}
	if s.EndedAt != nil {
		step.Took = ui.Took(s.EndedAt.Sub(s.StartedAt))
	}
	for _, e := range s.Evidence {
		step.Evidence = append(step.Evidence, Evidence{ui.Name(e.Label), ui.Reason(e.Value), ui.NewLink(e.URL)})
	}
	return step
}

func verdict(v release.Verdict, ended bool) ui.Badge {
	switch v {
	case release.Pass:
		return ui.Badge{Icon: "ok", Word: "Pass", Tone: ui.Good}
	case release.Fail:
		return ui.Badge{Icon: "failed", Word: "Fail", Tone: ui.Bad}
	case release.Inconclusive:
		return ui.Badge{Icon: "unknown", Word: "Inconclusive", Tone: ui.Unknown}
	case release.Error:
		return ui.Badge{Icon: "degraded", Word: "Error", Tone: ui.Warn}
	}
	if !ended {
		return ui.Badge{Icon: "building", Word: "Under way", Tone: ui.Busy}
	}
	return ui.Badge{Icon: "check", Word: "Done", Tone: ui.Quiet}
}

func newBake(w *release.Watch) *Bake {
	b := &Bake{
		Since: w.Since, Until: w.Until, Health: ui.Reason(w.Health), ErrorsText: ui.Reason(w.ErrorsText), SickBefore: w.SickBefore, Unproven: w.Unproven,
		Errors: rate(w.Errors), Before: rate(w.Before), Verdict: verdict(w.ErrorsSay, w.ErrorsSay != ""),
	}
	if w.ErrorsSay == "" {
		b.Verdict = ui.Badge{Icon: "unknown", Word: "Not known yet", Tone: ui.Unknown}
	}
	b.Healthy = strconv.Itoa(w.Healthy) + " of " + strconv.Itoa(w.Probes)
	b.Probes, b.Counts = probes(w), counts(w)
	return b
}

func rate(r *release.Rate) ui.Fact {
	if r == nil {
		return ui.NotKnown("The source of errors has not answered for this span.")
	}
	a := strconv.FormatFloat(float64(r.Count)/max(r.Over.Minutes(), 1.0/60), 'f', 1, 64)
	return ui.Known(ui.Text(strconv.FormatInt(r.Count, 10) + " in " + ui.Took(r.Over) + ", " + a + " a minute"))
}
