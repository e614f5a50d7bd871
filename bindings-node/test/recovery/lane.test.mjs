// First attempts that the lane makes alone must not be told from those that the native part makes.
//
// FUSEWIRE_SCRIPTS sets how many random scripts are tried, FUSEWIRE_SEED with which one to begin.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { CircuitBreaker, ManualClock } from 'fusewire';
import { allowLanes, countedByLanes } from 'fusewire/testing';
import { fresh, turn } from '../support.mjs';
import { random } from '../support/random.mjs';
import { failing, pass } from './passing.mjs';

const SCRIPTS = Number(process.env.FUSEWIRE_SCRIPTS ?? 300);
const FIRST = Number(process.env.FUSEWIRE_SEED ?? 1);
const WINDOW = 10_000;
const RETRY = { maxAttempts: 2, backoff: { base: 1, jitter: 0 }, budget: { ratio: 0.5, minPerSecond: 0, window: WINDOW } };

function made(options, hasLane = true) {
  const clock = new ManualClock();
  allowLanes(hasLane);
  try {
    return { clock, breaker: new CircuitBreaker(fresh(), { clock, sampleDurationsEvery: 0, ...options }) };
  } finally {
    allowLanes(true);
  }
}

/** Calls a breaker so often, and answers how many of the calls the lane has made alone. */
async function called(breaker, times) {
  const before = countedByLanes();
  for (let i = 0; i < times; i++) await breaker.execute(async () => i);
  return countedByLanes() - before;
}

for (const [what, options] of Object.entries({
  'a retry': { retry: RETRY },
  'a timeout': { timeout: 50 },
  'a fallback': { fallback: ['none'], fallbacks: { none: null } },
  'all of them': { retry: RETRY, timeout: 50, fallback: ['none'], fallbacks: { none: null } },
})) {
  test(`calls with ${what} that succeed at once are made by the lane alone, and all are counted`, async () => {
    const { breaker } = made(options);
    assert.equal(await called(breaker, 20), 19);
    assert.equal(breaker.snapshot().totals.success, 20);
    // Some count calls by level.
    const admitted = /admitted_total\{[^}]*priority="normal"[^}]*\} (\d+)/.exec(breaker.metrics());
    if (admitted !== null) assert.equal(admitted[1], '20');
  });
}

for (const [what, options] of Object.entries({
  'a bulkhead': { bulkhead: { maxConcurrent: 9 } },
  'a floor of priorities': { priority: { min: 'low' } },
  'a hedge': { hedge: {} },
  'a timeout that learns': { timeout: { kind: 'percentile' } },
  features: { features: { search: {} } },
  'a window': { window: { kind: 'count' } },
})) {
  test(`with ${what} beside it the native part makes every call`, async () => {
    const { sampleDurationsEvery, ...rest } = { sampleDurationsEvery: undefined, retry: RETRY, ...options };
    const { breaker } = made({ sampleDurationsEvery, ...rest });
    assert.equal(await called(breaker, 20), 0);
    assert.equal(breaker.snapshot().totals.success, 20);
  });
}

test('the budget knows of every call that the lane has made, as soon as somebody looks', async () => {
  const { breaker } = made({ retry: RETRY });
  for (let calls = 1; calls <= 40; calls++) {
    await breaker.execute(async () => calls);
    assert.equal(breaker.snapshot().retry.budget, Math.floor(calls / 2), `after ${calls}`);
  }
});

test('a call that fails draws on the budget of those that the lane has made, and no more', async () => {
  const { clock, breaker } = made({ retry: RETRY, failureThreshold: 1000 });
  await called(breaker, 6);
  const fail = async () => {
    throw failing('ECONNRESET');
  };
  const calls = Array.from({ length: 10 }, () => breaker.execute(fail).catch(() => {}));
  await pass(clock, 3);
  await Promise.all(calls);
  const { retries, denied } = breaker.snapshot().retry;
  assert.deepEqual([retries.network_error, denied.budget], [8, 2]);
});

