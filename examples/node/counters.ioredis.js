// Counters: page views, amounts, a pipeline of many, and bits for who was here today.
import assert from 'node:assert/strict';
import Redis from 'ioredis';

const port = Number(process.env.PORT ?? 6379);
const clients = Array.from({ length: 8 }, () => new Redis({ port }));
const [redis] = clients;
const name = (counter) => `example:count:${counter}`;
await redis.del(...['views', 'amount', 'visitors', ...Array.from({ length: 100 }, (_, i) => i)].map(name));

// Views from eight connections at once: none is lost, and every caller sees a number of its own.
const numbers = await Promise.all(
  Array.from({ length: 4000 }, (_, i) => clients[i % clients.length].incr(name('views'))));
assert.deepEqual(numbers.sort((a, b) => a - b), Array.from({ length: 4000 }, (_, i) => i + 1));
assert.equal(await redis.decrby(name('views'), 1000), 3000);

// Amounts with a fraction.
await redis.incrbyfloat(name('amount'), '10.50');
assert.equal(await redis.incrbyfloat(name('amount'), '-0.25'), '10.25');

// Many counters in one round trip.
const pipeline = redis.pipeline();
for (let i = 0; i < 100; i++) pipeline.incrby(name(i), i);
assert.deepEqual(await pipeline.exec(), Array.from({ length: 100 }, (_, i) => [null, i]));
assert.deepEqual(await redis.mget(name(5), name(99), name('none')), ['5', '99', null]);

// One bit per visitor.
for (const id of [3, 17, 3, 250]) await redis.setbit(name('visitors'), id, 1);
assert.equal(await redis.bitcount(name('visitors')), 3);

// What is not a number is refused, and stays as it is.
await redis.set(name('views'), 'many');
await assert.rejects(redis.incr(name('views')), /ERR value is not an integer or out of range/);
assert.equal(await redis.get(name('views')), 'many');

await Promise.all(clients.map((client) => client.quit()));
