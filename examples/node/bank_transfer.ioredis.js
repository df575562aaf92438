// A bank transfer that fails in the middle, and leaves everything as it was.
//
// Redis keeps what a script wrote before its error, so a script has to look at everything before it writes anything.
// With the flag `atomic` it may write first: whatever goes wrong, nothing has happened. And redis.rollback takes a
// script back that finds out by itself that it must not go on.
import assert from 'node:assert/strict';
import Redis from 'ioredis';

const redis = new Redis({ port: Number(process.env.PORT ?? 6379) });
const account = (name) => `example:bank:${name}`;
const history = account('history');

redis.defineCommand('transfer', {
  numberOfKeys: 3,
  lua: `#!lua flags=atomic
    local from, to, history = unpack(KEYS)
    local amount = ARGV[1]
    local left = redis.call('HINCRBY', from, 'balance', -amount)
    redis.call('RPUSH', history, from .. ' pays ' .. amount)
    if left < 0 then
      redis.rollback(from .. ' is short of ' .. -left)
    end
    redis.call('HINCRBY', to, 'balance', amount)   -- an error where there is no such account, but something else
    redis.call('RPUSH', history, to .. ' gets ' .. amount)
    return left`,
});

const pay = (from, to, amount) => redis.transfer(account(from), account(to), history, amount);
const balances = async () =>
  Promise.all(['ann', 'bob'].map(async (name) => Number(await redis.hget(account(name), 'balance'))));

await redis.del(account('ann'), account('bob'), history);
await redis.hset(account('ann'), 'balance', 100);
await redis.hset(account('bob'), 'balance', 0);
await redis.set(account('notes'), 'not an account');

assert.equal(await pay('ann', 'bob', 70), 30);
assert.deepEqual(await balances(), [30, 70]);
assert.equal(await redis.llen(history), 2);

// Not enough: it takes itself back, with the line that it had written already.
await assert.rejects(pay('ann', 'bob', 50), /ROLLBACK example:bank:ann is short of 20/);
// The second half fails: the first has not happened either.
await assert.rejects(pay('ann', 'notes', 10), /WRONGTYPE/);
assert.deepEqual(await balances(), [30, 70]);
assert.equal(await redis.llen(history), 2, 'not a line of what did not happen');

// Many at once, most of which fail: no money is made or lost.
const attempts = Array.from({ length: 300 }, (_, i) =>
  pay(i % 2 ? 'ann' : 'bob', ['bob', 'ann', 'notes'][i % 3], 1 + (i % 40)).then(() => 1, () => 0));
const made = (await Promise.all(attempts)).reduce((sum, one) => sum + one);
const [ann, bob] = await balances();
assert.equal(ann + bob, 100);
assert.ok(ann >= 0 && bob >= 0);
assert.equal(await redis.llen(history), 2 + 2 * made);
assert.ok(made > 0 && made < attempts.length);

await redis.quit();
console.log(`${made} of ${attempts.length} transfers made, no half of any other`);