test('calls leave the budget with the window in which they were made, also if nobody asked since', async () => {
  const { clock, breaker } = made({ retry: RETRY });
  await called(breaker, 20);
  clock.advance(WINDOW / 2);
  await called(breaker, 20);
  assert.equal(breaker.snapshot().retry.budget, 20);
  clock.advance(WINDOW / 2);
  assert.equal(breaker.snapshot().retry.budget, 10);
  clock.advance(WINDOW / 2);
  assert.equal(breaker.snapshot().retry.budget, 0);
});

test('rules that are swapped hold from the next call on', async () => {
  const { clock, breaker } = made({ timeout: 50, sampleDurationsEvery: 0 });
  await called(breaker, 5);
  breaker.reconfigure({ timeout: 20, sampleDurationsEvery: 0 });
  const call = breaker.execute(() => new Promise(() => {})).catch((error) => error.timeout);
  await pass(clock, 20);
  assert.equal(await call, 20);
  breaker.reconfigure({ sampleDurationsEvery: 0, bulkhead: { maxConcurrent: 1 } });
  assert.equal(await called(breaker, 5), 0);
  assert.equal(breaker.snapshot().totals.success, 10);
});

test('the first and then every 16th call is timed, whoever asks in between', async () => {
  const { breaker } = made({ timeout: 50, retry: RETRY, sampleDurationsEvery: 16 });
  const timed = () => breaker.snapshot().durations.byOutcome.success.counts.reduce((a, b) => a + b, 0);
  for (let calls = 1; calls <= 100; calls++) {
    if (calls % 7 === 0) breaker.executeSync(() => calls);
    else if (calls % 11 === 0) await breaker.execute(async () => calls, { signal: new AbortController().signal });
    else await breaker.execute(async () => calls);
    assert.equal(timed(), Math.ceil(calls / 16), `after ${calls}`);
  }
});

test('a call whose function moves the clock beyond its timeout has its value, and counts as one that took too long', async () => {
  for (const hasLane of [true, false]) {
    const { clock, breaker } = made({ timeout: 50 }, hasLane);
    await called(breaker, 2);
    assert.equal(await breaker.execute(async () => (clock.advance(60), 'late')), 'late');
    assert.deepEqual([breaker.snapshot().totals.success, breaker.snapshot().totals.failure], [2, 1]);
    assert.deepEqual(clock.ringing, []);
  }
});

test('what a function answers or throws at once is its outcome', async () => {
  const { breaker } = made({ timeout: 50, retry: { ...RETRY, maxAttempts: 1 }, failureThreshold: 9 });
  await called(breaker, 1);
  assert.equal(await breaker.execute(() => 'at once'), 'at once');
  assert.equal(await breaker.execute(() => ({ then: (resolve) => resolve('a thenable') })), 'a thenable');
  const error = new Error('at once');
  await assert.rejects(breaker.execute(() => { throw error; }), error);
  const unreadable = Object.defineProperty({}, 'then', { get: () => { throw error; } });
  await assert.rejects(breaker.execute(() => unreadable), error);
  const { success, failure } = breaker.snapshot().totals;
  assert.deepEqual([success, failure], [3, 2]);
});

test('an answer that throws when it is looked at is a failure, and its timer goes', async () => {
  for (const isHalfOpen of [false, true]) {
    const { clock, breaker } = made({ timeout: 50, failureThreshold: 9, recoveryTimeout: 40, halfOpenMaxCalls: 5, successThreshold: 5 });
    await called(breaker, 1);
    if (isHalfOpen) {
      breaker.trip();
      clock.advance(40);
    }
    const error = new Error('looked at');
    const odd = Object.defineProperty(Promise.resolve(1), 'constructor', { get: () => { throw error; } });
    const revoked = () => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy;
    };
    await assert.rejects(breaker.execute(() => odd), error);
    if (isHalfOpen) {
      // A failure opens it again.
      assert.equal(breaker.snapshot().totals.failure, 1);
    } else {
      await assert.rejects(breaker.wrap(() => odd)(), error);
      await assert.rejects(breaker.execute(revoked), TypeError);
      await assert.rejects(breaker.wrap(revoked)(), TypeError);
      assert.equal(breaker.snapshot().totals.failure, 4);
    }
    await turn();
    clock.advance(60);
    assert.deepEqual(clock.ringing, []);
  }
});

