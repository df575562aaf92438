// Optimistic locking with WATCH: move money between accounts without ever overdrawing one.
//
// Nobody waits for a lock. Who finds that an account changed since it was read starts again.
import assert from 'node:assert/strict';
import Redis from 'ioredis';

const port = Number(process.env.PORT ?? 6379);
const account = (name) => `example:account:${name}`;
let conflicts = 0;

/** @returns {Promise<boolean>} whether there was enough to transfer */
async function transfer(redis, from, to, amount) {
  for (;;) {
    await redis.watch(account(from), account(to));
    const [balance, other] = (await redis.mget(account(from), account(to))).map(Number);
    if (balance < amount) {
      await redis.unwatch();
      return false;
    }
    const done = await redis
      .multi()
      .set(account(from), balance - amount)
      .set(account(to), other + amount)
      .exec();
    if (done !== null) return true;
    conflicts++;
  }
}

// A watch belongs to its connection: each worker has its own.
const workers = Array.from({ length: 8 }, () => new Redis({ port }));
const names = ['ann', 'bob', 'cem'];
await workers[0].mset(names.flatMap((name) => [account(name), 100]));

const transfers = await Promise.all(workers.map(async (redis, worker) => {
  let made = 0;
  for (let i = 0; i < 60; i++) {
    const from = names[(worker + i) % 3];
    const to = names[(worker + i + 1 + (i % 2)) % 3];
    if (await transfer(redis, from, to, 10 + (i % 50))) made++;
  }
  return made;
}));

const balances = (await workers[0].mget(names.map(account))).map(Number);
assert.equal(balances.reduce((sum, n) => sum + n), 300, 'no money made or lost');
assert.ok(balances.every((balance) => balance >= 0), 'no account overdrawn');
assert.ok(transfers.every((made) => made > 0));
assert.ok(conflicts > 0, 'eight workers on three accounts get into each other\'s way');

// Exactly how a conflict looks: EXEC answers null and nothing was done.
const [one, two] = workers;
await one.watch(account('ann'));
await two.set(account('ann'), 1);
assert.equal(await one.multi().set(account('ann'), 2).exec(), null);
assert.equal(await one.get(account('ann')), '1');

await Promise.all(workers.map((redis) => redis.quit()));
console.log(`${transfers.reduce((sum, n) => sum + n)} transfers, ${conflicts} conflicts`);
