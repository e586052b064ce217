package neon_test

import (
	"testing"
	"testing/synctest"

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

func TestCheckOnTheSimulator(t *testing.T) {
	for name, c := range map[string]struct {
		token, at string
		want      fault.Kind
	}{
		"personal":       {token: "a-good-personal-key", at: simulated.Project},
		"of the project": {token: "a-key-of-the-project", at: simulated.Project},
		"revoked":        {token: "a-key-that-was-revoked", at: simulated.Project, want: fault.Rejected},
		"unknown":        {token: "a-key-that-nobody-knows", at: simulated.Project, want: fault.Rejected},
		"wrong project":  {token: "a-good-personal-key", at: "cold-sea-404", want: fault.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x, network := wire.NewExchange(clock.Real(), 3), new(providertest.Network)
				simulated.New(x, world.New(world.Options{Seed: 3, Clock: clock.Real()}), map[string]simulated.Token{
					"a-good-personal-key": {Name: "good"}, "a-key-of-the-project": {Name: "project", Project: simulated.Project}, "a-key-that-was-revoked": {Name: "revoked", Revoked: true},
				})
				network.Serve(t, providertest.Host, x.Handler())
				t.Cleanup(x.Release)
				api, err := neon.Kind().Open(&neon.Block{Project: c.at, Token: secret.New(c.token), BaseURL: providertest.BaseURL + "/neon/api/v2"},
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
