package release_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/envdeck/envdeck/internal/cache"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/release/keeping"
	"github.com/envdeck/envdeck/internal/simulator/wire"
)

// keepsDatabases gives a desk the real room of the databases, on the simulated
// Neon.
func (r *rig) keepsDatabases() func(*release.Options) {
	memory := cache.NewMemory()
	log := slog.New(slog.DiscardHandler)
	keeper := cache.NewKeeper(memory, clock.Real(), log)
	p := r.config.Projects[0]
	project, _ := r.catalog.Project(p.Name)
	book := database.New(database.Options{
		Store: r.db, Migrations: database.NoMigrations("nobody reads them"), Gate: r.control.Gate, Keeper: keeper, Clock: clock.Real(), Log: log,
		Projects: []database.Project{{Catalog: project, Providers: r.open(p, r.network.Dial)}},
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = keeper.Run(ctx) })
	running.Go(func() { _ = book.Run(ctx) })
	r.t.Cleanup(func() { cancel(); running.Wait(); memory.Close() })
	return func(o *release.Options) {
		o.Projects[0].Snapshots = keeping.Databases{Book: book}
		o.Projects[0].Rules.Snapshot = release.OnMigrations
	}
}

// neonFaults are the ways in which a provider that keeps a database fails.
var neonFaults = []string{"error_500", "bad_gateway", "rate_limited", "hang", "lost_answer", "timeout_after", "reset", "malformed", "unauthorized", "forbidden"}

// TestADatabaseIsKeptBeforeASwitch: whatever Neon does, before the first call
// that switches, the snapshot is a committed row of this operation and a branch
// that exists; or the release is refused and nothing was called.
func TestADatabaseIsKeptBeforeASwitch(t *testing.T) {
	ends := map[release.Phase]int{}
	for seed := range uint64(rounds(6)) {
		draw := rand.New(rand.NewPCG(seed, 17))
		inBubble(t, options{}, func(t *testing.T, r *rig) {
			for range 1 + draw.IntN(3) {
				r.spoil(wire.Rule{Provider: "neon", Preset: neonFaults[draw.IntN(len(neonFaults))], Times: draw.IntN(6), After: draw.IntN(4)}) // 0 times: for good
			}
			switched := false
			var id string
			d, _ := r.desk(r.keepsDatabases(), func(o *release.Options) {
				o.Point = func(boundary string) {
					if boundary == "call.promote.before" && !switched {
						switched = true
						r.isKept(id)
					}
				}
			})
			q := release.PromoteRequest{DeploymentID: r.staged.ID, Reason: "it is tested"}
			op, err := d.Promote(t.Context(), r.boss, q)
			if err != nil {
				t.Fatal(err)
			}
			id = op.ID
			op = r.end(d, op.ID)
			ends[op.Phase]++
			switch {
			case op.Phase == release.Refused:
				if op.Cause != release.CauseNoSnapshot || len(r.switches()) != 0 {
					t.Errorf("seed %d: refused because of %s with %q", seed, op.Cause, r.verbs())
				}
			case !switched || op.Phase != release.Succeeded:
				t.Errorf("seed %d: it ended as %s\n%s", seed, op.Phase, show(op))
			default:
				r.isBranch(*op.Snapshot)
			}
		})
	}
	t.Logf("releases with migrations under Neon's faults ended as %v", ends)
	if ends[release.Succeeded] == 0 {
		t.Error("none of them kept a database: nothing is proved")
	}
}

// switches are the writes that reached Vercel.
func (r *rig) switches() []wire.Entry {
	return slices.DeleteFunc(r.writes(), func(e wire.Entry) bool { return e.Provider != "vercel" })
}

// isKept fails the test unless the database is kept for an operation.
func (r *rig) isKept(id string) {
	op, err := r.db.Operation(context.Background(), id)
	if err != nil || op.Snapshot == nil {
		r.t.Errorf("it switches and %s has no snapshot: %v", id, err)
		return
	}
	rows, err := r.db.Snapshots(context.Background(), op.Project)
	if err != nil || len(rows) != 1 || rows[0].BranchID != op.Snapshot.ID {
		r.t.Errorf("it switches with %+v and %+v is written down, %v", op.Snapshot, rows, err)
	}
}

// isBranch fails the test unless Neon has the branch.
func (r *rig) isBranch(kept release.Kept) {
	r.sim.Exchange().Faults.Clear()
	brancher, _, _ := provider.Find[provider.Brancher](r.open(r.config.Projects[0], r.network.Dial))
	branch, err := brancher.Branch(context.Background(), kept.ID)
	if err != nil || branch.Name != kept.Name {
		r.t.Errorf("%s is kept as %q: %v", kept.Name, branch.Name, err)
	}
}

// TestAReleaseWithoutASnapshotIsWaivedByName: with Neon dead, a release with
// migrations goes on only when somebody says why, and the record names them.
func TestAReleaseWithoutASnapshotIsWaivedByName(t *testing.T) {
	inBubble(t, options{}, func(t *testing.T, r *rig) {
		r.spoil(wire.Rule{Provider: "neon", Preset: "unauthorized"})
		d, _ := r.desk(r.keepsDatabases())
		op := r.end(d, r.promote(d).ID)
		want(t, op, release.Refused, release.CauseNoSnapshot)
		if len(r.switches()) != 0 {
			t.Errorf("refused, and %q was called", r.verbs())
		}
		op = r.end(d, r.promote(d, func(q *release.PromoteRequest) { q.WithoutSnapshot = "the schema only grows" }).ID)
		want(t, op, release.Succeeded, "")
		waived := fmt.Sprint(op.Steps)
		if op.Snapshot != nil || !slices.ContainsFunc(op.Steps, func(s release.Step) bool {
			return slices.Contains(s.Evidence, release.Evidence{Label: "waived by", Value: "boss"}) && slices.Contains(s.Evidence, release.Evidence{Label: "because", Value: "the schema only grows"})
		}) {
			t.Errorf("nobody is named: %s", waived)
		}
	})
}
