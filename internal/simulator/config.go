package simulator

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/envdeck/envdeck/internal/simulator/cloudflare"
	"github.com/envdeck/envdeck/internal/simulator/neon"
	"github.com/envdeck/envdeck/internal/simulator/world"
)

// configuration is an envdeck.yaml for the simulated app. The ids are the
// world's, which differ by its seed.
const configuration = `# The simulated app. These tokens open nothing but the simulator.
listen: 127.0.0.1:4280
data: ./envdeck-data
projects:
  - name: spike.land
    environments:
      dev:  {kind: local,      url: BASE/apps/dev}
      next: {kind: staging,    url: BASE/apps/next, from: staged, sentry: preview, neon: next}
      prod: {kind: production, url: BASE/apps/prod, sentry: production, neon: main}
    vercel: {base_url: BASE/vercel, project: PROJECT, team: TEAM, token: sim_vercel_project}
    github: {base_url: BASE/github, repo: REPO, token: sim_github_writer, deploy_workflow: deploy.yml, rollback_workflow: rollback.yml}
    cloudflare:
      base_url: BASE/cloudflare/client/v4
      account: ACCOUNT
      token: sim_cloudflare_user
      zones: [ZONE]
      workers: {code: CODE, transpiler: TRANSPILER, backend: BACKEND}
    sentry: {base_url: BASE/sentry, org: spike-land, project: spike-land-nextjs, token: sim_sentry_integration}
    neon: {base_url: BASE/neon/api/v2, project: DATABASE, token: sim_neon_project}
    migrations: {tool: prisma, dir: prisma/migrationsDATABASES}
    crons: {from: vercel}
    release: {bake: 5m, fallback: github, snapshot: on-migrations, workers: [code, transpiler], report_to: sentry}
`

// Config is an envdeck.yaml that points at this simulator, served at base such
// as http://127.0.0.1:4281.
func (s *Simulator) Config(base string) string {
	var project, team, repo string
	s.World().View(func(st *world.State) { project, team, repo = st.Project.ID, st.Team.ID, st.Repo.FullName() })
	var tokens []string
	for provider, usual := range configured {
		if own := s.o.Tokens[provider]; own != "" {
			tokens = append(tokens, usual, own)
		}
	}
	kept := ""
	if s.databases != nil {
		addresses := s.databases.Addresses()
		named := make([]string, 0, len(addresses))
		for _, environment := range slices.Sorted(maps.Keys(addresses)) {
			named = append(named, environment+": "+strconv.Quote(addresses[environment]))
		}
		kept = ", databases: {" + strings.Join(named, ", ") + "}"
	}
	return strings.NewReplacer(append(tokens,
		"DATABASES", kept,
		"BASE", strings.TrimSuffix(base, "/"), "PROJECT", project, "TEAM", team, "REPO", repo,
		"ACCOUNT", cloudflare.Account, "ZONE", cloudflare.Zone,
		"CODE", cloudflare.Code, "TRANSPILER", cloudflare.Transpiler, "BACKEND", cloudflare.Backend,
		"DATABASE", neon.Project,
	)...).Replace(configuration)
}

// Scripts names the scenarios that Play knows.
func Scripts() []string { return slices.Sorted(maps.Keys(world.Scripts())) }
