// A chat: rooms are channels, a log listens to all of them by a pattern, and messages that a script sends
// arrive in the order of the numbers that it gives them. Expiring sessions are noticed by keyspace events.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import Redis from 'ioredis';

const port = Number(process.env.PORT ?? 6379);
const room = 'example:chat:room:1';
const counter = 'example:chat:count:1';
const until = async (isSo) => { while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5)); };
const redis = new Redis({ port });
const senders = Array.from({ length: 4 }, () => new Redis({ port }));
const listeners = Array.from({ length: 3 }, () => new Redis({ port }));
const log = new Redis({ port });
await redis.del(counter);
// ioredis sends SUBSCRIBE as soon as it is connected, and then may not ask any more whether the server is ready.
await Promise.all([log, ...listeners].map((client) => client.status === 'ready' || once(client, 'ready')));

const heard = listeners.map(() => []);
const logged = [];
for (const [i, listener] of listeners.entries()) {
  listener.on('message', (channel, text) => heard[i].push(`${channel} ${text}`));
  assert.equal(await listener.subscribe(room), 1);
}
log.on('pmessage', (pattern, channel, text) => logged.push(`${channel} ${text}`));
await log.psubscribe('example:chat:room:*');
assert.deepEqual(await redis.pubsub('NUMSUB', room), [room, 3]);

// Number and message in one step: whoever publishes next gets the next number, and all see them in that order.
for (const sender of senders) {
  sender.defineCommand('say', {
    numberOfKeys: 1,
    lua: `local n = redis.call('incr', KEYS[1])
          redis.call('publish', ARGV[1], n .. ' ' .. ARGV[2])
          return n`,
  });
}
const numbers = await Promise.all(
  Array.from({ length: 400 }, (_, i) => senders[i % senders.length].say(counter, room, `hello ${i}`)));
assert.deepEqual(numbers.sort((a, b) => a - b), Array.from({ length: 400 }, (_, i) => i + 1));
await until(() => [logged, ...heard].every((messages) => messages.length === 400));
assert.deepEqual(logged.map((message) => Number(message.split(' ')[1])), numbers);
for (const messages of heard) assert.deepEqual(messages, logged);

// A transaction that is not executed says nothing; one that is says all of it at once.
await redis.multi().publish(room, 'one').publish(room, 'two').exec();
await assert.rejects(redis.eval(`redis.call('nosuch') redis.call('publish', KEYS[1], 'never')`, 1, room));
await redis.publish(room, 'three');
await until(() => logged.at(-1) === `${room} three`);
assert.deepEqual(logged.slice(400), ['one', 'two', 'three'].map((text) => `${room} ${text}`));

// Who leaves hears no more.
await listeners[0].unsubscribe(room);
assert.equal(await redis.publish(room, 'four'), 3);

// A session that expires is an event.
await redis.config('SET', 'notify-keyspace-events', 'Ex');
const expired = once(listeners[0], 'message');
await listeners[0].subscribe('__keyevent@0__:expired');
await redis.set('example:chat:session:ann', 'online', 'PX', 50);
assert.deepEqual(await expired, ['__keyevent@0__:expired', 'example:chat:session:ann']);
await redis.config('SET', 'notify-keyspace-events', '');

for (const client of [redis, log, ...senders, ...listeners]) client.disconnect();
