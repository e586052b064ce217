package world

import (
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// The database branches the app's environments use; the Neon face has more.
const (
	ProductionBranch = "main"
	StagingBranch    = "next"
	DevDatabase      = "dev"
)

// Migration is one folder of prisma/migrations.
type Migration struct {
	Name string // 20261103120000_add_credits
	SQL  string
}

// AppliedMigration is one row of a branch's _prisma_migrations.
type AppliedMigration struct {
	Migration
	At         time.Time
	Deployment string // whose going live applied it, "" for history
}

// Migrations lists what is in the repository at a commit, oldest first.
func (s *State) Migrations(sha string) []Migration {
	files := s.Files(sha)
	var out []Migration
	for _, name := range slices.Sorted(maps.Keys(files)) {
		dir, file := path.Split(name)
		if file == "migration.sql" && strings.HasPrefix(dir, "prisma/migrations/") {
			out = append(out, Migration{Name: path.Base(dir), SQL: files[name]})
		}
	}
	return out
}

// Applied lists what a database branch has, in the order of application.
func (s *State) Applied(branch string) []AppliedMigration { return slices.Clone(s.database[branch]) }

// migrate applies to a branch what the deployment's commit has more. Nothing
// is ever taken back: that is what a rollback does not do.
func (s *State) migrate(branch string, d *Deployment) {
	have := map[string]bool{}
	for _, m := range s.database[branch] {
		have[m.Name] = true
	}
	for _, m := range s.Migrations(d.SHA) {
		if !have[m.Name] {
			s.database[branch] = append(s.database[branch], AppliedMigration{Migration: m, At: s.now, Deployment: d.ID})
		}
	}
}

// SetApplied replaces what a database branch has: the database face calls it
// when a branch is made from, or restored to, another one.
func (s *State) SetApplied(branch string, rows []AppliedMigration) {
	s.database[branch] = slices.Clone(rows)
}
