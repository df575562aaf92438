// A limiter with a sliding window: in no window of the given length, wherever it begins, do more than so many pass.
//
// A counter per window (rate_limiter) lets twice the limit pass around the border of two windows. Here each request
// that has passed stands in a sorted set with its time, and what is older than the window leaves it. One script: else
// two callers could both see the last free place.
import assert from 'node:assert/strict';
import { createClient, defineScript } from 'redis';

const take = defineScript({
  NUMBER_OF_KEYS: 1,
  SCRIPT: `
    local limit, window, id = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
    -- the server's clock, in microseconds: those of its clients differ
    local time = redis.call('TIME')
    local now = time[1] * 1000000 + time[2]
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
    if redis.call('ZCARD', KEYS[1]) >= limit then
      local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
      return {0, now, oldest[2] + window - now}
    end
    redis.call('ZADD', KEYS[1], now, id)
    -- who does not come again leaves nothing behind
    redis.call('EXPIRE', KEYS[1], math.ceil(window / 1000000))
    return {1, now}
  `,
  parseCommand(parser, key, limit, windowMs, id) {
    parser.pushKey(key);
    parser.push(String(limit), String(windowMs * 1000), id);
  },
  transformReply([passed, at, retryAfter]) {
    return passed ? { passed: true, at } : { passed: false, at, retryAfterMs: Math.ceil(retryAfter / 1000) };
  },
});

const options = { socket: { port: Number(process.env.PORT ?? 6379) }, scripts: { take } };
const callers = await Promise.all(Array.from({ length: 8 }, () => createClient(options).connect()));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const LIMIT = 20;
const WINDOW_MS = 250;
const KEY = 'example:window:10.3.0.1';
await callers[0].del(KEY);

// Eight callers for six windows or more, each as fast as it can, without waiting as it is told.
const passed = [];
const refused = [];
await Promise.all(callers.map(async (caller, c) => {
  for (let i = 0; passed.length < 6 * LIMIT; i++) {
    const answer = await caller.take(KEY, LIMIT, WINDOW_MS, `${c}-${i}`);
    if (answer.passed) {
      passed.push(answer.at);
    } else {
      refused.push(answer.at);
      assert.ok(answer.retryAfterMs >= 0 && answer.retryAfterMs <= WINDOW_MS, `${answer.retryAfterMs} ms`);
    }
  }
}));

// Between any of them and the one that is LIMIT places later lies a whole window.
passed.sort((a, b) => a - b);
for (let i = 0; i + LIMIT < passed.length; i++) {
  assert.ok(passed[i + LIMIT] - passed[i] >= WINDOW_MS * 1000, `number ${i}: too many in one window`);
}
// And nobody is refused while there is a place.
for (const at of refused) {
  const inWindow = passed.filter((other) => at - WINDOW_MS * 1000 < other && other <= at);
  assert.equal(inWindow.length, LIMIT);
}
assert.ok(refused.length > 0);

// Who waits as long as it is told passes.
const [caller] = callers;
const other = 'example:window:10.3.0.2';
await caller.del(other);
assert.ok((await caller.take(other, 1, 200, 'first')).passed);
let answer;
do {
  answer = await caller.take(other, 1, 200, 'second');
} while (answer.passed); // this machine had more to do than to ask twice in 200 ms
await sleep(answer.retryAfterMs + 1);
assert.ok((await caller.take(other, 1, 200, 'third')).passed);

// The set ends with its last window.
assert.ok((await caller.zCard(other)) <= 1);
await sleep(1100);
assert.equal(await caller.exists([KEY, other]), 0);

await Promise.all(callers.map((client) => client.close()));
console.log(`${passed.length} passed, ${LIMIT} in a window, ${refused.length} refused`);
