// Package all lists the pages of the dashboard and the panels on each: the one
// place to add a panel to.
package all

import (
	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/web/panel"
	"github.com/envdeck/envdeck/internal/web/panel/activity"
	"github.com/envdeck/envdeck/internal/web/panel/deployments"
	"github.com/envdeck/envdeck/internal/web/panel/lanes"
)

// Rooms are the features behind the panels.
type Rooms struct {
	Board   lanes.Board
	History deployments.History
	Log     activity.Log
}

// Pages lists every page in the order of the navigation.
func Pages(r Rooms) []panel.Page {
	return []panel.Page{
		{Path: "/admin/environments", Title: "Environments", Use: access.ViewStatus, Panels: []panel.Panel{
			lanes.New(r.Board), deployments.Newest(r.History, 8),
		}},
		{Path: deployments.Path, Title: "Deployments", Use: access.ViewDeployments, Panels: []panel.Panel{
			deployments.All(r.History),
		}},
		{Path: activity.Path, Title: "Activity", Use: access.ViewAudit, Panels: []panel.Panel{
			activity.New(r.Log),
		}},
	}
}
