package stories

import (
	"time"

	"github.com/envdeck/envdeck/internal/database"
)

func branch(id, name, environment string, age time.Duration, size int64) database.Branch {
	b := database.Branch{
		ID: "br-" + id, Name: name, Environment: environment, CurrentState: "ready", CreatedAt: before(age), UpdatedAt: before(age / 2),
		ParentID: new("br-aged-salad-637688"), ParentName: "main", Owner: "Zoltan Erdos", Origin: "console",
	}
	if size > 0 {
		b.LogicalSize = &size
	}
	return b
}

// branches is an ordinary database: two environments, a snapshot, and what
// previews left behind.
func branches() database.Status {
	const day = 24 * time.Hour
	main := branch("aged-salad-637688", "main", "prod", 200*day, 31_420_416_000)
	main.ParentID, main.ParentName, main.Default, main.Protected, main.Children, main.Kept = nil, "", true, true, 4, "It is production's database."
	next := branch("calm-leaf-118204", "next", "next", 90*day, 29_884_416_000)
	kept := branch("dawn-rain-990012", "envdeck/prod/op_running", database.NoEnvironment, 3*time.Minute, 0)
	kept.CurrentState, kept.PendingState, kept.Operation = "init", "ready", "op_running"
	old := branch("icy-wave-404221", "preview/dark-mode", database.NoEnvironment, 26*day, 9_311_000_000)
	old.Stale, old.Origin = "No environment uses it, and nothing has changed in it for 26 days.", "vercel"
	odd := branch("noisy-sun-771300", "preview/webhooks", database.NoEnvironment, 5*day, 12_400_000)
	odd.CurrentState = "defrosting"
	gone := branch("proud-math-551234", "archive/2025-black-friday", database.NoEnvironment, 180*day, 18_220_000_000)
	gone.CurrentState = "archived"
	applied, pending, none := 42, 1, 0
	latest := "20261114100000_credit_ledger"
	return database.Status{
		Project: "spike.land", Branches: []database.Branch{main, next, kept, odd, old, gone}, Stale: []string{old.ID}, Suggestions: []string{},
		Migrations: database.MigrationSummary{
			Latest: &latest, PendingCount: &none, AppliedCount: &applied,
			Environments: []database.MigrationStanding{
				{Environment: "next", Tool: "prisma", Latest: &latest, AppliedCount: &applied, PendingCount: &pending, FailedCount: &none, Pending: []string{"20261121090000_gallery_cursor"}, ReadAt: at(4 * time.Minute)},
				{Environment: "prod", Tool: "prisma", Latest: &latest, AppliedCount: &applied, FailedCount: &none, ReadAt: at(4 * time.Minute), Unknown: map[string]string{"pendingCount": "The migrations of the deployed commit could not be listed: GitHub is failing (502)."}},
			},
		},
		Sources: []database.Source{{Name: "neon", FetchedAt: at(10 * time.Minute)}}, LastUpdated: before(41 * time.Second),
	}
}

// changes are a restore under way and a branch that was made.
func changes() []database.Change {
	who := database.Who{ID: "u1", Name: "zoltan", Kind: "person"}
	return []database.Change{
		{
			ID: "chg_running", Project: "spike.land", Environment: "next", Kind: database.Restore, Phase: database.Working, Message: "The provider has accepted it and is at work.",
			Reason: "The seed script ran twice", By: who, CreatedAt: before(40 * time.Second), Branch: database.BranchRef{ID: "br-calm-leaf-118204", Name: "next"},
			Source: &database.BranchRef{ID: "br-aged-salad-637688", Name: "main"}, KeepAs: "next-before-abcdefghij", Losses: []string{},
			Log: []database.ChangeNote{{At: before(38 * time.Second), Text: "Asking the provider to restore the branch next (attempt 1)."}, {At: before(36 * time.Second), Text: "The provider has accepted it and is at work."}},
		},
	}
}
