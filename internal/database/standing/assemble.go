package standing

import (
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/database/migration"
	"github.com/envdeck/envdeck/internal/hostile"
)

// wholeSchemas is the tool that has no list to compare with.
const wholeSchemas = "prisma-8"

// Limits of what is shown.
const (
	nameLimit = 200
	mostNames = 100
)

// Migrations is what is known, at once.
func (b *Book) Migrations(project string) database.MigrationState {
	s := b.projects[project]
	switch {
	case s == nil:
		return database.MigrationState{Unknown: "The configuration says nothing about this project's migrations."}
	case s.strange:
		return database.MigrationState{Unknown: "How this project's tool counts is not known here. Known are " + strings.Join(migration.Names(), ", ") + "."}
	case len(s.places) == 0:
		return database.MigrationState{Unknown: "The configuration names no database to read: set migrations.databases."}
	}
	now := b.clock.Now()
	var out database.MigrationState
	for _, at := range s.places {
		ledger, files := at.ledger.Peek(), at.listing.Peek()
		commit, why := s.p.Commit(at.environment)
		out.Environments = append(out.Environments, assemble(facts{
			environment: at.environment, tool: s.p.Tool, ledger: ledger, files: files, commit: commit, why: why,
		}))
		out.Sources = append(out.Sources, source("database of "+at.environment, ledger, now))
	}
	return out
}

type facts struct {
	environment, tool string
	ledger            cache.Fact[migration.Ledger]
	files             cache.Fact[listing]
	commit, why       string // that runs there now
}

func source[T any](name string, f cache.Fact[T], now time.Time) database.Source {
	out := database.Source{Name: name, FetchedAt: moment(f.FetchedAt), Stale: f.Stale(now)}
	if f.Err != nil {
		out.Error = &database.SourceProblem{Kind: f.Err.Kind.String(), Message: hostile.Line(f.Err.Message, hostile.ErrorLimit), RetryAfter: moment(f.RetryAt)}
	}
	return out
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// assemble is how one environment stands. It is pure. A list of another commit
// than the one that runs there now is no list.
func assemble(f facts) database.MigrationStanding {
	out := database.MigrationStanding{
		Environment: f.environment, Tool: f.tool, ReadAt: moment(f.ledger.FetchedAt), Unknown: map[string]string{},
		Pending: []string{}, Failed: []string{}, Skipped: []string{}, Edited: []string{}, RolledBack: []string{}, DatabaseOnly: []string{},
	}
	if !f.ledger.Known {
		why := "The database was not read yet."
		if f.ledger.Err != nil {
			why = hostile.Line(f.ledger.Err.Message, hostile.ErrorLimit)
		}
		for _, field := range []string{"latest", "appliedCount", "pendingCount", "failedCount"} {
			out.Unknown[field] = why
		}
		return out
	}
	tool := migration.Named(f.ledger.Value.Tool)
	if tool == nil {
		for _, field := range []string{"latest", "appliedCount", "pendingCount", "failedCount"} {
			out.Unknown[field] = "The tool that counts is not known here."
		}
		return out
	}
	out.Tool = tool.Name()
	list, why := f.list(tool.Name())
	if tool.Name() == wholeSchemas {
		list, why = migration.List{}, "" // the tool's own reason says more
	}
	if list.Known {
		out.Commit = f.files.Value.Commit
	}
	fill(&out, tool.Judge(f.ledger.Value.Rows, list), why)
	if list.Known && f.files.Value.Unread {
		out.Unknown["edited"] = "Not every file could be read, so an edited one may be missing here."
	}
	return out
}

// list is the migrations to compare with, or why there are none.
func (f facts) list(tool string) (migration.List, string) {
	l := f.files
	switch {
	case f.commit == "":
		why := f.why
		if why == "" {
			why = "Which commit runs there is not known."
		}
		return migration.List{}, why
	case l.Known && l.Value.Commit == f.commit && l.Value.Tool == tool:
		return migration.List{Known: true, Migrations: l.Value.Migrations}, ""
	case l.Err != nil:
		return migration.List{}, "The migrations of the commit that runs there could not be listed: " + hostile.Line(l.Err.Message, hostile.ErrorLimit)
	}
	return migration.List{}, "The migrations of the commit that runs there were not listed yet."
}

func fill(out *database.MigrationStanding, s migration.Standing, noList string) {
	reason := func(field string) string {
		if field != migration.Failed && field != migration.Applied && field != migration.Latest && noList != "" {
			return noList
		}
		return s.Unknown[field]
	}
	count := func(names []string, field, as string) *int {
		if names == nil {
			out.Unknown[as] = reason(field)
			return nil
		}
		n := len(names)
		return &n
	}
	if s.Latest != "" {
		latest := hostile.Line(s.Latest, nameLimit)
		out.Latest = &latest
	} else if why := s.Unknown[migration.Latest]; why != "" {
		out.Unknown["latest"] = why
	}
	out.AppliedCount = count(s.Applied, migration.Applied, "appliedCount")
	out.PendingCount = count(s.Pending, migration.Pending, "pendingCount")
	out.FailedCount = count(s.Failed, migration.Failed, "failedCount")
	for field, to := range map[string]*[]string{migration.Skipped: &out.Skipped, migration.Edited: &out.Edited, migration.OnlyInDB: &out.DatabaseOnly} {
		if s.Unknown[field] != "" {
			out.Unknown[field] = reason(field)
		}
		switch field {
		case migration.Skipped:
			*to = shown(s.Skipped)
		case migration.Edited:
			*to = shown(s.Edited)
		default:
			*to = shown(s.DatabaseOnly)
		}
	}
	out.Pending, out.Failed, out.RolledBack = shown(s.Pending), shown(s.Failed), shown(s.RolledBack)
}

// shown are names fit to be answered, and not all when there are very many.
func shown(names []string) []string {
	out := make([]string, 0, min(len(names), mostNames))
	for _, n := range names[:min(len(names), mostNames)] {
		out = append(out, hostile.Line(n, nameLimit))
	}
	return out
}
