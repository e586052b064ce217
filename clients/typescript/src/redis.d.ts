import type { CronExecutionResult } from "./index.js";

/** What is needed of a Redis client: @upstash/redis and ioredis have it as it is. */
export interface RedisLike {
  set(key: string, value: string): Promise<unknown>;
  lpush(key: string, value: string): Promise<unknown>;
  ltrim(key: string, start: number, stop: number): Promise<unknown>;
  expire(key: string, seconds: number): Promise<unknown>;
}

/**
 * Writes runs to Redis, where an envdeck server with the same redis_url finds
 * them: the newest under cron:last_run:{path}, and a list under
 * cron:history:{path} that keeps 673 runs and seven days.
 *
 *     instrumentCron(path, handler, { sink: redisSink(redis) })
 */
export function redisSink(redis: RedisLike): (result: CronExecutionResult) => Promise<void>;
