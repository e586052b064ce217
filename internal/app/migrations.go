package app

import (
	"context"
	"strings"

	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/database/migration"
	"github.com/envdeck/envdeck/internal/database/standing"
	"github.com/envdeck/envdeck/internal/ledger"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/status"
)

// migrations opens what knows how the schemas stand; sets are in the order of
// the projects.
func (a *App) migrations(sets []provider.Set) database.Migrations {
	catalog := a.o.Config.Catalog()
	o := standing.Options{Keeper: a.keeper, Clock: a.o.Clock}
	for i, p := range a.o.Config.Projects {
		if p.Migrations == nil {
			continue
		}
		project, _ := catalog.Project(p.Name)
		one := standing.Project{
			Catalog: project, Providers: sets[i], Tool: strings.ToLower(p.Migrations.Tool), Dir: p.Migrations.Dir,
			Databases: readers(p.Migrations), Commit: commitOf(a.boards[i]),
		}
		if i > 0 {
			one.Prefix = p.Name + ":"
		}
		o.Projects = append(o.Projects, one)
	}
	a.schemas = standing.New(o)
	for _, b := range a.boards {
		b.OnChange(func() { a.schemas.Moved(b.Project().Name) })
	}
	return a.schemas
}

func readers(m *config.Migrations) map[string]standing.Reader {
	out := map[string]standing.Reader{}
	for environment, address := range m.Databases {
		out[environment] = reader(address)
	}
	return out
}

func reader(address secret.Text) standing.Reader {
	return func(ctx context.Context, tool migration.Tool, folder []string) (migration.Ledger, error) {
		return ledger.Read(ctx, address, ledger.Ask{Tool: tool, Folder: folder})
	}
}

// commitOf tells which commit runs in an environment, as the board knows it.
func commitOf(b *status.Board) func(string) (commit, unknown string) {
	return func(environment string) (string, string) {
		info := b.Peek().Value.Environments[environment]
		switch {
		case info == nil:
			return "", "Nothing runs there."
		case info.Report != nil && info.Report.Dirty:
			return "", "The working copy has changes that no commit has."
		case info.CommitSHA == nil:
			return "", info.Unknown["commit"]
		case len(*info.CommitSHA) < 40:
			return "", "The full hash of the commit that runs there is not known."
		}
		return *info.CommitSHA, ""
	}
}
