package database

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/hostile"
	"github.com/envdeck/envdeck/internal/lease"
	"github.com/envdeck/envdeck/internal/provider"
)

// How a change is gone about.
const (
	pace = 2 * time.Second // between two looks
	// settle is how long a call whose answer was lost is looked for before it
	// counts as not heard.
	settle      = 20 * time.Second
	maxAttempts = 3
	// startLimit is how long a change waits for a provider that cannot be asked
	// or is busy; nothing was changed then. workLimit is how long its work may
	// take.
	startLimit = 10 * time.Minute
	workLimit  = 20 * time.Minute
	callLimit  = 40 * time.Second
)

// ledger is the Store as the worker sees it.
type ledger struct{ Store }

func (l ledger) Claim(ctx context.Context, c lease.Claim) (lease.Lease, Change, bool, error) {
	return l.ClaimChange(ctx, c)
}

func (l ledger) Renew(ctx context.Context, held lease.Lease, c lease.Claim) error {
	return l.RenewChange(ctx, held, c)
}

func (l ledger) Release(ctx context.Context, held lease.Lease, due time.Time) error {
	return l.ReleaseChange(ctx, held, due)
}

// run is one change being driven under a lease.
type run struct {
	b     *Book
	s     *shelf
	lease lease.Lease
	c     Change
}

// drive works on a change until it has ended, or the lease is lost.
func (b *Book) drive(ctx context.Context, l lease.Lease, c Change) error {
	r := &run{b: b, s: b.shelf(c.Project), lease: l, c: c}
	if r.s == nil || r.s.brancher == nil {
		end := Failed
		if c.Phase != Requested {
			end = NeedsHuman
		}
		return r.end(ctx, end, "The configuration has no project "+c.Project+" with such a database any more, so nobody can go on with this change.")
	}
	for !r.c.Phase.Ended() {
		wait, err := r.turn(ctx)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if wait > 0 && !r.c.Phase.Ended() && b.o.Clock.Sleep(ctx, wait) != nil {
			return ctx.Err()
		}
	}
	return nil
}

// turn does what the phase asks for once; an error is the store's.
func (r *run) turn(ctx context.Context) (time.Duration, error) {
	switch r.c.Phase {
	case Requested:
		return r.send(ctx)
	case Sending:
		return r.look(ctx)
	case Working:
		return r.watch(ctx)
	}
	return 0, r.end(ctx, NeedsHuman, fmt.Sprintf("This envdeck does not know the phase %q. A newer one made the change; start that again.", hostile.Line(string(r.c.Phase), wordLimit)))
}

func (r *run) now() time.Time { return r.b.o.Clock.Now() }

func (r *run) save(ctx context.Context, receipt *access.Receipt) error {
	r.b.o.Point("save." + string(r.c.Phase) + ".before")
	if err := r.b.o.Store.SaveChange(ctx, r.lease, r.c, r.now(), receipt); err != nil {
		return err
	}
	r.b.o.Point("save." + string(r.c.Phase) + ".after")
	r.b.tellChange(r.c)
	return nil
}

// stay notes why it does not go on yet.
func (r *run) stay(ctx context.Context, wait time.Duration, text string) (time.Duration, error) {
	if text == r.c.Message {
		return wait, nil
	}
	r.c.say(r.now(), text)
	return wait, r.save(ctx, nil)
}

// later is how long to wait after a failure that may pass.
func later(err error) time.Duration { return max(pace, min(fault.From(err).RetryAfter, time.Minute)) }

// send judges once more, commits the intent, and asks the provider.
func (r *run) send(ctx context.Context) (time.Duration, error) {
	over := r.now().Sub(r.c.CreatedAt) > startLimit
	list, err := r.branches(ctx)
	if err != nil {
		if over || !fault.KindOf(err).Retryable() {
			return 0, r.end(ctx, Failed, "Nothing was changed. "+sentence(fault.From(err).Message))
		}
		return r.stay(ctx, later(err), "Waiting for the provider: "+sentence(fault.From(err).Message))
	}
	if _, refused := judge(r.s.project, r.ask(), list, r.now(), r.c.ID); refused != nil {
		if refused.Kind.Retryable() && !over {
			return r.stay(ctx, pace, refused.Message)
		}
		return 0, r.end(ctx, Failed, "Nothing was changed. "+sentence(refused.Message))
	}
	r.c.Phase, r.c.Work.SentAt = Sending, r.now()
	r.c.Work.Attempt++
	r.c.say(r.now(), fmt.Sprintf("Asking the provider to %s the branch %s (attempt %d).", r.c.Kind, r.c.Branch.Name, r.c.Work.Attempt))
	if err := r.save(ctx, nil); err != nil {
		return 0, err
	}
	limit, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	r.b.o.Point("call.before")
	change, err := r.call(limit)
	r.b.o.Point("call.after")
	r.s.branches.Expire()
	switch {
	case err == nil:
		return 0, r.taken(ctx, change)
	case provider.OutcomeUnknown(err):
		return r.stay(ctx, pace, "The provider's answer was lost; its branches are looked at before anything else is done.")
	case fault.Is(err, fault.Conflict):
		return 0, nil // something of that name is there: it may be ours
	case fault.KindOf(err).Retryable() && !over:
		r.c.Phase = Requested
		r.c.Work.Attempt--
		r.c.say(r.now(), "Not now: "+sentence(fault.From(err).Message))
		return later(err), r.save(ctx, nil)
	}
	return 0, r.end(ctx, Failed, "Nothing was changed. "+sentence(fault.From(err).Message))
}

