package provider

import (
	"context"
	"time"
)

// DatabaseBranch is one branch of the app's database. Strings from outside are
// as they came: hostile text, to be cleaned where they are kept or shown. It
// never holds an address or a password of a database.
type DatabaseBranch struct {
	ID        string
	Name      string
	ParentID  string    // "" of a root branch
	ParentLSN string    // where in the parent's log it begins, "" when not said
	ParentAt  time.Time // the same as a time, zero when not said
	// State is where it stands in the provider's word. Providers invent new
	// ones: an unknown value is kept and is never taken for ready.
	State   string
	Pending string // what it is becoming, "" for nothing
	Size    *int64 // logical bytes; nil when it was not measured yet

	Default   bool
	Protected bool
	Origin    string // what made it, in the provider's word
	Owner     string // who made it
	CreatedAt time.Time
	UpdatedAt time.Time
	ExpiresAt time.Time // zero: it stays
	ResetAt   time.Time // when it was last restored, zero for never

	// Notes are what was written on it by whoever made it.
	Notes map[string]string
	// Restricted are the acts that the provider says it would refuse, and why.
	Restricted map[string]string
}

// BranchReady is the one state in which a branch can be worked with.
const BranchReady = "ready"

// BranchList is the branches of a database and whether it is all there is.
type BranchList struct {
	Items []DatabaseBranch
	// Incomplete says that pages were missing or went in a circle: absence
	// from the list proves nothing.
	Incomplete bool
}

// BranchLister keeps the app's database in branches.
type BranchLister interface {
	Branches(ctx context.Context) (BranchList, error)
}

// NewBranch asks for a branch. It gets no compute, so nothing can connect to it
// until somebody adds one.
type NewBranch struct {
	Name     string
	ParentID string // "" is the default branch
	Notes    map[string]string
}

// BranchRestore asks for a branch to be overwritten.
type BranchRestore struct {
	SourceID string
	// At is a moment in the source's history; zero is its present. Only root
	// branches have a history.
	At time.Time
	// KeepAs is the name under which what the branch was until now is kept,
	// "" to let it go. Its children go along with what is kept.
	KeepAs string
}

// BranchChange is a provider's yes to a change. It is done when all the work
// has ended well.
type BranchChange struct {
	// Branch is the changed one. Its ID is "" when it was not there any more.
	Branch DatabaseBranch
	Work   []BranchWork
}

// BranchWork is work that goes on after the answer.
type BranchWork struct {
	ID     string
	Action string // in the provider's word
	Status string // in the provider's word
	Ended  bool
	Failed bool // it ended and did not do it
}

// Brancher makes, restores and deletes branches. Every change leaves once, but
// for a refusal that says "not now" and may be repeated; with
// OutcomeUnknown(err) it may have been carried out all the same, and the
// branches are to be read before it is asked for again.
//
// Neon: POST, DELETE and …/restore of /projects/{project}/branches.
type Brancher interface {
	BranchLister
	// Branch reads one. fault.NotFound: there is none, or no more.
	Branch(ctx context.Context, id string) (DatabaseBranch, error)
	// CreateBranch fails with fault.Conflict when the name is taken,
	// fault.Unsupported when the plan allows no more, fault.NotFound when the
	// parent is gone, and fault.Unavailable while the database is busy.
	CreateBranch(ctx context.Context, n NewBranch) (BranchChange, error)
	// DeleteBranch answers a change without a branch when it was gone already.
	// fault.Invalid: the provider does not give this one up.
	DeleteBranch(ctx context.Context, id string) (BranchChange, error)
	RestoreBranch(ctx context.Context, id string, r BranchRestore) (BranchChange, error)
	// BranchWork reads how far a work has come. fault.NotFound: it is
	// forgotten, which happens to those that ended long ago.
	BranchWork(ctx context.Context, id string) (BranchWork, error)
}
