package vendors_test

import (
	"path/filepath"
	"testing"
)

func TestSentryTool(t *testing.T) {
	t.Parallel()
	w := start(t)
	var projects []struct{ ID, Slug string }
	w.get(t, "/sentry/api/0/organizations/spike-land/projects/", "sim_sentry_integration", &projects)
	id := projects[0].ID
	w.all(t, tool{
		program: []string{filepath.Join(tools, "node_modules", ".bin", "sentry-cli")},
		env: func(token string) []string {
			// The tool wants a server's root: no path after the host.
			return []string{"SENTRY_URL={sim}", "SENTRY_AUTH_TOKEN=" + token, "SENTRY_ORG=spike-land", "SENTRY_PROJECT=spike-land-nextjs", "SENTRY_DSN=http://abc@" + w.base[len("http://"):] + "/" + id}
		},
		usual: "sim_sentry_integration",
	}, []command{
		{line: "info", says: []string{`User: zoltan@spike\.land`, `project:releases`}},
		{line: "organizations list", says: []string{`spike\.land \| spike-land`}},
		{line: "projects list", says: []string{`spike-land-edge`, `spike-land-nextjs`}},
		{line: "repos list", says: []string{`{repo}`}},
		{line: "issues list", says: []string{`SPIKE-LAND-.*unresolved`}},
		{line: "events list --max-rows 5", says: []string{`Event ID`}},
		{line: "monitors list", says: []string{`pulse-metrics`, `active`}},
		{line: "monitors run pulse-metrics -- true"},
		{line: "monitors run -s '0 3 * * *' nightly -- false", exit: 1},
		{line: "monitors list", says: []string{`nightly`}},
		{line: "send-event -m hello", says: []string{`Event dispatched`}},
		{line: "releases list", says: []string{`hours ago +\| [0-9a-f]{40}`}},
		{line: "releases new v9.9.9", says: []string{`Created release v9\.9\.9`}},
		{line: "releases set-commits v9.9.9 --commit {repo}@0123abc", says: []string{`0123abc`}},
		{line: "releases finalize v9.9.9", says: []string{`Finalized release`}},
		{line: "releases info v9.9.9", says: []string{`v9\.9\.9`}},
		{line: "deploys new -r v9.9.9 -e production -n first", says: []string{`Created new deploy first for 'production'`}},
		{line: "deploys list -r v9.9.9", says: []string{`production +\| first`}},
		{line: "releases delete v9.9.9", says: []string{`Deleted release`}},
		{line: "releases list", token: "sim_sentry_ci", says: []string{`Version`}},
		{line: "deploys list -r none", exit: 1, says: []string{`Release not found`}},
		{line: "projects list -o nobody", exit: 1, says: []string{`organization not found`}},
		{line: "projects list", token: "unknown", exit: 1, says: []string{`Invalid token \(http status: 401\)`}},
	})
}
