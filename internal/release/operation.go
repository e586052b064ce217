package release

import (
	"time"

	"github.com/envdeck/envdeck/internal/provider"
)

// Action is what an operation was asked to do.
type Action string

// The actions.
const (
	Promote  Action = "promote"
	Rollback Action = "rollback"
	Deploy   Action = "deploy"
)

// Operation is one release, from the request to its end.
type Operation struct {
	ID          string `json:"id"`
	Project     string `json:"project"`
	Environment string `json:"environment" doc:"Name of the environment that it changes; worker/<name> of an operation on a Worker."`
	// Worker is what the operation is on where it is no environment; its builds
	// are versions then.
	Worker *WorkerTarget `json:"worker,omitempty" doc:"The Worker that it takes back. from and to are versions then. Left out: an operation on an environment."`
	Action Action        `json:"action" enum:"promote,rollback,deploy"`
	Phase  Phase         `json:"phase" doc:"requested, preflight, snapshot, switching, confirming, baking, rolling_back, or an end: succeeded, refused, cancelled, failed, rolled_back, rollback_failed, superseded, needs_human."`
	Status Status        `json:"status" enum:"pending,success,failed"`
	// Cause is why it stands where it stands; "" on the ordinary way.
	Cause   Cause  `json:"cause,omitempty" doc:"The named reason, for programs."`
	Message string `json:"message" doc:"Where it stands, for people."`
	Reason  string `json:"reason" doc:"Why it was asked for."`
	By      Who    `json:"by"`

	CreatedAt time.Time  `json:"createdAt"`
	PhaseAt   time.Time  `json:"phaseSince"`
	EndedAt   *time.Time `json:"endedAt"`

	From *Build `json:"from" doc:"What was live when it began. null: not known (yet)."`
	To   *Build `json:"to" doc:"What is to be live. null: not known (yet)."`
	// Back is what production goes back to when this release is bad: pinned
	// before anything is changed.
	Back *Build `json:"back" doc:"What production goes back to when the release is bad."`
	// Floor says whether Back runs on the schema that the release leaves; of a
	// rollback, whether its target does.
	Floor *Footing `json:"floor,omitempty" doc:"Whether the build that production goes back to runs on the schema that the release leaves. Left out: nothing here reads migrations, or it was not looked at yet."`
	// Snapshot is the database as it was before the switch.
	Snapshot *Kept `json:"snapshot" doc:"The database as it was before the switch. null: none was made (the step says why)."`
	// Stayed is what a rollback did not take back.
	Stayed []string `json:"stayed,omitempty" doc:"After a rollback: what did not go back."`
	Bake   *Watch   `json:"bake,omitempty" doc:"What the watch over the new build has seen."`
	// Automatic says that envdeck itself rolled back.
	Automatic bool   `json:"automatic" doc:"envdeck itself decided to roll back."`
	Sheet     string `json:"sheet,omitempty" doc:"Content hash of the comparison that was confirmed."`
	// Approval is the one that it used, nil when it needed none.
	Approval *Approved `json:"approval,omitempty" doc:"Who approved exactly this content."`
	Glass    *Glass    `json:"breakGlass,omitempty" doc:"The guards that were passed by breaking the glass."`

	// NewIssues and Reports are what followed; they are kept beside it.
	NewIssues *NewIssues     `json:"newIssues,omitempty" doc:"The issues that were first seen in the environment since. Left out: nobody here knows issues, or nothing was moved."`
	Reports   []DeployReport `json:"reports,omitempty" nullable:"false" doc:"The deploys that are reported outside, where release.report_to says so."`

	Steps []Step `json:"steps,omitempty" nullable:"false"`

	// Work is what the machine has to remember. It is kept, and not shown.
	Work Work `json:"-"`
	// RecordEnvironment is the environment in the deployment record; set when an
	// operation begins, and kept there alone.
	RecordEnvironment string `json:"-"`
	// Compared is the comparison that Sheet is the hash of, to be kept with the
	// next commit; nil when it is kept already.
	Compared *Sheet `json:"-"`
}

// Switched says that the intent of a change to production was committed: from
// then on it may have happened.
func (o *Operation) Switched() bool { return o.Work.Intended }

// Moves are the moves of the environment that were seen, in order.
func (o *Operation) Moves() []Move { return o.Work.Moves }

