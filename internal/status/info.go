package status

import (
	"time"

	"github.com/envdeck/envdeck/internal/health"
)

// Status answers "what runs where": the body of GET status.
type Status struct {
	Project string `json:"project"`
	// Environments by name; null for a local one that is not running and has
	// not reported itself.
	Environments map[string]*Info `json:"environments"`
	// Order is the names in the order a build travels.
	Order []string `json:"order"`
	// LastUpdated is when anything in here last changed, not when it was
	// asked for: an unchanged answer has an unchanged stamp.
	LastUpdated time.Time `json:"lastUpdated"`
	Sources     []Source  `json:"sources"`
}

// Info is one environment. A pointer that is nil is a fact that could not be
// had: Unknown says why, under the field's name.
type Info struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	URL  string `json:"url"`

	Commit        *string    `json:"commit"` // the first 7 digits
	CommitSHA     *string    `json:"commitSha"`
	CommitMessage *string    `json:"commitMessage"`
	CommitURL     *string    `json:"commitUrl"`
	Branch        *string    `json:"branch"`
	DeployedAt    *time.Time `json:"deployedAt"`
	DeployedBy    *string    `json:"deployedBy"`
	DeploymentID  *string    `json:"deploymentId"`
	DeploymentURL *string    `json:"deploymentUrl"`
	InspectorURL  *string    `json:"inspectorUrl"`
	// Lifecycle is where the environment's build stands; see Lifecycle.
	Lifecycle Lifecycle `json:"lifecycle"`
	// Notes are states a person must know of: a split switch, a pin after a
	// rollback, a gradual release.
	Notes []Note `json:"notes"`

	Health          health.Verdict `json:"health"`
	HealthReason    *string        `json:"healthReason"`
	HealthCheckedAt *time.Time     `json:"healthCheckedAt"`
	HealthPhases    *health.Phases `json:"healthPhases"`
	HealthParts     []health.Part  `json:"healthParts"`
	// Uptime is the health of the last 24 hours.
	Uptime *Uptime `json:"uptime" doc:"Health of the last 24 hours. null: not known."`
	// Served is the commit that the app itself answers with, and Drift how it
	// stands to the deployed one.
	ServedCommit *string `json:"servedCommit"`
	Drift        Drift   `json:"drift"`

	ErrorCount24h *int64 `json:"errorCount24h"`
	// ErrorSource is the source that counts the environment's errors, "" when
	// nobody does: then nothing about them is missing.
	ErrorSource string `json:"errorSource,omitempty" doc:"The source that counts its errors. Left out: nobody does, by the configuration."`
	// ErrorHours are the errors of the last day by the hour, oldest first; null:
	// not known.
	ErrorHours []ErrorHour `json:"errorHours" doc:"Errors by the hour, oldest first; events of the last hour are still coming in. null: not known."`
	// ActiveUsers is the visitors of ActiveUsersWindow: no platform offers
	// "right now", so the number says what it is.
	ActiveUsers       *int64 `json:"activeUsers"`
	ActiveUsersWindow string `json:"activeUsersWindow"`

	// PRsIncluded is "#12 Title" of each pull request in this environment's
	// build that is not live in production yet; for production itself, those
	// that came with the build that is live.
	PRsIncluded  *[]string     `json:"prsIncluded"`
	PullRequests []PullRequest `json:"pullRequests"`
	// CommitsAhead and CommitsBehind stand against production's commit.
	CommitsAhead  *int `json:"commitsAhead"`
	CommitsBehind *int `json:"commitsBehind"`

	// Report is what a developer's machine said of its working copy.
	Report *Report `json:"report,omitempty"`

	// Unknown is why a field of this object is null, by the field's name.
	Unknown map[string]string `json:"unknown"`
}

// Uptime is how an environment was over the last 24 hours.
type Uptime struct {
	// Share is of the time that is known to be up or down, rounded to the
	// hundredth of a percent; null when none is.
	Share *float64 `json:"share" doc:"From 0 to 1: how much of the observed time it answered, degraded included. null: nothing was observed."`
	// Bars are half hours, oldest first; the last one is not over.
	Bars []UptimeBar `json:"bars" nullable:"false" doc:"Half hours, oldest first; the last one is not over."`
}

// UptimeBar is one half hour.
type UptimeBar struct {
	At    time.Time    `json:"at" doc:"When it began."`
	State health.State `json:"state" enum:"healthy,degraded,down,unknown,offline,unobserved" doc:"The worst that was seen."`
	// DownSeconds is how long it was down.
	DownSeconds int64 `json:"downSeconds,omitempty"`
}

