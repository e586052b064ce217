package cloudflare_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

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

func TestCheckOnTheSimulator(t *testing.T) {
	for name, c := range map[string]struct {
		token, at string
		want      fault.Kind
	}{
		"a person's":    {token: "a-good-token-of-somebody", at: simulated.Account},
		"the account's": {token: "a-good-token-of-an-account", at: simulated.Account},
		"expired":       {token: "a-token-that-has-expired", at: simulated.Account, want: fault.Rejected},
		"unknown":       {token: "a-token-that-nobody-knows", at: simulated.Account, want: fault.Rejected},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x, network := wire.NewExchange(clock.Real(), 3), new(providertest.Network)
				simulated.New(x, world.New(world.Options{Seed: 3, Clock: clock.Real()}), map[string]simulated.Token{
					"a-good-token-of-somebody": {Name: "good"}, "a-good-token-of-an-account": {Name: "owned", Owned: true}, "a-token-that-has-expired": {Name: "expired", Expired: true},
				})
				network.Serve(t, providertest.Host, x.Handler())
				t.Cleanup(x.Release)
				api, err := cloudflare.Kind().Open(&cloudflare.Block{Account: secret.New(c.at), Token: secret.New(c.token), BaseURL: providertest.BaseURL + "/cloudflare/client/v4"},
					provider.Deps{Clock: clock.Real(), Dial: network.Dial, UserAgent: "envdeck/test"})
				if err != nil {
					t.Fatal(err)
				}
				err = check(t.Context(), api)
				if c.want == 0 && err != nil || c.want != 0 && !fault.Is(err, c.want) {
					t.Errorf("%v, want %s", err, c.want)
				}
			})
		})
	}
}

// simulate runs a test against a fresh simulated Cloudflare, in virtual time.
func simulate(t *testing.T, change func(*cloudflare.Block), run func(*testing.T, *cloudflare.Client, *world.World, *wire.Exchange)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, x, network := world.New(world.Options{Seed: 3, Clock: clock.Real()}), wire.NewExchange(clock.Real(), 3), new(providertest.Network)
		simulated.New(x, w, map[string]simulated.Token{
			"a-good-token-of-somebody": {Name: "good"}, "a-token-that-may-only-look": {Name: "reader", Scopes: simulated.ReadScopes()},
			"a-token-without-analytics": {Name: "narrow", Scopes: []string{simulated.ScriptsRead}}, "a-token-of-a-stranger": {Name: "stranger", Outside: true},
		})
		network.Serve(t, providertest.Host, x.Handler())
		t.Cleanup(x.Release)
		b := &cloudflare.Block{
			Account: secret.New(simulated.Account), Token: secret.New("a-good-token-of-somebody"), BaseURL: providertest.BaseURL + "/cloudflare/client/v4",
			Zones: []string{simulated.Zone}, Workers: map[string]string{"backend": simulated.Backend},
		}
		change(b)
		api, err := cloudflare.Kind().Open(b, provider.Deps{Clock: clock.Real(), Dial: network.Dial, UserAgent: "envdeck/test"})
		if err != nil {
			t.Fatal(err)
		}
		run(t, api.(*cloudflare.Client), w, x)
	})
}

func asIs(*cloudflare.Block) {}

