import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";

import { cronRoute, flush, instrumentCron } from "../src/index.js";
import { redisSink } from "../src/redis.js";

// deck takes reports as the server does.
async function deck(t, answer = () => 200) {
  const reports = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      reports.push({ url: request.url, authorization: request.headers.authorization, ...JSON.parse(body) });
      response.writeHead(answer(reports.length)).end("{}");
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))));
  return { reports, options: { url: `http://127.0.0.1:${server.address().port}/`, token: "tok", environment: "next" } };
}

test("start and finish with one run id", async (t) => {
  const { reports, options } = await deck(t);
  const answer = await instrumentCron("/api/cron/pulse", async () => new Response("done", { status: 201 }), options);
  assert.equal(await answer.text(), "done");
  await flush();
  assert.equal(reports.length, 2);
  const [start, finish] = reports;
  assert.deepEqual([start.url, start.authorization, start.phase, start.path, start.environment], ["/api/cron/report", "Bearer tok", "start", "/api/cron/pulse", "next"]);
  assert.deepEqual([finish.phase, finish.status, finish.statusCode, finish.runId], ["finish", "success", 201, start.runId]);
  assert.ok(finish.durationMs >= 0 && Math.abs(Date.parse(finish.timestamp) - Date.now()) < 60_000);
});

test("an answer of 400 and more is a failure", async (t) => {
  const { reports, options } = await deck(t);
  await instrumentCron("job", () => new Response("", { status: 503 }), options);
  await flush();
  assert.deepEqual([reports[1].status, reports[1].statusCode], ["failure", 503]);
});

test("throws what the handler threw", async (t) => {
  const { reports, options } = await deck(t);
  const boom = new Error("boom");
  await assert.rejects(instrumentCron("job", () => Promise.reject(boom), options), (error) => error === boom);
  await flush();
  assert.deepEqual([reports[1].status, reports[1].errorMessage, reports[1].statusCode], ["failure", "boom", 500]);
});

test("passes the schedule on that fired", async (t) => {
  const { reports, options } = await deck(t);
  const GET = cronRoute("/api/cron/pulse", async (request) => new Response(request.url), options);
  const request = new Request("https://app.example/api/cron/pulse", { headers: { "x-vercel-cron-schedule": "*/15 * * * *" } });
  assert.equal(await (await GET(request)).text(), request.url);
  await cronRoute("plain", () => 1, options)({ headers: { "x-vercel-cron-schedule": "0 3 * * *" } });
  await flush();
  const pulse = reports.filter((r) => r.path === "/api/cron/pulse");
  assert.deepEqual(pulse.map((r) => [r.schedule, r.dialect]), [["*/15 * * * *", "vercel"], ["*/15 * * * *", "vercel"]]);
  assert.ok(reports.some((r) => r.path === "plain" && r.schedule === "0 3 * * *"));
});

test("the job does not care about the server", async (t) => {
  const sick = await deck(t, () => 503);
  for (const options of [
    sick.options,
    { url: "http://127.0.0.1:1", token: "tok" },
    { url: "not an address", token: "tok" },
    { url: "http://127.0.0.1:1", token: "tok", fetch: () => { throw new Error("no network"); } },
  ]) {
    const lost = [];
    const answer = await instrumentCron("job", () => 42, { ...options, onError: (error) => { lost.push(error); throw error; } });
    assert.equal(answer, 42);
    await flush();
    assert.equal(lost.length, 2, options.url);
  }
});

test("does not wait for the server", async () => {
  let release;
  const hanging = new Promise((resolve) => (release = resolve));
  const kept = [];
  const options = { url: "http://deck", token: "tok", fetch: () => hanging, waitUntil: (promise) => kept.push(promise) };
  assert.equal(await instrumentCron("job", () => "done", options), "done");
  assert.equal(kept.length, 2, "the platform was not asked to wait for both reports");
  release(new Response("{}"));
  await Promise.all(kept);
});

test("without an address nothing is sent", async () => {
  const fetch = () => assert.fail("a report left");
  assert.equal(await instrumentCron("job", () => 1, { url: "", token: "", fetch }), 1);
  await flush();
});

test("writes the keys that the server reads in Redis", async () => {
  const calls = [];
  const redis = new Proxy({}, { get: (_, name) => async (...args) => calls.push([name, ...args]) });
  await instrumentCron("/api/cron/pulse", () => new Response("", { status: 200 }), { url: "", sink: redisSink(redis) });
  await flush();
  assert.deepEqual(calls.map(([name, key]) => [name, key]), [
    ["set", "cron:last_run:/api/cron/pulse"], ["lpush", "cron:history:/api/cron/pulse"],
    ["ltrim", "cron:history:/api/cron/pulse"], ["expire", "cron:history:/api/cron/pulse"],
  ]);
  assert.deepEqual([calls[2].slice(2), calls[3].slice(2)], [[0, 672], [604800]]);
  const written = JSON.parse(calls[0][2]);
  assert.deepEqual(Object.keys(written).sort(), ["durationMs", "path", "status", "statusCode", "timestamp"]);
});
