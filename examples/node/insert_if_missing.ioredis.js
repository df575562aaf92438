// Create an item, or learn how long the existing one still lives.
//
// The question and the creation are one script, so nobody can step between them: of a thousand
// concurrent callers exactly one creates the item, and all others see its lifetime.
import assert from 'node:assert/strict';
import Redis from 'ioredis';

const port = Number(process.env.PORT ?? 6379);
const clients = Array.from({ length: 20 }, () => new Redis({ port }));
for (const client of clients) {
  client.defineCommand('insert_if_missing', {
    numberOfKeys: 1,
    lua: `
      local key, data, lifetime = KEYS[1], ARGV[1], ARGV[2]
      if redis.call('exists', key) == 1 then
        return tonumber(redis.call('ttl', key))
      end
      redis.call('set', key, data)
      redis.call('expire', key, lifetime)
      return nil
    `,
  });
}

const [redis] = clients;
const key = 'example:insert';
const lifetime = 100;

// One caller after the other.
await redis.del(key);
assert.equal(await redis.insert_if_missing(key, 'first', lifetime), null, 'the item was created');
const seconds = await redis.insert_if_missing(key, 'second', lifetime);
assert.ok(seconds > lifetime - 5 && seconds <= lifetime, `the item has ${seconds} s left`);
assert.equal(await redis.get(key), 'first');

// A thousand callers at once, some on the same connection and some on others, for twenty keys in turn.
for (let round = 0; round < 20; round++) {
  const contested = `${key}:${round}`;
  await redis.del(contested);
  const callers = Array.from({ length: 1000 }, (_, caller) =>
    clients[caller % clients.length].insert_if_missing(contested, `caller ${caller}`, lifetime));
  const answers = await Promise.all(callers);
  const creators = answers.flatMap((answer, caller) => (answer === null ? [caller] : []));
  assert.equal(creators.length, 1, `exactly one of a thousand creates ${contested}`);
  assert.equal(await redis.get(contested), `caller ${creators[0]}`, 'and its data is what is there');
  for (const answer of answers) {
    assert.ok(answer === null || (answer > lifetime - 5 && answer <= lifetime), `odd answer ${answer}`);
  }
  await redis.del(contested);
}

await redis.del(key);
await Promise.all(clients.map((client) => client.quit()));
