// Bottleneck in clustering mode: several processes share one limit, which its scripts keep.
import assert from 'node:assert/strict';
import Bottleneck from 'bottleneck';
import Redis from 'ioredis';

const port = Number(process.env.PORT ?? 6379);
const limiter = (id, options) => new Bottleneck({
  id: `example:${id}`, datastore: 'ioredis', clientOptions: { port }, clearDatastore: false, Redis, ...options,
});
const admin = new Redis({ port });
const clear = async (id) => {
  const keys = await admin.keys(`b_example:${id}*`);
  if (keys.length > 0) await admin.del(keys);
};
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Two limiters, as two processes have them: together never more than three at once.
await clear('concurrent');
const pair = [0, 1].map(() => limiter('concurrent', { maxConcurrent: 3 }));
await Promise.all(pair.map((one) => one.ready()));
let running = 0;
let most = 0;
await Promise.all(Array.from({ length: 30 }, (_, number) => pair[number % 2].schedule(async () => {
  most = Math.max(most, ++running);
  await sleep(10);
  running -= 1;
})));
assert.equal(most, 3);
// Telling of what has ended may still be on its way.
while (await pair[0].done() < 30) await sleep(5);
assert.equal(await pair[0].running(), 0);

// A reservoir: five, and after its refill five more.
await clear('reservoir');
const reserved = limiter('reservoir', {
  reservoir: 5, reservoirRefreshAmount: 5, reservoirRefreshInterval: 2000, heartbeatInterval: 50,
});
await reserved.ready();
const began = Date.now();
const times = await Promise.all(Array.from({ length: 8 }, () => reserved.schedule(async () => Date.now() - began)));
assert.equal(times.filter((ms) => ms < 1000).length, 5, `${times}`);
assert.ok(times.slice(5).every((ms) => ms >= 1000), `${times}`);

// At least so long between two, whoever starts them.
await clear('spaced');
const spaced = [0, 1].map(() => limiter('spaced', { minTime: 30 }));
await Promise.all(spaced.map((one) => one.ready()));
const starts = (await Promise.all(Array.from({ length: 8 }, (_, number) =>
  spaced[number % 2].schedule(async () => performance.now())))).sort((a, b) => a - b);
// Timers of both may be late by themselves: the sum is what is promised.
assert.ok(starts[7] - starts[0] >= 7 * 30 - 15, `${starts}`);

await Promise.all([...pair, reserved, ...spaced].map((one) => one.disconnect()));
await admin.quit();
