package app

import (
	"context"
	"time"

	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/status"
)

// openReleases opens the room that moves production; sets and boards are in
// the order of the projects.
func (a *App) openReleases(sets []provider.Set) {
	catalog := a.o.Config.Catalog()
	o := release.Options{Gate: a.Control.Gate, Store: a.db, Clock: a.o.Clock, Log: a.o.Log, Approvers: a.Control.Approvers}
	for i, p := range a.o.Config.Projects {
		project, _ := catalog.Project(p.Name)
		o.Projects = append(o.Projects, release.Project{
			Project: project, Providers: sets[i], Health: a.watch, Snapshots: a.snapshots(p.Name), Rules: releaseRules(p), Refresh: refresher(a.boards[i]),
			Schema: schemaReader(p), RefreshWorkers: a.workers[i].Refresh,
		})
	}
	a.desk = release.New(o)
	a.loops = append(a.loops, loop{"release", a.desk.Run})
}

var _ release.Health = (*health.Watch)(nil)

func releaseRules(p config.Project) release.Rules {
	r := release.Rules{Bake: p.Release.Bake, Fallback: p.Release.Fallback != "", BackOnUnknown: p.Release.UnknownSchema == "roll_back", Snapshot: release.SnapshotRule(p.Release.Snapshot), Workers: p.Release.Workers, ReportTo: p.Release.ReportTo}
	if p.Migrations != nil {
		r.Migrations = p.Migrations.Dir
	}
	for _, f := range p.Release.Freeze {
		r.Freezes = append(r.Freezes, freeze(f))
	}
	if ap := p.Release.Approval; ap != nil {
		r.Approval = &release.ApprovalRules{Expires: ap.Expires, SoloAfter: ap.SoloAfter}
	}
	return r
}

// freeze takes a freeze over from a configuration that has been checked.
func freeze(f config.Freeze) release.Freeze {
	out := release.Freeze{Reason: f.Reason, Zone: time.UTC}
	out.Days, _ = f.Weekdays()
	out.From, out.To, _ = f.Minutes()
	out.First, _ = time.Parse(time.DateOnly, f.Start)
	out.Last, _ = time.Parse(time.DateOnly, f.End)
	if zone, err := time.LoadLocation(f.Zone); err == nil {
		out.Zone = zone
	}
	return out
}

// refresher asks for the facts anew after production moved.
func refresher(b *status.Board) func(context.Context) {
	return func(ctx context.Context) { b.Refresh(ctx) }
}
