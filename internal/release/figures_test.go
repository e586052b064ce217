package release_test

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/envdeck/envdeck/internal/health"
	"github.com/envdeck/envdeck/internal/release"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// rounds is how often a figure is taken: a few times in the normal run, as
// often as RELEASE_ROUNDS says in the long one.
func rounds(few int) int {
	if n, err := strconv.Atoi(os.Getenv("RELEASE_ROUNDS")); err == nil {
		return n
	}
	return few
}

// TestClickToServed: from the click to the old commit on every domain, with a
// slow platform and everybody else down. In virtual time, so a slow machine
// changes nothing.
func TestClickToServed(t *testing.T) {
	var all []time.Duration
	n := rounds(8)
	for seed := range uint64(n) {
		draw := rand.New(rand.NewPCG(seed, 11))
		inBubble(t, options{}, func(t *testing.T, r *rig) {
			d, _ := r.desk()
			for _, p := range []string{"github", "sentry", "neon", "cloudflare"} {
				r.spoil(wire.Rule{Provider: p, Preset: "hang"})
			}
			latency := 2*time.Second + time.Duration(draw.IntN(3001))*time.Millisecond
			r.spoil(wire.Rule{Provider: "vercel", Kind: wire.Latency, Delay: wire.Duration(latency)})
			target := r.older()
			waitFor(r, time.Duration(draw.IntN(10_000))*time.Millisecond)
			began := time.Now()
			op, err := d.Rollback(t.Context(), r.boss, release.RollbackRequest{DeploymentID: target.ID, Reason: "it is ugly"})
			if err != nil {
				t.Fatal(err)
			}
			for r.served() != target.SHA && time.Since(began) < time.Hour {
				waitFor(r, 100*time.Millisecond)
			}
			all = append(all, time.Since(began))
			op = r.end(d, op.ID)
			want(t, op, release.Succeeded, "")
			r.invariants(op)
		})
	}
	p95, most := figures(all)
	t.Logf("%d rollbacks, click to served: P95 %s, max %s", n, p95, most)
	if len(all) != n || p95 >= 30*time.Second || most > 45*time.Second {
		t.Errorf("%d rollbacks took P95 %s and max %s; the limits are 30 s and 45 s: %v", len(all), p95, most, all)
	}
}

// figures sorts the times and answers the two that have limits.
func figures(all []time.Duration) (p95, most time.Duration) {
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return all[min(len(all)*95/100, len(all)-1)], all[len(all)-1]
}

// wall answers what a clock on the wall shows, also to a bubble, whose own
// time stands still while it works.
func wall(t *testing.T) func() time.Time {
	ask, answer := make(chan struct{}), make(chan time.Time)
	go func() {
		for range ask {
			answer <- time.Now()
		}
	}()
	t.Cleanup(func() { close(ask) })
	return func() time.Time {
		ask <- struct{}{}
		return <-answer
	}
}

// witness notes when probes found the site down.
type witness struct {
	release.Health

	wall   func() time.Time
	mu     sync.Mutex
	down   []instant
	called instant // the first rollback call
}

// instant is a moment in the bubble's time and in the wall's.
type instant struct{ bubble, wall time.Time }

func (w *witness) point(boundary string) {
	now := instant{time.Now(), w.wall()}
	w.mu.Lock()
	defer w.mu.Unlock()
	if boundary == "call.rollback.before" && w.called.bubble.IsZero() {
		w.called = now
	}
}

// between is from the third failed probe to the call, as the product's clock
// saw it and how long it was at work; false when one is missing.
func (w *witness) between() (took, work time.Duration, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.down) < 3 || w.called.bubble.IsZero() {
		return 0, 0, false
	}
	return w.called.bubble.Sub(w.down[2].bubble), w.called.wall.Sub(w.down[2].wall), true
}

func (w *witness) ProbeNow(ctx context.Context, project, env string) (health.Sample, error) {
	s, err := w.Health.ProbeNow(ctx, project, env)
	if s.Verdict == health.Down {
		now := instant{time.Now(), w.wall()}
		w.mu.Lock()
		w.down = append(w.down, now)
		w.mu.Unlock()
	}
	return s, err
}

// TestThirdFailedProbeToCall: a build falls ill after envdeck was restarted in
// the middle of its watch; the call leaves within a second of the third failed
// probe, with nobody looking.
func TestThirdFailedProbeToCall(t *testing.T) {
	var all, works []time.Duration
	n, watch := rounds(8), wall(t)
	for seed := range uint64(n) {
		draw := rand.New(rand.NewPCG(seed, 13))
		inBubble(t, options{}, func(t *testing.T, r *rig) {
			ill(r, world.Ill{Kind: world.IllDatabase, After: time.Duration(30_000+draw.IntN(20_000)) * time.Millisecond})
			seen := &witness{wall: watch}
			watched := func(o *release.Options) {
				o.Projects[0].Rules.Bake = 2 * time.Minute
				seen.Health = o.Projects[0].Health // the desk before has stopped
				o.Projects[0].Health = seen
				o.Point = seen.point
			}
			d, stop := r.desk(watched)
			op := r.promote(d)
			r.until(d, op.ID, "baking", func(o release.Operation) bool { return o.Phase == release.Baking })
			waitFor(r, time.Duration(draw.IntN(12_000))*time.Millisecond)
			stop()
			d, _ = r.desk(watched)
			op = r.end(d, op.ID)
			want(t, op, release.RolledBack, release.CauseSick)
			took, work, ok := seen.between()
			if !ok {
				t.Fatalf("it was not called after three failed probes\n%s", show(op))
			}
			all, works = append(all, took), append(works, work)
			r.invariants(op)
		})
	}
	// How long a machine works is printed and not judged.
	p95, most := figures(works)
	t.Logf("%d bad builds, at work from the third failed probe to the call: P95 %s, max %s (goal 50 ms)", n, p95, most)
	p95, most = figures(all)
	t.Logf("%d bad builds, third failed probe to the call: P95 %s, max %s", n, p95, most)
	if len(all) != n || most > time.Second {
		t.Errorf("%d of %d; the call left up to %s after the third failed probe: %v", len(all), n, most, all)
	}
}
