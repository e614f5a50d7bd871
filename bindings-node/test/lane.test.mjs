// A lane, which decides alone, must not be told from the native path, which decides everything.
//
// FUSEWIRE_SCRIPTS sets how many random scripts are tried, FUSEWIRE_SEED with which one to begin.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { CircuitBreaker, ManualClock } from 'fusewire';
import { allowLanes, countedByLanes } from 'fusewire/testing';
import { Actor } from './support/actor.mjs';
import { random } from './support/random.mjs';
import { document, steps } from './support/scripts.mjs';

const SCRIPTS = Number(process.env.FUSEWIRE_SCRIPTS ?? 2_000);
const FIRST = Number(process.env.FUSEWIRE_SEED ?? 1);
const STEPS = 40;

/** Runs `act` while breakers that are made get a lane, or none. */
function withLanes(allowed, act) {
  allowLanes(allowed);
  try {
    return act();
  } finally {
    allowLanes(true);
  }
}

const isPromise = (value) => typeof value?.then === 'function';

/** Where two values differ first, and how. */
function difference(path, a, b) {
  const isTable = (value) => typeof value === 'object' && value !== null;
  if (!isTable(a) || !isTable(b)) return `${path}: ${JSON.stringify(a)}, ${JSON.stringify(b)}`;
  const key = Object.keys({ ...a, ...b }).find((k) => !isDeepStrictEqual(a[k], b[k]));
  return difference(`${path}.${key}`, a[key], b[key]);
}

async function runScript(seed) {
  const r = random(seed);
  const given = document(r);
  const settings = { judgesValues: r.chance(0.3), listens: r.chance(0.5) };
  const actors = [true, false].map((lane) => withLanes(lane, () => new Actor(given, settings)));
  const script = steps(r, STEPS);
  for (const [i, step] of script.entries()) {
    let answers = actors.map((actor) => actor.take(step));
    if (isPromise(answers[0])) answers = await Promise.all(answers);
    const [on, off] = actors.map((actor, a) => [answers[a], ...actor.read()]);
    if (!isDeepStrictEqual(on, off)) {
      const where = JSON.stringify({ settings, document: given, steps: script.slice(0, i + 1) });
      assert.fail(`FUSEWIRE_SEED=${seed}: with a lane and without differ at ${difference('', on, off)} after ${where}`);
    }
  }
}

test('random scripts give the same answers, snapshots and metrics with a lane and without', async () => {
  let alone = 0;
  let scriptsWithLane = 0;
  for (let seed = FIRST; seed < FIRST + SCRIPTS; seed++) {
    const before = countedByLanes();
    await runScript(seed);
    const counted = countedByLanes() - before;
    alone += counted;
    scriptsWithLane += counted > 0 ? 1 : 0;
  }
  assert.ok(scriptsWithLane > SCRIPTS / 4, `lanes decided in ${scriptsWithLane} of ${SCRIPTS} scripts`);
  assert.ok(alone > SCRIPTS, `lanes decided ${alone} times in ${SCRIPTS} scripts`);
});

/** How many calls were timed, after each of `calls` calls. */
function timed(breaker, calls, call) {
  return Array.from({ length: calls }, () => {
    call(breaker);
    return breaker.snapshot().durations.byOutcome.success.counts.reduce((a, b) => a + b, 0);
  });
}

const WAYS = {
  executeSync: (breaker) => breaker.executeSync(() => {}),
  permit: (breaker) => breaker.acquire().success(),
  reported: (breaker) => breaker.acquire().settle('success'),
};

for (const [way, call] of Object.entries(WAYS)) {
  for (const every of [16, 3]) {
    test(`with a lane the first and then every ${every}th call is timed (${way})`, () => {
      const breaker = new CircuitBreaker('timed', { sampleDurationsEvery: every, clock: new ManualClock() });
      const before = countedByLanes();
      const expected = Array.from({ length: 100 }, (_, i) => Math.ceil((i + 1) / every));
      assert.deepEqual(timed(breaker, 100, call), expected);
      assert.equal(countedByLanes() - before, way === 'reported' ? 0 : 100 - Math.ceil(100 / every));
    });
  }
}

test('with a lane async calls are timed as often, and for as long as they took', async () => {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker('timed', { clock });
  for (let i = 0; i < 100; i++) await breaker.execute(async () => clock.advance(5));
  const { counts, sum } = breaker.snapshot().durations.byOutcome.success;
  assert.deepEqual([counts.reduce((a, b) => a + b, 0), sum], [7, 35]);
});

test('a grant that no document limits does not outlive it', () => {
  const breaker = new CircuitBreaker('unlimited', { sampleDurationsEvery: 0, clock: new ManualClock() });
  assert.deepEqual(timed(breaker, 3, WAYS.executeSync), [0, 0, 0]);
  breaker.reconfigure({ sampleDurationsEvery: 2 });
  assert.deepEqual(timed(breaker, 4, WAYS.executeSync), [1, 1, 2, 2]);
  breaker.reconfigure({ sampleDurationsEvery: 0 });
  assert.deepEqual(timed(breaker, 3, WAYS.executeSync), [2, 2, 2]);
});

