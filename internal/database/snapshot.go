package database

import (
	"context"
	"slices"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/provider"
)

// snapshotName is the same whenever it is made for an operation, so that a
// snapshot whose answer was lost is found by it and never made twice: the
// provider takes a name once.
func snapshotName(environment, operation string) string {
	return Reserved + environment + "/" + operation
}

// Snapshots says whether a project's database can be kept before a release.
func (b *Book) Snapshots(project string) bool {
	s := b.shelf(project)
	return s != nil && s.brancher != nil
}

// Snapshot makes or finds the snapshot of a release: a branch of the
// environment's branch, without a compute. Asked again for the same operation
// it never makes a second one. A fault that is retryable says that it is not
// there yet; any other, that there will be none.
func (b *Book) Snapshot(ctx context.Context, project, environment, operation string) (Snapshot, error) {
	s := b.shelf(project)
	if s == nil || s.brancher == nil {
		return Snapshot{}, fault.New(fault.Unsupported, "No provider of this project keeps its database in branches.")
	}
	list, err := s.brancher.Branches(ctx)
	if err != nil {
		return Snapshot{}, err
	}
	name := snapshotName(environment, operation)
	if i := slices.IndexFunc(list.Items, func(one provider.DatabaseBranch) bool { return one.Name == name }); i >= 0 {
		return b.keep(ctx, s, environment, operation, list, list.Items[i])
	}
	source, err := branchOf(s.project, environment, list)
	switch {
	case err != nil:
		return Snapshot{}, err
	case list.Incomplete: // it may be among those that are missing
		return Snapshot{}, fault.New(fault.Unavailable, "Not every branch could be listed, so nobody knows whether the snapshot is there already.")
	}
	now := b.o.Clock.Now()
	asked := Snapshot{
		Operation: operation, Project: s.project.Name, Environment: environment, Name: name, SourceID: source.ID,
		SourceName: hostile.Line(source.Name, nameLimit), At: now, AskedAt: now,
	}
	if err := b.o.Store.AskSnapshot(ctx, asked); err != nil {
		return Snapshot{}, err
	}
	change, err := s.brancher.CreateBranch(ctx, provider.NewBranch{Name: name, ParentID: source.ID, Notes: map[string]string{
		noteOperation: operation, noteProject: s.project.Name,
	}})
	s.branches.Expire()
	switch {
	case provider.OutcomeUnknown(err):
		return Snapshot{}, fault.Wrap(fault.Unavailable, err, "Nobody knows yet whether the snapshot was made: the provider's answer was lost. It is looked for.")
	case fault.Is(err, fault.Conflict): // by now the name is taken: it is there after all
		return Snapshot{}, fault.Wrap(fault.Unavailable, err, "A branch %s is there already. It is looked at.", name)
	case err != nil:
		return Snapshot{}, err
	}
	return b.keep(ctx, s, environment, operation, list, change.Branch)
}

// keep writes down a snapshot that is there, when it can be worked with.
func (b *Book) keep(ctx context.Context, s *shelf, environment, operation string, list provider.BranchList, made provider.DatabaseBranch) (Snapshot, error) {
	if note := made.Notes[noteOperation]; note != "" && note != operation {
		return Snapshot{}, fault.New(fault.Conflict, "The branch %s is the snapshot of another release.", hostile.Line(made.Name, nameLimit))
	}
	if made.State != provider.BranchReady {
		return Snapshot{}, fault.New(fault.Unavailable, "The snapshot %s is being made (%s).", hostile.Line(made.Name, nameLimit), hostile.Line(made.State, wordLimit))
	}
	now := b.o.Clock.Now()
	kept := Snapshot{
		Operation: operation, Project: s.project.Name, Environment: environment, Name: made.Name, BranchID: made.ID,
		SourceID: made.ParentID, LSN: hostile.Line(made.ParentLSN, wordLimit), At: made.ParentAt, AskedAt: now, KeptAt: now,
	}
	if i := slices.IndexFunc(list.Items, func(one provider.DatabaseBranch) bool { return one.ID == made.ParentID }); i >= 0 {
		kept.SourceName = hostile.Line(list.Items[i].Name, nameLimit)
	}
	if kept.At.IsZero() {
		kept.At = made.CreatedAt
	}
	if err := b.o.Store.KeepSnapshot(ctx, kept); err != nil {
		return Snapshot{}, err
	}
	s.branches.Expire()
	return kept, nil
}

// KeepPolicy says which snapshots may go: those beyond Count and those older
// than Age, but never the newest of an environment.
type KeepPolicy struct {
	Count int
	Age   time.Duration
}

// prunable is which of an environment's snapshots may go by policy, oldest
// first. all are newest first. The newest that is there is never among them,
// nor is one that is still being made.
func prunable(all []Snapshot, p KeepPolicy, now time.Time) []Snapshot {
	var out []Snapshot
	good := map[string]int{}
	for _, s := range all {
		if s.KeptAt.IsZero() {
			// A release that never got its snapshot may have left a branch.
			if now.Sub(s.AskedAt) > time.Hour && good[s.Environment] > 0 {
				out = append(out, s)
			}
			continue
		}
		good[s.Environment]++
		if n := good[s.Environment]; n > 1 && (n > p.Count || now.Sub(s.KeptAt) > p.Age) {
			out = append(out, s)
		}
	}
	slices.Reverse(out)
	return out
}
