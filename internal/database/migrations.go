package database

import (
	"context"
	"time"
)

// Migrations knows how the schemas of a project's environments stand. It reads
// databases and repositories in its own time, rarely, because a look may wake a
// database that sleeps; what it answers here it knows already.
type Migrations interface {
	// Migrations is what is known of a project's environments, at once and
	// without asking anybody. It may be called often.
	Migrations(project string) MigrationState
	// Watch says that somebody looks at a project: its facts are kept fresher
	// for a while. It costs nothing to say so often.
	Watch(project string)
	// Refresh looks at every database and repository now and waits.
	Refresh(ctx context.Context)
	// OnChange calls fn with a project's name after its state became another
	// one. fn is quick.
	OnChange(fn func(project string))
}

// MigrationState is how the migrations of one project stand.
type MigrationState struct {
	// Environments are in the order of the configuration; one whose database
	// is not known is not among them.
	Environments []MigrationStanding
	// Unknown says why nothing is known of any, "" when something is: the
	// configuration has no migrations, or nobody was asked yet.
	Unknown string
	// Sources is where the facts came from and how it stands.
	Sources []Source
}

// MigrationStanding is how one environment's schema stands against the
// migrations of the commit that runs there. What could not be had is nil and
// its reason is in Unknown; it is never 0 for that.
type MigrationStanding struct {
	Environment  string  `json:"environment"`
	Tool         string  `json:"tool" doc:"What makes the migrations, in its own word: prisma, drizzle, goose…"`
	Latest       *string `json:"latest" doc:"The newest one that was applied. null: not known, or none was."`
	AppliedCount *int    `json:"appliedCount" doc:"null: not known."`
	PendingCount *int    `json:"pendingCount" doc:"How many of the commit that runs there were not applied. null: not known."`
	FailedCount  *int    `json:"failedCount" doc:"How many began and did not end. null: not known, or the tool does not say."`
	// Pending, Failed, Skipped and Edited name them, in the order in which the
	// tool would take them, and not all of them when there are very many.
	Pending []string `json:"pending" nullable:"false"`
	Failed  []string `json:"failed" nullable:"false"`
	Skipped []string `json:"skipped" nullable:"false" doc:"Those that the tool will never apply and never mention."`
	Edited  []string `json:"edited" nullable:"false" doc:"Those whose text is another one than the applied."`
	// RolledBack failed, were marked as not applied, and are pending again where
	// the commit has them.
	RolledBack []string `json:"rolledBack" nullable:"false" doc:"Those that were applied, or failed, and were then taken back."`
	// DatabaseOnly is normal after older ones were squashed.
	DatabaseOnly []string `json:"databaseOnly" nullable:"false" doc:"Those that were applied and that the commit has no file of."`
	Commit       string   `json:"commit,omitempty" doc:"The commit whose migrations they were compared with."`
	// ReadAt is when the database was last read.
	ReadAt *time.Time `json:"readAt" doc:"When the database was last read. null: never."`
	// Unknown is why a field is null, by its name.
	Unknown map[string]string `json:"unknown,omitempty" doc:"Why a field is null, by its name."`
}

// MigrationSummary is the migrations of the answer: production's numbers, and
// every environment's.
type MigrationSummary struct {
	Latest       *string             `json:"latest" doc:"The newest migration that production's database has. null: not known, or none."`
	PendingCount *int                `json:"pendingCount" doc:"How many of production's commit its database does not have. null: not known, never 0 for that."`
	AppliedCount *int                `json:"appliedCount" doc:"null: not known."`
	Unknown      map[string]string   `json:"unknown,omitempty" doc:"Why a field is null, by its name."`
	Environments []MigrationStanding `json:"environments" nullable:"false"`
}

// summarize makes the answer's migrations; production is its environment.
func summarize(s MigrationState, production string) MigrationSummary {
	out := MigrationSummary{Environments: s.Environments}
	if out.Environments == nil {
		out.Environments = []MigrationStanding{}
	}
	why := s.Unknown
	if why == "" {
		why = "Nothing is known of production's database."
	}
	out.Unknown = map[string]string{"latest": why, "pendingCount": why, "appliedCount": why}
	for _, e := range s.Environments {
		if e.Environment == production {
			out.Latest, out.PendingCount, out.AppliedCount, out.Unknown = e.Latest, e.PendingCount, e.AppliedCount, nil
			for _, field := range []string{"latest", "pendingCount", "appliedCount"} {
				if reason := e.Unknown[field]; reason != "" {
					if out.Unknown == nil {
						out.Unknown = map[string]string{}
					}
					out.Unknown[field] = reason
				}
			}
		}
	}
	return out
}

// NoMigrations is Migrations where nobody reads them; its text says why.
type NoMigrations string

// Migrations knows nothing, and why.
func (n NoMigrations) Migrations(string) MigrationState { return MigrationState{Unknown: string(n)} }

// Watch does nothing.
func (NoMigrations) Watch(string) {}

// Refresh does nothing.
func (NoMigrations) Refresh(context.Context) {}

// OnChange never calls.
func (NoMigrations) OnChange(func(string)) {}
