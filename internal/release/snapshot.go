package release

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
)

// Snapshotter keeps the database's state before a release. There may be none.
type Snapshotter interface {
	// Snapshot makes or finds the snapshot of an operation: asked again with the
	// same operation it never makes a second one. A fault that is retryable
	// says that it is not there yet; any other, that there will be none.
	Snapshot(ctx context.Context, project, environment, operation string) (Kept, error)
}

// Kept is a snapshot of the database that is there.
type Kept struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Source string `json:"sourceId" doc:"The branch that it was made of, which it can be restored to."`
	Of     string `json:"source" doc:"The same by name."`
	// LSN is the place in the log of the branch; "" when the provider did not
	// say, and then At is the time.
	LSN string    `json:"lsn,omitempty"`
	At  time.Time `json:"at" doc:"The moment that it holds."`
}

// SnapshotRule says before which releases the database's state is kept.
type SnapshotRule string

// The rules. "" is OnMigrations.
const (
	OnMigrations SnapshotRule = "on-migrations"
	Always       SnapshotRule = "always"
	Never        SnapshotRule = "never"
)

// maxWaiver is how long the reason for a release without a snapshot may be.
const maxWaiver = 300

// snapshot keeps the database as it is, before anything is switched. What it
// has found is committed with the step to the next phase, so no switching call
// leaves without it.
func (r *run) snapshot(ctx context.Context) turn {
	if r.op.Action == Rollback {
		return to(Switching, "", "Giving production back.") // a rollback waits for nothing
	}
	if !production(r.env) {
		return to(Switching, "", "No snapshot is made before a deployment to %s. Switching.", r.env.Name)
	}
	step := r.current("snapshot")
	none := func(format string, args ...any) turn {
		r.finish(step, Inconclusive, format, args...)
		return to(Switching, "", "No snapshot of the database was made. Switching.")
	}
	rule := cmp.Or(r.site.Rules.Snapshot, OnMigrations)
	switch {
	case rule == Never:
		return none("No snapshot was made: the configuration asks for none. A rollback would not change the database.")
	case r.op.Work.Ask.WithoutSnapshot != "":
		r.evidence(step, Evidence{Label: "waived by", Value: r.op.By.Name}, Evidence{Label: "because", Value: r.op.Work.Ask.WithoutSnapshot})
		return none("No snapshot was made: %s waived it.", r.op.By.Name)
	case r.site.Snapshots == nil && rule == Always:
		r.finish(step, Fail, "The configuration asks for a snapshot before every release, and no provider of this project can make one.")
		return to(Refused, CauseNoSnapshot, "The configuration asks for a snapshot before every release, and no provider of this project can make one. Nothing was changed. Add a neon block, or promote again with a waiver.")
	case r.site.Snapshots == nil:
		return none("No snapshot was made: nothing is set up here that could make one. The database is as it was, and a rollback would not change it.")
	}
	if r.op.Work.Migrates == nil { // decided once, whatever the repository says later
		r.op.Work.Migrates = new(r.migrates(ctx, rule))
	}
	moves := *r.op.Work.Migrates
	if !moves.Database {
		return none("No snapshot was made: %s", moves.Why)
	}
	limit, cancel := context.WithTimeout(ctx, 2*readLimit)
	defer cancel()
	kept, err := r.site.Snapshots.Snapshot(limit, r.op.Project, r.op.Environment, r.op.ID)
	switch {
	case err != nil && fault.KindOf(err).Retryable():
		r.note(step, Error, "%s", sentence(err))
		return stay(retryPace, "The snapshot is not there yet: %s", sentence(err))
	case err != nil:
		r.finish(step, Fail, "%s", sentence(err))
		return to(Refused, CauseNoSnapshot, "No snapshot of the database could be made, so nothing was changed: %s To release all the same, promote again with a waiver that says why.", sentence(err))
	}
	r.op.Snapshot = &kept
	r.evidence(step, kept.evidence(moves.Why)...)
	r.finish(step, Pass, "The database is kept as it was: branch %s.", hostile.Line(kept.Name, hostile.NameLimit))
	return to(Switching, "", "The database is kept as branch %s. Switching.", hostile.Line(kept.Name, hostile.NameLimit))
}

func (k Kept) evidence(why string) []Evidence {
	all := []Evidence{{Label: "because", Value: why}, {Label: "branch", Value: k.Name + " (" + k.ID + ")"}, {Label: "of", Value: k.Of + " (" + k.Source + ")"}}
	if k.LSN != "" {
		all = append(all, Evidence{Label: "at LSN", Value: k.LSN})
	}
	return append(all, Evidence{Label: "at", Value: k.At.UTC().Format(time.RFC3339)})
}

// Migrates is whether a release may change the database, and how that is known.
type Migrates struct {
	Database bool   `json:"database"`
	Why      string `json:"why"`
}

// migrates says whether the release brings migrations. What nobody can tell
// counts as if it did.
func (r *run) migrates(ctx context.Context, rule SnapshotRule) Migrates {
	switch {
	case rule == Always:
		return Migrates{true, "one is made before every release."}
	case r.site.Rules.Migrations == "":
		return Migrates{true, "nobody knows whether this release has migrations: the configuration names no folder of them."}
	case r.op.From.commit() == "" || r.op.To.commit() == "":
		return Migrates{true, "nobody knows whether this release has migrations: the commit of one of the builds is not known."}
	}
	sh := Sheet{Unknown: map[string]string{}}
	r.site.changes(ctx, &sh, r.op.From.commit(), r.op.To.commit())
	switch why := sh.Unknown["migrations"]; {
	case len(sh.Migrations) > 0:
		return Migrates{true, "the release brings " + plural(len(sh.Migrations), "migration file") + "."}
	case why != "":
		return Migrates{true, "nobody knows whether this release has migrations: " + why}
	case sh.Unknown["dropped"] != "":
		return Migrates{true, "nobody knows which migrations this release takes away: " + sh.Unknown["dropped"]}
	case sh.Truncated:
		return Migrates{true, "so many files differ that not all of them are listed: there may be migrations among them."}
	}
	return Migrates{false, "this release brings no migrations."}
}

// waiver makes a waiver fit to keep.
func waiver(s string) string { return strings.TrimSpace(hostile.Line(s, maxWaiver)) }
