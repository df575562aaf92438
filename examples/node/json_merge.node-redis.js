// Producers merge JSON into one key while consumers take the whole of it away.
//
// A producer cannot read, merge and write on its own side: a consumer could take the value in between, and
// its elements would come back from the dead. As a script the merge is one step. The consumer's GET and DEL
// are one transaction. So every element arrives exactly once, which is checked below.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';

const merge = `
  local key, input = KEYS[1], ARGV[1]
  local existing = redis.call('GET', key)
  if existing then
    local merged = cjson.decode(existing)
    for _, element in ipairs(cjson.decode(input)) do
      table.insert(merged, element)
    end
    input = cjson.encode(merged)
  end
  redis.call('SET', key, input)
  return input
`;
const key = 'example:json';
const port = Number(process.env.PORT ?? 6379);
const seconds = Number(process.env.SECONDS_TO_RUN ?? 3);

async function connect() {
  return createClient({ socket: { port } }).connect();
}

async function produce(producer, until) {
  const client = await connect();
  let produced = 0;
  while (Date.now() < until) {
    const elements = Array.from({ length: 1 + (produced % 3) }, (_, i) => ({
      producer,
      number: produced + i,
      text: 'sûr "quoted" \\ \n',
    }));
    const merged = JSON.parse(await client.eval(merge, { keys: [key], arguments: [JSON.stringify(elements)] }));
    assert.deepEqual(merged.slice(-elements.length), elements, 'the answer ends with what was just added');
    produced += elements.length;
  }
  await client.close();
  return produced;
}

async function consume(done) {
  const client = await connect();
  const taken = [];
  for (;;) {
    const last = done.now;
    const [json] = await client.multi().get(key).del(key).exec();
    if (json !== null) taken.push(...JSON.parse(json));
    else if (last) break;
    await sleep(Math.random() * 2);
  }
  await client.close();
  return taken;
}

const admin = await connect();
await admin.del(key);
const until = Date.now() + seconds * 1000;
const done = { now: false };
const consumers = Promise.all([consume(done), consume(done), consume(done)]);
const produced = await Promise.all([0, 1, 2, 3].map((producer) => produce(producer, until)));
done.now = true;
const taken = (await consumers).flat();

const seen = new Set(taken.map(({ producer, number }) => `${producer}:${number}`));
assert.equal(seen.size, taken.length, 'no element is seen twice');
assert.equal(taken.length, produced.reduce((sum, n) => sum + n), 'no element is lost');
assert.ok(taken.length > 100, `too little happened: ${taken.length} elements`);
assert.ok(taken.every(({ text }) => text === 'sûr "quoted" \\ \n'), 'text survives the merge');
assert.equal(await admin.exists(key), 0);
await admin.close();
console.log(`${taken.length} elements through 4 producers and 3 consumers`);
