// Values that are kept, and calls of one key that are made once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { CircuitBreaker, ManualClock, circuitBreaker } from 'fusewire';
import { boom, fresh, turn, warningsOf } from '../support.mjs';
import { pass, settled, takes, until } from './passing.mjs';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');

function made(cache, options = {}) {
  const clock = new ManualClock();
  return { clock, breaker: new CircuitBreaker(fresh(), { cache, clock, failureThreshold: 1000, ...options }) };
}

test('a failure is answered from what an earlier call of the same key was answered, while it is young enough', async () => {
  const { clock, breaker } = made({ ttl: 100, staleTtl: 100 });
  const value = { of: 'a' };
  assert.equal(await breaker.execute(async () => value, { key: 'a' }), value);
  const { degraded, rung, ...answer } = await breaker.executeDetailed(async () => boom(), { key: 'a' });
  assert.deepEqual([answer.value === value, degraded, rung, answer.error.message], [true, true, 'cache', 'boom']);
  await assert.rejects(breaker.execute(async () => boom(), { key: 'b' }), { message: 'boom' });
  await assert.rejects(breaker.execute(async () => boom()), { message: 'boom' });
  breaker.trip();
  assert.equal(await breaker.execute(async () => boom(), { key: 'a' }), value);
  clock.advance(200);
  await assert.rejects(breaker.execute(async () => boom(), { key: 'a' }));
});

test('read through, a fresh value answers before anything is called, and a stale one when that fails', async () => {
  const { clock, breaker } = made({ mode: 'read_through', ttl: 100, staleTtl: 100 });
  let calls = 0;
  const ask = () => breaker.execute(async () => ++calls, { key: 'a' });
  assert.deepEqual([await ask(), await ask(), calls], [1, 1, 1]);
  clock.advance(100);
  assert.equal(await breaker.execute(async () => boom(), { key: 'a' }), 1);
  assert.equal(await ask(), 2);
  const { fresh: found, stale } = breaker.snapshot().cache;
  assert.deepEqual([found, stale], [1, 1]);
  assert.equal((await breaker.executeDetailed(async () => 9, { key: 'a' })).attempts, 0);
});

test('functions share no keys, and a key is made from the arguments', async () => {
  const { breaker } = made({ mode: 'read_through' });
  const one = breaker.wrap(async (id) => `one ${id}`, { key: (id) => String(id) });
  const two = breaker.wrap(async (id) => `two ${id}`, { key: (id) => String(id) });
  assert.deepEqual([await one(1), await two(1), await one(2), await one(1)], ['one 1', 'two 1', 'one 2', 'one 1']);
  assert.equal(breaker.snapshot().cache.entries, 3);
});

test('a call whose key cannot be made is made without one, and that is told once for each', async () => {
  const clock = new ManualClock();
  let calls = 0;
  const cache = { mode: 'read_through', coalesce: true };
  const ask = circuitBreaker(async () => ++calls, { name: fresh(), clock, cache, key: () => boom() });
  const { warnings } = await warningsOf(async () => assert.deepEqual(await Promise.all([ask(), ask()]), [1, 2]));
  assert.equal(warnings.length, 2);
  const told = `the function \`key\` of circuit breaker '${ask.breaker.name}' threw: Error: boom`;
  for (const warning of warnings) assert.ok(String(warning).includes(told), String(warning));
  assert.deepEqual([ask.breaker.snapshot().cache.entries, ask.breaker.snapshot().totals.success], [0, 2]);
});

