// A cache with expiry in front of something slow.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';

const client = await createClient({ socket: { port: Number(process.env.PORT ?? 6379) } }).connect();

async function cached(key, milliseconds, compute) {
  const hit = await client.get(key);
  if (hit !== null) return JSON.parse(hit);
  const value = await compute();
  await client.set(key, JSON.stringify(value), { expiration: { type: 'PX', value: milliseconds } });
  return value;
}

let computed = 0;
const key = 'example:cache:user:8';
const user = () => cached(key, 1000, async () => ({ id: 8, name: 'Zoë', visit: ++computed }));

await client.del(key);
assert.deepEqual(await user(), { id: 8, name: 'Zoë', visit: 1 });
assert.deepEqual(await user(), { id: 8, name: 'Zoë', visit: 1 }, 'the second time from the cache');
const left = await client.pTTL(key);
assert.ok(left > 0 && left <= 1000, `${left} ms left`);
await sleep(1050);
assert.equal(await client.exists(key), 0, 'expired');
assert.equal((await user()).visit, 2, 'computed anew');

// A write through the cache keeps the lifetime; reading may prolong it; persist makes it stay.
await client.set(key, '{"visit":99}', { expiration: { type: 'EX', value: 100 } });
await client.set(key, '{"visit":100}', { expiration: 'KEEPTTL' });
assert.equal(await client.ttl(key), 100);
assert.equal(await client.getEx(key, { type: 'EX', value: 200 }), '{"visit":100}');
assert.equal(await client.ttl(key), 200);
assert.equal(await client.persist(key), 1);
assert.equal(await client.ttl(key), -1);
assert.equal(await client.getDel(key), '{"visit":100}');
assert.equal(await client.ttl(key), -2);

await client.close();
