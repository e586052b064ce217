/** @type {import("./redis.d.ts").redisSink} */
export function redisSink(redis) {
  return async (result) => {
    const text = JSON.stringify(result);
    const history = `cron:history:${result.path}`;
    // Side by side, in this order: clients send them as one pipeline.
    await Promise.all([
      redis.set(`cron:last_run:${result.path}`, text),
      redis.lpush(history, text),
      redis.ltrim(history, 0, 672),
      redis.expire(history, 7 * 24 * 60 * 60),
    ]);
  };
}