// ErrorHour is one hour of errors.
type ErrorHour struct {
	At time.Time `json:"at"`
	// Count is null where the hour was not counted: that is no hour without
	// errors.
	Count *int64 `json:"count" doc:"null: not counted, which is not 0."`
	Open  bool   `json:"open" doc:"The hour is not over, or not counted to its end."`
}

// Lifecycle is where an environment's build stands. It says nothing of health.
type Lifecycle string

// The lifecycles.
const (
	LifecycleLive      Lifecycle = "live"      // the build is what the environment serves
	LifecycleStaged    Lifecycle = "staged"    // ready, and not live in production
	LifecycleBuilding  Lifecycle = "building"  // on its way
	LifecycleDeploying Lifecycle = "deploying" // a switch is under way
	LifecycleFailed    Lifecycle = "failed"    // the newest build failed
	LifecycleRunning   Lifecycle = "running"   // a working copy that runs
	LifecycleOffline   Lifecycle = "offline"   // a working copy that does not: normal
	LifecycleUnknown   Lifecycle = "unknown"
)

// Drift is how the commit that is served stands to the one that is deployed.
type Drift string

// The drifts.
const (
	DriftNone    Drift = "none"
	DriftServed  Drift = "served_differs" // the app answers with another commit
	DriftUnknown Drift = "unknown"
)

// Note is one state a person must know of.
type Note struct {
	Code string `json:"code"` // stable, for programs: "split", "rolled_back", "rolling"
	Text string `json:"text"`
}

// PullRequest is one change in an environment's build.
type PullRequest struct {
	Number int    `json:"number"`
	Title  string `json:"title"`
	URL    string `json:"url"`
	Author string `json:"author"`
}

// Source is where facts came from and how they stand.
type Source struct {
	// Name is the provider, or "health" and "report".
	Name string `json:"name"`
	// FetchedAt is when the facts last changed; null when there never were
	// any. How long ago the source was last asked travels in a header.
	FetchedAt *time.Time `json:"fetchedAt"`
	Stale     bool       `json:"stale"`
	Error     *Problem   `json:"error,omitempty"`
}

// Problem is why a source could not answer.
type Problem struct {
	Kind       string     `json:"kind"`
	Message    string     `json:"message"`
	RetryAfter *time.Time `json:"retryAfter,omitempty"`
}

// Report is what a developer's machine says of its working copy.
type Report struct {
	Commit      string    `json:"commit"`
	Message     string    `json:"message"`
	Branch      string    `json:"branch"`
	Author      string    `json:"author"`
	Dirty       bool      `json:"dirty"`
	Ahead       int       `json:"ahead"`
	Behind      int       `json:"behind"`
	PullRequest int       `json:"pullRequest,omitempty"`
	Host        string    `json:"host"`
	ReportedAt  time.Time `json:"reportedAt"`
}

// Deployments answers the history: the body of GET deployments.
type Deployments struct {
	Project     string       `json:"project"`
	Deployments []Deployment `json:"deployments"`
	CurrentProd *Deployment  `json:"currentProd"`
	CurrentNext *Deployment  `json:"currentNext"`
	Incomplete  bool         `json:"incomplete"` // the list misses pages: absence proves nothing
	LastUpdated time.Time    `json:"lastUpdated"`
	Sources     []Source     `json:"sources"`
}

// Deployment is one build in the history.
type Deployment struct {
	ID            string     `json:"id"`
	URL           string     `json:"url"`
	Commit        string     `json:"commit"` // the first 7 digits, "" when it was not built from a commit
	CommitSHA     string     `json:"commitSha"`
	CommitURL     string     `json:"commitUrl"`
	CommitMessage string     `json:"commitMessage"`
	Branch        string     `json:"branch"`
	Author        string     `json:"author"`
	CreatedAt     time.Time  `json:"createdAt"`
	ReadyAt       *time.Time `json:"readyAt"`
	Creator       string     `json:"creator"`
	State         string     `json:"state"`
	Target        *string    `json:"target"` // "production", "preview" or a custom environment's slug
	Stage         string     `json:"stage"`  // STAGED, ROLLING, PROMOTED or ""
	Live          bool       `json:"live"`   // production points at it now
	PullRequest   int        `json:"pullRequest,omitempty"`
	Problem       string     `json:"problem,omitempty"`
	InspectorURL  string     `json:"inspectorUrl"`
	// Environments that show this build now.
	Environments []string `json:"environments"`
}
