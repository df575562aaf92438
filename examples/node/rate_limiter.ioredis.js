// A rate limiter per IP address: so many requests per window, and who is refused learns for how long.
//
// INCR and EXPIRE in one script: a counter can never be left behind without an end.
import assert from 'node:assert/strict';
import Redis from 'ioredis';

const redis = new Redis({ port: Number(process.env.PORT ?? 6379) });

redis.defineCommand('take', {
  numberOfKeys: 1,
  lua: `
    local count = redis.call('INCR', KEYS[1])
    if count == 1 then
      redis.call('EXPIRE', KEYS[1], ARGV[2])
    end
    if count > tonumber(ARGV[1]) then
      return {0, redis.call('TTL', KEYS[1])}
    end
    return {1, tonumber(ARGV[1]) - count}
  `,
});

/** @returns {Promise<{allowed: boolean, left?: number, retryAfter?: number}>} */
async function request(ip, { limit, window }) {
  const [allowed, n] = await redis.take(`example:rate:${ip}`, limit, window);
  return allowed ? { allowed: true, left: n } : { allowed: false, retryAfter: n };
}

await redis.del('example:rate:10.0.0.1', 'example:rate:10.0.0.2', 'example:rate:10.0.0.3');

// Fifty requests at once: exactly the limit passes, in order, and the others learn when to come back.
const answers = await Promise.all(
  Array.from({ length: 50 }, () => request('10.0.0.1', { limit: 10, window: 60 })));
assert.deepEqual(answers.filter((a) => a.allowed).map((a) => a.left), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
assert.ok(answers.filter((a) => !a.allowed).every((a) => a.retryAfter >= 58 && a.retryAfter <= 60));

// Another address is not affected.
assert.deepEqual(await request('10.0.0.2', { limit: 10, window: 60 }), { allowed: true, left: 9 });

// When the window ends, the address may come again.
assert.ok((await request('10.0.0.3', { limit: 1, window: 2 })).allowed);
assert.ok(!(await request('10.0.0.3', { limit: 1, window: 2 })).allowed);
await new Promise((resolve) => setTimeout(resolve, 2100));
assert.ok((await request('10.0.0.3', { limit: 1, window: 2 })).allowed);

await redis.quit();
