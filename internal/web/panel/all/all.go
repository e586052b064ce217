// Package all lists the pages of the dashboard and the panels on each: the one
// place to add a panel to.
package all

import (
	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/panel/activity"
	"github.com/envdeck/envdeck/internal/web/panel/crons"
	"github.com/envdeck/envdeck/internal/web/panel/database"
	"github.com/envdeck/envdeck/internal/web/panel/deployments"
	"github.com/envdeck/envdeck/internal/web/panel/guards"
	"github.com/envdeck/envdeck/internal/web/panel/incidents"
	"github.com/envdeck/envdeck/internal/web/panel/lanes"
	"github.com/envdeck/envdeck/internal/web/panel/operations"
	"github.com/envdeck/envdeck/internal/web/panel/workers"
)

// Rooms are the features behind the panels.
type Rooms struct {
	Board   lanes.Board
	History deployments.History
	Log     activity.Log
	Desk    Desk
	Crons   crons.Book
	Workers workers.Fleet
	// URL is the address that people and jobs use.
	URL func() string

	Databases database.Databases
	// Incidents may be nil: then there are no pages of them.
	Incidents incidents.Desk
}

// Desk is the release room as the panels know it.
type Desk interface {
	operations.Desk
	guards.Desk
}

// Pages lists every page in the order of the navigation.
func Pages(r Rooms) []panel.Page {
	pages := []panel.Page{
		{Path: "/admin/environments", Title: "Environments", Use: access.ViewStatus, Panels: []panel.Panel{
			lanes.New(r.Board, r.Desk), crons.Newest(r.Crons, 12), workers.Cards(r.Workers), database.Brief(r.Databases), operations.Newest(r.Desk, 6), deployments.Newest(r.History, 8),
		}},
		{Path: deployments.Path, Title: "Deployments", Use: access.ViewDeployments, Panels: []panel.Panel{
			deployments.All(r.History),
		}},
		{Path: operations.Path, Title: "Operations", Use: access.ViewOperations, Panels: []panel.Panel{
			operations.All(r.Desk),
		}},
		{Path: operations.Path + "/{id}", Title: "Operation", Use: access.ViewOperations, Under: operations.Path, Panels: []panel.Panel{
			operations.One(r.Desk), crons.Moved(r.Crons),
		}},
		{Path: guards.Path, Title: "Guards", Use: access.ViewOperations, Under: operations.Path, Panels: []panel.Panel{
			guards.New(r.Desk),
		}},
		{Path: crons.Path, Title: "Crons", Use: access.ViewCrons, Panels: []panel.Panel{
			crons.All(r.Crons), crons.Report(r.URL),
		}},
		{Path: crons.JobPath, Title: "Cron job", Use: access.ViewCrons, Under: crons.Path, Charts: true, Panels: []panel.Panel{
			crons.One(r.Crons, r.URL),
		}},
		{Path: crons.OutputPath, Title: "Output", Use: access.ViewCrons, Under: crons.Path, Panels: []panel.Panel{
			crons.Printed(r.Crons),
		}},
		{Path: workers.Path, Title: "Workers", Use: access.ViewWorkers, Panels: []panel.Panel{
			workers.All(r.Workers),
		}},
		{Path: workers.Path + "/{id}", Title: "Worker", Use: access.ViewWorkers, Under: workers.Path, Panels: []panel.Panel{
			workers.One(r.Workers),
		}},
		{Path: database.Path, Title: "Database", Use: access.ViewDatabase, Panels: []panel.Panel{
			database.All(r.Databases),
		}},
		{Path: activity.Path, Title: "Activity", Use: access.ViewAudit, Panels: []panel.Panel{
			activity.New(r.Log),
		}},
	}
	if r.Incidents == nil {
		return pages
	}
	pages[0].Panels = append([]panel.Panel{incidents.Strip(r.Incidents)}, pages[0].Panels...)
	return append(pages, panel.Page{Path: incidents.Path, Title: "Incidents", Use: access.ViewIncidents, Panels: []panel.Panel{
		incidents.All(r.Incidents),
	}}, panel.Page{Path: incidents.Path + "/{id}", Title: "Incident", Use: access.ViewIncidents, Under: incidents.Path, Panels: []panel.Panel{
		incidents.One(r.Incidents),
	}})
}