func (r *run) branches(ctx context.Context) (provider.BranchList, error) {
	limit, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	return r.s.brancher.Branches(limit)
}

// ask is what was asked for, to be judged again.
func (r *run) ask() Ask {
	a := Ask{Project: r.c.Project, Kind: r.c.Kind, BranchID: r.c.Branch.ID, Name: r.c.Branch.Name}
	if r.c.Source != nil {
		a.SourceID = r.c.Source.ID
	}
	if r.c.At != nil {
		a.At = *r.c.At
	}
	return a
}

// call leaves once.
func (r *run) call(ctx context.Context) (provider.BranchChange, error) {
	switch r.c.Kind {
	case Create:
		return r.s.brancher.CreateBranch(ctx, provider.NewBranch{
			Name: r.c.Branch.Name, ParentID: r.c.Source.ID, Notes: map[string]string{noteChange: r.c.ID, noteProject: r.c.Project},
		})
	case Delete:
		return r.s.brancher.DeleteBranch(ctx, r.c.Branch.ID)
	case Restore:
		restore := provider.BranchRestore{SourceID: r.c.Source.ID, KeepAs: r.c.KeepAs}
		if r.c.At != nil {
			restore.At = *r.c.At
		}
		return r.s.brancher.RestoreBranch(ctx, r.c.Branch.ID, restore)
	}
	return provider.BranchChange{}, fault.New(fault.Internal, "There is no change of the kind %s.", r.c.Kind)
}

// taken notes the provider's yes.
func (r *run) taken(ctx context.Context, change provider.BranchChange) error {
	r.c.Phase, r.c.Work.Taken = Working, r.now()
	if r.c.Kind == Create && change.Branch.ID != "" {
		r.c.Branch.ID = change.Branch.ID
	}
	r.c.Work.Waiting = nil
	for _, w := range change.Work {
		if !w.Ended || w.Failed {
			r.c.Work.Waiting = append(r.c.Work.Waiting, w.ID)
		}
	}
	r.c.say(r.now(), "The provider has accepted it and is at work.")
	return r.save(ctx, nil)
}

// look finds out what became of a call whose answer nobody has.
func (r *run) look(ctx context.Context) (time.Duration, error) {
	age := r.now().Sub(r.c.Work.SentAt)
	list, err := r.branches(ctx)
	switch {
	case err != nil && age > workLimit:
		return 0, r.end(ctx, NeedsHuman, "Nobody can tell whether it was done: the answer was lost, and the provider cannot be asked. Look at its own pages. "+sentence(fault.From(err).Message))
	case err != nil:
		return r.stay(ctx, later(err), "Waiting for the provider, to see whether it was done: "+sentence(fault.From(err).Message))
	}
	seen, id := r.seen(list)
	switch {
	case seen == theirs:
		return 0, r.end(ctx, Failed, "Nothing was changed: a branch of that name is there, and somebody else made it.")
	case seen == ours:
		if id != "" {
			r.c.Branch.ID = id
		}
		return 0, r.taken(ctx, provider.BranchChange{})
	case list.Incomplete || age < settle:
		if age > workLimit {
			return 0, r.end(ctx, NeedsHuman, "Nobody can tell whether it was done: the provider does not list all of its branches. Look at its own pages.")
		}
		return r.stay(ctx, pace, "It is not to be seen so far; looking again.")
	case r.c.Work.Attempt >= maxAttempts:
		return 0, r.end(ctx, NeedsHuman, fmt.Sprintf("The provider was asked %d times and has not done it, as far as its branches show. Look at its own pages.", r.c.Work.Attempt))
	}
	r.c.Phase = Requested
	r.c.say(r.now(), "The provider has not heard it: its branches are as they were. Asking again.")
	return 0, r.save(ctx, nil)
}

type sight int

const (
	absent sight = iota
	ours
	theirs
)

