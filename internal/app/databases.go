package app

import (
	"context"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/status"
	"github.com/envdeck/envdeck/internal/web/panel"
)

// openDatabases opens the room of the databases; sets are in the order of the
// projects.
func (a *App) openDatabases(sets []provider.Set) {
	catalog := a.o.Config.Catalog()
	o := database.Options{
		Migrations: a.migrations(), Gate: a.Control.Gate, Keeper: a.keeper, Clock: a.o.Clock, Log: a.o.Log,
	}
	for i, p := range a.o.Config.Projects {
		project, _ := catalog.Project(p.Name)
		one := database.Project{Catalog: project, Providers: sets[i]}
		if i > 0 {
			one.Prefix = p.Name + ":"
		}
		o.Projects = append(o.Projects, one)
	}
	a.data = database.New(o)
	a.loops = append(a.loops, loop{"databases", a.data.Run})
}

// migrations is who knows how the schemas stand.
func (a *App) migrations() database.Migrations {
	return database.NoMigrations("Nobody reads the migrations of this project.")
}

// databases gives the panels what they show, with ages in their words.
type databases struct{ book *database.Book }

func (d databases) Database(ctx context.Context, who access.Actor, project string) (database.Status, []panel.Age, error) {
	s, ages, err := d.book.Status(ctx, who, project)
	if err != nil {
		return database.Status{}, nil, err
	}
	shown := make([]status.Age, 0, len(ages))
	for _, age := range ages {
		shown = append(shown, status.Age(age))
	}
	return s.Value, shown, nil
}
