package neon_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/neon"
	"github.com/envdeck/envdeck/internal/provider/providertest"
	"github.com/envdeck/envdeck/internal/secret"
	simulated "github.com/envdeck/envdeck/internal/simulator/neon"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// TestEveryFaultOfEveryRead spoils each address that is read in each way that
// the simulator knows: the answer is the truth, or says that it is not all of
// it, or there is none and a fault says why. The key and what connects to a
// database are nowhere, in what a change answers too.
func TestEveryFaultOfEveryRead(t *testing.T) {
	const key = "a-good-personal-key"
	synctest.Test(t, func(t *testing.T) {
		spoiled := 0
		x, network := wire.NewExchange(clock.Real(), 3), new(providertest.Network)
		simulated.New(x, world.New(world.Options{Seed: 3, Clock: clock.Real()}), map[string]simulated.Token{key: {Name: "good"}})
		network.Serve(t, providertest.Host, x.Handler())
		t.Cleanup(x.Release)
		open := func() *neon.Client {
			api, err := neon.Kind().Open(&neon.Block{Project: simulated.Project, Token: secret.New(key), BaseURL: providertest.BaseURL + "/neon/api/v2"},
				provider.Deps{Clock: clock.Real(), Dial: network.Dial, UserAgent: "envdeck/test"})
			if err != nil {
				t.Fatal(err)
			}
			return api.(*neon.Client)
		}
		all, err := open().Branches(t.Context())
		if err != nil || len(all.Items) == 0 {
			t.Fatalf("%+v, %v", all, err)
		}
		made, err := open().CreateBranch(t.Context(), provider.NewBranch{Name: "try"})
		if err != nil || len(made.Work) == 0 {
			t.Fatalf("%+v, %v", made, err)
		}
		if err := clock.Real().Sleep(t.Context(), 10*time.Minute); err != nil { // its work ends
			t.Fatal(err)
		}
		for name, rule := range wire.Presets() {
			rule.MB = min(rule.MB, 1)
			for _, r := range []struct {
				what, at string
				ask      func(context.Context, *neon.Client) (any, bool, error)
			}{
				{"branches", "*/branches", func(ctx context.Context, c *neon.Client) (any, bool, error) {
					all, err := c.Branches(ctx)
					return all.Items, all.Incomplete, err
				}},
				{"branch", "*/branches/*", func(ctx context.Context, c *neon.Client) (any, bool, error) {
					b, err := c.Branch(ctx, all.Items[0].ID)
					return b, false, err
				}},
				{"work", "*/operations/*", func(ctx context.Context, c *neon.Client) (any, bool, error) {
					w, err := c.BranchWork(ctx, made.Work[0].ID)
					return w, false, err
				}},
				{"create", "*/branches", func(ctx context.Context, c *neon.Client) (any, bool, error) {
					_, err := c.CreateBranch(ctx, provider.NewBranch{Name: "try/" + name})
					return nil, false, err // its names and times differ
				}},
			} {
				x.Faults.Clear()
				// Neon's own limit is not what is looked for here.
				if err := clock.Real().Sleep(t.Context(), time.Minute); err != nil {
					t.Fatal(err)
				}
				var truth any
				if r.what != "create" {
					var part bool
					if truth, part, err = r.ask(t.Context(), open()); err != nil || part {
						t.Fatalf("%s unspoiled: %v", r.what, err)
					}
				}
				rule.Path = r.at
				if _, err := x.Faults.Add(rule); err != nil {
					t.Fatal(err)
				}
				got, part, err := r.ask(t.Context(), open())
				spoiled++
				said := fmt.Sprintf("%+v %v %+v", got, err, err)
				if strings.Contains(said, key) || strings.Contains(said, "postgres") || strings.Contains(said, "npg_") {
					t.Errorf("%s of %s: a secret is in %s", name, r.what, said)
				}
				switch {
				case err != nil && fault.KindOf(err) == fault.Internal:
					t.Errorf("%s of %s: %v", name, r.what, err)
				case err != nil, part, r.what == "create", rule.Kind == wire.Skew:
				default:
					if diff := cmp.Diff(truth, got); diff != "" {
						t.Errorf("%s of %s: neither a fault nor the truth (-want +got):\n%s", name, r.what, diff)
					}
				}
			}
		}
		if spoiled < 100 {
			t.Errorf("%d reads were spoiled", spoiled)
		}
	})
}
