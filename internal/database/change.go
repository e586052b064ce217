package database

import "time"

// ChangeKind is what is done to a branch.
type ChangeKind string

// The kinds of changes.
const (
	Create  ChangeKind = "create"
	Delete  ChangeKind = "delete"
	Restore ChangeKind = "restore"
)

// ChangePhase is where a change stands.
type ChangePhase string

// The phases. Up to Sending nothing has changed.
const (
	Requested ChangePhase = "requested"
	// Sending: the intent is committed; whether the provider has heard it is
	// only known from its answer, or from a look at its branches.
	Sending ChangePhase = "sending"
	Working ChangePhase = "working" // the provider said yes and is at it

	Done       ChangePhase = "done"
	Failed     ChangePhase = "failed"      // nothing was changed, or the provider says that it failed
	NeedsHuman ChangePhase = "needs_human" // nobody can tell what became of it
)

// Ended says that nothing more will happen by itself.
func (p ChangePhase) Ended() bool { return p == Done || p == Failed || p == NeedsHuman }

// Change is one branch made, restored or deleted, from the request to its end.
type Change struct {
	ID          string      `json:"id"`
	Project     string      `json:"project"`
	Environment string      `json:"environment" doc:"Name of the environment whose database it is, or unknown."`
	Kind        ChangeKind  `json:"kind" enum:"create,delete,restore"`
	Phase       ChangePhase `json:"phase" enum:"requested,sending,working,done,failed,needs_human"`
	Message     string      `json:"message" doc:"Where it stands, for people."`
	Reason      string      `json:"reason" doc:"Why it was asked for."`
	By          Who         `json:"by"`
	CreatedAt   time.Time   `json:"createdAt"`
	EndedAt     *time.Time  `json:"endedAt" doc:"null: under way."`

	Branch BranchRef  `json:"branch" doc:"The branch that is made, restored or deleted. Its id is empty until it is made."`
	Source *BranchRef `json:"source" doc:"What it is made of or restored from. null: a deletion."`
	At     *time.Time `json:"at" doc:"The moment in the source's history. null: its present."`
	KeepAs string     `json:"keepAs,omitempty" doc:"Under which name the branch is kept as it was before."`
	Losses []string   `json:"losses" nullable:"false" doc:"What was lost, as it was confirmed."`
	// Log is what was done and seen, oldest first.
	Log []ChangeNote `json:"log" nullable:"false"`

	// Work is what has to be remembered. It is kept, and not shown.
	Work ChangeWork `json:"-"`
}

// Who asked for a change.
type Who struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Kind string `json:"kind" doc:"person, token, system or operator."`
}

// BranchRef names a branch.
type BranchRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// ChangeNote is one thing that was done or seen.
type ChangeNote struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// ChangeWork is the memory of one change.
type ChangeWork struct {
	// Attempt counts the sendings; one whose fate is not known is looked for
	// before the next.
	Attempt int       `json:"attempt,omitempty"`
	SentAt  time.Time `json:"sentAt,omitzero"`
	// Waiting are the provider's works that have not ended.
	Waiting []string  `json:"waiting,omitempty"`
	Taken   time.Time `json:"taken,omitzero"` // when the yes came, or was seen
	// Snapshot is the release whose snapshot is deleted by rule; "" is a
	// person's deletion.
	Snapshot string `json:"snapshot,omitempty"`
}

// maxLog is how many notes a change keeps: a provider that is away for long
// must not fill a row.
const maxLog = 60

func (c *Change) note(now time.Time, text string) {
	if n := len(c.Log); n > 0 && c.Log[n-1].Text == text || n == maxLog {
		return
	}
	c.Log = append(c.Log, ChangeNote{At: now, Text: text})
}

func (c *Change) say(now time.Time, text string) {
	c.Message = text
	c.note(now, text)
}
