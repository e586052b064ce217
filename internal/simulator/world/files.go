package world

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The workflows the repository has.
const (
	CIWorkflow       = "ci.yml"
	DeployWorkflow   = "deploy.yml"
	RollbackWorkflow = "rollback.yml"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// appCrons is the app's cron table.
func appCrons() []Cron {
	table := []struct{ name, schedule string }{
		{"publish-scheduled-posts", "* * * * *"},
		{"pulse-metrics", "*/15 * * * *"},
		{"cleanup-jobs", "*/15 * * * *"},
		{"allocator-autopilot", "*/15 * * * *"},
		{"cleanup-sandboxes", "*/15 * * * *"},
		{"marketing-sync", "0 * * * *"},
		{"create-agent-alert", "0 * * * *"},
		{"cleanup-tracking", "0 3 * * *"},
		{"cleanup-errors", "0 4 * * *"},
		{"cleanup-bin", "0 2 * * *"},
		{"reset-workspace-credits", "0 0 * * *"},
	}
	out := make([]Cron, len(table))
	for i, c := range table {
		out[i] = Cron{Path: "/api/cron/" + c.name, Schedule: c.schedule}
	}
	return out
}

// VercelJSON is the text of a vercel.json with these crons.
func VercelJSON(crons []Cron) string {
	text, err := json.MarshalIndent(map[string]any{
		"$schema": "https://openapi.vercel.sh/vercel.json", "framework": "nextjs",
		"git": map[string]any{"deploymentEnabled": true}, "crons": crons,
	}, "", "  ")
	if err != nil {
		panic(err) // strings and booleans always encode
	}
	return string(text) + "\n"
}

func kept(path, text string) FileChange {
	return FileChange{Path: path, Status: "added", Additions: strings.Count(text, "\n"), Content: text, Kept: true}
}

// MigrationFile is the change that adds a Prisma migration made at a time.
func MigrationFile(at time.Time, name, sql string) FileChange {
	return kept(fmt.Sprintf("prisma/migrations/%s_%s/migration.sql", at.UTC().Format("20060102150405"), name), sql)
}

func migrationSQL(name string) string {
	words := strings.SplitN(name, "_", 2)
	table := strings.ReplaceAll(words[len(words)-1], "_", "")
	switch words[0] {
	case "index":
		return fmt.Sprintf("-- CreateIndex\nCREATE INDEX \"%s_idx\" ON \"%s\"(\"createdAt\");\n", table, table)
	case "rename":
		return "-- AlterTable\nALTER TABLE \"PulseWindow\" RENAME COLUMN \"span\" TO \"window\";\n"
	}
	return fmt.Sprintf("-- CreateTable\nCREATE TABLE \"%s\" (\n    \"id\" TEXT NOT NULL,\n    \"createdAt\" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,\n\n    CONSTRAINT \"%s_pkey\" PRIMARY KEY (\"id\")\n);\n", table, table)
}

const packageJSON = `{
  "name": "spike-land-nextjs",
  "version": "0.9.0",
  "private": true,
  "packageManager": "yarn@4.10.3",
  "scripts": {
    "dev": "next dev",
    "build": "prisma generate && next build",
    "start": "next start",
    "test": "vitest run"
  },
  "dependencies": {
    "@prisma/client": "6.19.0",
    "@sentry/nextjs": "10.27.0",
    "@upstash/redis": "1.35.6",
    "next": "16.0.3",
    "react": "19.2.0",
    "react-dom": "19.2.0"
  },
  "devDependencies": {
    "prisma": "6.19.0",
    "typescript": "5.9.3",
    "vitest": "4.0.12"
  }
}
`

const deployYML = `name: Deploy
run-name: Deploy ${{ inputs.correlation_id }}
on:
  workflow_dispatch:
    inputs:
      environment:
        type: choice
        options: [production, preview]
        default: production
      ref:
        description: commit to build; the dispatched ref when empty
        type: string
      reason:
        type: string
      correlation_id:
        type: string
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
        with:
          ref: ${{ inputs.ref || github.sha }}
      - run: npx vercel deploy --prod --skip-domain --token "$VERCEL_TOKEN" > url
      - run: npx vercel promote "$(cat url)" --yes --token "$VERCEL_TOKEN"
`

const rollbackYML = `name: Rollback
run-name: Rollback ${{ inputs.correlation_id }}
on:
  workflow_dispatch:
    inputs:
      deployment_id:
        description: what to roll back to; the previous one when empty
        type: string
      reason:
        type: string
      correlation_id:
        type: string
jobs:
  rollback:
    runs-on: ubuntu-latest
    steps:
      - run: npx vercel rollback ${{ inputs.deployment_id }} --yes --token "$VERCEL_TOKEN"
`

const ciYML = `name: CI
on:
  push:
    branches: [main]
  pull_request:
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - run: yarn install --immutable
      - run: yarn test
`

func repoWorkflows(created time.Time) []*Workflow {
	free := func(names ...string) []WorkflowInput {
		var out []WorkflowInput
		for _, n := range names {
			out = append(out, WorkflowInput{Name: n})
		}
		return out
	}
	return []*Workflow{
		{ID: 184_201_001, File: CIWorkflow, Name: "CI", CreatedAt: created},
		{
			ID: 184_201_002, File: DeployWorkflow, Name: "Deploy", Dispatchable: true, CreatedAt: created,
			Inputs: append([]WorkflowInput{{Name: "environment", Options: []string{"production", "preview"}}}, free("ref", "reason", "correlation_id")...),
		},
		{
			ID: 184_201_003, File: RollbackWorkflow, Name: "Rollback", Dispatchable: true, CreatedAt: created,
			Inputs: free("deployment_id", "reason", "correlation_id"),
		},
	}
}
