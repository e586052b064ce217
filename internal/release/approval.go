package release

import (
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
)

// ApprovalRules says how releases are approved.
type ApprovalRules struct {
	// Expires is how long a request can be approved, and an approval be used.
	Expires time.Duration `json:"expiresNs"`
	// SoloAfter is how long somebody who is alone waits before they may approve
	// what they asked for themselves.
	SoloAfter time.Duration `json:"soloAfterNs"`
}

// ApprovalState is where a request stands.
type ApprovalState string

// The states. Open and Approved end by themselves when their time is over.
const (
	ApprovalOpen      ApprovalState = "open"
	ApprovalGiven     ApprovalState = "approved"
	ApprovalDeclined  ApprovalState = "declined"
	ApprovalWithdrawn ApprovalState = "withdrawn" // by whoever asked
	ApprovalOutdated  ApprovalState = "outdated"  // what it was about has changed
	ApprovalUsed      ApprovalState = "used"
	ApprovalExpired   ApprovalState = "expired"
)

// Approval is a request to promote exactly one content, and what became of it.
// It waits outside of operations, so that waiting for people locks nothing.
type Approval struct {
	ID          string        `json:"id"`
	Project     string        `json:"project"`
	Environment string        `json:"environment"`
	State       ApprovalState `json:"state" enum:"open,approved,declined,withdrawn,outdated,used,expired"`
	Sheet       string        `json:"sheet" doc:"The hash of the comparison: what is approved, and nothing else."`
	From        *Build        `json:"from"`
	To          *Build        `json:"to"`
	Rebuild     bool          `json:"rebuild,omitempty"`
	Summary     string        `json:"summary" doc:"The comparison in one line."`
	Reason      string        `json:"reason"`
	By          Who           `json:"by"`
	CreatedAt   time.Time     `json:"createdAt"`
	ExpiresAt   time.Time     `json:"expiresAt"`
	Decision    *Decision     `json:"decision" doc:"null: nobody has decided."`
	Operation   string        `json:"operation,omitempty" doc:"The operation that used it."`
}

// Decision is what somebody said to a request.
type Decision struct {
	By     Who       `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
	// Solo says that whoever asked also approved, being the only one who could.
	Solo bool `json:"solo"`
}

// Approved is the approval that an operation used.
type Approved struct {
	ID    string    `json:"id"`
	Sheet string    `json:"sheet"`
	By    Who       `json:"by"`
	At    time.Time `json:"at"`
	Solo  bool      `json:"solo"`
}

// At is the request as it stands at a time.
func (ap Approval) At(now time.Time) Approval {
	if (ap.State == ApprovalOpen || ap.State == ApprovalGiven) && !now.Before(ap.ExpiresAt) {
		ap.State = ApprovalExpired
	}
	return ap
}

// used is the approval as an operation keeps it.
func (ap Approval) used() *Approved {
	return &Approved{ID: ap.ID, Sheet: ap.Sheet, By: ap.Decision.By, At: ap.Decision.At, Solo: ap.Decision.Solo}
}

// proofLife is how old a proof of presence may be for somebody who approves
// what they asked for themselves.
const proofLife = 5 * time.Minute

// mayApprove says why somebody may not approve a request, nil when they may;
// solo when they are the one who asked. others are the people who could
// approve at this time, whoever they are.
//
// Two people are needed while there are two. Whoever is alone is not shut out:
// they wait, and prove that it is them who sits there.
func mayApprove(ap Approval, rules ApprovalRules, a access.Actor, others []string, now time.Time) (solo bool, err error) {
	if ap.By.ID != a.ID {
		return false, nil
	}
	more := 0
	for _, id := range others {
		if id != a.ID {
			more++
		}
	}
	wait := ap.CreatedAt.Add(rules.SoloAfter).Sub(now)
	switch {
	case more > 0:
		return false, no(CauseFourEyes, "You asked for this yourself. %s can approve it; when nobody is there and it cannot wait, break the glass.", plural(more, "other person")).fault()
	case a.Kind != access.Person || !a.BySession():
		return false, no(CauseFourEyes, "A program cannot be the second pair of eyes for its owner. You are alone, so approve it yourself at a browser.").fault()
	case wait > 0:
		return false, no(CauseTooEarly, "You are the only one who can approve, so you may approve your own request after a while: in %s.", wait.Round(time.Second)).fault()
	case now.Sub(a.ProvenAt) > proofLife:
		return false, fault.Wrap(fault.Denied, access.ErrPresence, "You approve what you asked for yourself, so show that it is you. Confirm and try again.")
	}
	return true, nil
}
