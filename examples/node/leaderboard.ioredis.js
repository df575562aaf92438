// A leaderboard: the top, one's own rank with one's neighbours, and a season made of weeks.
//
// Scores are added from many connections at once. Who has the same score is ranked by name, so that a rank is
// always one place and pages never overlap.
import assert from 'node:assert/strict';
import Redis from 'ioredis';

const port = Number(process.env.PORT ?? 6379);
const week = (n) => `example:leaderboard:week:${n}`;
const season = 'example:leaderboard:season';
const redis = new Redis({ port });
const games = Array.from({ length: 4 }, () => new Redis({ port }));
await redis.del(season, week(1), week(2));

/** [name, score, name, score, ...] as rows. */
function rows(flat) {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], Number(flat[2 * i + 1])]);
}

const top = async (board, count) => rows(await redis.zrange(board, 0, count - 1, 'REV', 'WITHSCORES'));

// Rank and neighbours belong together: between two commands somebody could overtake.
redis.defineCommand('around', {
  numberOfKeys: 1,
  lua: `
    local rank = redis.call('ZREVRANK', KEYS[1], ARGV[1])
    if not rank then
      return false
    end
    local first = math.max(0, rank - ARGV[2])
    return {rank, first, redis.call('ZRANGE', KEYS[1], first, rank + ARGV[2], 'REV', 'WITHSCORES')}
  `,
});

/** @returns {Promise<{rank: number, rows: [number, string, number][]} | null>} ranks count from 1 */
async function around(board, name, neighbours) {
  const found = await redis.around(board, name, neighbours);
  return found && { rank: found[0] + 1, rows: rows(found[2]).map((row, i) => [found[1] + 1 + i, ...row]) };
}

// Two weeks of a thousand games each: what a player wins is added to what she has.
const names = Array.from({ length: 200 }, (_, i) => `player-${String(i).padStart(3, '0')}`);
const scores = [new Map(), new Map()];
const plays = Array.from({ length: 2000 }, (_, i) => ({ week: i % 2, name: names[(7 * (i >> 1)) % 200], points: (i * 37) % 50 }));
for (const { week: w, name, points } of plays) scores[w].set(name, (scores[w].get(name) ?? 0) + points);
await Promise.all(plays.map(({ week: w, name, points }, i) => games[i % games.length].zincrby(week(w + 1), points, name)));

/** What the board must look like: by score, and by name where scores are the same, both from the end. */
const ranked = (board) => [...board].sort(([a, p], [b, q]) => q - p || (a < b ? 1 : -1));
for (const w of [0, 1]) {
  const expected = ranked(scores[w]);
  assert.deepEqual(await top(week(w + 1), 10), expected.slice(0, 10));
  assert.deepEqual(await top(week(w + 1), 1000), expected, 'every player, in order');
}

// A season is its weeks together, and the last one counts twice.
assert.equal(
  await redis.zunionstore(season, 2, week(1), week(2), 'WEIGHTS', 1, 2),
  new Set([...scores[0].keys(), ...scores[1].keys()]).size);
const total = new Map(scores[0]);
for (const [name, score] of scores[1]) total.set(name, (total.get(name) ?? 0) + 2 * score);
const expected = ranked(total);
assert.deepEqual(await top(season, 1000), expected);

// Everybody finds herself, and her neighbours; at the ends there are fewer.
for (const place of [0, 1, 57, expected.length - 1]) {
  const first = Math.max(0, place - 2);
  assert.deepEqual(await around(season, expected[place][0], 2), {
    rank: place + 1,
    rows: expected.slice(first, place + 3).map((row, i) => [first + 1 + i, ...row]),
  });
}
assert.equal(await around(season, 'nobody', 2), null);
assert.deepEqual(await redis.zrevrank(season, expected[3][0], 'WITHSCORE'), [3, String(expected[3][1])]);

// How many are better, who lies between two scores, and the average of a few, each by one command.
const [, third] = expected[2];
assert.equal(await redis.zcount(season, `(${third}`, '+inf'), expected.filter(([, score]) => score > third).length);
assert.deepEqual(
  rows(await redis.zrange(season, third, 100, 'BYSCORE', 'REV', 'LIMIT', 1, 5, 'WITHSCORES')),
  expected.filter(([, score]) => score <= third && score >= 100).slice(1, 6));
assert.deepEqual((await redis.zmscore(season, expected[0][0], 'nobody')), [String(expected[0][1]), null]);

// A best score only rises; who was there already is not new.
const best = 'example:leaderboard:best';
await redis.del(best);
assert.equal(await redis.zadd(best, 'GT', 'CH', 50, 'ann', 70, 'bob'), 2);
assert.equal(await redis.zadd(best, 'GT', 'CH', 40, 'ann', 80, 'bob'), 1);
assert.deepEqual(await top(best, 10), [['bob', 80], ['ann', 50]]);

// Who cheats goes, and everybody below moves up. Only the first hundred are kept.
await redis.zrem(season, expected[0][0]);
assert.equal(await redis.zrevrank(season, expected[1][0]), 0);
await redis.zremrangebyrank(season, 0, -101);
assert.deepEqual(await top(season, 1000), expected.slice(1, 101));

for (const client of [redis, ...games]) client.disconnect();
console.log(`${expected.length} players, first ${expected[0].join(' with ')}`);
