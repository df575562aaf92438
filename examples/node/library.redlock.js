// redlock: a lock with an end, taken, extended and given back by its own scripts.
import assert from 'node:assert/strict';
import Redis from 'ioredis';
import Redlock from 'redlock';

const redis = new Redis({ port: Number(process.env.PORT ?? 6379) });
const patient = new Redlock([redis], { retryCount: 200, retryDelay: 5, retryJitter: 5 });
const hasty = new Redlock([redis], { retryCount: 0 });
const KEY = 'example:redlock';
await redis.del(KEY);

// Ten workers at once change a number that is read and written in two steps: never two at the same time.
let number = 0;
let inside = 0;
await Promise.all(Array.from({ length: 10 }, async () => {
  const lock = await patient.lock(KEY, 2000);
  assert.equal(++inside, 1);
  const read = number;
  await new Promise((resolve) => setTimeout(resolve, 3));
  number = read + 1;
  inside -= 1;
  await lock.unlock();
}));
assert.equal(number, 10);
assert.equal(await redis.exists(KEY), 0);

// Who has it keeps it, for as long as it says; who does not want to wait is told.
let lock = await hasty.lock(KEY, 1000);
await assert.rejects(hasty.lock(KEY, 1000), { name: 'LockError' });
lock = await lock.extend(60_000);
const left = await redis.pttl(KEY);
assert.ok(left > 50_000 && left <= 60_000, `${left}`);

// Another's value is not deleted: the script looks first.
await redis.set(KEY, 'somebody else');
await assert.rejects(lock.unlock(), { name: 'LockError' });
assert.equal(await redis.get(KEY), 'somebody else');

// A lock over two resources is taken in one script, or not at all.
await redis.del(KEY);
const both = await hasty.lock([`${KEY}:a`, `${KEY}:b`], 1000);
await assert.rejects(hasty.lock([`${KEY}:b`, `${KEY}:c`], 1000), { name: 'LockError' });
assert.equal(await redis.exists(`${KEY}:c`), 0);
await both.unlock();
assert.equal(await redis.exists(`${KEY}:a`, `${KEY}:b`), 0);

await redis.quit();
