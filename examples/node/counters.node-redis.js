// Counters: page views, amounts, a pipeline of many, and bits for who was here today.
import assert from 'node:assert/strict';
import { createClient } from 'redis';

const port = Number(process.env.PORT ?? 6379);
const clients = await Promise.all(
  Array.from({ length: 8 }, () => createClient({ socket: { port } }).connect()));
const [client] = clients;
const name = (counter) => `example:counter:${counter}`;
await client.del(['views', 'amount', 'visitors', ...Array.from({ length: 100 }, (_, i) => i)].map(name));

// Views from eight connections at once: none is lost, and every caller sees a number of its own.
const numbers = await Promise.all(
  Array.from({ length: 4000 }, (_, i) => clients[i % clients.length].incr(name('views'))));
assert.deepEqual(numbers.sort((a, b) => a - b), Array.from({ length: 4000 }, (_, i) => i + 1));
assert.equal(await client.decrBy(name('views'), 1000), 3000);

// Amounts with a fraction.
await client.incrByFloat(name('amount'), 10.5);
assert.equal(await client.incrByFloat(name('amount'), -0.25), '10.25');

// Many counters in one round trip: what is sent together travels together.
const sums = await Promise.all(Array.from({ length: 100 }, (_, i) => client.incrBy(name(i), i)));
assert.deepEqual(sums, Array.from({ length: 100 }, (_, i) => i));
assert.deepEqual(await client.mGet([name(5), name(99), name('none')]), ['5', '99', null]);

// One bit per visitor.
for (const id of [3, 17, 3, 250]) await client.setBit(name('visitors'), id, 1);
assert.equal(await client.bitCount(name('visitors')), 3);

// What is not a number is refused, and stays as it is.
await client.set(name('views'), 'many');
await assert.rejects(client.incr(name('views')), /ERR value is not an integer or out of range/);
assert.equal(await client.get(name('views')), 'many');

await Promise.all(clients.map((each) => each.close()));
