/** What a job's run comes to, as it is reported and as it is written to Redis. */
export interface CronExecutionResult {
  path: string;
  /** When the run ended, ISO 8601. */
  timestamp: string;
  durationMs: number;
  status: "success" | "failure";
  statusCode: number;
  errorMessage?: string;
}

export interface CronOptions {
  /** The server's address; default: the variable ENVDECK_URL. Without it nothing is reported. */
  url?: string;
  /** A token of scope report; default: the variable ENVDECK_TOKEN. */
  token?: string;
  /** Another project than the server's first. */
  project?: string;
  /** Another environment than production; default: the variable ENVDECK_ENVIRONMENT, else VERCEL_ENV. */
  environment?: string;
  /** The commit that runs; default: the variable VERCEL_GIT_COMMIT_SHA. */
  commit?: string;
  /** How long one report may take, in ms; default 2000. */
  timeoutMs?: number;
  /** Keeps the function alive until reports have left: Next.js's `after`, or `waitUntil` of @vercel/functions. Found by itself on Vercel. */
  waitUntil?: (promise: Promise<unknown>) => void;
  /** Where finished runs go as well, or instead: see "@envdeck/cron/redis". */
  sink?: (result: CronExecutionResult) => Promise<unknown>;
  /** Is told of reports that were lost. */
  onError?: (error: unknown) => void;
  /** Default: the global fetch. */
  fetch?: typeof fetch;
}

/** The request as far as it matters: its headers say which schedule fired. */
export interface CronRequest {
  headers: { get(name: string): string | null } | Record<string, string | string[] | undefined>;
}

/**
 * Runs a handler as a cron job and tells the server when it began and how it
 * ended. Answers what the handler answers and throws what it throws.
 *
 *     export async function GET(request: NextRequest) {
 *       return instrumentCron("/api/cron/pulse", () => work(request), { request });
 *     }
 */
export function instrumentCron<T>(
  path: string,
  handler: () => Promise<T> | T,
  options?: CronOptions & { request?: CronRequest },
): Promise<T>;

/**
 * Makes a route handler of a job, for Next.js's App Router and for handlers of
 * plain Node: the first argument is the request.
 *
 *     export const GET = cronRoute("/api/cron/pulse", async (request) => { … });
 */
export function cronRoute<A extends unknown[], T>(
  path: string,
  handler: (...args: A) => Promise<T> | T,
  options?: CronOptions,
): (...args: A) => Promise<T>;

/** Waits until every report has left or was lost. */
export function flush(): Promise<void>;
