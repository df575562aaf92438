// Optimistic locking with WATCH: move money between accounts without ever overdrawing one.
//
// Nobody waits for a lock. Who finds that an account changed since it was read starts again.
import assert from 'node:assert/strict';
import { createClientPool, WatchError } from 'redis';

const account = (name) => `example:balance:${name}`;
let conflicts = 0;

// A watch belongs to its connection, so each attempt borrows one from the pool for itself.
const pool = await createClientPool(
  { socket: { port: Number(process.env.PORT ?? 6379) } },
  { minimum: 8, maximum: 8 },
).connect();

/** @returns {Promise<boolean>} whether there was enough to transfer */
async function transfer(from, to, amount) {
  for (;;) {
    try {
      return await pool.execute(async (client) => {
        await client.watch([account(from), account(to)]);
        const [balance, other] = (await client.mGet([account(from), account(to)])).map(Number);
        if (balance < amount) {
          await client.unwatch();
          return false;
        }
        await client
          .multi()
          .set(account(from), balance - amount)
          .set(account(to), other + amount)
          .exec();
        return true;
      });
    } catch (error) {
      if (!(error instanceof WatchError)) throw error;
      conflicts++;
    }
  }
}

const names = ['ann', 'bob', 'cem'];
await pool.mSet(names.map((name) => [account(name), '100']));

const transfers = await Promise.all(Array.from({ length: 8 }, async (_, worker) => {
  let made = 0;
  for (let i = 0; i < 60; i++) {
    const from = names[(worker + i) % 3];
    const to = names[(worker + i + 1 + (i % 2)) % 3];
    if (await transfer(from, to, 10 + (i % 50))) made++;
  }
  return made;
}));

const balances = (await pool.mGet(names.map(account))).map(Number);
assert.equal(balances.reduce((sum, n) => sum + n), 300, 'no money made or lost');
assert.ok(balances.every((balance) => balance >= 0), 'no account overdrawn');
assert.ok(transfers.every((made) => made > 0));
assert.ok(conflicts > 0, 'eight workers on three accounts get into each other\'s way');

// Exactly how a conflict looks: EXEC is refused and nothing was done.
await pool.execute(async (client) => {
  await client.watch(account('ann'));
  await pool.set(account('ann'), '1');
  await assert.rejects(client.multi().set(account('ann'), '2').exec(), WatchError);
  assert.equal(await client.get(account('ann')), '1');
});

await pool.close();
console.log(`${transfers.reduce((sum, n) => sum + n)} transfers, ${conflicts} conflicts`);
