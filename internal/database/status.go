package database

import "time"

// Status is the answer to "how does the database stand".
type Status struct {
	Project string `json:"project"`
	// Branches are production's first, then those of the other environments,
	// then the newest.
	Branches   []Branch         `json:"branches" nullable:"false"`
	Migrations MigrationSummary `json:"migrations"`
	// Incomplete says that not every branch is listed, so absence proves
	// nothing.
	Incomplete bool `json:"incomplete" doc:"Not every branch could be listed."`
	// Stale names the branches that nobody seems to need and that could go: a
	// dry run of a clean-up, which envdeck never makes by itself.
	Stale       []string  `json:"stale" nullable:"false" doc:"Ids of branches that nobody seems to need and that could be deleted. Nothing is deleted by itself."`
	Suggestions []string  `json:"suggestions" nullable:"false" doc:"What the configuration could say, for people."`
	Sources     []Source  `json:"sources" nullable:"false"`
	LastUpdated time.Time `json:"lastUpdated"`
}

// Stamp answers a copy that says when it last changed.
func (s Status) Stamp(at time.Time) Status { s.LastUpdated = at; return s }

// Branch is one branch of the database.
type Branch struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	ParentID     *string   `json:"parentId" doc:"null: it is a root branch."`
	CreatedAt    time.Time `json:"createdAt"`
	UpdatedAt    time.Time `json:"updatedAt"`
	CurrentState string    `json:"currentState" doc:"In the provider's word: ready, init, resetting, archived, or a new one."`
	LogicalSize  *int64    `json:"logicalSize" doc:"Bytes. null: the provider has not measured it yet."`
	Environment  string    `json:"environment" doc:"Name of the environment whose database this is, or unknown."`

	PendingState string     `json:"pendingState,omitempty" doc:"What it is becoming, in the provider's word."`
	ParentName   string     `json:"parentName,omitempty"`
	Owner        string     `json:"owner,omitempty" doc:"Who made it."`
	Origin       string     `json:"origin,omitempty" doc:"What made it, in the provider's word."`
	Default      bool       `json:"default" doc:"The provider's default branch."`
	Protected    bool       `json:"protected"`
	ExpiresAt    *time.Time `json:"expiresAt" doc:"null: it stays."`
	Children     int        `json:"children"`
	// Operation is the release that it was made for.
	Operation string `json:"operation,omitempty" doc:"The release that this branch is a snapshot for."`
	// Stale says why it looks as if nobody needed it, "" when it does not.
	Stale string `json:"stale,omitempty" doc:"Why it looks as if nobody needed it."`
	// Kept says why it cannot be deleted, "" when it can.
	Kept string `json:"kept,omitempty" doc:"Why envdeck does not delete it."`
}

// Source is where facts came from and how it stands.
type Source struct {
	Name      string         `json:"name"`
	FetchedAt *time.Time     `json:"fetchedAt"`
	Stale     bool           `json:"stale"`
	Error     *SourceProblem `json:"error,omitempty"`
}

// SourceProblem is why a source has no fresh facts.
type SourceProblem struct {
	Kind       string     `json:"kind"`
	Message    string     `json:"message"`
	RetryAfter *time.Time `json:"retryAfter"`
}
