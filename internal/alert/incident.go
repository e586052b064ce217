package alert

import (
	"time"

	"github.com/envdeck/envdeck/internal/cron"
	"github.com/envdeck/envdeck/internal/release"
)

// Incident is one thing that went wrong, from when it was noticed to its end.
type Incident struct {
	ID          string   `json:"id"`
	Project     string   `json:"project"`
	Environment string   `json:"environment"`
	Event       Event    `json:"event" doc:"What went wrong: release.rolled_back, cron.missed, health.down…"`
	Subject     string   `json:"subject" doc:"What it is about: a job's path, an operation, a source; empty for the environment itself."`
	Severity    Severity `json:"severity" enum:"critical,warning"`
	Title       string   `json:"title"`
	// Reason is what was seen, in a sentence.
	Reason   string    `json:"reason"`
	OpenedAt time.Time `json:"openedAt"`
	// ClosedAt is nil while it lasts.
	ClosedAt *time.Time `json:"closedAt"`
	ClosedBy string     `json:"closedBy,omitempty" doc:"What ended it: a person's name, or the fact that did."`

	AcknowledgedAt *time.Time `json:"acknowledgedAt" doc:"null: nobody has said that they are on it."`
	AcknowledgedBy string     `json:"acknowledgedBy,omitempty"`
	SnoozedUntil   *time.Time `json:"snoozedUntil" doc:"null, or until when nobody is reminded."`
	Flapping       bool       `json:"flapping" doc:"It came and went too often: it is told once and held open until it has been good for half an hour."`

	Operation string    `json:"operation,omitempty" doc:"The operation that it is about, or that a job has been silent since."`
	Suspects  []Suspect `json:"suspects" nullable:"false" doc:"Releases that changed this environment not long before."`
	// Remains is what a rollback did not take back.
	Remains []string `json:"remains" nullable:"false" doc:"What was not undone."`
	Folded  int      `json:"folded" doc:"How many other alarms are part of it."`
	// Parent is the incident that this one became a part of.
	Parent string `json:"parent,omitempty" doc:"The incident that it became a part of."`

	Timeline []Entry `json:"timeline,omitempty" nullable:"false"`

	RemindAt time.Time `json:"-"`
	Reminded int       `json:"-"`
	Rev      int64     `json:"-"`
}

// Open says that it lasts.
func (i *Incident) Open() bool { return i.ClosedAt == nil }

// Snoozed says that nobody wants to hear of it at a time.
func (i *Incident) Snoozed(now time.Time) bool {
	return i.SnoozedUntil != nil && now.Before(*i.SnoozedUntil)
}

// Suspect is a release that may be the cause.
type Suspect struct {
	Operation string    `json:"operation"`
	Action    string    `json:"action"`
	At        time.Time `json:"at"`
	From      string    `json:"from" doc:"Commit that was live before, empty when not known."`
	To        string    `json:"to" doc:"Commit that became live, empty when not known."`
	Message   string    `json:"message" doc:"Title of that commit."`
}

// Entry is one line of an incident's timeline.
type Entry struct {
	Incident string    `json:"-"`
	ID       string    `json:"-"`
	At       time.Time `json:"at"`
	Kind     EntryKind `json:"kind" enum:"opened,evidence,folded,step,sent,undelivered,acknowledged,snoozed,reminded,flapping,closed"`
	Text     string    `json:"text"`
	By       string    `json:"by,omitempty"`
}

// EntryKind is what an entry tells.
type EntryKind string

// The kinds of entries. They are stored.
const (
	Opened       EntryKind = "opened"
	Evidence     EntryKind = "evidence"
	FoldedIn     EntryKind = "folded"
	StepTaken    EntryKind = "step" // of the operation; read from it, never stored
	Sent         EntryKind = "sent"
	Undelivered  EntryKind = "undelivered"
	Acknowledged EntryKind = "acknowledged"
	Snoozed      EntryKind = "snoozed"
	Reminded     EntryKind = "reminded"
	Flapping     EntryKind = "flapping"
	Closed       EntryKind = "closed"
)

// Key names a condition.
type Key struct {
	Project, Environment string
	Event                Event
	Subject              string
}

// Condition is what one rule knows of one thing. The zero value with a Key is
// one that was never bad.
type Condition struct {
	Key
	Rev      int64 // 0: not stored yet
	Bad      bool
	Incident string // which is open for it, "" when it is not bad
	// Folded says that the incident is another's: this is a part of it.
	Folded bool
	// Since is when what came before stopped to count: a person closed it.
	Since time.Time
	// Seen is the newest bad outcome that is on the timeline.
	Seen  time.Time
	Flips []time.Time // changes of the last hour
}

// Call asks to look at facts that may have become news.
type Call struct {
	Kind    CallKind
	Subject string
	Rev     int64
	At      time.Time // the first asking
}

// CallKind says what a call is about.
type CallKind string

// The kinds of calls. They are stored.
const (
	JobCall         CallKind = "job"         // Subject is its number
	EnvironmentCall CallKind = "environment" // project/environment
	OperationCall   CallKind = "operation"   // its id
)

// Later is a call to be looked at again.
type Later struct {
	Call
	Due time.Time
}

// Mark is how far something was told.
type Mark struct {
	Name     string
	From, To int64
}

// Source is an outside source as it stands.
type Source struct {
	Project, Name string
	Age           time.Duration // since it was last asked with success
	Never         bool          // it never answered since we started
}

// jobFacts is what has to be known of a job.
type jobFacts struct {
	job    cron.Job
	runs   []cron.Run // newest first
	misses []cron.Miss
}

// suspectOf makes a suspect of an operation.
func suspectOf(o *release.Operation) Suspect {
	s := Suspect{Operation: o.ID, Action: string(o.Action), At: o.CreatedAt}
	if o.From != nil {
		s.From = o.From.Commit
	}
	if o.To != nil {
		s.To, s.Message = o.To.Commit, o.To.Message
	}
	return s
}
