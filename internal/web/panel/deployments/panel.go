// Package deployments is the panel of the builds there were, newest first: the
// short list on the first page and the full one on its own page.
//
// It shows what the platform said and decides nothing: which build is live is
// told to it. It must not know the platform.
package deployments

import (
	"context"
	"embed"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/ui"
)

//go:embed panel.html panel.css
var own embed.FS

// Path is the page of the full list.
const Path = "/admin/environments/deployments"

// History knows the builds there were.
type History interface {
	// Deployments answers the newest snapshot of a project's builds ("" is the
	// first project), newest first, and how long ago each source was asked.
	// fault.Denied: the actor may not see it. fault.NotFound: no such project.
	Deployments(ctx context.Context, actor access.Actor, project string) (status.Deployments, []panel.Age, error)
}

// Newest makes the short panel: the newest builds and a link to all of them.
func Newest(history History, limit int) *panel.Room[View] {
	more := panel.More{Path: Path, Text: "All deployments"}
	return panel.New("newest", "Newest deployments", more, own, load(history, limit))
}

// All makes the panel with every build and a filter.
func All(history History) *panel.Room[View] {
	return panel.New("deployments", "Deployments", panel.More{}, own, load(history, 0))
}

func load(history History, limit int) func(context.Context, panel.Viewer) (panel.Facts[View], error) {
	return func(ctx context.Context, v panel.Viewer) (panel.Facts[View], error) {
		d, ages, err := history.Deployments(ctx, v.Actor, v.Project)
		if err != nil {
			return panel.Facts[View]{}, err
		}
		return Facts(d, ages, limit, v.Query.Get("q")), nil
	}
}

// Facts makes the panel's facts: at most limit builds when it is not 0, else
// all that match the filter.
func Facts(d status.Deployments, ages []panel.Age, limit int, filter string) panel.Facts[View] {
	view := View{Full: limit == 0, Incomplete: d.Incomplete, Total: len(d.Deployments)}
	if view.Full {
		view.Filter = ui.Name(filter)
	}
	answered := false
	for _, s := range d.Sources {
		answered = answered || s.FetchedAt != nil || s.Error != nil
	}
	for _, one := range d.Deployments {
		if limit > 0 && len(view.Rows) == limit {
			break
		}
		if row := newRow(one); row.matches(string(view.Filter)) {
			view.Rows = append(view.Rows, row)
		}
	}
	facts := panel.Facts[View]{View: view, Ages: ages, Waiting: !answered && len(d.Deployments) == 0}
	if view.Full {
		facts.Notices = panel.Broken(d.Sources)
	} else { // the short list stands below a panel that says all this already
		facts.Ages = nil
	}
	facts.View.Unknown = len(d.Deployments) == 0 && len(panel.Broken(d.Sources)) > 0
	return facts
}

// View is what the template draws.
type View struct {
	Full       bool
	Filter     ui.Text
	Rows       []Row
	Total      int
	Incomplete bool
	Unknown    bool // no builds are known because the source is broken
}

// Row is one build.
type Row struct {
	ID           ui.Text
	State        ui.Badge
	Stage        ui.Text
	Live         bool
	Commit       ui.Text
	CommitSHA    ui.Text
	CommitURL    ui.Link
	Message      ui.Text
	Branch       ui.Text
	Author       ui.Text
	Creator      ui.Text // set when it is not the author
	Target       ui.Text
	Environments []ui.Text
	Pull         int
	CreatedAt    time.Time
	Took         string
	URL          ui.Link
	Inspector    ui.Link
	Problem      ui.Text
}

func newRow(d status.Deployment) Row {
	r := Row{
		ID: ui.Name(d.ID), State: state(d.State), Stage: stage(d.Stage, d.Live), Live: d.Live,
		Commit: ui.Name(d.Commit), CommitSHA: ui.Name(d.CommitSHA), CommitURL: ui.NewLink(d.CommitURL),
		Message: ui.Title(d.CommitMessage), Branch: ui.Name(d.Branch), Author: ui.Name(d.Author),
		Pull: d.PullRequest, CreatedAt: d.CreatedAt, URL: ui.NewLink(d.URL), Inspector: ui.NewLink(d.InspectorURL),
		Problem: ui.Reason(d.Problem),
	}
	if d.Creator != d.Author {
		r.Creator = ui.Name(d.Creator)
	}
	if d.Target != nil {
		r.Target = ui.Name(*d.Target)
	}
	for _, e := range d.Environments {
		r.Environments = append(r.Environments, ui.Name(e))
	}
	if d.ReadyAt != nil && d.ReadyAt.After(d.CreatedAt) {
		r.Took = ui.Took(d.ReadyAt.Sub(d.CreatedAt))
	}
	return r
}

// matches says whether every word of the filter is somewhere in the row: the
// same rule as the script's, for readers without it.
func (r Row) matches(filter string) bool {
	if filter == "" {
		return true
	}
	parts := []string{string(r.ID), r.State.Word, string(r.Stage), string(r.Commit), string(r.Message), string(r.Branch), string(r.Author), string(r.Creator), string(r.Target)}
	for _, e := range r.Environments {
		parts = append(parts, string(e))
	}
	all := strings.ToLower(strings.Join(parts, " "))
	for word := range strings.FieldsSeq(strings.ToLower(filter)) {
		if !strings.Contains(all, word) {
			return false
		}
	}
	return true
}

func stage(s string, live bool) ui.Text {
	switch {
	case live:
		return "" // the live marker says it
	case s == "STAGED":
		return "staged"
	case s == "ROLLING":
		return "rolling"
	case s == "PROMOTED":
		return "was live"
	default:
		return ui.Name(strings.ToLower(s))
	}
}

// state translates the platform's word. One that is not known is shown as it
// is, never green.
func state(s string) ui.Badge {
	switch s {
	case "READY":
		return ui.Badge{Icon: "check", Word: "Ready", Tone: ui.Quiet}
	case "BUILDING", "INITIALIZING", "ANALYZING", "DEPLOYING":
		return ui.Badge{Icon: "building", Word: "Building", Tone: ui.Busy}
	case "QUEUED", "BLOCKED":
		return ui.Badge{Icon: "queued", Word: "Queued", Tone: ui.Busy}
	case "ERROR":
		return ui.Badge{Icon: "failed", Word: "Failed", Tone: ui.Bad}
	case "CANCELED":
		return ui.Badge{Icon: "canceled", Word: "Canceled", Tone: ui.Quiet}
	case "DELETED":
		return ui.Badge{Icon: "canceled", Word: "Deleted", Tone: ui.Quiet}
	case "":
		return ui.Badge{Icon: "unknown", Word: "Unknown", Tone: ui.Unknown}
	default:
		return ui.Badge{Icon: "unknown", Word: string(ui.Name(strings.ToLower(s))), Tone: ui.Unknown}
	}
}
