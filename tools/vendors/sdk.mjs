// The vendors' own SDKs for JavaScript, unmodified, against the simulator: what
// each is asked is in a table below, with what must come back. Run by
// `make vendors`; SIM is where the simulator listens.
import assert from "node:assert/strict";
import { Vercel } from "@vercel/sdk";
import { Octokit } from "@octokit/rest";
import { graphql } from "@octokit/graphql";
import Cloudflare from "cloudflare";
import { createApiClient } from "@neondatabase/api-client";

const { SIM, PROJECT, TEAM, REPO, ACCOUNT, ZONE, WORKER, DATABASE } = process.env;
const [owner, repo] = REPO.split("/");
const only = process.argv[2];
let failed = 0;

/** check runs one call and says how it went. */
async function check(name, call) {
  try {
    await call();
    console.log(`ok ${name}`);
  } catch (err) {
    failed++;
    const cause = err?.cause ? ` (${String(err.cause).slice(0, 1500)})` : "";
    console.log(`FAILED ${name}: ${String(err?.message ?? err).slice(0, 600)}${cause}`);
  }
}

/** refused wants the call to fail in the SDK's own way. */
async function refused(name, call, test) {
  await check(name, async () => {
    let answer;
    try {
      answer = await call();
    } catch (err) {
      return test(err);
    }
    assert.fail(`it was let through: ${JSON.stringify(answer)?.slice(0, 200)}`);
  });
}

