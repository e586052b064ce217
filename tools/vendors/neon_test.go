package vendors_test

import (
	"path/filepath"
	"testing"
)

func TestNeonTool(t *testing.T) {
	t.Parallel()
	w := start(t)
	in := " --project-id {database}"
	w.all(t, tool{
		program: []string{filepath.Join(tools, "node_modules", ".bin", "neonctl")},
		env:     func(string) []string { return nil },
		usual:   "sim_neon_owner",
		flags:   "--api-host {sim}/neon/api/v2 --api-key {token} --no-analytics",
	}, []command{
		{line: "me", says: []string{`zoltan@spike\.land`}},
		{line: "projects list", says: []string{`{database}`}},
		{line: "projects get {database}", says: []string{`aws-us-east-2`}},
		{line: "branches list" + in, says: []string{`\[default\] \[protected\] main`, `archived`}},
		{line: "branches get main" + in, says: []string{`Current State +ready`}},
		{line: "branches create --name tool/one --no-compute" + in, says: []string{`tool/one`, `init`}},
		{line: "branches create --name tool/two --parent next" + in, says: []string{`postgresql://neondb_owner:`}},
		{line: "branches create --name tool/one" + in, exit: 1, says: []string{`already exists`}},
		{line: "branches rename tool/one tool/three" + in, says: []string{`tool/three`}},
		{line: "operations list" + in, says: []string{`create_branch`}},
		{line: "databases list --branch tool/two" + in, says: []string{`neondb`}},
		{line: "roles list" + in, says: []string{`neondb_owner`}},
		{line: "connection-string main" + in, says: []string{`postgresql://neondb_owner:.*sslmode=require`}},
		{line: "branches restore tool/two next" + in, says: []string{`Restored branch`}},
		{line: "branches reset tool/two --parent" + in, says: []string{`tool/two`}},
		{line: "branches delete tool/three" + in, says: []string{`tool/three`, `Current State +ready`}},
		{line: "branches schema-diff main next" + in, says: []string{`\+CREATE TABLE`}},
		{line: "orgs list", says: []string{`Spike Land`}},
		{line: "snapshots create --branch main --name first" + in, says: []string{`snap-`}},
		{line: "snapshots list" + in, says: []string{`snap-.*first`}},
		{line: "snapshots update first --name second" + in, says: []string{`second`}},
		{line: "snapshots restore second --name tool/from-snapshot" + in, says: []string{`tool/from-snapshot`, `un-finalized`}},
		{line: "snapshots finalize tool/from-snapshot" + in, says: []string{`apply_config`}},
		{line: "snapshots delete second" + in, says: []string{`second`}},
		{line: "snapshots schedule set --branch main --frequency daily --hour 3 --retention 604800" + in},
		{line: "snapshots schedule get --branch main" + in, says: []string{`daily`}},
		{line: "branches set-default tool/two" + in, says: []string{`tool/two`}},
		{line: "branches delete none" + in, exit: 1, says: []string{`Branch none not found`}},
		{line: "branches list --project-id none", exit: 1, says: []string{`not found`}},
		{line: "branches list" + in, token: "unknown", exit: 1, says: []string{`rejected the API key`}},
		{line: "branches list" + in, token: "sim_neon_project", says: []string{`preview/`}},
		{line: "projects list", token: "sim_neon_project", exit: 1, says: []string{`limited to one project`}},
	})
}
