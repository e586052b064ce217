package stories

import (
	"time"

	"github.com/envdeck/envdeck/internal/release"
)

// Guarded is production with everything in front of it: a hold, a freeze that
// comes, and a request that waits.
func Guarded() Story {
	s := Normal()
	s.Name = "guarded"
	who := release.Who{ID: "u2", Name: "ana-ruiz", Kind: "person"}
	open := release.Approval{
		ID: "apr_open", Project: "spike.land", Environment: "prod", State: release.ApprovalOpen, Sheet: s.Sheet.Hash, Summary: "9d41c07 → e02a9b1: 7 commits, 2 pull requests, 1 migration file",
		From: &release.Build{ID: "dpl_9d41c07", Commit: "9d41c07"}, To: &release.Build{ID: "dpl_e02a9b1", Commit: "e02a9b1", Message: "Merge gallery pagination and retry uploads that stall (#1479)"},
		Reason: "gallery pages, tested on next", By: who, CreatedAt: before(12 * time.Minute), ExpiresAt: Now().Add(24 * time.Hour),
	}
	used := open
	used.ID, used.State, used.CreatedAt, used.Operation = "apr_used", release.ApprovalUsed, before(50*time.Hour), "op_good"
	used.Decision = &release.Decision{By: release.Who{ID: "u2", Name: "ana-ruiz"}, At: before(49 * time.Hour), Solo: true}
	s.Guards = release.Guards{
		Environment: "prod", Approval: &release.ApprovalRules{Expires: 24 * time.Hour, SoloAfter: 10 * time.Minute},
		Holds:    []release.Hold{{ID: "hold_1", Environment: "prod", Reason: "the sale: no changes to checkout", By: who, CreatedAt: before(3 * time.Hour), ExpiresAt: Now().Add(48 * time.Hour)}},
		Freezing: &release.Window{Reason: "no releases on Sunday evening", From: Now().Add(2 * time.Hour), Until: Now().Add(9 * time.Hour)},
		Waiting:  []release.Approval{open},
	}
	s.Approvals = []release.Approval{open, used}
	return s
}
