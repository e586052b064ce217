package release

import (
	"context"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/catalog"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/lease"
	"github.com/envdeck/envdeck/internal/provider"
)

// Platform is what serves production, as far as a release needs it. It is
// asked directly and never through a cache.
type Platform interface {
	Live(ctx context.Context) (provider.Live, error)
	Deployments(ctx context.Context, q provider.DeploymentQuery) (provider.DeploymentList, error)
	Deployment(ctx context.Context, id string) (provider.Deployment, error)
	provider.Promoter
	provider.RollBacker
}

// Health asks the site itself.
type Health interface {
	// ProbeNow answers a probe that began after the call.
	ProbeNow(ctx context.Context, project, environment string) (health.Sample, error)
}

// Schema reads migrations: what each of their statements means for the
// releases before them. There may be none.
type Schema interface {
	// Concerns says whether a file of the folder is a migration that runs
	// forwards.
	Concerns(path string) bool
	// Read judges the migrations of one release, in the order they run.
	Read(files []MigrationFile) []SheetMigration
}

// MigrationFile is a migration as it stands at a commit.
type MigrationFile struct {
	Path       string
	Text       []byte
	Unreadable string // why Text could not be had, "" when it could
}

// Rules is what a project's configuration says of its releases.
type Rules struct {
	Bake time.Duration
	// Fallback says that the deploy workflow may stand in where the platform
	// fails.
	Fallback bool
	// Migrations is the folder of the repository that holds them, "" when
	// there is none.
	Migrations string
	// BackOnUnknown lets envdeck go back by itself although there is a migration
	// of which nobody can tell whether the older release survives it. Below the
	// floor it never does.
	BackOnUnknown bool
	// Snapshot says before which releases the database is kept as it is.
	Snapshot SnapshotRule
	// Freezes are the times in which nothing is promoted. They are not asked for
	// rollbacks.
	Freezes []Freeze
	// Workers belong to releases: what they serve is written down before one is
	// switched, and they go back with it.
	Workers []string
	// Approval says how promotions are approved; nil when they need none.
	Approval *ApprovalRules
	// ReportTo is the provider that deploys are reported to, "" for none.
	ReportTo string
}

// Project is one project as the room works on it.
type Project struct {
	catalog.Project
	Providers provider.Set
	Health    Health
	Snapshots Snapshotter // nil for none
	Schema    Schema      // nil for none
	Rules     Rules
	// Refresh is called after production moved, so that screens learn it.
	Refresh func(ctx context.Context)
	// RefreshWorkers is the same for the Workers beside the app; nil for none.
	RefreshWorkers func(ctx context.Context)
}

// Order is what somebody tells a running operation to do.
type Order struct {
	Kind OrderKind `json:"kind"`
	To   *Build    `json:"to,omitempty"` // of a rollback; nil is the pinned one
	By   Who       `json:"by"`
	Why  string    `json:"why"`
}

// OrderKind is one of the orders.
type OrderKind string

// The orders. "" is none.
const (
	OrderCancel   OrderKind = "cancel"
	OrderRollback OrderKind = "rollback"
)

type (
	// Lease is the right to drive one operation, for a while.
	Lease = lease.Lease
	// Claim asks for a lease.
	Claim = lease.Claim
)

// Change is what one turn of the machine commits, all or nothing, and only
// while the lease holds.
type Change struct {
	Operation Operation // without steps
	Steps     []Step    // new ones and changed ones, by Seq
	// WakeAt is when it is to be driven next, should this process go away.
	WakeAt time.Time
	// Unless refuses the change when there is an order: what is about to be
	// done must not be done any more.
	Unless bool
	// Obeyed takes the order off, which has been read.
	Obeyed bool
	// Record is another row of the deployment record: a rollback by rule.
	Record *Record
	// Closed ends rows of the deployment record.
	Closed []Closed
	// Follow is the follow-up that begins with this change; nil for none.
	Follow *FollowUp
	// Receipt is the audit entry of the change; nil for none.
	Receipt *access.Receipt
}

// SavedFollowUp is a follow-up to be committed.
type SavedFollowUp struct {
	FollowUp
	Now time.Time
	// Wake is when it is to be driven next; zero ends it.
	Wake time.Time
	// Keep keeps the lease; else it is given back.
	Keep bool
	// Receipt is the audit entry of it; nil for none.
	Receipt *access.Receipt
}