func TestTheSimulatedCloudflareIsUnderstood(t *testing.T) {
	simulate(t, asIs, func(t *testing.T, c *cloudflare.Client, w *world.World, x *wire.Exchange) {
		scripts, err := c.WorkerScripts(t.Context())
		if err != nil || len(scripts) != 3 {
			t.Fatalf("%+v, %v", scripts, err)
		}
		all, err := c.WorkerDeployments(t.Context(), simulated.Backend)
		if err != nil || len(all) < 2 || all[0].CreatedAt.Before(all[1].CreatedAt) {
			t.Fatalf("%+v, %v", all, err)
		}
		versions, err := c.WorkerVersions(t.Context(), simulated.Backend, []string{all[0].Shares[0].VersionID})
		if err != nil || len(versions) < 2 || versions[0].Tag == "" || versions[0].Number != len(versions) {
			t.Fatalf("%+v, %v", versions, err)
		}
		triggers, err := c.WorkerTriggers(t.Context(), simulated.Backend)
		if err != nil || len(triggers) != 3 || triggers[0].Schedule != "*/10 * * * *" {
			t.Errorf("%+v, %v", triggers, err)
		}
		routes, err := c.WorkerRoutes(t.Context(), []string{simulated.Code, simulated.Transpiler, simulated.Backend})
		want := map[string][]string{
			simulated.Code:       {"https://code.spike.land", "https://spike-land-code.spike-land.workers.dev", "spike.land/live/*"},
			simulated.Transpiler: {"https://js-transpiler.spike-land.workers.dev", "https://js.spike.land", "spike.land/api/transpile*"},
			simulated.Backend:    {"*.spike.land/rt/*", "https://testing.spike.land"},
		}
		if diff := cmp.Diff(want, routes.ByScript); diff != "" || routes.Incomplete != "" || err != nil {
			t.Errorf("%v %q (-want +got):\n%s", err, routes.Incomplete, diff)
		}
		synctest.Wait()
		before := x.Calls.Last()
		traffic, err := c.WorkerTraffic(t.Context())
		if day := traffic.ByScript[simulated.Backend]; err != nil || day.Requests == 0 || day.CPU == nil || len(day.Hours) < 24 {
			t.Errorf("%+v, %v", day, err)
		}
		synctest.Wait() // the log is written after the answer
		if n := x.Calls.Last() - before; n != 1 {
			t.Errorf("%d calls for all scripts, want 1", n)
		}
		// Going back over a changed secret has to be forced.
		oldest := []provider.WorkerShare{{VersionID: versions[len(versions)-1].ID, Percent: 100}}
		if _, err := c.DeployWorker(t.Context(), simulated.Backend, oldest, "back", false); !fault.Is(err, fault.Conflict) {
			t.Errorf("over a changed secret: %v", err)
		}
		made, err := c.DeployWorker(t.Context(), simulated.Backend, oldest, "back", true)
		if err != nil {
			t.Fatal(err)
		}
		if all, err = c.WorkerDeployments(t.Context(), simulated.Backend); err != nil || all[0].ID != made.ID || all[0].Message != "back" || all[0].Shares[0] != oldest[0] {
			t.Errorf("%+v, %v", all[0], err)
		}
		w.Change(func(s *world.State) {
			s.Knobs.AnalyticsHide = []string{"cpuTimeUs"}
			s.Knobs.Workers = map[string]world.WorkerKnob{simulated.Code: {}}
		})
		traffic, err = c.WorkerTraffic(t.Context())
		if day := traffic.ByScript[simulated.Backend]; err != nil || day.Requests == 0 || day.CPU != nil {
			t.Errorf("without the processor's time: %+v, %v", day, err)
		}
		if _, there := traffic.ByScript[simulated.Code]; there {
			t.Error("a script without traffic has a row")
		}
	})
}

func TestRoutesWithoutZonesComeFromTheScripts(t *testing.T) {
	simulate(t, func(b *cloudflare.Block) { b.Zones = nil }, func(t *testing.T, c *cloudflare.Client, _ *world.World, x *wire.Exchange) {
		routes, err := c.WorkerRoutes(t.Context(), []string{simulated.Transpiler})
		if diff := cmp.Diff([]string{"https://js-transpiler.spike-land.workers.dev", "https://js.spike.land", "spike-assets.dev/*", "spike.land/api/transpile*"}, routes.ByScript[simulated.Transpiler]); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if _, err := x.Faults.Add(wire.Rule{Path: "*/workers/domains", Preset: "forbidden"}); err != nil {
			t.Fatal(err)
		}
		routes, err = c.WorkerRoutes(t.Context(), []string{simulated.Transpiler})
		if err != nil || len(routes.ByScript[simulated.Transpiler]) != 3 || !strings.HasPrefix(routes.Incomplete, "The custom domains are missing. Cloudflare did not allow it") {
			t.Errorf("%+v, %v", routes, err)
		}
	})
}

func TestEachPermissionIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		token, says string
		do          func(context.Context, *cloudflare.Client) error
	}{
		"no analytics": {"a-token-without-analytics", "Account Analytics: Read", func(ctx context.Context, c *cloudflare.Client) error {
			_, err := c.WorkerTraffic(ctx)
			return err
		}},
		"another account": {"a-token-of-a-stranger", "cloudflare.account", func(ctx context.Context, c *cloudflare.Client) error {
			_, err := c.WorkerTraffic(ctx)
			return err
		}},
		"no scripts": {"a-token-of-a-stranger", "Workers Scripts: Read", func(ctx context.Context, c *cloudflare.Client) error {
			_, err := c.WorkerScripts(ctx)
			return err
		}},
		"may only look": {"a-token-that-may-only-look", "Workers Scripts: Edit", func(ctx context.Context, c *cloudflare.Client) error {
			_, err := c.DeployWorker(ctx, simulated.Backend, []provider.WorkerShare{{VersionID: "x", Percent: 100}}, "", false)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(b *cloudflare.Block) { b.Token = secret.New(c.token) }, func(t *testing.T, api *cloudflare.Client, _ *world.World, _ *wire.Exchange) {
				if err := c.do(t.Context(), api); !fault.Is(err, fault.Denied) || !strings.Contains(fault.From(err).Message, c.says) {
					t.Errorf("%v, want it to name %s", err, c.says)
				}
			})
		})
	}
}
