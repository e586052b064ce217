package health_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/health"
)

func TestUptimeLeavesGapsUnknown(t *testing.T) {
	from := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	minute := func(n int) time.Time { return from.Add(time.Duration(n) * time.Minute) }
	samples := []health.Sample{
		{At: minute(-1), Verdict: health.Healthy}, // reaches into the span
		{At: minute(1), Verdict: health.Healthy},
		{At: minute(2), Verdict: health.Down},
		{At: minute(3), Verdict: health.Degraded},
		// envdeck did not run from 5.5 to 12
		{At: minute(12), Verdict: health.Unknown},
		{At: minute(13), Verdict: health.Unknown, Offline: true},
		{At: minute(14), Verdict: health.Healthy},
	}
	h := health.Uptime(samples, from, minute(20), 4, 150*time.Second)

	bar := func(n int, b health.Bar) health.Bar {
		b.From, b.To = minute(5*n), minute(5*n+5)
		return b
	}
	want := []health.Bar{
		bar(0, health.Bar{Healthy: 2 * time.Minute, Down: time.Minute, Degraded: 2 * time.Minute}),
		bar(1, health.Bar{Degraded: 30 * time.Second}),
		bar(2, health.Bar{Unknown: time.Minute, Offline: time.Minute, Healthy: time.Minute}),
		bar(3, health.Bar{Healthy: 90 * time.Second}),
	}
	if diff := cmp.Diff(want, h.Bars); diff != "" {
		t.Error(diff)
	}
	if got, ok := h.Total.Uptime(); !ok || got != 7.0/8 {
		t.Errorf("uptime %v %v, want 7 of 8 known minutes", got, ok)
	}
	if got := h.Bars[1].Observed(); got != 30*time.Second {
		t.Errorf("observed %v", got)
	}
	for i, want := range []health.Verdict{health.Down, health.Degraded, health.Unknown, health.Healthy} {
		if got, ok := h.Bars[i].Worst(); got != want || !ok {
			t.Errorf("bar %d is %s", i, got)
		}
	}
}

func TestNothingSeenIsNoUptime(t *testing.T) {
	from := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	h := health.Uptime(nil, from, from.Add(time.Hour), 7, time.Minute)
	if _, ok := h.Total.Uptime(); ok {
		t.Error("an uptime of nothing")
	}
	if v, ok := h.Bars[3].Worst(); ok || v != health.Unknown {
		t.Errorf("a bar of nothing is %s", v)
	}
	if last := h.Bars[6]; !last.To.Equal(from.Add(time.Hour)) {
		t.Errorf("the last bar ends at %v", last.To)
	}
	if h := health.Uptime(nil, from, from, 7, time.Minute); len(h.Bars) != 0 {
		t.Error("bars of an empty span")
	}
}