// Who asked for an operation.
type Who struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Kind string `json:"kind" doc:"person, token, system or operator."`
}

// Build is a deployment as operations remember it.
type Build struct {
	ID      string `json:"id"`
	URL     string `json:"url"`
	Commit  string `json:"commit" doc:"Full hash, empty when the platform does not say."`
	Message string `json:"message"`
	Branch  string `json:"branch"`
	Author  string `json:"author"`
	// CreatedAt is when it was built.
	CreatedAt time.Time `json:"createdAt"`
	// Number and Tag are of a Worker's version, whose ID is in ID.
	Number int    `json:"number,omitempty" doc:"Of a Worker's version: which upload it is."`
	Tag    string `json:"tag,omitempty" doc:"Of a Worker's version: what whoever uploaded it called it, often a commit."`
}

func buildOf(d provider.Deployment) *Build {
	return &Build{ID: d.ID, URL: d.URL, Commit: d.Commit, Message: d.Message, Branch: d.Branch, Author: d.Author, CreatedAt: d.CreatedAt}
}

// id is a build's id, "" for none.
func (b *Build) id() string {
	if b == nil {
		return ""
	}
	return b.ID
}

func (b *Build) commit() string {
	if b == nil {
		return ""
	}
	return b.Commit
}

// Step is one thing that was done or looked at. Names are kept for years: they
// are part of the schema.
type Step struct {
	Seq     int    `json:"seq"`
	Phase   Phase  `json:"phase"`
	Name    string `json:"name"`
	Attempt int    `json:"attempt,omitempty" doc:"Which sending of the same call this is; 0 for a look."`
	// Intent is what was going to be done, written before it was.
	Intent      string     `json:"intent,omitempty" doc:"Written before the act."`
	Observation string     `json:"observation,omitempty" doc:"Written after it."`
	Verdict     Verdict    `json:"verdict,omitempty" enum:"pass,fail,inconclusive,error"`
	Evidence    []Evidence `json:"evidence,omitempty" nullable:"false"`
	StartedAt   time.Time  `json:"startedAt"`
	EndedAt     *time.Time `json:"endedAt" doc:"null: under way."`
}

// Evidence is one fact that a step rests on.
type Evidence struct {
	Label string `json:"label"`
	Value string `json:"value"`
	URL   string `json:"url,omitempty"`
}

// Ask is what was asked for, in the asker's terms.
type Ask struct {
	DeploymentID    string `json:"deploymentId,omitempty"`
	ExpectedCurrent string `json:"expectedCurrent,omitempty"`
	Rebuild         bool   `json:"rebuild,omitempty"`
	// BelowFloor says that the person knows that the older build may not run on
	// the schema.
	BelowFloor bool   `json:"belowFloor,omitempty"`
	Sheet      string `json:"sheet,omitempty"`
	Ref        string `json:"ref,omitempty"`
	// WithoutSnapshot is why the release goes on without one; "" is no waiver.
	WithoutSnapshot string `json:"withoutSnapshot,omitempty"`
	// Glass says that the glass is broken: guards are passed and recorded.
	Glass bool `json:"glass,omitempty"`
	// Force takes a Worker back although a secret has changed since.
	Force bool `json:"force,omitempty"`
}

