package database

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
)

// pruneEvery is how often old snapshots are looked for.
const pruneEvery = 10 * time.Minute

// keepPruned deletes snapshots that may go by policy, until the context ends:
// one at a time, each a change of its own with its audit entries.
func (b *Book) keepPruned(ctx context.Context, s *shelf) {
	for b.o.Clock.Sleep(ctx, pruneEvery) == nil {
		if err := b.prune(ctx, s); err != nil && ctx.Err() == nil {
			b.o.Log.Warn("old snapshots of the database cannot be looked through", "project", s.project.Name, "error", err)
		}
	}
}

// prune begins the deletion of the oldest snapshot that may go, when nothing
// else is under way.
func (b *Book) prune(ctx context.Context, s *shelf) error {
	all, err := b.o.Store.Snapshots(ctx, s.project.Name)
	if err != nil {
		return err
	}
	old := prunable(all, s.keep, b.o.Clock.Now())
	if len(old) == 0 {
		return nil
	}
	list, err := s.brancher.Branches(ctx)
	if err != nil {
		return err
	}
	for _, snap := range old {
		i := slices.IndexFunc(list.Items, func(one provider.DatabaseBranch) bool {
			return one.Name == snap.Name && one.Notes[noteOperation] == snap.Operation
		})
		if i < 0 {
			if !list.Incomplete { // somebody has deleted it already
				if err := b.o.Store.DropSnapshot(ctx, snap.Operation, b.o.Clock.Now()); err != nil {
					return err
				}
			}
			continue
		}
		plan, refused := judge(s.project, Ask{Kind: Delete, BranchID: list.Items[i].ID}, list, b.o.Clock.Now(), "")
		if refused != nil {
			continue // a branch hangs on it, such as a restored production
		}
		err := b.forget(ctx, s, snap, plan)
		if fault.Is(err, fault.Conflict) {
			return nil // something else is under way: later
		}
		return err
	}
	return nil
}

// forget begins the deletion of one snapshot.
func (b *Book) forget(ctx context.Context, s *shelf, snap Snapshot, plan Plan) error {
	me := access.SystemActor("database")
	permit, err := b.o.Gate.Allow(ctx, me, access.ManageBranches, access.On{Project: s.project.Name, Environment: snap.Environment, Object: plan.Branch.ID})
	if err != nil {
		return err
	}
	return b.begin(ctx, Change{
		ID: "chg_" + strings.ToLower(rand.Text()), Project: s.project.Name, Environment: snap.Environment, Kind: Delete, Phase: Requested, Message: "Accepted.",
		Reason: "Snapshots are kept for so many releases and so long (release.snapshot_keep, release.snapshot_max_age).", By: Who{ID: me.ID, Name: me.Label(), Kind: string(me.Kind)},
		CreatedAt: b.o.Clock.Now(), Branch: plan.Branch, Losses: plan.Losses, Log: []ChangeNote{}, Work: ChangeWork{Snapshot: snap.Operation},
	}, permit)
}
