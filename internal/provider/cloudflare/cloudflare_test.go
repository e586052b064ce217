package cloudflare_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/cloudflare"
	"github.com/envdeck/envdeck/internal/provider/providertest"
	"github.com/envdeck/envdeck/internal/secret"
)

func block(base string, token secret.Text) any {
	return &cloudflare.Block{Account: secret.New(strings.Repeat("a", 32)), Token: token, BaseURL: base}
}

func check(ctx context.Context, api any) error { return api.(provider.Checker).Check(ctx) }

func TestContract(t *testing.T) {
	shares := []provider.WorkerShare{{VersionID: version, Percent: 100}}
	providertest.Suite{Kind: cloudflare.Kind(), Block: block, Calls: []providertest.Call{
		{Name: "check", Do: check},
		{Name: "scripts", Do: func(ctx context.Context, api any) error {
			_, err := api.(provider.WorkerLister).WorkerScripts(ctx)
			return err
		}},
		{Name: "deployments", Do: func(ctx context.Context, api any) error {
			_, err := api.(provider.WorkerReader).WorkerDeployments(ctx, "backend")
			return err
		}},
		{Name: "versions", Do: func(ctx context.Context, api any) error {
			_, err := api.(provider.WorkerReader).WorkerVersions(ctx, "backend", nil)
			return err
		}},
		{Name: "triggers", Do: func(ctx context.Context, api any) error {
			_, err := api.(provider.WorkerReader).WorkerTriggers(ctx, "backend")
			return err
		}},
		{Name: "traffic", Once: true, Do: func(ctx context.Context, api any) error {
			_, err := api.(provider.WorkerCounter).WorkerTraffic(ctx)
			return err
		}},
		{Name: "deploy", Write: true, Do: func(ctx context.Context, api any) error {
			_, err := api.(provider.WorkerDeployer).DeployWorker(ctx, "backend", shares, "back", false)
			return err
		}},
	}}.Run(t)
}

func TestCheck(t *testing.T) {
	const good, off, bad = `{"success":true,"result":{"status":"active"}}`, `{"success":true,"result":{"status":"disabled"}}`, `{"success":false,"errors":[{"code":1000,"message":"Invalid API Token"}]}`
	for name, c := range map[string]struct {
		user, account string
		want          fault.Kind
	}{
		"a person's":         {user: good},
		"the account's":      {user: bad, account: good},
		"nobody's":           {user: bad, account: bad, want: fault.Rejected},
		"disabled":           {user: off, account: off, want: fault.Rejected},
		"success that is no": {user: `{"success":false,"result":{"status":"active"}}`, want: fault.BadResponse},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := providertest.Open(t, cloudflare.Kind(), block, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					body := c.user
					if strings.HasPrefix(r.URL.Path, "/accounts/"+strings.Repeat("a", 32)+"/") {
						body = c.account
					}
					if body == bad {
						w.WriteHeader(http.StatusUnauthorized)
					}
					_, _ = w.Write([]byte(body))
				}))
				err := check(t.Context(), b.API)
				if c.want == 0 {
					if err != nil {
						t.Error(err)
					}
				} else if f := b.Fault(t, err); f.Kind != c.want {
					t.Errorf("%s, want %s: %v", f.Kind, c.want, f)
				}
			})
		})
	}
}

func TestBlock(t *testing.T) {
	token := secret.New("t")
	for name, c := range map[string]struct {
		block cloudflare.Block
		place string
	}{
		"good":       {cloudflare.Block{Account: token, Token: token, Zones: []string{"z1"}, Workers: map[string]string{"code": "spike-code"}}, ""},
		"no account": {cloudflare.Block{Token: token}, "cloudflare.account"},
		"no token":   {cloudflare.Block{Account: token}, "cloudflare.token"},
		"odd zone":   {cloudflare.Block{Account: token, Token: token, Zones: []string{"z1", "a/b"}}, "cloudflare.zones[1]"},
		"odd worker": {cloudflare.Block{Account: token, Token: token, Workers: map[string]string{"code": ""}}, "cloudflare.workers.code"},
	} {
		err := c.block.Validate()
		if c.place == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if f := fault.From(err); f == nil || f.Kind != fault.Invalid || len(f.Places) != 1 || f.Places[0].Where != c.place {
			t.Errorf("%s: %+v, want a fault of %s", name, f, c.place)
		}
	}
}
