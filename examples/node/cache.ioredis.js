// A cache with expiry in front of something slow.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import Redis from 'ioredis';

const redis = new Redis({ port: Number(process.env.PORT ?? 6379) });

async function cached(key, milliseconds, compute) {
  const hit = await redis.get(key);
  if (hit !== null) return JSON.parse(hit);
  const value = await compute();
  await redis.set(key, JSON.stringify(value), 'PX', milliseconds);
  return value;
}

let computed = 0;
const key = 'example:cache:user:7';
const user = () => cached(key, 1000, async () => ({ id: 7, name: 'Zoë', visit: ++computed }));

await redis.del(key);
assert.deepEqual(await user(), { id: 7, name: 'Zoë', visit: 1 });
assert.deepEqual(await user(), { id: 7, name: 'Zoë', visit: 1 }, 'the second time from the cache');
const left = await redis.pttl(key);
assert.ok(left > 0 && left <= 1000, `${left} ms left`);
await sleep(1050);
assert.equal(await redis.exists(key), 0, 'expired');
assert.equal((await user()).visit, 2, 'computed anew');

// A write through the cache keeps the lifetime; reading may prolong it; persist makes it stay.
await redis.set(key, '{"visit":99}', 'EX', 100);
await redis.set(key, '{"visit":100}', 'KEEPTTL');
assert.equal(await redis.ttl(key), 100);
assert.equal(await redis.getex(key, 'EX', 200), '{"visit":100}');
assert.equal(await redis.ttl(key), 200);
assert.equal(await redis.persist(key), 1);
assert.equal(await redis.ttl(key), -1);
assert.equal(await redis.getdel(key), '{"visit":100}');
assert.equal(await redis.ttl(key), -2);

await redis.quit();
