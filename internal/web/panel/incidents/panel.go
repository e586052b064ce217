// Package incidents is the panels of what went wrong: the list, one incident
// with its timeline, and a strip on the dashboard while something is open.
//
// It shows what the alert room says and decides nothing: what may be done is
// asked of the policy.
package incidents

import (
	"context"
	"embed"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/alert"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/ui"
)

//go:embed panel.html panel.css
var own embed.FS

// Path is the page of the list; one incident is below it.
const Path = alert.Path

// Desk knows the incidents.
type Desk interface {
	List(ctx context.Context, a access.Actor, q alert.Query) ([]alert.Incident, error)
	// Incident answers one with its timeline. fault.NotFound.
	Incident(ctx context.Context, a access.Actor, id string) (alert.Incident, error)
}

// View is what the template draws: a list, a strip or one incident.
type View struct {
	Mode string // list, strip or one
	Rows []Row
	Open int

	Row       Row
	Reason    ui.Text
	Snoozed   time.Time
	Taken     ui.Text // who is on it
	Suspects  []Suspect
	Remains   []ui.Text
	Parent    ui.Text
	Operation ui.Text
	Silent    bool // the operation is what a job has been silent since
	Folded    int
	Timeline  []Line
	Acts      bool
	Why       ui.Text // why nothing can be done here, "" when it can
}

// Row is one incident in a line.
type Row struct {
	ID, Title, Environment, Event ui.Text
	Path                          string
	State                         ui.Badge
	At, EndedAt                   time.Time
}

// Suspect is a release that may be the cause.
type Suspect struct {
	Operation, Action, Commit, Message ui.Text
	At                                 time.Time
}

// Line is one entry of the timeline.
type Line struct {
	At    string
	ISO   string
	State ui.Badge
	Text  ui.Text
	By    ui.Text
}

// All makes the panel of the list.
func All(d Desk) *panel.Room[View] {
	return panel.New("incidents", "Incidents", panel.More{}, own, func(ctx context.Context, v panel.Viewer) (panel.Facts[View], error) {
		return list(ctx, d, v, "list", alert.Query{Project: v.Project, Limit: 100})
	})
}

// Strip makes what the dashboard shows while something is open, and nothing
// otherwise.
func Strip(d Desk) *panel.Room[View] {
	return panel.New("open-incidents", "Open incidents", panel.More{Path: Path, Text: "All incidents"}, own, func(ctx context.Context, v panel.Viewer) (panel.Facts[View], error) {
		return list(ctx, d, v, "strip", alert.Query{Project: v.Project, Open: true, Limit: 100})
	})
}

func list(ctx context.Context, d Desk, v panel.Viewer, mode string, q alert.Query) (panel.Facts[View], error) {
	all, err := d.List(ctx, v.Actor, q)
	if err != nil {
		return panel.Facts[View]{}, err
	}
	facts := panel.Facts[View]{View: View{Mode: mode}}
	for i := range all {
		facts.View.Rows = append(facts.View.Rows, newRow(&all[i], v.Now))
		if all[i].Open() {
			facts.View.Open++
		}
	}
	facts.Say = "No incident is open."
	if facts.View.Open > 0 {
		facts.Title = ui.Text(ui.Plural(facts.View.Open, "incident", "incidents"))
		facts.Say = facts.Title + " open. " + facts.View.Rows[0].Title
	}
	if mode == "strip" && len(facts.View.Rows) > 3 {
		facts.View.Rows = facts.View.Rows[:3]
	}
	return facts, nil
}

// One makes the panel of the incident that the address names.
func One(d Desk) *panel.Room[View] {
	return panel.New("incident", "Incident", panel.More{}, own, func(ctx context.Context, v panel.Viewer) (panel.Facts[View], error) {
		inc, err := d.Incident(ctx, v.Actor, v.Query.Get("id"))
		if err != nil {
			return panel.Facts[View]{}, err
		}
		return Facts(&inc, v), nil
	})
}

