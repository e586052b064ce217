// Reports leave beside the job and never in its way: whatever goes wrong here
// is told to onError and to nobody else.

const pending = new Set();

/** @type {import("./index.d.ts").instrumentCron} */
export async function instrumentCron(path, handler, options = {}) {
  const reporter = new Reporter(path, options);
  const began = Date.now();
  reporter.start();
  try {
    const answer = await handler();
    const code = statusOf(answer);
    reporter.finish(Date.now() - began, code < 400, code);
    return answer;
  } catch (error) {
    reporter.finish(Date.now() - began, false, 500, textOf(error));
    throw error;
  }
}

/** @type {import("./index.d.ts").cronRoute} */
export function cronRoute(path, handler, options = {}) {
  return (...args) => instrumentCron(path, () => handler(...args), { request: requestOf(args[0]), ...options });
}

/** @type {import("./index.d.ts").flush} */
export async function flush() {
  while (pending.size > 0) {
    await Promise.allSettled([...pending]);
  }
}

class Reporter {
  constructor(path, options) {
    this.path = path;
    this.o = options;
    const env = globalThis.process?.env ?? {};
    this.url = (options.url ?? env.ENVDECK_URL ?? "").replace(/\/+$/, "");
    this.token = options.token ?? env.ENVDECK_TOKEN ?? "";
    this.base = drop({
      path,
      runId: newId(),
      project: options.project,
      environment: options.environment ?? env.ENVDECK_ENVIRONMENT ?? env.VERCEL_ENV,
      commit: options.commit ?? env.VERCEL_GIT_COMMIT_SHA,
      ...schedule(options.request),
    });
    this.started = Promise.resolve();
  }

  start() {
    this.started = this.keep(() => this.post({ ...this.base, phase: "start" }));
  }

  finish(durationMs, good, statusCode, errorMessage) {
    const result = drop({
      path: this.path,
      timestamp: new Date().toISOString(),
      durationMs,
      status: good ? "success" : "failure",
      statusCode,
      errorMessage: errorMessage?.slice(0, 4096),
    });
    this.keep(() => this.started.then(() => this.post({ ...this.base, ...result, phase: "finish" })));
    if (this.o.sink) {
      this.keep(() => this.o.sink(result));
    }
  }

  async post(body) {
    if (!this.url || !this.token) {
      return;
    }
    const send = this.o.fetch ?? globalThis.fetch;
    const answer = await send(`${this.url}/api/cron/report`, {
      method: "POST",
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      body: JSON.stringify({ ...body, sentAt: new Date().toISOString() }),
      signal: AbortSignal.timeout(this.o.timeoutMs ?? 2000),
      redirect: "error",
      cache: "no-store",
      keepalive: true,
    });
    await answer.body?.cancel();
    if (!answer.ok) {
      throw new Error(`envdeck: a report of ${this.path} was answered with ${answer.status}`);
    }
  }

  // keep runs a task beside the job and holds the platform off freezing the
  // function before it has ended.
  keep(task) {
    const done = Promise.resolve()
      .then(task)
      .catch((error) => {
        try {
          this.o.onError?.(error);
        } catch {
          // its own fault must not become the job's
        }
      });
    pending.add(done);
    done.then(() => pending.delete(done));
    try {
      (this.o.waitUntil ?? platformWaitUntil())?.(done);
    } catch {
      // outside of a request there is nothing to hold off
    }
    return done;
  }
}

// platformWaitUntil is what Vercel's runtime offers to every package, and what
// @vercel/functions itself uses.
function platformWaitUntil() {
  const context = globalThis[Symbol.for("@vercel/request-context")]?.get?.();
  return context?.waitUntil?.bind(context);
}

function schedule(request) {
  const headers = request?.headers;
  const name = "x-vercel-cron-schedule";
  const fired = typeof headers?.get === "function" ? headers.get(name) : headers?.[name];
  return typeof fired === "string" && fired ? { schedule: fired, dialect: "vercel" } : {};
}

function requestOf(value) {
  return value && typeof value === "object" && "headers" in value ? value : undefined;
}

function statusOf(answer) {
  return typeof answer?.status === "number" ? answer.status : 200;
}

function textOf(error) {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return "the job failed";
  }
}

function newId() {
  return globalThis.crypto?.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;
}

function drop(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined && value !== ""));
}
