package alert

import (
	"context"
	"errors"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/release"
)

// ErrMoved says that somebody else decided about the same thing meanwhile:
// look again.
var ErrMoved = errors.New("alert: somebody else was first")

// Change is what one decision commits, all or nothing.
type Change struct {
	Conditions []Condition // written where Rev is as it was read
	Incidents  []Incident  // the same
	Entries    []Entry
	Messages   []Message
	// Silence drops the messages of incidents that are not on their way yet.
	Silence []string
	Done    *Call  // goes, unless it was called again meanwhile
	Later   *Later // stays, and is due at another time
	Mark    *Mark
	// Link is a used link's id and expiry; Conflict when it was used before.
	Link    string
	LinkEnd time.Time
	// Receipt is the audit entry of a person's act; nil for the engine's.
	Receipt *access.Receipt
}

// Query picks incidents, newest first.
type Query struct {
	Project string // "" is all
	Open    bool   // only those that last
	Limit   int
	Before  time.Time // opened before; zero: from now
}

// Store keeps incidents and messages. Each method is one transaction.
type Store interface {
	Facts
	// Calls are those due at a time, the longest due first.
	Calls(ctx context.Context, now time.Time, limit int) ([]Call, error)
	// Condition reads one; the zero value with its key when there is none.
	Condition(ctx context.Context, k Key) (Condition, error)
	// ConditionsOf are those that belong to an incident.
	ConditionsOf(ctx context.Context, incident string) ([]Condition, error)
	Incidents(ctx context.Context, q Query) ([]Incident, error)
	// Incident reads one with its timeline. NotFound.
	Incident(ctx context.Context, id string) (Incident, error)
	// OpenIncidents counts those that last, of a project.
	OpenIncidents(ctx context.Context, project string) (int, error)
	// Reminders are the open incidents whose time to remind has come.
	Reminders(ctx context.Context, now time.Time) ([]Incident, error)
	// Mark reads how far something was told; 0 for not at all.
	Mark(ctx context.Context, name string) (int64, error)
	// Apply commits a change. ErrMoved when what it rests on is not so any
	// more: then nothing was written.
	Apply(ctx context.Context, c Change) error

	// ClaimMessage takes up a message to a receiver that is due; false when
	// there is none. One incident's messages go in their order.
	ClaimMessage(ctx context.Context, c MessageClaim) (Message, bool, error)
	// EndMessage writes down what became of a try, if the claim still holds:
	// ErrMoved.
	EndMessage(ctx context.Context, m Message, claim MessageClaim, e *Entry) error
	// Forsaken ends messages to receivers that there are no more.
	Forsaken(ctx context.Context, receivers []string, now time.Time) error
	// Messages are those of an incident, in their order.
	Messages(ctx context.Context, incident string) ([]Message, error)
	// SweepAlerts deletes what is older than it is kept.
	SweepAlerts(ctx context.Context, before, now time.Time) error
}

// Facts are what other rooms have committed.
type Facts interface {
	CronJob(ctx context.Context, id int64) (cron.Job, error)
	CronRuns(ctx context.Context, job int64, from, to time.Time, limit int) ([]cron.Run, error)
	CronMisses(ctx context.Context, job int64, from, to time.Time) ([]cron.Miss, error)
	SamplesSince(ctx context.Context, project, environment string, since time.Time) ([]health.Sample, error)
	Operation(ctx context.Context, id string) (release.Operation, error)
	Operations(ctx context.Context, q release.Query) ([]release.Operation, error)
	AuditHead(ctx context.Context) (access.Head, error)
}

// MessageClaim asks for a message to send.
type MessageClaim struct {
	Receiver string
	Owner    string
	Now      time.Time     // the product's time, which due times are in
	Real     time.Time     // the machine's, as for releases
	TTL      time.Duration // of the claim
}