const suites = {
  async vercel() {
    const client = (token) => new Vercel({ bearerToken: token, serverURL: `${SIM}/vercel` });
    const v = client("sim_vercel_owner");
    const team = { teamId: TEAM };
    let staged, live;
    await check("user.getAuthUser", async () => assert.equal((await v.user.getAuthUser()).user.username, "zerdos"));
    await check("teams.getTeams", async () => assert.equal((await v.teams.getTeams({})).teams[0].id, TEAM));
    await check("teams.getTeam", async () => assert.equal((await v.teams.getTeam({ teamId: TEAM })).id, TEAM));
    await check("projects.getProjects", async () => assert.equal((await v.projects.getProjects(team)).projects[0].id, PROJECT));
    await check("projects.getProject", async () => {
      const p = await v.projects.getProject({ idOrName: PROJECT, ...team });
      live = p.targets.production.id;
      assert.equal(p.alias.find((a) => a.domain === "spike.land").deployment.id, live);
    });
    await check("projects.getProjectDomains", async () => {
      const { domains } = await v.projects.getProjectDomains({ idOrName: PROJECT, ...team });
      assert.ok(domains.some((d) => d.name === "spike.land"));
    });
    await check("environment.getProjectsByIdOrNameCustomEnvironments", async () => {
      const { environments } = await v.environment.getProjectsByIdOrNameCustomEnvironments({ idOrName: PROJECT, ...team });
      assert.equal(environments[0].slug, "qa");
    });
    await check("deployments.getDeployments", async () => {
      const { deployments, pagination } = await v.deployments.getDeployments({ projectId: PROJECT, target: "production", state: "READY", limit: 20, ...team });
      staged = deployments.find((d) => d.readySubstate === "STAGED").uid;
      assert.equal(pagination.count, 20);
    });
    await check("deployments.getDeployment", async () => {
      const d = await v.deployments.getDeployment({ idOrUrl: "spike.land", withGitRepoInfo: "true", ...team });
      assert.equal(d.id, live);
    });
    await check("deployments.getDeploymentEvents", async () => {
      const events = await v.deployments.getDeploymentEvents({ idOrUrl: live, ...team });
      assert.ok(events.length > 3);
    });
    await check("aliases.listAliases", async () => assert.ok((await v.aliases.listAliases({ projectId: PROJECT, ...team })).aliases.length > 3));
    await check("aliases.getAlias", async () => assert.equal((await v.aliases.getAlias({ idOrAlias: "spike.land", ...team })).deploymentId, live));
    await check("aliases.listDeploymentAliases", async () => assert.ok((await v.aliases.listDeploymentAliases({ id: live, ...team })).aliases.length >= 2));
    await check("domains.getDomains", async () => assert.ok((await v.domains.getDomains(team)).domains.some((d) => d.name === "spike.land")));
    await check("domains.getDomain", async () => assert.equal((await v.domains.getDomain({ domain: "spike.land", ...team })).domain.name, "spike.land"));
    await check("rollingRelease.getRollingRelease", async () => assert.equal((await v.rollingRelease.getRollingRelease({ idOrName: PROJECT, ...team })).rollingRelease, null));
    await check("rollingRelease.getRollingReleaseConfig", async () => assert.equal((await v.rollingRelease.getRollingReleaseConfig({ idOrName: PROJECT, ...team })).rollingRelease, null));
    await check("rollingRelease.getRollingReleaseBillingStatus", async () => assert.ok(await v.rollingRelease.getRollingReleaseBillingStatus({ idOrName: PROJECT, ...team })));
    const day = { projectId: PROJECT, since: String(Date.now() - 86400e3), until: String(Date.now()), ...team };
    await check("webAnalytics.countPageviews", async () => assert.ok((await v.webAnalytics.countPageviews(day)).data.pageviews > 0));
    await check("webAnalytics.aggregatePageviews", async () => assert.ok((await v.webAnalytics.aggregatePageviews({ ...day, by: ["hour"] })).data.length > 0));
    await check("webhooks.getWebhooks", async () => assert.deepEqual(await v.webhooks.getWebhooks(team), []));
    await check("projects.requestPromote", () => v.projects.requestPromote({ projectId: PROJECT, deploymentId: staged, ...team }));
    await refused("projects.requestPromote twice", () => v.projects.requestPromote({ projectId: PROJECT, deploymentId: staged, ...team }), (e) => assert.equal(e.statusCode, 409));
    await check("projects.getProject until moved", () => until(async () => {
      const p = await v.projects.getProject({ idOrName: PROJECT, ...team });
      return p.lastAliasRequest.jobStatus === "succeeded" && p.targets.production.id === staged;
    }));
    await check("projects.listPromoteAliases", () => v.projects.listPromoteAliases({ projectId: PROJECT, failedOnly: true, ...team }));
    await check("projects.requestRollback", () => v.projects.requestRollback({ projectId: PROJECT, deploymentId: live, description: "errors since the last one", ...team }));
    await check("projects.getProject until back", () => until(async () => {
      const p = await v.projects.getProject({ idOrName: PROJECT, ...team });
      return p.lastAliasRequest.type === "rollback" && p.lastAliasRequest.jobStatus === "succeeded" && p.targets.production.id === live;
    }));
    await check("deployments.createDeployment", async () => {
      const d = await v.deployments.createDeployment({ forceNew: "1", ...team, requestBody: { deploymentId: live, name: "spike-land-nextjs", target: "production" } });
      assert.equal(d.readyState, "QUEUED");
      assert.equal((await v.deployments.cancelDeployment({ id: d.id, ...team })).readyState, "CANCELED");
    });
    await refused("no such deployment", () => v.deployments.getDeployment({ idOrUrl: "dpl_none", ...team }), (e) => assert.equal(e.statusCode, 404));
    await refused("another team", () => v.projects.getProject({ idOrName: PROJECT, teamId: "team_other" }), (e) => assert.equal(e.statusCode, 403));
    await refused("a bad token", () => client("bad").user.getAuthUser(), (e) => assert.equal(e.statusCode, 403));
  },

  async octokit() {
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const client = (auth) => new Octokit({ auth, baseUrl: `${SIM}/github`, log });
    const gh = client("sim_github_writer");
    const at = { owner, repo };
    let commits;
    await check("users.getAuthenticated", async () => assert.equal((await gh.users.getAuthenticated()).data.login, "zerdos"));
    await check("rateLimit.get", async () => assert.equal((await gh.rateLimit.get()).data.resources.core.limit, 5000));
    await check("repos.get", async () => assert.equal((await gh.repos.get(at)).data.default_branch, "main"));
    await check("paginate repos.listCommits", async () => {
      commits = await gh.paginate(gh.repos.listCommits, { ...at, per_page: 100 });
      assert.ok(commits.length > 100 && new Set(commits.map((c) => c.sha)).size === commits.length);
    });
    await check("repos.compareCommitsWithBasehead", async () => {
      const { data } = await gh.repos.compareCommitsWithBasehead({ ...at, basehead: `${commits[5].sha}...${commits[0].sha}` });
      assert.equal(data.status, "ahead");
      assert.equal(data.commits.at(-1).sha, commits[0].sha);
    });
    await check("repos.listPullRequestsAssociatedWithCommit", async () => {
      const merged = commits.find((c) => /\(#\d+\)$/.test(c.commit.message.split("\n")[0]));
      const { data } = await gh.repos.listPullRequestsAssociatedWithCommit({ ...at, commit_sha: merged.sha });
      assert.ok(data[0].merged_at);
    });
    await check("pulls.list", async () => assert.ok((await gh.pulls.list({ ...at, state: "open" })).data.length > 2));
    await check("git.getTree", async () => assert.ok((await gh.git.getTree({ ...at, tree_sha: "main", recursive: "1" })).data.tree.length > 10));
    await check("repos.getContent", async () => assert.ok(Array.isArray((await gh.repos.getContent({ ...at, path: "prisma/migrations" })).data)));
    await check("repos.listDeployments", async () => assert.ok((await gh.repos.listDeployments(at)).data.length > 0));
    await check("actions.createWorkflowDispatch and follow", async () => {
      const { data } = await gh.actions.createWorkflowDispatch({ ...at, workflow_id: "deploy.yml", ref: "main", inputs: { environment: "production" }, return_run_details: true });
      const run = await gh.actions.getWorkflowRun({ ...at, run_id: data.workflow_run_id });
      assert.equal(run.data.event, "workflow_dispatch");
      await gh.actions.getPendingDeploymentsForRun({ ...at, run_id: data.workflow_run_id });
      const runs = await gh.actions.listWorkflowRuns({ ...at, workflow_id: "deploy.yml", event: "workflow_dispatch" });
      assert.equal(runs.data.workflow_runs[0].id, data.workflow_run_id);
    });
    await check("graphql associatedPullRequests", async () => {
      const ask = graphql.defaults({ baseUrl: `${SIM}/github`, headers: { authorization: "bearer sim_github_writer" } });
      const q = `query($o:String!,$r:String!,$oid:GitObjectID!){ repository(owner:$o,name:$r){ object(oid:$oid){ ... on Commit { oid associatedPullRequests(first:5){ nodes { number mergedAt } } } } } }`;
      const answer = await ask(q, { o: owner, r: repo, oid: commits[0].sha });
      assert.equal(answer.repository.object.oid, commits[0].sha);
    });
    await refused("graphql of an unknown field", () => graphql({ baseUrl: `${SIM}/github`, headers: { authorization: "bearer sim_github_writer" }, query: "{ viewer { nothing } }" }), (e) => assert.equal(e.name, "GraphqlResponseError"));
    await refused("no such run", () => gh.actions.getWorkflowRun({ ...at, run_id: 1 }), (e) => assert.equal(e.status, 404));
    await refused("a reader dispatches", () => client("sim_github_reader").actions.createWorkflowDispatch({ ...at, workflow_id: "deploy.yml", ref: "main" }), (e) => assert.equal(e.status, 403));
    await refused("another repository's token", () => client("sim_github_outside").repos.get(at), (e) => assert.equal(e.status, 404));
    await refused("a bad token", () => client("bad").users.getAuthenticated(), (e) => assert.equal(e.status, 401));
  },

  async cloudflare() {
    const client = (apiToken) => new Cloudflare({ apiToken, baseURL: `${SIM}/cloudflare/client/v4`, maxRetries: 0 });
    const cf = client("sim_cloudflare_user");
    const at = { account_id: ACCOUNT };
    let versions;
    await check("user.tokens.verify", async () => assert.equal((await cf.user.tokens.verify()).status, "active"));
    await check("accounts.list", async () => assert.equal((await all(cf.accounts.list()))[0].id, ACCOUNT));
    await check("zones.list", async () => assert.ok((await all(cf.zones.list())).some((z) => z.id === ZONE)));
    await check("workers.routes.list", async () => assert.ok((await all(cf.workers.routes.list({ zone_id: ZONE }))).length > 0));
    await check("workers.scripts.list", async () => assert.equal((await all(cf.workers.scripts.list(at))).length, 3));
    await check("workers.domains.list", async () => assert.ok((await all(cf.workers.domains.list(at))).length > 0));
    await check("workers.subdomains.get", async () => assert.equal((await cf.workers.subdomains.get(at)).subdomain, "spike-land"));
    await check("workers.scripts.schedules.get", async () => assert.ok((await cf.workers.scripts.schedules.get("spike-land-backend", at)).schedules.length > 0));
    await check("workers.scripts.settings.get", async () => assert.ok(await cf.workers.scripts.settings.get(WORKER, at)));
    await check("workers.scripts.versions.list", async () => {
      versions = await all(cf.workers.scripts.versions.list(WORKER, at));
      assert.ok(versions.length > 10);
    });
    await check("workers.scripts.versions.get", async () => assert.ok((await cf.workers.scripts.versions.get(versions[0].id, { ...at, script_name: WORKER })).resources));
    await check("workers.scripts.deployments.create and list", async () => {
      const made = await cf.workers.scripts.deployments.create(WORKER, { ...at, strategy: "percentage", versions: [{ version_id: versions[1].id, percentage: 100 }] });
      // The SDK pages by items that the API does not send; the list is in the raw result.
      const { deployments } = (await cf.workers.scripts.deployments.list(WORKER, at)).result;
      assert.equal(deployments[0].id, made.id);
      assert.equal((await cf.workers.scripts.deployments.get(made.id, { ...at, script_name: WORKER })).versions[0].version_id, versions[1].id);
    });
    await check("post of the analytics query", async () => {
      const query = `query($a: string!, $from: Time!, $to: Time!) { viewer { accounts(filter: {accountTag: $a}) { workersInvocationsAdaptive(limit: 100, filter: {datetime_geq: $from, datetime_lt: $to}) { dimensions { scriptName } sum { requests errors } quantiles { wallTimeP50 } } } } }`;
      const variables = { a: ACCOUNT, from: new Date(Date.now() - 86400e3).toISOString(), to: new Date(Date.now() - 300e3).toISOString() };
      const answer = await cf.post("/graphql", { body: { query, variables } });
      assert.equal(answer.errors, null);
      assert.ok(answer.data.viewer.accounts[0].workersInvocationsAdaptive.some((r) => r.dimensions.scriptName === WORKER && r.sum.requests > 0));
    });
    await refused("no such script", () => cf.workers.scripts.deployments.list("none", at), (e) => assert.equal(e.status, 404) ?? assert.equal(e.errors[0].code, 10007));
    await refused("another account", () => cf.workers.scripts.deployments.list(WORKER, { account_id: "0".repeat(32) }), (e) => assert.equal(e.status, 403));
    await refused("a reader deploys", () => client("sim_cloudflare_reader").workers.scripts.deployments.create(WORKER, { ...at, strategy: "percentage", versions: [{ version_id: versions[0].id, percentage: 100 }] }), (e) => assert.equal(e.status, 403));
    await refused("a bad token", () => client("unknown-token-0123456789").user.tokens.verify(), (e) => assert.equal(e.status, 401));
  },

  async neon() {
    const client = (apiKey) => createApiClient({ apiKey, baseURL: `${SIM}/neon/api/v2` });
    const neon = client("sim_neon_project");
    let main, made;
    const idle = () => until(async () => (await neon.listProjectOperations({ projectId: DATABASE })).data.operations.every((o) => o.status === "finished"));
    await check("getProject", async () => assert.equal((await neon.getProject(DATABASE)).data.project.id, DATABASE));
    await check("listProjectBranches", async () => {
      const { data } = await neon.listProjectBranches({ projectId: DATABASE, limit: 3 });
      assert.equal(data.branches.length, 3);
      assert.ok(data.pagination.next);
      main = (await neon.listProjectBranches({ projectId: DATABASE })).data.branches.find((b) => b.default);
      assert.equal(main.name, "main");
    });
    await check("countProjectBranches", async () => assert.ok((await neon.countProjectBranches({ projectId: DATABASE })).data.count > 10));
    await check("createProjectBranch", async () => {
      const { data, status } = await neon.createProjectBranch(DATABASE, { branch: { name: "sdk/one", parent_id: main.id } });
      assert.equal(status, 201);
      made = data.branch;
      assert.equal((await neon.getProjectOperation(DATABASE, data.operations[0].id)).data.operation.action, "create_branch");
    });
    await check("listProjectOperations until finished", idle);
    await check("getProjectBranch", async () => assert.equal((await neon.getProjectBranch(DATABASE, made.id)).data.branch.current_state, "ready"));
    await check("updateProjectBranch", async () => assert.equal((await neon.updateProjectBranch(DATABASE, made.id, { branch: { name: "sdk/two" } })).data.branch.name, "sdk/two"));
    await check("restoreProjectBranch", async () => assert.equal((await neon.restoreProjectBranch(DATABASE, made.id, { source_branch_id: main.id })).data.branch.id, made.id));
    await refused("a change while another runs", () => neon.deleteProjectBranch({ projectId: DATABASE, branchId: made.id }), (e) => assert.equal(e.response.status, 423));
    await check("until restored", idle);
    await check("createSnapshot, listSnapshots, deleteSnapshot", async () => {
      const { data } = await neon.createSnapshot({ projectId: DATABASE, branchId: main.id, name: "sdk" });
      await idle();
      assert.ok((await neon.listSnapshots(DATABASE)).data.snapshots.some((s) => s.id === data.snapshot.id));
      await neon.deleteSnapshot(DATABASE, data.snapshot.id);
      await idle();
    });
    await check("listProjectBranchDatabases", async () => assert.equal((await neon.listProjectBranchDatabases(DATABASE, main.id)).data.databases[0].name, "neondb"));
    await check("listProjectBranchRoles", async () => assert.equal((await neon.listProjectBranchRoles(DATABASE, main.id)).data.roles[0].name, "neondb_owner"));
    await check("listProjectEndpoints", async () => assert.ok((await neon.listProjectEndpoints(DATABASE)).data.endpoints.length > 0));
    await check("getConnectionUri", async () => assert.match((await neon.getConnectionUri({ projectId: DATABASE, database_name: "neondb", role_name: "neondb_owner" })).data.uri, /^postgresql:\/\//));
    await check("deleteProjectBranch", async () => assert.equal((await neon.deleteProjectBranch({ projectId: DATABASE, branchId: made.id })).status, 200));
    await check("deleteProjectBranch again", async () => {
      await idle();
      assert.equal((await neon.deleteProjectBranch({ projectId: DATABASE, branchId: made.id })).status, 204);
    });
    await refused("no such branch", () => neon.getProjectBranch(DATABASE, "br-none"), (e) => assert.equal(e.response.status, 404));
    await refused("a name that is taken", () => neon.createProjectBranch(DATABASE, { branch: { name: "next" } }), (e) => assert.equal(e.response.status, 409));
    await refused("a bad key", () => client("bad").getProject(DATABASE), (e) => assert.equal(e.response.status, 401));
  },
};

async function all(pages) {
  const out = [];
  for await (const item of pages) out.push(item);
  return out;
}

/** until asks every quarter of a second, for half a minute at most. */
async function until(done) {
  for (let i = 0; i < 120; i++) {
    if (await done()) return;
    await new Promise((r) => setTimeout(r, 250));
  }
  assert.fail("it never came");
}

await suites[only]();
process.exit(failed ? 1 : 0);
