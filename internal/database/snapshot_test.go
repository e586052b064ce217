package database_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/database"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/simulator/wire"
)

// snapshot asks as a release does: again for as long as it may come.
func snapshot(ctx context.Context, b *database.Book, operation string) (database.Snapshot, error) {
	var s database.Snapshot
	var err error
	for range 300 {
		s, err = b.Snapshot(ctx, "web", "prod", operation)
		if err == nil || !fault.KindOf(err).Retryable() {
			return s, err
		}
		if serr := clock.Real().Sleep(ctx, 2*time.Second); serr != nil {
			return s, serr
		}
	}
	return s, err
}

func TestSnapshot(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		b, _ := r.book()
		s, err := snapshot(t.Context(), b, "op_one")
		if err != nil {
			t.Fatal(err)
		}
		made, ok := r.named("envdeck/prod/op_one")
		if !ok || s.BranchID != made.ID || s.SourceName != "main" || s.SourceID != r.id("main") || s.LSN == "" || s.LSN != made.ParentLSN || !s.At.Equal(made.ParentAt) {
			t.Errorf("%+v of %+v", s, made)
		}
		again, err := snapshot(t.Context(), b, "op_one")
		if err != nil || again.BranchID != s.BranchID {
			t.Errorf("asked again: %+v, %v", again, err)
		}
		kept, err := r.db.Snapshots(t.Context(), "web")
		if err != nil || len(kept) != 1 || kept[0].LSN != s.LSN || kept[0].KeptAt.IsZero() {
			t.Errorf("%+v, %v", kept, err)
		}
		if _, err := b.Snapshot(t.Context(), "web", "dev", "op_two"); !fault.Is(err, fault.Invalid) {
			t.Errorf("of an environment without a branch: %v, want invalid", err)
		}
	})
}

// TestSnapshotUnderRandomFaults: whatever Neon does, there is one branch for
// one operation and it is written down, or there is an error.
func TestSnapshotUnderRandomFaults(t *testing.T) {
	for seed := range 12 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				b, _ := r.book()
				draw := rand.New(rand.NewPCG(uint64(seed), 11))
				for range 1 + draw.IntN(3) {
					r.spoil(wire.Rule{Preset: presets[draw.IntN(len(presets))], Times: draw.IntN(4), After: draw.IntN(3)})
				}
				s, err := snapshot(t.Context(), b, "op_one")
				n := 0
				for _, one := range r.branches() {
					if strings.HasPrefix(one.Name, "envdeck/") {
						n++
					}
				}
				kept, kerr := r.db.Snapshots(t.Context(), "web")
				if kerr != nil || n > 1 || err == nil && (n != 1 || len(kept) != 1 || kept[0].BranchID != s.BranchID || kept[0].KeptAt.IsZero()) {
					t.Errorf("%d branches, %+v, %v %v", n, kept, err, kerr)
				}
			})
		})
	}
}

// Old snapshots go by policy, one after the other, and never the newest.
func TestOldSnapshotsGo(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		b, _ := r.book(func(o *database.Options) { o.Projects[0].Keep.Age = 4 * time.Hour }) // keeps two
		for _, op := range []string{"op_1", "op_2", "op_3", "op_4"} {
			if _, err := snapshot(t.Context(), b, op); err != nil {
				t.Fatal(err)
			}
		}
		names := func() string {
			kept, err := r.db.Snapshots(t.Context(), "web")
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, s := range kept {
				if _, there := r.named(s.Name); !there {
					t.Errorf("%s is written down and not there", s.Name)
				}
				all = append(all, s.Operation)
			}
			return strings.Join(all, " ")
		}
		wait := func(d time.Duration) {
			if err := clock.Real().Sleep(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		wait(time.Hour)
		if got := names(); got != "op_4 op_3" {
			t.Errorf("after an hour %q are kept", got)
		}
		wait(5 * time.Hour)
		if got := names(); got != "op_4" {
			t.Errorf("after hours %q are kept", got)
		}
	})
}
