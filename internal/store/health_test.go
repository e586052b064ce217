package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/store"
	"github.com/envdeck/envdeck/internal/store/storetest"
)

func TestHealthSamples(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 123_000, time.UTC)
	sample := func(n int) health.Sample {
		return health.Sample{
			At: at.Add(time.Duration(n) * time.Minute), Verdict: health.Degraded, Reason: "redis is slow", Cached: true, Status: 200,
			Commit: "0123abc", Branch: "main", Version: "1.2.3",
			Parts:  []health.Part{{Name: "redis", Verdict: health.Degraded, Detail: "timeout"}},
			Phases: health.Phases{DNS: 0.5, Connect: 1.25, TLS: 2.125, FirstByte: 30, Total: 33.875},
		}
	}
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		var batch []health.Record
		for n := range 5 {
			batch = append(batch, health.Record{Project: "app", Environment: "prod", Sample: sample(n)})
		}
		batch = append(batch, health.Record{Project: "app", Environment: "dev", Sample: health.Sample{At: at, Verdict: health.Unknown, Offline: true}})
		for range 2 { // a batch that is sent again changes nothing
			if err := db.AppendSamples(ctx, batch); err != nil {
				t.Fatal(err)
			}
		}
		got, err := db.SamplesSince(ctx, "app", "prod", at.Add(2*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]health.Sample{sample(2), sample(3), sample(4)}, got); diff != "" {
			t.Fatal(diff)
		}
		found, err := db.VerdictsSince(ctx, "app", "prod", at.Add(3*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]health.Sample{{At: sample(3).At, Verdict: health.Degraded}, {At: sample(4).At, Verdict: health.Degraded}}, found); diff != "" {
			t.Fatal(diff)
		}
		if none, err := db.SamplesSince(ctx, "app", "next", at); err != nil || none == nil || len(none) != 0 {
			t.Fatalf("an environment without samples gives %v, %v", none, err)
		}
		if n, err := db.PruneSamples(ctx, at.Add(4*time.Minute)); err != nil || n != 5 {
			t.Fatalf("pruned %d, %v; want 5", n, err)
		}
	})
}
