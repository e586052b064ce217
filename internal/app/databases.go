package app

import (
	"context"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/release/keeping"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/panel"
)

// openDatabases opens the room of the databases; sets are in the order of the
// projects.
func (a *App) openDatabases(sets []provider.Set) {
	catalog := a.o.Config.Catalog()
	o := database.Options{
		Store: a.db, Migrations: a.migrations(sets), Gate: a.Control.Gate, Keeper: a.keeper, Clock: a.o.Clock, Log: a.o.Log,
	}
	for i, p := range a.o.Config.Projects {
		project, _ := catalog.Project(p.Name)
		one := database.Project{
			Catalog: project, Providers: sets[i], Keep: database.KeepPolicy{Count: p.Release.SnapshotKeep, Age: p.Release.SnapshotMaxAge},
		}
		if i > 0 {
			one.Prefix = p.Name + ":"
		}
		o.Projects = append(o.Projects, one)
	}
	a.data = database.New(o)
	a.loops = append(a.loops, loop{"databases", a.data.Run})
}

// databases gives the pages what they show, with ages in their words.
type databases struct{ *database.Book }

func (d databases) Database(ctx context.Context, who access.Actor, project string) (database.Status, []panel.Age, error) {
	s, ages, err := d.Status(ctx, who, project)
	if err != nil {
		return database.Status{}, nil, err
	}
	shown := make([]status.Age, 0, len(ages))
	for _, age := range ages {
		shown = append(shown, status.Age(age))
	}
	return s.Value, shown, nil
}

// snapshots is who keeps a project's database before a release, nil when
// nobody can.
func (a *App) snapshots(project string) release.Snapshotter {
	if !a.data.Snapshots(project) {
		return nil
	}
	return keeping.Databases{Book: a.data}
}
