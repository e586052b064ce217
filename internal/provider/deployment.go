package provider

import "time"

// State is where a build stands. Platforms invent new ones: an unknown value
// is kept as it came and is never taken for Ready.
type State string

// The states that envdeck knows, in the words of its API.
const (
	Queued       State = "QUEUED"
	Initializing State = "INITIALIZING"
	Building     State = "BUILDING"
	Ready        State = "READY"
	Failed       State = "ERROR"
	Canceled     State = "CANCELED"
	Blocked      State = "BLOCKED"
	Deleted      State = "DELETED"
)

// Stage is how far a production build has come. It is not the same as being
// live: a build that was live last week is still Promoted.
type Stage string

// The stages of a production build.
const (
	Staged   Stage = "STAGED"   // never served production traffic: promotable as it is
	Rolling  Stage = "ROLLING"  // serves part of the traffic
	Promoted Stage = "PROMOTED" // has served production traffic
)

// Targets that a build can be made for. A custom environment is
// TargetPreview with Custom set.
const (
	TargetProduction = "production"
	TargetPreview    = "preview"
)

// Deployment is one build of the app, in our words. Strings from outside are
// as they came: hostile text, to be escaped where they are shown.
type Deployment struct {
	ID           string
	URL          string // https://…, the build's own address
	InspectorURL string // the vendor's page about it, https or ""
	Commit       string // 40 hex digits, "" when the build was not made from one
	Message      string
	Branch       string
	Author       string // who wrote the commit
	Creator      string // who or what made the build
	PullRequest  int    // 0 when it was not made for one
	State        State
	Target       string // TargetProduction or TargetPreview
	Custom       string // slug of the custom environment it was built for
	Stage        Stage  // "" unless it is a production build
	Source       string // what triggered it, in the vendor's word
	Problem      string // the vendor's error code, when the build failed

	CreatedAt time.Time
	ReadyAt   time.Time // zero until it is ready

	// RollbackCandidate is nil where the platform did not say.
	RollbackCandidate *bool
	// Crons are the schedules that the build brings along; nil where the
	// platform did not say, as in lists.
	Crons []CronJob
}

// DeploymentQuery narrows a list of builds.
type DeploymentQuery struct {
	Target string // "" is every target
	Branch string
	State  State
	Limit  int // at most 100

	RollbackCandidates bool // only builds that can be rolled back to
}

// DeploymentList is a list of builds and whether it is all there is.
type DeploymentList struct {
	Items []Deployment
	// Incomplete says that pages were missing or went in a circle: absence
	// from the list proves nothing.
	Incomplete bool
}

// Live is what production is right now.
type Live struct {
	Deployment Deployment
	Domains    []Domain

	// Split says that the production domains do not all point at the same
	// build: a switch is under way, or got stuck half way.
	Split bool
	// AutoAssign says whether a push to the production branch goes live by
	// itself; nil where the platform did not say.
	AutoAssign *bool
	// RolledBack says that production is pinned to an older build, so pushes
	// do not go live until somebody promotes.
	RolledBack       bool
	ProductionBranch string
	// Rolling says that a gradual release is configured or under way.
	Rolling bool
	// Switch is the last or current move of the production domains, nil when
	// there was none.
	Switch *Switch
	// Crons is the schedule the platform runs, nil where it does not say.
	Crons *CronSet
	// Measured says whether the platform counts visitors of this project.
	Measured bool
}

// Domain is one production host name and the build it points at.
type Domain struct {
	Name         string
	DeploymentID string // "" when it points at nothing
}

// Switch is one move of the production domains.
type Switch struct {
	From, To    string // deployment ids; From may be ""
	Kind        string // "promote" or "rollback"
	Status      string // pending, in-progress, succeeded, failed, skipped
	RequestedAt time.Time
}

// CronSet is the platform's schedule and the build it was read from.
type CronSet struct {
	DeploymentID string
	Enabled      bool
	Jobs         []CronJob
	// LiveID is the build that production serves by the same answer; "" while
	// that is not clear, as when the production domains disagree.
	LiveID string
	// Behind is set when the two are different builds.
	Behind *CronsBehind
}

// CronsBehind is what is known of the two builds when the platform runs the
// schedule of another one than the live one.
type CronsBehind struct {
	Commit     string // of the build that the schedule is of; "" when not known
	LiveCommit string
	// Live is the schedule that the live build brings along; nil where the
	// platform did not say.
	Live []CronJob
}

// CronJob is one scheduled path.
type CronJob struct {
	Path     string
	Schedule string
	Host     string
}
