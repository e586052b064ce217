package database

import (
	"context"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/lease"
)

// Store keeps changes and snapshots. Each method is one transaction; those that
// take a receipt commit its entry with the change or change nothing.
type Store interface {
	// BeginChange commits a change, its audit entry and its first wake-up.
	// Conflict when another one is under way in the project: providers do one
	// thing at a time.
	BeginChange(ctx context.Context, c Change, r access.Receipt) error
	// Change reads one. NotFound.
	Change(ctx context.Context, id string) (Change, error)
	// Changes are a project's, newest first.
	Changes(ctx context.Context, project string, limit int) ([]Change, error)
	// ClaimChange takes up one that is due and that nobody drives.
	ClaimChange(ctx context.Context, c lease.Claim) (lease.Lease, Change, bool, error)
	RenewChange(ctx context.Context, l lease.Lease, c lease.Claim) error
	// SaveChange commits what was done, only while the lease holds, and with an
	// end its audit entry; lease.ErrLost when it does not.
	SaveChange(ctx context.Context, l lease.Lease, c Change, now time.Time, r *access.Receipt) error
	ReleaseChange(ctx context.Context, l lease.Lease, due time.Time) error

	// AskSnapshot writes down that a snapshot is about to be made, once for an
	// operation; KeepSnapshot that it is there; DropSnapshot that it is gone.
	AskSnapshot(ctx context.Context, s Snapshot) error
	KeepSnapshot(ctx context.Context, s Snapshot) error
	DropSnapshot(ctx context.Context, operation string, at time.Time) error
	// Snapshots are those of a project that are not gone, newest first.
	Snapshots(ctx context.Context, project string) ([]Snapshot, error)

	AppendAudit(ctx context.Context, r access.Receipt) (access.Entry, error)
}

// BusyFault is the conflict with a change that is under way.
func BusyFault(id string) error {
	return fault.New(fault.Conflict, "Another change of this project's database is under way: %s. The provider does one at a time; ask again when it has ended.", id)
}

// Snapshot is the database's state before one release.
type Snapshot struct {
	Operation   string // the release
	Project     string
	Environment string
	Name        string // the branch's
	BranchID    string // "" until it is there
	SourceID    string
	SourceName  string
	LSN         string // "" when the provider did not say
	At          time.Time
	AskedAt     time.Time
	KeptAt      time.Time // zero until it is there
}
