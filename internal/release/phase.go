package release

import (
	"slices"
	"time"
)

// Phase is where an operation stands.
type Phase string

// The phases. Up to Switching nothing has changed in production.
const (
	Requested  Phase = "requested"
	Preflight  Phase = "preflight"
	Snapshot   Phase = "snapshot"
	Switching  Phase = "switching"
	Confirming Phase = "confirming"
	Baking     Phase = "baking"
	Succeeded  Phase = "succeeded"

	Refused   Phase = "refused"   // a rule said no; nothing was changed
	Cancelled Phase = "cancelled" // somebody said stop in time; nothing was changed
	Failed    Phase = "failed"    // it did not come to a switch; nothing was changed

	RollingBack    Phase = "rolling_back"
	RolledBack     Phase = "rolled_back"
	RollbackFailed Phase = "rollback_failed"

	Superseded Phase = "superseded"  // somebody else moved production meanwhile
	NeedsHuman Phase = "needs_human" // envdeck cannot tell, or must not decide
)

// stage is one row of the table of phases.
type stage struct {
	// deadline is how long the phase may be worked on, in time that somebody
	// drove it: a stopped process or a stepped clock uses none of it up.
	deadline time.Duration
	// late is where the phase goes when the deadline has passed.
	late  Phase
	cause Cause
	exits []Phase // beside staying
}

// lookAhead is how long the switch itself may take.
const (
	preflightLimit = time.Minute
	switchLimit    = 5 * time.Minute
	buildLimit     = 30 * time.Minute // building, where a release has to build
	confirmLimit   = 5 * time.Minute
	rollbackLimit  = 5 * time.Minute
	bakeSlack      = 2 * time.Minute // beside twice the configured time
)

// stages is the machine: every phase, its deadline, its exits. A phase without
// a row has ended.
var stages = map[Phase]stage{
	Requested: {time.Minute, Failed, CauseStuck, []Phase{Preflight, Cancelled, Failed}},
	Preflight: {preflightLimit, Failed, CauseUnreadable, []Phase{Snapshot, Refused, Cancelled, Failed}},
	Snapshot:  {10 * time.Minute, Failed, CauseStuck, []Phase{Switching, Refused, Cancelled, Failed}},
	// Until the intent of the switch is committed it can still be refused.
	Switching:   {switchLimit, NeedsHuman, CauseNotSwitched, []Phase{Confirming, RollingBack, Succeeded, Refused, Cancelled, Failed, Superseded, NeedsHuman}},
	Confirming:  {confirmLimit, NeedsHuman, CauseNotServed, []Phase{Baking, Succeeded, RollingBack, Superseded, NeedsHuman}},
	Baking:      {0, NeedsHuman, CauseNotProven, []Phase{Succeeded, RollingBack, Superseded, NeedsHuman}},
	RollingBack: {rollbackLimit, RollbackFailed, CauseNotSwitched, []Phase{RolledBack, RollbackFailed, Superseded, NeedsHuman}},
}

// Phases lists every phase that is not an end, in the order they come.
func Phases() []Phase {
	return []Phase{Requested, Preflight, Snapshot, Switching, Confirming, Baking, RollingBack}
}

// Ends lists every end.
func Ends() []Phase {
	return []Phase{Succeeded, Refused, Cancelled, Failed, RolledBack, RollbackFailed, Superseded, NeedsHuman}
}

// Ended says that nothing more will happen by itself.
func (p Phase) Ended() bool {
	_, live := stages[p]
	return !live
}

// may says whether a phase of a table may follow another.
func may(table map[Phase]stage, p, next Phase) bool {
	return p == next || slices.Contains(table[p].exits, next)
}

// Confirmed says that the new build is known to be served, or that it is over.
func (p Phase) Confirmed() bool { return p == Baking || p.Ended() }

// Status is the phase in the three words of the deployment record.
func (p Phase) Status() Status {
	switch {
	case p == Succeeded:
		return StatusSuccess
	case p.Ended():
		return StatusFailed
	default:
		return StatusPending
	}
}

// Status is an operation in three words.
type Status string

// The statuses.
const (
	StatusPending Status = "pending"
	StatusSuccess Status = "success"
	StatusFailed  Status = "failed"
)

// Verdict is what evidence says. "No data" is Inconclusive and "could not be
// asked" is Error; neither is ever a Pass.
type Verdict string

// The verdicts.
const (
	Pass         Verdict = "pass"
	Fail         Verdict = "fail"
	Inconclusive Verdict = "inconclusive"
	Error        Verdict = "error"
)