// seen says whether the branches show that the change was taken.
func (r *run) seen(list provider.BranchList) (sight, string) {
	byName := func(name string) (provider.DatabaseBranch, bool) {
		i := slices.IndexFunc(list.Items, func(b provider.DatabaseBranch) bool { return b.Name == name })
		if i < 0 {
			return provider.DatabaseBranch{}, false
		}
		return list.Items[i], true
	}
	switch r.c.Kind {
	case Create:
		b, there := byName(r.c.Branch.Name)
		switch {
		case !there:
			return absent, ""
		case b.Notes[noteChange] == r.c.ID:
			return ours, b.ID
		}
		return theirs, ""
	case Delete:
		there := slices.ContainsFunc(list.Items, func(b provider.DatabaseBranch) bool { return b.ID == r.c.Branch.ID })
		if there || list.Incomplete {
			return absent, ""
		}
		return ours, ""
	case Restore: // the name under which it is kept is this change's alone
		if _, there := byName(r.c.KeepAs); there {
			return ours, ""
		}
	}
	return absent, ""
}

// watch follows the provider's work to its end and then looks at the branch.
func (r *run) watch(ctx context.Context) (time.Duration, error) {
	limit, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	late := r.now().Sub(r.c.Work.Taken) > workLimit
	for len(r.c.Work.Waiting) > 0 {
		w, err := r.s.brancher.BranchWork(limit, r.c.Work.Waiting[0])
		switch {
		case fault.Is(err, fault.NotFound): // forgotten: the branch itself will tell
		case err != nil && !late:
			return r.stay(ctx, later(err), "The provider is at work; it cannot be asked how far it is: "+sentence(fault.From(err).Message))
		case err == nil && w.Failed:
			return 0, r.end(ctx, Failed, fmt.Sprintf("The provider accepted it, and its work %s ended as %s. Look at its own pages: part of it may be done.", hostile.Line(w.Action, wordLimit), hostile.Line(w.Status, wordLimit)))
		case err != nil || !w.Ended:
			if late {
				return 0, r.end(ctx, NeedsHuman, fmt.Sprintf("The provider accepted it and has not ended it within %s. Look at its own pages.", workLimit))
			}
			return pace, nil
		}
		r.c.Work.Waiting = r.c.Work.Waiting[1:]
	}
	b, err := r.s.brancher.Branch(limit, r.c.Branch.ID)
	gone := fault.Is(err, fault.NotFound)
	switch {
	case r.c.Kind == Delete && gone:
		return 0, r.end(ctx, Done, "Branch "+r.c.Branch.Name+" is deleted.")
	case r.c.Kind != Delete && gone:
		return 0, r.end(ctx, NeedsHuman, "The provider accepted it, and now the branch is not there. Look at its own pages.")
	case err == nil && r.c.Kind == Create && b.State == provider.BranchReady:
		return 0, r.end(ctx, Done, "Branch "+r.c.Branch.Name+" is there.")
	case err == nil && r.c.Kind == Restore && b.State == provider.BranchReady && b.Pending == "":
		return 0, r.end(ctx, Done, "Branch "+r.c.Branch.Name+" is restored. What it was before is kept as "+r.c.KeepAs+".")
	case late:
		return 0, r.end(ctx, NeedsHuman, fmt.Sprintf("The provider accepted it, and the branch does not show it within %s. Look at its own pages.", workLimit))
	case err != nil:
		return r.stay(ctx, later(err), "The provider is at work; the branch cannot be read: "+sentence(fault.From(err).Message))
	}
	return pace, nil
}

// end writes the end of a change with its audit entry.
func (r *run) end(ctx context.Context, p ChangePhase, text string) error {
	now := r.now()
	r.c.Phase, r.c.EndedAt = p, &now
	r.c.say(now, text)
	result := access.Failed
	if p == Done {
		result = access.Done
	}
	permit, err := r.b.o.Gate.Allow(ctx, access.SystemActor("database"), access.ManageBranches, access.On{Project: r.c.Project, Environment: r.c.Environment, Object: r.c.Branch.ID})
	if err != nil {
		return err
	}
	receipt := permit.Receipt(access.Note{Act: string(r.c.Kind) + "." + string(p), Result: result, Detail: r.c.detail()})
	if err := r.save(ctx, &receipt); err != nil {
		return err
	}
	level := r.b.o.Log.Info
	if p != Done {
		level = r.b.o.Log.Warn
	}
	level("a change of the database has ended", "change", r.c.ID, "kind", string(r.c.Kind), "phase", string(p), "project", r.c.Project)
	if p == Done && r.c.Work.Snapshot != "" {
		if err := r.b.o.Store.DropSnapshot(ctx, r.c.Work.Snapshot, now); err != nil {
			r.b.o.Log.Warn("a snapshot that was deleted is still in the list of those that are kept", "operation", r.c.Work.Snapshot, "error", err)
		}
	}
	if r.s != nil && r.s.branches != nil {
		r.s.branches.Expire()
	}
	return nil
}
