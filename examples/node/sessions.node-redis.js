// A session store: a session is a hash whose fields have lifetimes of their own.
//
// The login lasts half an hour and each visit prolongs it, a code for a password reset lasts moments and is used up
// by the first who shows it, the language stays. What has expired is simply not there: nobody has to clean up.
import assert from 'node:assert/strict';
import { createClient } from 'redis';

const client = await createClient({ socket: { port: Number(process.env.PORT ?? 6379) } }).connect();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const session = (id) => `example:session:${id}`;

const LOGIN_SECONDS = 1800;

async function login(id, user) {
  await client.hSetEx(session(id), { user, visits: '0' }, { expiration: { type: 'EX', value: LOGIN_SECONDS } });
}

/** The user, if the session is still there: looking prolongs it. */
async function visit(id) {
  const [user] = await client.hGetEx(session(id), 'user', { expiration: { type: 'EX', value: LOGIN_SECONDS } });
  if (user === null) return null;
  return { user, visits: await client.hIncrBy(session(id), 'visits', 1) };
}

await client.del(['ann', 'bob', 'cem'].map(session));

// Fields with lifetimes beside one that stays.
await login('ann', 'Ann');
await client.hSet(session('ann'), 'language', 'tr');
assert.deepEqual(await client.hTTL(session('ann'), ['user', 'language', 'nothing']), [LOGIN_SECONDS, -1, -2]);

// Each visit prolongs the login. Counting the visits does not: HINCRBY keeps what the field has.
assert.deepEqual(await client.hExpire(session('ann'), ['user', 'visits'], 100), [1, 1]);
assert.deepEqual(await visit('ann'), { user: 'Ann', visits: 1 });
assert.deepEqual(await visit('ann'), { user: 'Ann', visits: 2 });
assert.deepEqual(await client.hTTL(session('ann'), ['user', 'visits']), [LOGIN_SECONDS, 100]);
assert.equal(await visit('nobody'), null);

// Lifetimes only grow, or only shrink, where that is asked for.
assert.deepEqual(await client.hExpire(session('ann'), ['visits', 'language'], 50, 'GT'), [0, 0]);
assert.deepEqual(await client.hExpire(session('ann'), 'visits', 50, 'LT'), [1]);
assert.deepEqual(await client.hExpire(session('ann'), 'language', 50, 'XX'), [0], 'it has none');

// A code that lives for moments and is used once: of ten who show it at the same time one gets it.
const code = { field: 'code', value: '4711' };
await client.hSetEx(session('ann'), code, { expiration: { type: 'PX', value: 60_000 } });
const shown = await Promise.all(Array.from({ length: 10 }, () => client.hGetDel(session('ann'), 'field')));
assert.deepEqual(shown.flat().filter((value) => value !== null), ['code']);
assert.deepEqual(await client.hmGet(session('ann'), ['field', 'value', 'language']), [null, '4711', 'tr']);

// What has expired is not there, for any command, and the rest is.
await client.hSetEx(session('bob'), { token: 'x', csrf: 'y' }, { expiration: { type: 'PX', value: 1000 } });
await client.hSet(session('bob'), 'name', 'Bob');
assert.equal(await client.hLen(session('bob')), 3);
await sleep(1050);
assert.deepEqual({ ...(await client.hGetAll(session('bob'))) }, { name: 'Bob' });
assert.deepEqual(await client.hmGet(session('bob'), ['token', 'name']), [null, 'Bob']);
assert.equal(await client.hExists(session('bob'), 'csrf'), 0);
assert.deepEqual(await client.hTTL(session('bob'), ['token', 'name']), [-2, -1]);

// Of a session of which every field has expired nothing can be read, and the key goes soon (the server looks for such
// keys ten times a second). What is made to stay stays.
await client.hSetEx(session('cem'), { a: '1', b: '2' }, { expiration: { type: 'PX', value: 1000 } });
assert.deepEqual(await client.hPersist(session('cem'), 'b'), [1]);
await sleep(1050);
assert.deepEqual({ ...(await client.hGetAll(session('cem'))) }, { b: '2' });
assert.deepEqual(await client.hpExpire(session('cem'), 'b', 30), [1]);
await sleep(60);
assert.deepEqual({ ...(await client.hGetAll(session('cem'))) }, {});
for (let tries = 0; await client.exists(session('cem')); tries++) {
  assert.ok(tries < 500, 'still there after 5 s');
  await sleep(10);
}

// Writing anew ends a lifetime, HSETEX with KEEPTTL keeps it; FNX sets nothing where one of the fields is there.
await client.hSetEx(session('cem'), { a: '1' }, { expiration: { type: 'EX', value: 100 } });
assert.equal(await client.hSetEx(session('cem'), { a: '2' }, { expiration: 'KEEPTTL' }), 1);
assert.deepEqual(await client.hTTL(session('cem'), 'a'), [100]);
assert.equal(await client.hSetEx(session('cem'), { a: '3', c: '3' }, { mode: 'FNX' }), 0);
await client.hSet(session('cem'), 'a', '4');
assert.deepEqual(await client.hTTL(session('cem'), 'a'), [-1]);
assert.deepEqual({ ...(await client.hGetAll(session('cem'))) }, { a: '4' });

await client.close();