test('a key that is no text is the error of the caller, and nobody is asked', async () => {
  const clock = new ManualClock();
  const wrong = circuitBreaker(async () => 1, { name: fresh(), clock, cache: {}, key: () => 7 });
  await assert.rejects(wrong(), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.equal(settled(wrong.breaker.snapshot()), 0);
});

test('no more values are kept than there may be', async () => {
  const { breaker } = made({ mode: 'read_through', maxEntries: 2 });
  let calls = 0;
  const ask = (key) => breaker.execute(async () => `${key}${++calls}`, { key });
  for (const key of ['a', 'b', 'c']) await ask(key);
  assert.equal(breaker.snapshot().cache.entries, 2);
  assert.equal(await ask('c'), 'c3');
  assert.equal(await ask('a'), 'a4');
});

test('a failing value is not kept', async () => {
  const { breaker } = made({ mode: 'read_through' }, { isFailureResult: (value) => value === 'bad' });
  assert.equal(await breaker.execute(async () => 'bad', { key: 'a' }), 'bad');
  assert.equal(await breaker.execute(async () => 'good', { key: 'a' }), 'good');
});

test('calls of one key at the same time are one attempt, and all are given its result', async () => {
  const { clock, breaker } = made({ mode: 'read_through', coalesce: true });
  let calls = 0;
  const value = {};
  const ask = (key) => breaker.execute(() => takes(clock, 10, (calls++, value)), { key });
  const all = Promise.all([ask('a'), ask('a'), ask('b'), ask('a')]);
  await until(clock, all);
  assert.deepEqual([calls, settled(breaker.snapshot())], [2, 2]);
  assert.ok((await all).every((given) => given === value));
  const error = new Error('of the leader');
  const failing = [1, 2].map(() => breaker.execute(() => takes(clock, 5).then(() => { throw error; }), { key: 'c' }));
  const how = await until(clock, Promise.allSettled(failing));
  assert.deepEqual(how.map(({ reason }) => reason === error), [true, true]);
});

test('when the leader is given up, its first follower makes the call', async () => {
  const { clock, breaker } = made({ mode: 'read_through', coalesce: true }, { timeout: 1000 });
  const leader = new AbortController();
  const follower = new AbortController();
  const asks = (name, signal) => breaker.execute((own) => takes(clock, 10, name, own), { key: 'a', signal });
  const first = asks('first', leader.signal);
  const second = asks('second', follower.signal);
  const third = asks('third');
  await pass(clock, 2);
  leader.abort();
  await assert.rejects(first, { name: 'AbortError' });
  assert.equal(await until(clock, third), 'second');
  assert.equal(await second, 'second');
});

test('a follower that is given up leaves the others alone', async () => {
  const { clock, breaker } = made({ mode: 'read_through', coalesce: true });
  const controller = new AbortController();
  const asks = (name, signal) => breaker.execute(() => takes(clock, 10, name), { key: 'a', signal });
  const [first, second, third] = [asks('first'), asks('second', controller.signal), asks('third')];
  await turn();
  controller.abort(new Error('enough'));
  await assert.rejects(second, { message: 'enough' });
  assert.deepEqual(await until(clock, Promise.all([first, third])), ['first', 'first']);
});

test('values that other rules have no room for are let go', async () => {
  const { breaker } = made({ maxEntries: 8 });
  const refs = [];
  await (async () => {
    for (let n = 0; n < 8; n++) {
      const value = { n };
      refs.push(new WeakRef(value));
      await breaker.execute(async () => value, { key: String(n) });
    }
  })();
  const kept = async () => {
    await turn();
    gc();
    return refs.flatMap((ref) => ref.deref()?.n ?? []);
  };
  assert.deepEqual(await kept(), [0, 1, 2, 3, 4, 5, 6, 7]);
  breaker.reconfigure({ cache: { maxEntries: 3 } });
  assert.deepEqual(await kept(), [5, 6, 7]);
  breaker.reconfigure({});
  assert.deepEqual(await kept(), []);
});

test('who follows a call is told of its end though the cache is taken out and put back meanwhile', async () => {
  const cache = { mode: 'read_through', coalesce: true };
  const { clock, breaker } = made(cache);
  let calls = 0;
  const ask = (key) => breaker.execute(() => takes(clock, 10, (calls++, key)), { key });
  const first = [ask('a'), ask('a')];
  await turn();
  breaker.reconfigure({});
  breaker.reconfigure({ cache });
  const all = Promise.all([...first, ask('b'), ask('b')]);
  assert.deepEqual([await until(clock, all), calls], [['a', 'a', 'b', 'b'], 2]);
  assert.deepEqual([await ask('b'), calls], ['b', 2]);
});