test('a call is settled under the grant that admitted it, though its function takes up another', async () => {
  const breaker = new CircuitBreaker('regrant', { clock: new ManualClock() });
  const before = countedByLanes();
  await breaker.execute(async () => {});
  // The first call that the lane admits, and then one under another grant.
  const call = breaker.execute(async () => {
    breaker.reset();
    await Promise.all([1, 2].map(() => breaker.execute(async () => {})));
  });
  await call;
  const { success, late } = breaker.snapshot().totals;
  assert.deepEqual([success, late, countedByLanes() - before], [4, 1, 1]);
});

for (const [what, from, to] of [
  ['with more probes', {}, { halfOpenMaxCalls: 4 }],
  ['with many probes', { halfOpenMaxCalls: 8 }, { halfOpenMaxCalls: 9 }],
  ['without its window', { window: { kind: 'count' } }, {}],
]) {
  test(`a breaker that ${what} needs another cell has no lane there, and counts the same`, async () => {
    const breaker = new CircuitBreaker('moved', { ...from, sampleDurationsEvery: 0, clock: new ManualClock() });
    const call = async () => {
      breaker.executeSync(() => {});
      await breaker.execute(async () => {});
      breaker.acquire().success();
    };
    const counted = async (calls) => {
      const before = countedByLanes();
      for (let i = 0; i < calls; i++) await call();
      return countedByLanes() - before;
    };
    assert.equal(await counted(3), 'window' in from ? 0 : 8);
    const early = breaker.acquire();
    breaker.reconfigure({ ...to, sampleDurationsEvery: 0 });
    assert.equal(await counted(3), 0);
    assert.equal(early.success(), 'late');
    breaker.reconfigure({ ...from, sampleDurationsEvery: 0 });
    assert.equal(await counted(3), 0);
    const { success, late } = breaker.snapshot().totals;
    assert.deepEqual([success, late], [28, 1]);
    // What stays in its cell keeps its lane.
    const other = new CircuitBreaker('stays', { sampleDurationsEvery: 0 });
    other.reconfigure({ failureThreshold: 9, halfOpenMaxCalls: 2, sampleDurationsEvery: 0 });
    const before = countedByLanes();
    for (let i = 0; i < 3; i++) other.executeSync(() => {});
    assert.equal(countedByLanes() - before, 2);
  });
}

test('two objects of one breaker in one isolate are one', async () => {
  const { Registry } = await import('fusewire');
  const clock = new ManualClock();
  const one = new Registry('lane').getOrCreate('same', { clock });
  assert.equal(new Registry('lane').getOrCreate('same', { clock }), one);
  assert.equal(new Registry('lane').get('same'), one);
  assert.notEqual(new Registry('other').getOrCreate('same', { clock }), one);
});

/** What a process prints that runs `body`, which finds the package as `fusewire` and `testing`. */
function inProcess(body, env = {}) {
  const prelude = "const fusewire = require('fusewire'); const testing = require('fusewire/testing');";
  return execFileSync(process.execPath, ['-e', prelude + body], {
    cwd: import.meta.dirname ?? new URL('.', import.meta.url).pathname,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  }).trim();
}

const USE_ALL = `
  const clock = new fusewire.ManualClock();
  const breakers = [1, 2].map((i) => new fusewire.CircuitBreaker('b' + i, { failureThreshold: 2, clock }));
  for (const b of breakers) {
    for (let i = 0; i < 50; i++) b.executeSync(() => {});
    for (let i = 0; i < 2; i++) try { b.executeSync(() => { throw new Error('x'); }) } catch {}
    let refused = 0;
    for (let i = 0; i < 5; i++) try { b.executeSync(() => {}) } catch { refused++ }
    const { state, totals, durations } = b.snapshot();
    const timed = durations.byOutcome.success.counts.reduce((a, b) => a + b, 0);
    console.log(state, totals.success, totals.failure, refused, totals.rejected.open, timed);
  }
  console.log(testing.countedByLanes());`;
const BOTH = 'open 50 2 5 5 4\nopen 50 2 5 5 4';

test('without lanes everything goes the native way', () => {
  assert.equal(inProcess(`testing.allowLanes(false);${USE_ALL}`), `${BOTH}\n0`);
  assert.equal(inProcess(USE_ALL, { FUSEWIRE_LANE: 'off' }), `${BOTH}\n0`);
  assert.equal(inProcess(USE_ALL), `${BOTH}\n92`);
});

test('where a runtime allows no external memory, everything goes the native way from the first breaker on', () => {
  // As Electron answers. The package gives no way to say so, hence its inside.
  const deny = "require('../dist/host.js').isolate.slab = () => null;";
  assert.equal(inProcess(deny + USE_ALL), `${BOTH}\n0`);
  assert.equal(inProcess(`${deny}testing.allowLanes(true);${USE_ALL}`), `${BOTH}\n0`);
});
