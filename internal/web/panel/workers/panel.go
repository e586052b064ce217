// Package workers is the panels of the programs beside the app: a card for each
// on the first page and on their own page, and one of them with its
// deployments, versions and timetable.
//
// It shows what the worker room says and decides nothing. It must not know the
// platform.
package workers

import (
	"context"
	"embed"
	"net/url"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/ui"
	"github.com/envdeck/envdeck/internal/worker"
)

//go:embed panel.html panel.css
var own embed.FS

// Path is the page of all workers; one of them is below it.
const Path = "/admin/environments/workers"

// Fleet knows the workers.
type Fleet interface {
	// Workers answers how a project's workers stand ("" is the first project),
	// and how long ago their source was asked. fault.Denied, fault.NotFound.
	Workers(ctx context.Context, actor access.Actor, project string) (worker.Workers, []panel.Age, error)
	// Worker answers one with its history. fault.NotFound.
	Worker(ctx context.Context, actor access.Actor, project, name string) (worker.History, []panel.Age, error)
}

// Cards makes the panel of the first page.
func Cards(fleet Fleet) *panel.Room[View] {
	return cards("fleet", "Workers", panel.More{Path: Path, Text: "All Workers"}, fleet)
}

// All makes the panel of their own page.
func All(fleet Fleet) *panel.Room[View] { return cards("workers", "Workers", panel.More{}, fleet) }

func cards(name, title string, more panel.More, fleet Fleet) *panel.Room[View] {
	return panel.New(name, title, more, own, func(ctx context.Context, v panel.Viewer) (panel.Facts[View], error) {
		all, ages, err := fleet.Workers(ctx, v.Actor, v.Project)
		if err != nil {
			return panel.Facts[View]{}, err
		}
		return Facts(all, ages, v.Project), nil
	})
}

// One makes the panel of the worker that the address names.
func One(fleet Fleet) *panel.Room[View] {
	return panel.New("worker", "Worker", panel.More{Path: Path, Text: "All Workers"}, own, func(ctx context.Context, v panel.Viewer) (panel.Facts[View], error) {
		h, ages, err := fleet.Worker(ctx, v.Actor, v.Project, v.Query.Get("id"))
		if err != nil {
			return panel.Facts[View]{}, err
		}
		view := View{One: newWhole(h, v.Project)}
		return panel.Facts[View]{
			View: view, Ages: ages, Notices: panel.Broken(h.Sources), Title: view.One.Card.Name,
			Say: ui.Text(view.One.Card.State.Word),
		}, nil
	})
}

// Facts makes the facts of the cards.
func Facts(all worker.Workers, ages []panel.Age, project string) panel.Facts[View] {
	view := View{Incomplete: ui.Reason(all.Incomplete), Configured: len(all.Sources) > 0}
	for i := range all.Workers {
		view.Cards = append(view.Cards, newCard(&all.Workers[i], project))
	}
	waiting := view.Configured
	for _, s := range all.Sources {
		waiting = waiting && s.FetchedAt == nil && s.Error == nil
	}
	view.Unknown = len(view.Cards) == 0 && len(panel.Broken(all.Sources)) > 0
	return panel.Facts[View]{View: view, Ages: ages, Notices: panel.Broken(all.Sources), Waiting: waiting}
}

// View is what the template draws: cards, or one worker.
type View struct {
	Cards      []Card
	Incomplete ui.Text
	Configured bool
	Unknown    bool // no workers are known because the source is broken
	One        *Whole
}

// Card is one worker at a glance.
type Card struct {
	ID       ui.Text // of the element
	Name     ui.Text
	Path     string
	Script   ui.Text // "" when it is the name
	State    ui.Badge
	Figures  []Figure
	Spark    *ui.Spark
	SparkWhy ui.Text // why there is none
	Serving  []Share
	WhyNot   ui.Text // why nobody knows what serves
	Deployed *Deployed
	Routes   []Route
	RouteWhy ui.Text
	Notes    []ui.Text
	Sampled  bool
}

// Figure is one number of a day.
type Figure struct {
	Label, Hint string
	Value       ui.Fact
	Bad         bool
}

// Share is a version with its part of the traffic.
type Share struct {
	Version ui.Text // its tag, or the start of its id
	Full    ui.Text // the whole id
	Number  int
	Percent string
	Width   float64 // of 100
	Message ui.Text
	Author  ui.Text
}

// Route is one way to it.
type Route struct {
	Text ui.Text
	Link ui.Link
}

// pathOf is a worker's own page.
func pathOf(name, project string) string { return within(Path+"/"+url.PathEscape(name), project) }

// backOf is the page that takes a worker back.
func backOf(name, project string) string {
	return within(Path+"/"+url.PathEscape(name)+"/rollback", project)
}

func within(path, project string) string {
	if project != "" {
		path += "?" + url.Values{"project": {project}}.Encode()
	}
	return path
}

// routes shows addresses as links and patterns as they are.
func routes(all []string) []Route {
	out := make([]Route, 0, len(all))
	for _, r := range all {
		out = append(out, Route{Text: ui.Name(r), Link: ui.NewLink(r)})
	}
	return out
}

func notes(all []status.Note) []ui.Text {
	var out []ui.Text
	for _, n := range all {
		if n.Code != "gradual" { // the badge and the two versions say it
			out = append(out, ui.Reason(n.Text))
		}
	}
	return out
}