// Work is the machine's memory of one operation.
type Work struct {
	Ask Ask `json:"ask"`
	// Spent is how long the present phase was worked on.
	Spent time.Duration `json:"spent"`
	// Before is what preflight saw; nil before it.
	Before *Before `json:"before,omitempty"`
	// Migrates is whether a snapshot is wanted; nil until that was decided.
	Migrates *Migrates `json:"migrates,omitempty"`
	// Intended says that a change to production may have been made.
	Intended bool `json:"intended,omitempty"`
	// Followed says that its follow-up was begun.
	Followed bool `json:"followed,omitempty"`
	// Moves are the builds that production was seen to be moved to, in order.
	Moves []Move `json:"moves,omitempty"`
	// Call is the present change to a provider; nil when none was begun.
	Call *Call `json:"call,omitempty"`
	// Built is the build that this operation had made.
	Built *Build `json:"built,omitempty"`
	// Fallen says that the platform refused and the workflow was taken instead.
	Fallen  bool   `json:"fallen,omitempty"`
	FellFor string `json:"fellFor,omitempty"`
	// RunID is the workflow run that is followed.
	RunID  int64  `json:"runId,omitempty"`
	RunURL string `json:"runUrl,omitempty"`
	Branch string `json:"branch,omitempty"` // of a deployment by hand

	Confirm Confirm `json:"confirm"`
	// Shift is the change of the Worker's traffic; nil when none was begun.
	Shift *Shift `json:"shift,omitempty"`
	// Workers are those that belong to releases, as they were before the switch.
	Workers []RecordedWorker `json:"workers,omitempty"`
	// Ending is how it ends when the Workers went back; nil before.
	Ending *Ending `json:"ending,omitempty"`
	// Why a rollback began, for its record.
	BackCause   Cause  `json:"backCause,omitempty"`
	BackMessage string `json:"backMessage,omitempty"`
	// BackTo is what it goes back to, when somebody named another than Back.
	BackTo *Build `json:"backTo,omitempty"`
	Claims int    `json:"claims,omitempty"` // how often it was taken up
}

// Move is production at another build, as it was seen.
type Move struct {
	At     time.Time `json:"at"`
	Build  string    `json:"build"`
	Commit string    `json:"commit"`
	Back   bool      `json:"back,omitempty"` // to one that was live before
}

// Before is what preflight saw of production.
type Before struct {
	At       time.Time        `json:"at"`
	LiveID   string           `json:"liveId"`
	Domains  []string         `json:"domains,omitempty"`
	Switch   *provider.Switch `json:"switch,omitempty"` // the last one, to tell ours from it
	Healthy  Verdict          `json:"healthy"`
	Health   string           `json:"health,omitempty"` // in words
	Errors   *Rate            `json:"errors,omitempty"` // the hour before; nil: not known
	CronsOf  string           `json:"cronsOf,omitempty"`
	Assigned *bool            `json:"autoAssign,omitempty"`
	// Schema says whether what it goes back to runs on the schema that the
	// release leaves; of a rollback, whether its target does. nil: nothing here
	// reads migrations.
	Schema *Footing `json:"schema,omitempty"`
}

// Verb is a change to a provider.
type Verb string

// The verbs.
const (
	VerbPromote  Verb = "promote"
	VerbRollback Verb = "rollback"
	VerbRebuild  Verb = "rebuild"
	VerbBuild    Verb = "build"
	VerbDispatch Verb = "dispatch"
	VerbShift    Verb = "shift" // of a Worker's traffic
)

// Verbs lists every change that the room makes outside.
func Verbs() []Verb {
	return []Verb{VerbPromote, VerbRollback, VerbRebuild, VerbBuild, VerbDispatch, VerbShift}
}

// Call is one change to a provider: what was intended and what became of it.
type Call struct {
	Verb    Verb      `json:"verb"`
	Target  string    `json:"target"`
	Attempt int       `json:"attempt"` // 1 or 2; only a call known not to have been taken is sent more often
	At      time.Time `json:"at"`      // of the intent
	// Answer is "" while nobody knows: the call may be under way, or its
	// process may have died in the middle.
	Answer Answer `json:"answer,omitempty"`
	// Waited is how long a lost answer was looked for in the provider's state.
	Waited time.Duration `json:"waited,omitempty"`
	// Seen is the last switch that the provider showed before the call.
	Seen *provider.Switch `json:"seen,omitempty"`
	Step int              `json:"step"` // its step
	// Refusals counts answers that said "not now".
	Refusals int `json:"refusals,omitempty"`
}

// Answer is what a provider said to a change.
type Answer string

// The answers.
const (
	Taken   Answer = "accepted"
	Queued  Answer = "queued"
	Lost    Answer = "lost" // no answer, or one that says nothing certain
	Refusal Answer = "refused"
	NotSent Answer = "not_sent"
	Adopted Answer = "adopted" // it was there already
)

// Confirm counts how often in a row the new build was proven to be served.
type Confirm struct {
	InRow int `json:"inRow"`
	Bad   int `json:"bad"` // of the last probes
	// Dots are the last probes: h healthy, d degraded, b bad, u unknown, o old build.
	Dots     string `json:"dots,omitempty"`
	Nameless int    `json:"nameless,omitempty"` // probes that named no commit
}
