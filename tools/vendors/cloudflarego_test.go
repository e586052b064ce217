package vendors_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cloudflare/cloudflare-go/v7/option"
	"github.com/cloudflare/cloudflare-go/v7/workers"
)

// TestCloudflareGo takes the part of Cloudflare's library that is about
// Workers. The root package builds for minutes, so its helper that fills fields
// is done without.
func TestCloudflareGo(t *testing.T) {
	t.Parallel()
	w := start(t)
	account, worker := w.names.Replace("{account}"), "spike-land-code"
	client := func(token string) *workers.WorkerService {
		return workers.NewWorkerService(option.WithBaseURL(w.base+"/cloudflare/client/v4"), option.WithAPIToken(token), option.WithMaxRetries(0))
	}
	ctx, cf := t.Context(), client("sim_cloudflare_user")

	var all workers.ScriptListParams
	all.AccountID.Value, all.AccountID.Present = account, true
	if scripts, err := cf.Scripts.List(ctx, all); err != nil || len(scripts.Result) != 3 {
		t.Errorf("scripts: %v", err)
	}
	var page workers.ScriptVersionListParams
	page.AccountID.Value, page.AccountID.Present = account, true
	versions, err := cf.Scripts.Versions.List(ctx, worker, page)
	if err != nil || len(versions.Result.Items) != 10 {
		t.Fatalf("versions: %v", err)
	}
	second := versions.Result.Items[1].ID
	var one workers.ScriptVersionGetParams
	one.AccountID.Value, one.AccountID.Present = account, true
	if version, err := cf.Scripts.Versions.Get(ctx, worker, second, one); err != nil || version.ID != second {
		t.Errorf("version: %v", err)
	}

	var deploy workers.ScriptDeploymentNewParams
	var whole workers.DeploymentVersionParam
	whole.VersionID.Value, whole.VersionID.Present = second, true
	whole.Percentage.Value, whole.Percentage.Present = 100, true
	deploy.AccountID.Value, deploy.AccountID.Present = account, true
	deploy.Deployment.Strategy.Value, deploy.Deployment.Strategy.Present = workers.DeploymentStrategyPercentage, true
	deploy.Deployment.Versions.Value, deploy.Deployment.Versions.Present = []workers.DeploymentVersionParam{whole}, true
	made, err := cf.Scripts.Deployments.New(ctx, worker, deploy)
	if err != nil {
		t.Fatal(err)
	}
	list := func(token, account, script string) (*workers.ScriptDeploymentListResponse, error) {
		var p workers.ScriptDeploymentListParams
		p.AccountID.Value, p.AccountID.Present = account, true
		return client(token).Scripts.Deployments.List(ctx, script, p)
	}
	if got, err := list("sim_cloudflare_user", account, worker); err != nil || got.Deployments[0].ID != made.ID || got.Deployments[0].Versions[0].VersionID != second {
		t.Errorf("deployments: %v", err)
	}
	for name, tc := range map[string]struct{ token, account, script, want string }{
		"no such script":  {"sim_cloudflare_user", account, "none", "404 Not Found"},
		"another account": {"sim_cloudflare_user", strings.Repeat("0", 32), worker, "403 Forbidden"},
		"a bad token":     {"unknown-token-0123456789", account, worker, "403 Forbidden"},
	} {
		if _, err := list(tc.token, tc.account, tc.script); !strings.Contains(fmt.Sprint(err), tc.want) {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
}