// Facts makes the facts of one incident.
func Facts(i *alert.Incident, v panel.Viewer) panel.Facts[View] {
	view := View{
		Mode: "one", Row: newRow(i, v.Now), Reason: ui.Reason(i.Reason), Taken: ui.Name(i.AcknowledgedBy), Parent: ui.Name(i.Parent),
		Operation: ui.Name(i.Operation), Folded: i.Folded, Acts: i.Open(), Silent: i.Event == alert.CronMissed,
	}
	if i.Snoozed(v.Now) {
		view.Snoozed = *i.SnoozedUntil
	}
	for _, s := range i.Suspects {
		view.Suspects = append(view.Suspects, Suspect{ui.Name(s.Operation), ui.Name(s.Action), ui.Name(s.To[:min(7, len(s.To))]), ui.Title(s.Message), s.At})
	}
	for _, r := range i.Remains {
		view.Remains = append(view.Remains, ui.Reason(r))
	}
	for _, e := range i.Timeline {
		at := e.At.UTC()
		view.Timeline = append(view.Timeline, Line{at.Format("2 Jan 15:04:05"), at.Format(time.RFC3339), line(e.Kind), ui.Reason(e.Text), ui.Name(e.By)})
	}
	if !access.Permits(v.Actor, access.ManageIncidents) {
		view.Why = "Only a SUPER_ADMIN can do this."
	}
	return panel.Facts[View]{View: view, Title: ui.Text(view.Row.State.Word), Say: ui.Text(view.Row.State.Word) + ". " + view.Row.Title}
}

func newRow(i *alert.Incident, now time.Time) Row {
	r := Row{
		ID: ui.Name(i.ID), Title: ui.Reason(i.Title), Environment: ui.Name(i.Environment), Event: ui.Name(string(i.Event)), Path: Path + "/" + i.ID,
		State: state(i, now), At: i.OpenedAt,
	}
	if i.ClosedAt != nil {
		r.EndedAt = *i.ClosedAt
	}
	return r
}

func state(i *alert.Incident, now time.Time) ui.Badge {
	switch {
	case !i.Open():
		return ui.Badge{Icon: "check", Word: "Over", Tone: ui.Quiet}
	case i.Snoozed(now):
		return ui.Badge{Icon: "stale", Word: "Silenced", Tone: ui.Warn}
	case i.AcknowledgedAt != nil:
		return ui.Badge{Icon: "pulse", Word: "Acknowledged", Tone: ui.Warn}
	case i.Severity == alert.Critical:
		return ui.Badge{Icon: "down", Word: "Critical", Tone: ui.Bad}
	default:
		return ui.Badge{Icon: "degraded", Word: "Open", Tone: ui.Bad}
	}
}

func line(k alert.EntryKind) ui.Badge {
	switch k {
	case alert.Opened:
		return ui.Badge{Icon: "failed", Word: "Opened", Tone: ui.Bad}
	case alert.Evidence:
		return ui.Badge{Icon: "search", Word: "Evidence", Tone: ui.Quiet}
	case alert.FoldedIn:
		return ui.Badge{Icon: "branch", Word: "Part of it", Tone: ui.Quiet}
	case alert.StepTaken:
		return ui.Badge{Icon: "deploying", Word: "Release", Tone: ui.Quiet}
	case alert.Sent:
		return ui.Badge{Icon: "out", Word: "Told", Tone: ui.Quiet}
	case alert.Undelivered:
		return ui.Badge{Icon: "degraded", Word: "Not told", Tone: ui.Warn}
	case alert.Acknowledged:
		return ui.Badge{Icon: "pulse", Word: "Acknowledged", Tone: ui.Quiet}
	case alert.Snoozed:
		return ui.Badge{Icon: "stale", Word: "Silenced", Tone: ui.Quiet}
	case alert.Reminded:
		return ui.Badge{Icon: "stale", Word: "Reminder", Tone: ui.Quiet}
	case alert.Flapping:
		return ui.Badge{Icon: "drift", Word: "Flapping", Tone: ui.Warn}
	case alert.Closed:
		return ui.Badge{Icon: "check", Word: "Over", Tone: ui.Quiet}
	default:
		return ui.Badge{Icon: "note", Word: "Note", Tone: ui.Quiet}
	}
}
