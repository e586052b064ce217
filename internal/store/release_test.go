package store_test

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/secret"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

// receipts makes receipts of promotions.
func receipts(t *testing.T, db *store.DB) func() access.Receipt {
	t.Helper()
	keys, err := access.NewKeys(secret.New(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := access.New(t.Context(), access.Config{Store: db, Keys: keys, Clock: clock.Real(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	boss := access.Actor{Kind: access.Person, ID: "u", Role: access.SuperAdmin, SessionID: "s"}
	return func() access.Receipt {
		p, err := c.Gate.Allow(t.Context(), boss, access.Promote, access.On{})
		if err != nil {
			t.Fatal(err)
		}
		return p.Receipt(access.Note{Reason: "x"})
	}
}

func operation(id string, at time.Time) release.Operation {
	return release.Operation{
		ID: id, Project: "app", Environment: "prod", Action: release.Promote, Phase: release.Requested, Reason: "x", CreatedAt: at, PhaseAt: at,
		RecordEnvironment: "production", To: &release.Build{ID: "dpl_2"},
	}
}

func TestOneLiveOperationAndOneDriver(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		ctx, receipt := t.Context(), receipts(t, db)
		now := time.Now().UTC().Truncate(time.Microsecond)
		if err := db.Begin(ctx, operation("op_1", now), "", receipt()); err != nil {
			t.Fatal(err)
		}
		var busy *release.Busy
		if err := db.Begin(ctx, operation("op_2", now), "", receipt()); !errors.As(err, &busy) || busy.ID != "op_1" || !fault.Is(err, fault.Conflict) {
			t.Fatalf("a second live operation: %v", err)
		}

		claim := func(owner string, at time.Time) (release.Lease, bool) {
			l, _, _, ok, err := db.Claim(ctx, release.Claim{Owner: owner, Now: at, Real: at, TTL: time.Minute})
			if err != nil {
				t.Error(err)
			}
			return l, ok
		}
		var mu sync.Mutex
		var leases []release.Lease
		var all sync.WaitGroup
		for range 12 {
			all.Go(func() {
				if l, ok := claim("me", now.Add(time.Second)); ok {
					mu.Lock()
					leases = append(leases, l)
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if len(leases) != 1 {
			t.Fatalf("%d drive it", len(leases))
		}
		mine := leases[0]
		op, err := db.Operation(ctx, "op_1")
		if err != nil {
			t.Fatal(err)
		}
		op.Phase = release.Preflight
		change := release.Change{Operation: op, WakeAt: now, Steps: []release.Step{{Seq: 1, Name: "preflight", StartedAt: now}}}
		if err := db.Save(ctx, mine, change); err != nil {
			t.Fatal(err)
		}

		// An order stops what was to be done next, until it was read.
		if err := db.Order(ctx, "op_1", release.Order{Kind: release.OrderCancel, Why: "no"}, now, receipt()); err != nil {
			t.Fatal(err)
		}
		intent := change
		intent.Unless = true
		if err := db.Save(ctx, mine, intent); !errors.Is(err, release.ErrOrdered) {
			t.Errorf("an intent in spite of an order: %v", err)
		}
		o, err := db.Renew(ctx, mine, release.Claim{Owner: "me", Now: now, Real: now.Add(time.Second), TTL: time.Minute})
		if err != nil || o.Kind != release.OrderCancel {
			t.Errorf("%+v, %v", o, err)
		}
		change.Obeyed = true
		if err := db.Save(ctx, mine, change); err != nil {
			t.Error(err)
		}

		// Somebody else takes it up: what the first one writes is refused.
		if err := db.Release(ctx, mine, now); err != nil {
			t.Fatal(err)
		}
		other, ok := claim("other", now.Add(time.Second))
		if !ok || other.Fence <= mine.Fence {
			t.Fatalf("%+v, %v", other, ok)
		}
		if err := db.Save(ctx, mine, change); !errors.Is(err, release.ErrLost) {
			t.Errorf("a write behind the fence: %v", err)
		}
		if _, err := db.Renew(ctx, mine, release.Claim{Owner: "me", Now: now, Real: now, TTL: time.Minute}); !errors.Is(err, release.ErrLost) {
			t.Errorf("a lease behind the fence: %v", err)
		}

		// A rollback displaces what has not switched, driver and all.
		back := operation("op_3", now.Add(time.Minute))
		back.Action = release.Rollback
		if err := db.Begin(ctx, back, "op_1", receipt()); err != nil {
			t.Fatal(err)
		}
		if err := db.Save(ctx, other, change); !errors.Is(err, release.ErrLost) {
			t.Errorf("the displaced one went on: %v", err)
		}
		if op, err = db.Operation(ctx, "op_1"); err != nil || op.Phase != release.Cancelled || op.EndedAt == nil || len(op.Steps) != 1 {
			t.Errorf("%+v, %v", op, err)
		}
		list, err := db.Operations(ctx, release.Query{Project: "app", Limit: 10})
		if err != nil || len(list) != 2 || list[0].ID != "op_3" {
			t.Errorf("%v, %v", list, err)
		}
	})
}

func TestALeaseOutlivesNoClock(t *testing.T) {
	db := storetest.Open(t)
	ctx, receipt := t.Context(), receipts(t, db)
	now := time.Now().UTC()
	if err := db.Begin(ctx, operation("op_1", now.Add(24*time.Hour)), "", receipt()); err != nil {
		t.Fatal(err)
	}
	// Made and leased by a process whose clock was a day ahead.
	claim := func(owner string, at time.Time) bool {
		_, _, _, ok, err := db.Claim(ctx, release.Claim{Owner: owner, Now: at, Real: at, TTL: 7 * time.Second})
		return ok && err == nil
	}
	if !claim("ahead", now.Add(24*time.Hour)) || !claim("now", now) {
		t.Error("a clock that was set back keeps an operation from being taken up")
	}
	if claim("late", now.Add(time.Second)) {
		t.Error("a lease that holds was taken")
	}
	if !claim("late", now.Add(8*time.Second)) {
		t.Error("a lease that ran out was not taken")
	}
}
