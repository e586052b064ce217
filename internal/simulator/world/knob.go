package world

import (
	"slices"
	"time"
)

// Knobs are the ways to make the world misbehave. They are set inside Change;
// a knob with Once falls back to normal after the first thing it touched.
type Knobs struct {
	Alias AliasKnob // the next alias jobs
	Build BuildKnob // the next builds

	// EdgeLag is how long the production app goes on answering the old commit
	// after its domain has moved.
	EdgeLag time.Duration
	// Skew is added by a face to every timestamp of the platform it shows.
	Skew time.Duration
	// Rival makes somebody else promote another build as soon as the next
	// promotion is through.
	Rival bool
	// PromoteTurnsAutoAssignOn is the harsher reading of Vercel's pages: any
	// promotion turns auto-assignment on, whoever had turned it off.
	PromoteTurnsAutoAssignOn bool
	// CronsStop keeps the platform from firing crons (a silent scheduler).
	CronsStop bool
	// CronsStay is one of two readings of Vercel's pages: a rollback leaves the
	// crons as the newer build set them.
	CronsStay bool
	// CronFails is the share of cron runs that fail, up to 1; 0 is the normal
	// share, one in a hundred.
	CronFails float64
	Workflow  WorkflowKnob // the next workflow runs
	// Workers pins the counted traffic of scripts, by name, however long the
	// span that is asked for: a day whose numbers are known.
	Workers map[string]WorkerKnob
	// WorkerFollows is how long after a promotion the release's own workflow
	// deploys the app's Worker from the same commit; 0: it does not.
	WorkerFollows time.Duration
	// AnalyticsHide are fields that the account's analytics do not know.
	AnalyticsHide []string

	autoAssignBefore bool // what a rollback found
}

// AliasMode is how an alias job goes wrong.
type AliasMode string

// Alias job faults.
const (
	AliasOK    AliasMode = ""
	AliasStuck AliasMode = "stuck"   // in progress for ever, nothing moves
	AliasFail  AliasMode = "fail"    // Domains (none named: all) do not move, the others do
	AliasSkip  AliasMode = "skipped" // ends as skipped, nothing moves
)

// AliasKnob is how alias jobs go.
type AliasKnob struct {
	Mode    AliasMode
	Domains []string
	Delay   time.Duration // before the first alias moves
	Once    bool
}

// BuildKnob is how builds go.
type BuildKnob struct {
	Fail     bool
	Duration time.Duration // 0: as usual, 48 s to 130 s
	Ills     []Ill         // what is wrong with what was built
	Once     bool
}

// WorkflowKnob is how workflow runs go.
type WorkflowKnob struct {
	Wait bool // for somebody's approval
	Fail bool
}

// WorkerKnob is the counted traffic of one script. Times are in microseconds,
// as the platform counts them; without requests the script has no row.
type WorkerKnob struct {
	Requests, Errors, ClientDisconnects int64
	Subrequests, CPUTimeUs, WallTime    int64
	CPUTimeP50, CPUTimeP99              float64
	WallTimeP50, WallTimeP99            float64
}

// Ill is something wrong with a running build, or with an environment.
type Ill struct {
	Kind   IllKind
	After  time.Duration // since it began to serve
	For    time.Duration // 0: for ever
	Factor float64       // of Errors: times the normal rate; 0 is 50
}

// IllKind is what is wrong.
type IllKind string

// Ills.
const (
	IllDown     IllKind = "down"     // status down, 503
	IllError    IllKind = "error"    // 500 without a body that says why
	IllDegraded IllKind = "degraded" // status degraded, redis in error, still 200
	IllDatabase IllKind = "database" // the database check fails: down
	IllErrors   IllKind = "errors"   // healthy to look at, but errors abound
)

// AppMode is how an app's socket behaves.
type AppMode string

// App modes.
const (
	AppUp   AppMode = ""
	AppHang AppMode = "hang" // accepts and never answers
	AppGone AppMode = "gone" // hangs up without an answer, as a dead port would
	App502  AppMode = "502"  // a gateway answers for it
)

// AppKnob is the health of one environment beside that of its build.
type AppKnob struct {
	Mode     AppMode
	Status   string // "", or ok, degraded, down
	Database string // "", or ok, error
	Redis    string // "", or ok, error, not_configured
	Latency  time.Duration
	Errors   float64 // times the normal error rate; 0 is 1
	Commit   string  // serves this SHA whatever its alias says
}

// episode is an AppKnob that held for a while, kept because the errors of the
// past are asked for later.
type episode struct {
	from, to time.Time // to zero: until further notice
	knob     AppKnob
}

// SetApp changes how an environment does from now on.
func (s *State) SetApp(e Env, k AppKnob) {
	list := s.episodes[e]
	if n := len(list); n > 0 && list[n-1].to.IsZero() {
		list[n-1].to = s.now
	}
	s.episodes[e] = append(list, episode{from: s.now, knob: k})
}

// App is how an environment was set to do at t.
func (s *State) App(e Env, t time.Time) AppKnob {
	for _, ep := range slices.Backward(s.episodes[e]) {
		if !ep.from.After(t) {
			if ep.to.IsZero() || ep.to.After(t) {
				return ep.knob
			}
			break
		}
	}
	return AppKnob{}
}

// Spoil makes a deployment that exists already ill.
func (s *State) Spoil(id string, ills ...Ill) error {
	d := s.Deployment(id)
	if d == nil {
		return ErrNotFound
	}
	d.Ills = append(d.Ills, ills...)
	return nil
}
