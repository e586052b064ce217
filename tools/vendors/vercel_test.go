package vendors_test

import "testing"

func TestVercelTool(t *testing.T) {
	for name, folder := range map[string]string{"newest": "vercel", "58": "vercel-58"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vercelTool(t, folder)
		})
	}
}

func vercelTool(t *testing.T, folder string) {
	w := start(t)
	w.all(t, tool{
		program: inNode("node", folder+"/dist/vc.js"),
		env: func(string) []string {
			// What `vercel link` would keep in .vercel.
			return []string{"VERCEL_ORG_ID={team}", "VERCEL_PROJECT_ID={project}", "VERCEL_TELEMETRY_DISABLED=1"}
		},
		usual: "sim_vercel_owner",
		flags: "--api {sim}/vercel --token {token} --non-interactive",
	}, []command{
		{line: "whoami", says: []string{`zerdos`}},
		{line: "teams ls", says: []string{`spike-land`}},
		{line: "project ls", says: []string{`spike-land-nextjs +https://spike\.land`}},
		{line: "project inspect spike-land-nextjs --scope spike-land", says: []string{`{project}`, `Next\.js`}},
		{line: "target ls", says: []string{`Production +main`, `qa`}},
		{line: "domains ls", says: []string{`1 Domain found`, `spike\.land +Third Party`}},
		{line: "alias ls", says: []string{`www\.spike\.land`}},
		{line: "ls", says: []string{`● Ready +Production`, `● Ready +qa`}},
		{line: "ls --prod --status READY --limit 5", says: []string{`● Ready +Production`}},
		{line: "ls --meta githubCommitRef=main --json --limit 2", says: []string{`"githubCommitRef": "main"`, `"pagination"`}},
		{line: "inspect spike.land", says: []string{`{live}`, `target\tproduction`, `https://www\.spike\.land`, `λ api/health`}},
		{line: "inspect {staged} --json", says: []string{`"id": "{staged}"`, `"readyState": "READY"`}},
		{line: "inspect spike.land --logs", says: []string{`Cloning github\.com/{repo}`, `Deployment completed`}},
		{line: "crons ls", says: []string{`11 cron jobs found`, `/api/cron/pulse-metrics +\*/15`}},
		{line: "crons run /api/cron/pulse-metrics", says: []string{`triggered`}},
		{line: "webhooks ls", says: []string{`0 webhook`}},
		{line: "promote status", says: []string{`No deployment promotion in progress`}},
		{line: "promote {staged} --yes", says: []string{`Success! spike-land-nextjs was promoted to .*{staged}`}},
		{line: "promote status", says: []string{`was promoted to .*{staged}`}},
		{line: "promote {staged} --yes", exit: 1, says: []string{`already the current production deployment \(409\)`}},
		{line: "rollback {live} --yes", says: []string{`was rolled back to .*{live}`}},
		{line: "rollback status", says: []string{`was rolled back to .*{live}`}},
		{line: "promote {preview} --yes", says: []string{`Successfully created new deployment`}},
		{line: "redeploy {staged} --no-wait", says: []string{`Inspect`}},
		{line: "rolling-release fetch", says: []string{`null`}},
		{line: "rolling-release configure --enable --advancement-type=manual-approval --stage=10 --stage=50", says: []string{`Successfully configured`}},
		{line: "rolling-release start --dpl={staged} --yes", says: []string{`Successfully started|Requested rolling release start`}},
		{line: "rolling-release fetch", says: []string{`"targetPercentage": 10`, `"id": "{staged}"`}},
		{line: "rolling-release approve --currentStageIndex=0 --dpl={staged}", says: []string{`next stage|approval from stage 0 to 1`}},
		{line: "rolling-release complete --dpl={staged}", says: []string{`completion`}},
		{line: "rolling-release configure --disable", says: []string{`Successfully disabled`}},
		{line: "api /v9/projects/spike-land-nextjs?slug=spike-land", says: []string{`"id": ?"{project}"`}},
		{line: "inspect none.vercel.app", exit: 1, says: []string{`Can't find the deployment`}},
		{line: "rollback dpl_none --yes", exit: 1, says: []string{`Can't find the deployment`}},
		{line: "project ls --scope nobody", exit: 1, says: []string{`scope does not exist`}},
		{line: "whoami", token: "unknown", exit: 1, says: []string{`token provided via .--token. argument is not valid`}},
		{line: "ls", token: "sim_vercel_expired", exit: 1, says: []string{`token`}},
		{line: "inspect spike.land", token: "sim_vercel_outside", exit: 1, says: []string{`(?i)not authorized|scope`}},
		{line: "rollback {live} --yes", token: "sim_vercel_viewer", exit: 1, says: []string{`permission.*\(403\)`}},
	})
}
