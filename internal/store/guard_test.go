package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

func approval(id string, at time.Time) release.Approval {
	return release.Approval{
		ID: id, Project: "app", Environment: "prod", State: release.ApprovalOpen, Sheet: "sheet_1", Reason: "x", CreatedAt: at, ExpiresAt: at.Add(time.Hour),
		To: &release.Build{ID: "dpl_2"}, By: release.Who{ID: "u"},
	}
}

func TestAnApprovalIsDecidedOnceAndUsedOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		ctx, receipt := t.Context(), receipts(t, db)
		now := time.Now().UTC().Truncate(time.Microsecond)
		sheet := release.Sheet{Hash: "sheet_1", Ahead: 3}
		if err := db.AskApproval(ctx, approval("apr_1", now), sheet, receipt()); err != nil {
			t.Fatal(err)
		}
		if got, err := db.Sheet(ctx, "sheet_1"); err != nil || got.Ahead != 3 {
			t.Errorf("the comparison is %+v, %v", got, err)
		}
		if _, err := db.Sheet(ctx, "sheet_2"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a comparison that was never kept: %v", err)
		}
		var mu sync.Mutex
		decided := 0
		var all sync.WaitGroup
		for range 8 { // at once
			all.Go(func() {
				ap := approval("apr_1", now)
				ap.State, ap.Decision = release.ApprovalGiven, &release.Decision{By: release.Who{ID: "v"}, At: now}
				err := db.DecideApproval(ctx, ap, release.ApprovalOpen, now, receipt())
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					decided++
				} else if !fault.Is(err, fault.Conflict) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if decided != 1 {
			t.Fatalf("it was decided %d times", decided)
		}
		op := operation("op_1", now)
		op.Approval = &release.Approved{ID: "apr_1", Sheet: "sheet_1"}
		op.Glass = &release.Glass{Passed: []release.Passed{{Cause: release.CauseHeld, Text: "held"}}}
		if err := db.Begin(ctx, op, "", receipt()); err != nil {
			t.Fatal(err)
		}
		got, err := db.Operation(ctx, "op_1")
		if err != nil || cmp.Diff(op.Approval, got.Approval) != "" || cmp.Diff(op.Glass, got.Glass) != "" {
			t.Errorf("the operation came back with %+v and %+v, %v", got.Approval, got.Glass, err)
		}
		other := operation("op_2", now)
		other.Environment, other.Approval = "next", op.Approval
		if err := db.Begin(ctx, other, "", receipt()); !fault.Is(err, fault.Conflict) {
			t.Errorf("an approval was used twice: %v", err)
		}
		// An operation that is displaced before it changed anything gives it back.
		back := operation("op_3", now.Add(time.Second))
		back.Action = release.Rollback
		if err := db.Begin(ctx, back, "op_1", receipt()); err != nil {
			t.Fatal(err)
		}
		list, err := db.Approvals(ctx, "app", "prod", 10)
		if err != nil || len(list) != 1 || list[0].State != release.ApprovalGiven || list[0].Operation != "" {
			t.Errorf("the requests are %+v, %v", list, err)
		}
		late := list[0]
		late.State = release.ApprovalWithdrawn
		if err := db.DecideApproval(ctx, late, release.ApprovalGiven, now.Add(2*time.Hour), receipt()); !fault.Is(err, fault.Conflict) {
			t.Errorf("one whose time is over was decided: %v", err)
		}
	})
}
