package vendors_test

import "testing"

func TestWrangler(t *testing.T) {
	for name, program := range map[string][]string{
		"newest":     inNode(newerNode(), "wrangler/bin/wrangler.js"),
		"for Node20": inNode("node", "wrangler-node20/bin/wrangler.js"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			w.all(t, tool{
				program: program,
				env: func(token string) []string {
					return []string{
						"CLOUDFLARE_API_BASE_URL={sim}/cloudflare/client/v4", "CLOUDFLARE_API_TOKEN=" + token, "CLOUDFLARE_ACCOUNT_ID={account}",
						"WRANGLER_SEND_METRICS=false", "WRANGLER_HIDE_BANNER=true",
					}
				},
				usual: "sim_cloudflare_user",
			}, []command{
				{line: "whoami", says: []string{`User API Token, associated with the email`, `Spike Land.*{account}`}},
				{line: "whoami", token: "sim_cloudflare_account", says: []string{`Account API Token`, `{account}`}},
				{line: "whoami", token: "sim_cloudflare_reader", says: []string{`User Details->Read`}},
				{line: "deployments list --name spike-land-code", says: []string{`Version\(s\):  \(100%\) {newest}`, `\(10%\)`}},
				{line: "deployments status --name spike-land-code", says: []string{`\(100%\) {newest}`}},
				{line: "versions list --name spike-land-code", says: []string{`Version ID: +{newest}`, `Tag:`}},
				{line: "versions view {older} --name spike-land-code", says: []string{`Version ID: +{older}`, `nodejs_compat`, `env\.ENVIRONMENT`}},
				{line: "versions deploy {older}@100 --name spike-land-code --yes --message back", says: []string{`Deployed spike-land-code version {older} at 100%`}},
				{line: "versions deploy {older}@20 {newest}@80 --name spike-land-code --yes", says: []string{`{older} at 20% and version {newest} at 80%`}},
				{line: "deployments status --name spike-land-code", says: []string{`\(20%\) {older}`, `\(80%\) {newest}`}},
				{line: "rollback {third} --name spike-land-code --yes --message trouble", says: []string{`Worker Version {third} has been deployed to 100%`}},
				{line: "deployments status --name spike-land-code --json", says: []string{`"workers/message": "trouble"`, `"workers/triggered_by": "rollback"`, `"version_id": "{third}"`}},
				{line: "rollback {oldest} --name spike-land-backend --yes", says: []string{`secrets have changed since version {oldest}`, `AUTH_SECRET`, `SUCCESS`}},
				{line: "triggers deploy --name spike-land-backend --schedule '5 4 * * 1'", says: []string{`Deployed spike-land-backend triggers`, `schedule: 5 4 \* \* 1`}},
				{line: "secret list --name spike-land-backend", says: []string{`AUTH_SECRET`}},
				{line: "deployments status --name none", exit: 1, says: []string{`does not exist.*10007`}},
				{line: "versions view 00000000-0000-4000-8000-000000000000 --name spike-land-code", exit: 1, says: []string{`could not be found`}},
				{line: "deployments status --name spike-land-code", token: "unknown-token-0123456789", exit: 1, says: []string{`Authentication error.*10000`}},
				{line: "rollback {newest} --name spike-land-code --yes", token: "sim_cloudflare_reader", exit: 1, says: []string{`Authentication error.*10000`}},
			})
		})
	}
}
