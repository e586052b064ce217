package cloudflare_test

import (
	"testing"
	"testing/synctest"

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
