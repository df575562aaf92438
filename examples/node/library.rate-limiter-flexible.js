// rate-limiter-flexible: points per time for each key, counted by its script; with ioredis and with node-redis.
import assert from 'node:assert/strict';
import Redis from 'ioredis';
import { RateLimiterRedis, BurstyRateLimiter } from 'rate-limiter-flexible';
import { createClient } from 'redis';

const port = Number(process.env.PORT ?? 6379);
const ioredis = new Redis({ port, enableOfflineQueue: false, lazyConnect: true });
await ioredis.connect();
const nodeRedis = await createClient({ socket: { port } }).connect();

for (const [name, options] of [
  ['ioredis', { storeClient: ioredis }],
  ['node-redis', { storeClient: nodeRedis, useRedisPackage: true }],
]) {
  const limiter = new RateLimiterRedis({
    ...options, keyPrefix: `example:flexible:${name}`, points: 10, duration: 2, blockDuration: 4,
  });
  await limiter.delete('address');

  // Forty at once: ten pass, with what is left counted down, and the others learn when to come back.
  const answers = await Promise.allSettled(Array.from({ length: 40 }, () => limiter.consume('address')));
  const passed = answers.filter((a) => a.status === 'fulfilled').map((a) => a.value.remainingPoints);
  assert.deepEqual(passed.sort((a, b) => b - a), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  const refused = answers.filter((a) => a.status === 'rejected').map((a) => a.reason);
  assert.equal(refused.length, 30);
  assert.ok(refused.every((r) => r.msBeforeNext > 0 && r.msBeforeNext <= 4000), JSON.stringify(refused[0]));

  // Blocked for as long as said, then free again.
  await new Promise((resolve) => setTimeout(resolve, 2100));
  await assert.rejects(limiter.consume('address'));
  await new Promise((resolve) => setTimeout(resolve, 2200));
  assert.equal((await limiter.consume('address', 3)).remainingPoints, 7);

  // Points are given back, taken as a penalty, and set.
  assert.equal((await limiter.reward('address', 2)).consumedPoints, 1);
  assert.equal((await limiter.penalty('address', 4)).consumedPoints, 5);
  assert.equal((await limiter.get('address')).consumedPoints, 5);
  await limiter.set('address', 10, 60);
  await assert.rejects(limiter.consume('address'));
  assert.ok(await limiter.delete('address'));
  assert.equal(await limiter.get('address'), null);

  // A burst over the usual rate.
  const bursty = new BurstyRateLimiter(
    new RateLimiterRedis({ ...options, keyPrefix: `example:usual:${name}`, points: 2, duration: 5 }),
    new RateLimiterRedis({ ...options, keyPrefix: `example:burst:${name}`, points: 3, duration: 5 }),
  );
  const burst = await Promise.allSettled(Array.from({ length: 7 }, () => bursty.consume('address')));
  assert.equal(burst.filter((a) => a.status === 'fulfilled').length, 5);
}

await ioredis.quit();
await nodeRedis.close();
