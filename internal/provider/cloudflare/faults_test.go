package cloudflare_test

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
	"github.com/envdeck/envdeck/internal/provider/cloudflare"
	"github.com/envdeck/envdeck/internal/provider/providertest"
	"github.com/envdeck/envdeck/internal/secret"
	simulated "github.com/envdeck/envdeck/internal/simulator/cloudflare"
	"github.com/envdeck/envdeck/internal/simulator/wire"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// read is one thing that is asked of Cloudflare. at are the addresses that it
// needs, each of which is spoiled alone.
type read struct {
	at  []string
	ask func(context.Context, *cloudflare.Client) (answer any, incomplete string, err error)
}

func reads() map[string]read {
	every := []string{simulated.Code, simulated.Transpiler, simulated.Backend}
	return map[string]read{
		"scripts": {[]string{"*/workers/scripts"}, func(ctx context.Context, c *cloudflare.Client) (any, string, error) {
			all, err := c.WorkerScripts(ctx)
			return all, "", err
		}},
		"deployments": {[]string{"*/deployments"}, func(ctx context.Context, c *cloudflare.Client) (any, string, error) {
			all, err := c.WorkerDeployments(ctx, simulated.Backend)
			return all, "", err
		}},
		"versions": {[]string{"*/versions"}, func(ctx context.Context, c *cloudflare.Client) (any, string, error) {
			all, err := c.WorkerVersions(ctx, simulated.Backend, nil)
			return all, "", err
		}},
		"triggers": {[]string{"*/schedules"}, func(ctx context.Context, c *cloudflare.Client) (any, string, error) {
			all, err := c.WorkerTriggers(ctx, simulated.Backend)
			return all, "", err
		}},
		"routes": {[]string{"*/workers/routes", "*/workers/domains", "*/workers/subdomain", "*/scripts/*/subdomain"}, func(ctx context.Context, c *cloudflare.Client) (any, string, error) {
			all, err := c.WorkerRoutes(ctx, every)
			return all.ByScript, all.Incomplete, err
		}},
		"traffic": {[]string{"*/graphql"}, func(ctx context.Context, c *cloudflare.Client) (any, string, error) {
			day, err := c.WorkerTraffic(ctx)
			return day.ByScript, "", err
		}},
	}
}

const secretToken = "a-good-token-of-somebody"

// TestEveryFaultOfEveryRead spoils each address that is read in each way that
// the simulator knows: the answer is the truth, or says that it is not all of
// it, or there is none and a fault says why. No number of a spoiled answer is
// taken for one, and the token is nowhere.
func TestEveryFaultOfEveryRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spoiled := 0
		x, network := wire.NewExchange(clock.Real(), 3), new(providertest.Network)
		w := world.New(world.Options{Seed: 3, Clock: clock.Real()})
		simulated.New(x, w, map[string]simulated.Token{secretToken: {Name: "good"}})
		w.Change(func(s *world.State) {
			s.Knobs.Workers = map[string]world.WorkerKnob{simulated.Backend: {Requests: 1200, Errors: 6}}
		})
		network.Serve(t, providertest.Host, x.Handler())
		t.Cleanup(x.Release)
		open := func() *cloudflare.Client {
			api, err := cloudflare.Kind().Open(&cloudflare.Block{
				Account: secret.New(simulated.Account), Token: secret.New(secretToken), BaseURL: providertest.BaseURL + "/cloudflare/client/v4",
				Zones: []string{simulated.Zone}, Workers: map[string]string{"backend": simulated.Backend},
			}, provider.Deps{Clock: clock.Real(), Dial: network.Dial, UserAgent: "envdeck/test"})
			if err != nil {
				t.Fatal(err)
			}
			return api.(*cloudflare.Client)
		}
		for name, rule := range wire.Presets() {
			if rule.Kind == wire.AppliedButFailed || rule.Kind == wire.Skew {
				continue // faults of writes, and of the clock
			}
			rule.MB = min(rule.MB, 1)
			for what, r := range reads() {
				for _, at := range r.at {
					x.Faults.Clear()
					// Cloudflare's own limit is not what is looked for here.
					if err := clock.Real().Sleep(t.Context(), 10*time.Second); err != nil {
						t.Fatal(err)
					}
					truth, part, err := r.ask(t.Context(), open())
					if err != nil || part != "" {
						t.Fatalf("%s unspoiled: %v %s", what, err, part)
					}
					rule.Path = at
					if _, err := x.Faults.Add(rule); err != nil {
						t.Fatal(err)
					}
					got, part, err := r.ask(t.Context(), open())
					spoiled++
					if said := fmt.Sprintf("%+v %s %v %+v", got, part, err, err); strings.Contains(said, secretToken) {
						t.Errorf("%s of %s, %s: the token is in %s", name, what, at, said)
					}
					switch {
					case err != nil && fault.KindOf(err) == fault.Internal:
						t.Errorf("%s of %s, %s: %v", name, what, at, err)
					case err != nil, part != "":
					case rule.Kind == wire.PartialPage && what != "traffic": // these lists have no pages: nothing shows that a part is missing
					case name == "not_found" && strings.HasSuffix(at, "/subdomain"): // so it says that there is none
					default:
						if diff := cmp.Diff(truth, got); diff != "" {
							t.Errorf("%s of %s, %s: neither a fault nor the truth (-want +got):\n%s", name, what, at, diff)
						}
					}
				}
			}
		}
		if spoiled < 200 {
			t.Errorf("%d reads were spoiled", spoiled)
		}
	})
}