/** Where two values differ first, and how. */
function difference(path, a, b) {
  const isTable = (value) => typeof value === 'object' && value !== null;
  if (!isTable(a) || !isTable(b)) return `${path}: ${JSON.stringify(a)}, ${JSON.stringify(b)}`;
  const key = Object.keys({ ...a, ...b }).find((k) => !isDeepStrictEqual(a[k], b[k]));
  return difference(`${path}.${key}`, a[key], b[key]);
}

/** What a random script does, and what comes of it. */
async function play(seed, hasLane) {
  const r = random(seed);
  const options = { failureThreshold: 3, sampleDurationsEvery: r.pick([0, 1, 3, 16]), recoveryTimeout: 40 };
  if (r.chance(0.7)) options.retry = { ...RETRY, maxAttempts: r.pick([1, 2, 3]), maxElapsed: r.pick([5, 30_000]) };
  if (r.chance(0.7)) options.timeout = r.pick([5, 20]);
  if (r.chance(0.5)) Object.assign(options, { fallback: ['none'], fallbacks: { none: (_, ...args) => `none of ${args.length}` } });
  if (r.chance(0.2)) options.isFailureResult = (value) => value === 3;
  const { clock, breaker } = made(options, hasLane);
  const guarded = breaker.wrap(function (fn, n) {
    return this.isMine && n >= 0 ? fn() : undefined;
  });
  const log = [];
  // In which order promises of one turn are settled is nobody's business.
  const results = [];
  const call = (n) => {
    const [takes, moves, fails] = [r.pick([0, 0, 0, 3, 9, 30]), r.pick([0, 0, 0, 0, 4, 25]), r.chance(0.25)];
    const fn = () => {
      if (moves > 0) clock.advance(moves);
      const end = () => {
        if (fails) throw failing('ECONNRESET');
        return n % 5;
      };
      return takes === 0 ? Promise.resolve().then(end) : new Promise((resolve) => clock.alarm(takes, resolve)).then(end);
    };
    const told = (how) => (value) => results.push([n, how, value?.name ?? value].join());
    const request = r.pick([undefined, undefined, { method: 'GET' }, { priority: 'high' }]);
    const called = r.chance(0.4) ? guarded.call({ isMine: true }, fn, n) : breaker.execute(fn, request);
    called.then(told('value'), told('error'));
  };
  for (let step = 0; step < 40; step++) {
    for (let i = r.below(4); i > 0; i--) call(step);
    const [sync, rules] = [r.chance(0.1), r.chance(0.05)];
    if (sync) try { breaker.executeSync(() => step); } catch { /* It is open. */ }
    if (rules) breaker.reconfigure({ failureThreshold: 4, retry: RETRY, timeout: 10 });
    if (r.chance(0.5)) await turn();
    if (r.chance(0.5)) clock.advance(r.pick([1, 5, 50, 2_000]));
    log.push([breaker.snapshot(), breaker.metrics().replaceAll(breaker.name, 'same')]);
  }
  await pass(clock, 100);
  log.push(breaker.snapshot(), results.sort());
  return JSON.parse(JSON.stringify(log).replaceAll(breaker.name, 'same'));
}

test('random scripts have the same results, snapshots and metrics with a lane and without', async () => {
  const before = countedByLanes();
  for (let seed = FIRST; seed < FIRST + SCRIPTS; seed++) {
    const [alone, asked] = [await play(seed, true), await play(seed, false)];
    if (!isDeepStrictEqual(alone, asked)) {
      assert.fail(`FUSEWIRE_SEED=${seed}: with a lane and without differ at ${difference('', alone, asked)}`);
    }
  }
  assert.ok(countedByLanes() - before > SCRIPTS, 'the lanes have made too few calls');
});
