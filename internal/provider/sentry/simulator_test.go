package sentry_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/providertest"
	"github.com/envdeck/envdeck/internal/provider/sentry"
	"github.com/envdeck/envdeck/internal/secret"
	simulated "github.com/envdeck/envdeck/internal/simulator/sentry"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// simulate runs a test against a fresh simulated Sentry, in virtual time.
func simulate(t *testing.T, change func(*sentry.Block), run func(*testing.T, *sentry.Client, *world.World, *wire.Exchange)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, x, network := world.New(world.Options{Seed: 3, Clock: clock.Real()}), wire.NewExchange(clock.Real(), 3), new(providertest.Network)
		simulated.New(x, w, map[string]simulated.Token{
			"good": {Name: "good"}, "ci": {Name: "ci", Organization: true}, "expired": {Name: "expired", Expired: true},
			"narrow": {Name: "narrow", Scopes: []string{"project:read"}},
		})
		network.Serve(t, providertest.Host, x.Handler())
		t.Cleanup(x.Release)
		b := &sentry.Block{Token: secret.New("good"), BaseURL: providertest.BaseURL + "/sentry"}
		w.View(func(s *world.State) { b.Org, b.Project = s.Team.Slug, s.Project.Name })
		change(b)
		api, err := sentry.Kind().Open(b, provider.Deps{Clock: clock.Real(), Dial: network.Dial, UserAgent: "envdeck/test"})
		if err != nil {
			t.Fatal(err)
		}
		run(t, api.(*sentry.Client), w, x)
	})
}

func asIs(*sentry.Block) {}

// truth counts what the world's apps reported in the last day. The names are
// those that the demo's app gives its environments.
func truth(w *world.World) map[string]int64 {
	names := map[world.Env]string{world.Prod: "production", world.Next: "preview", world.Dev: "development", "": ""}
	counts := map[string]int64{}
	w.View(func(s *world.State) {
		for _, e := range s.ErrorEvents(s.Now().Add(-24*time.Hour), s.Now()) {
			counts[names[e.Env]]++
		}
	})
	return counts
}

func TestTheSimulatedSentryIsUnderstood(t *testing.T) {
	simulate(t, asIs, func(t *testing.T, c *sentry.Client, w *world.World, x *wire.Exchange) {
		if err := c.Check(t.Context()); err != nil {
			t.Error(err)
		}
		before := x.Calls.Last()
		got, err := c.ErrorCounts(t.Context(), 24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(truth(w), got); diff != "" || len(got) < 2 {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if n := x.Calls.Last() - before; n != 1 {
			t.Errorf("%d calls for all environments, want 1", n)
		}
	})
}

func TestWrongCredentialsSaySo(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*sentry.Block)
		want   []fault.Kind
	}{
		"expired":       {func(b *sentry.Block) { b.Token = secret.New("expired") }, []fault.Kind{fault.Rejected}},
		"for CI":        {func(b *sentry.Block) { b.Token = secret.New("ci") }, []fault.Kind{fault.Denied}},
		"no org:read":   {func(b *sentry.Block) { b.Token = secret.New("narrow") }, []fault.Kind{fault.Denied}},
		"wrong org":     {func(b *sentry.Block) { b.Org = "nobody" }, []fault.Kind{fault.NotFound, fault.Denied}},
		"wrong project": {func(b *sentry.Block) { b.Project = "nothing" }, []fault.Kind{fault.Invalid, fault.NotFound, fault.Denied}},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, c.change, func(t *testing.T, api *sentry.Client, _ *world.World, _ *wire.Exchange) {
				err := api.Check(t.Context())
				for _, k := range c.want {
					if fault.Is(err, k) {
						return
					}
				}
				t.Errorf("%v, want one of %v", err, c.want)
			})
		})
	}
}

func TestEveryPresetLeavesTheTruthOrAFault(t *testing.T) {
	for name, rule := range wire.Presets() {
		if rule.Kind == wire.AppliedButFailed || rule.Kind == wire.NotAppliedButOK {
			continue // faults of writes
		}
		t.Run(name, func(t *testing.T) {
			simulate(t, asIs, func(t *testing.T, c *sentry.Client, w *world.World, x *wire.Exchange) {
				if rule.MB > 8 {
					rule.MB = 8
				}
				if _, err := x.Faults.Add(rule); err != nil {
					t.Fatal(err)
				}
				want := truth(w)
				got, err := c.ErrorCounts(t.Context(), 24*time.Hour)
				if err != nil {
					if fault.KindOf(err) == fault.Internal {
						t.Error(err)
					}
					return
				}
				// A slow answer may be of a moment later.
				if got["production"] < want["production"]/2 {
					t.Errorf("%d errors in production, want about %d", got["production"], want["production"])
				}
			})
		})
	}
}
