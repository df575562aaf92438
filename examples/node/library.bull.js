// Bull: a queue of jobs with priorities, delays, retries and events, all of it in scripts.
import assert from 'node:assert/strict';
import Bull from 'bull';

const port = Number(process.env.PORT ?? 6379);
const queue = new Bull('example-bull', { redis: { port }, settings: { backoffStrategies: {} } });
// each job that is waited for listens
queue.setMaxListeners(200);
await queue.isReady();
await queue.obliterate({ force: true });

// A hundred jobs, five at a time; each is done exactly once.
const done = new Map();
const tries = new Map();
const order = [];
queue.process('sum', 5, async (job) => {
  done.set(job.id, (done.get(job.id) ?? 0) + 1);
  return job.data.a + job.data.b;
});
queue.process('fragile', 1, async (job) => {
  tries.set(job.id, (tries.get(job.id) ?? 0) + 1);
  if (job.attemptsMade < 2) throw new Error('not yet');
  return 'at last';
});
queue.process('ordered', 1, async (job) => { order.push(job.data); });

const jobs = await queue.addBulk(Array.from({ length: 100 }, (_, number) =>
  ({ name: 'sum', data: { a: number, b: 1 } })));
const results = await Promise.all(jobs.map((job) => job.finished()));
assert.deepEqual(results, Array.from({ length: 100 }, (_, number) => number + 1));
assert.ok([...done.values()].every((count) => count === 1) && done.size === 100);

// One that fails is tried again.
const fragile = await queue.add('fragile', {}, { attempts: 3, backoff: { type: 'fixed', delay: 20 } });
assert.equal(await fragile.finished(), 'at last');
assert.equal(tries.get(fragile.id), 3);
const hopeless = await queue.add('fragile', {}, { attempts: 1 });
await assert.rejects(hopeless.finished(), /not yet/);
assert.equal(await hopeless.getState(), 'failed');

// Urgent ones come first, and delayed ones when their time has come.
await queue.pause();
const later = await queue.add('ordered', 'later', { delay: 300 });
const waiting = [];
for (const [data, priority] of [['third', 3], ['first', 1], ['second', 2]]) {
  waiting.push(await queue.add('ordered', data, { priority }));
}
await queue.resume();
await Promise.all([...waiting, later].map((job) => job.finished()));
assert.deepEqual(order, ['first', 'second', 'third', 'later']);

const counts = await queue.getJobCounts();
assert.deepEqual(counts, { active: 0, completed: 105, failed: 1, delayed: 0, waiting: 0, paused: 0 });
await queue.obliterate({ force: true });
await queue.close();
