package app

import (
	"strings"

	"github.com/envdeck/envdeck/internal/config"
	"github.com/envdeck/envdeck/internal/database/schema"
	"github.com/envdeck/envdeck/internal/release"
)

// migrations reads what the configuration calls migrations, for releases.
type migrations schema.Options

// schemaReader is nil when no folder of migrations is named.
func schemaReader(p config.Project) release.Schema {
	if p.Migrations == nil {
		return nil
	}
	o := migrations{Tool: strings.ToLower(p.Migrations.Tool)}
	for _, database := range p.Migrations.Databases {
		scheme, _, _ := strings.Cut(database.Reveal(), ":")
		o.Dialect = dialects[strings.ToLower(scheme)]
	}
	return o
}

// dialects are the databases by the scheme of their address.
var dialects = map[string]schema.Dialect{
	"postgres": schema.Postgres, "postgresql": schema.Postgres, "sqlite": schema.SQLite, "file": schema.SQLite, "libsql": schema.SQLite, "mysql": schema.MySQL, "mariadb": schema.MySQL,
}

func (m migrations) Concerns(path string) bool { return schema.Concerns(m.Tool, path) }

func (m migrations) Read(files []release.MigrationFile) []release.SheetMigration {
	in := make([]schema.File, 0, len(files))
	for _, f := range files {
		in = append(in, schema.File(f))
	}
	out := make([]release.SheetMigration, 0, len(in))
	for _, r := range schema.Classify(schema.Options(m), in) {
		one := release.SheetMigration{Path: r.Path, Class: release.SchemaClass(r.Class), Reason: r.Reason}
		for _, s := range r.Statements {
			one.Statements = append(one.Statements, release.SheetStatement{Line: s.Line, Text: s.Text, Class: release.SchemaClass(s.Class), Reason: s.Reason})
		}
		out = append(out, one)
	}
	return out
}
