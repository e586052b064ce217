// The package inside of Next.js itself: the App Router builds the route, serves
// it, and the runs arrive. npm run test:next installs Next.js and runs this.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createServer } from "node:http";
import { createServer as createSocket } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const bin = fileURLToPath(new URL("node_modules/next/dist/bin/next", import.meta.url));
const reports = [];
let deck, app, address, status = 200;

const listen = (server) => new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));

// arrived waits for the two reports of the next run.
async function arrived() {
  for (let i = 0; i < 200 && reports.length < 2; i++) await wait(25);
  return reports.splice(0);
}

before(async () => {
  deck = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      reports.push({ authorization: request.headers.authorization, ...JSON.parse(body) });
      response.writeHead(status).end("{}");
    });
  });
  const env = {
    ...process.env, NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production", VERCEL_GIT_COMMIT_SHA: "abc1234",
    ENVDECK_URL: `http://127.0.0.1:${await listen(deck)}`, ENVDECK_TOKEN: "tok", ENVDECK_ENVIRONMENT: "next",
  };
  execFileSync(process.execPath, [bin, "build"], { cwd: here, env, stdio: ["ignore", "ignore", "inherit"] });
  const free = createSocket();
  const port = await listen(free);
  await new Promise((resolve) => free.close(resolve));
  app = spawn(process.execPath, [bin, "start", "--hostname", "127.0.0.1", "--port", String(port)], { cwd: here, env, stdio: "ignore" });
  address = `http://127.0.0.1:${port}/api/cron/pulse`;
  for (let i = 0; i < 400; i++) {
    const up = await fetch(`http://127.0.0.1:${port}/`).then((r) => r.ok, () => false);
    if (up) return;
    await wait(50);
  }
  throw new Error("Next.js did not start");
});

after(() => {
  app?.kill();
  deck?.closeAllConnections();
  deck?.close();
});

test("a run arrives as its start and its end", async () => {
  const answer = await fetch(address, { headers: { "user-agent": "vercel-cron/1.0", "x-vercel-cron-schedule": "*/15 * * * *" } });
  assert.deepEqual([answer.status, await answer.json()], [200, { ok: true }]);
  const [start, finish] = await arrived();
  assert.deepEqual(
    [start.phase, start.path, start.schedule, start.dialect, start.environment, start.commit, start.authorization],
    ["start", "/api/cron/pulse", "*/15 * * * *", "vercel", "next", "abc1234", "Bearer tok"],
  );
  assert.deepEqual([finish.phase, finish.status, finish.statusCode, finish.runId], ["finish", "success", 200, start.runId]);
  assert.ok(finish.durationMs >= 0);
});

test("what the handler answers and throws is what Next.js sees", async () => {
  assert.equal((await fetch(`${address}?as=idle`)).status, 204);
  assert.equal((await arrived())[1].statusCode, 204);
  assert.equal((await fetch(`${address}?as=throws`)).status, 500);
  const [, finish] = await arrived();
  assert.deepEqual([finish.status, finish.statusCode, finish.errorMessage], ["failure", 500, "no accounts today"]);
});

test("a server that is in trouble costs the reports and nothing else", async () => {
  status = 503;
  assert.equal((await fetch(address)).status, 200);
  await arrived();
});