// Record is one row of the deployment record.
type Record struct {
	ID, Action, Environment, From, To, By, Reason string
	At                                            time.Time
}

// Closed is how a row of the deployment record ended.
type Closed struct {
	ID     string
	Status Status
	From   string
	To     string
	At     time.Time
}

// Query picks operations, newest first.
type Query struct {
	Project     string
	Environment string
	Limit       int
	Before      time.Time // zero: from now
}

// Hold keeps an environment from being promoted to.
type Hold struct {
	ID          string    `json:"id"`
	Project     string    `json:"project"`
	Environment string    `json:"environment"`
	Reason      string    `json:"reason"`
	By          Who       `json:"by"`
	CreatedAt   time.Time `json:"createdAt"`
	ExpiresAt   time.Time `json:"expiresAt"`
}

// Store keeps operations. Each method is one transaction; those that take a
// receipt commit its entry with the change or change nothing.
type Store interface {
	// Begin commits an operation, its audit entry, its row of the deployment
	// record and its first wake-up. Conflict with a *Busy inside when another
	// one is live there. displace names a live operation that is cancelled
	// first, "" for none; Conflict when it has begun to switch by now. An
	// approval that the operation names is used with it, or Conflict.
	Begin(ctx context.Context, op Operation, displace string, r access.Receipt) error
	// Order leaves an order for a live operation. Conflict when it has ended,
	// has an order already, or, for a cancellation, has begun to switch;
	// NotFound when there is none.
	Order(ctx context.Context, id string, o Order, now time.Time, r access.Receipt) error
	// Operation reads one with its steps. NotFound.
	Operation(ctx context.Context, id string) (Operation, error)
	Operations(ctx context.Context, q Query) ([]Operation, error)
	// LiveOperation is the one that has not ended; false when there is none.
	LiveOperation(ctx context.Context, project, environment string) (Operation, bool, error)

	// Claim takes up one operation that is due and that nobody drives, with
	// the order that waits for it; false when there is none.
	Claim(ctx context.Context, c Claim) (Lease, Operation, Order, bool, error)
	// Renew keeps a lease and answers the order that has come; ErrLost when
	// somebody else has it.
	Renew(ctx context.Context, l Lease, c Claim) (Order, error)
	// Save commits a change. ErrLost when the lease is gone, ErrOrdered when
	// the change would not be made because of an order.
	Save(ctx context.Context, l Lease, c Change) error
	// Release gives a lease back before its time.
	Release(ctx context.Context, l Lease, due time.Time) error

	// ClaimFollowUp, RenewFollowUp and Release keep the leases of follow-ups.
	ClaimFollowUp(ctx context.Context, c Claim) (Lease, FollowUp, bool, error)
	RenewFollowUp(ctx context.Context, l Lease, c Claim) error
	// SaveFollowUp commits one. ErrLost when the lease is gone.
	SaveFollowUp(ctx context.Context, l Lease, s SavedFollowUp) error

	// Holds are those in force at a time.
	Holds(ctx context.Context, project, environment string, at time.Time) ([]Hold, error)
	PlaceHold(ctx context.Context, h Hold, r access.Receipt) error
	// LiftHold: NotFound when it is not in force.
	LiftHold(ctx context.Context, id string, at time.Time, r access.Receipt) error

	// Sheet is a comparison that was kept, by its hash. NotFound.
	Sheet(ctx context.Context, hash string) (Sheet, error)

	// AskApproval keeps a request and what it is about.
	AskApproval(ctx context.Context, ap Approval, sheet Sheet, r access.Receipt) error
	// Approval: NotFound.
	Approval(ctx context.Context, id string) (Approval, error)
	// Approvals are the newest.
	Approvals(ctx context.Context, project, environment string, limit int) ([]Approval, error)
	// DecideApproval moves a request on from a state that it is still in.
	// Conflict when it is in another one by now, or its time is over.
	DecideApproval(ctx context.Context, ap Approval, from ApprovalState, at time.Time, r access.Receipt) error

	AppendAudit(ctx context.Context, r access.Receipt) (access.Entry, error)
}
