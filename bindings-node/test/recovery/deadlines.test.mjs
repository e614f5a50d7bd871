// Calls that may all take equally long share one timer, which is there no longer than they are.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock } from 'fusewire';
import { fresh, run, turn } from '../support.mjs';
import { pass, takes, until } from './passing.mjs';

const CALLS = 10_000;
const never = () => new Promise(() => {});

/** How a call is made: by the lane or one that it is asked for, with a signal of the caller's, or through a gate. */
const WAYS = {
  'as they are': [{}, () => undefined],
  'with a signal': [{}, () => ({ signal: new AbortController().signal })],
  'through a gate': [{ bulkhead: { maxConcurrent: CALLS } }, () => undefined],
};

function made(options = {}) {
  const clock = new ManualClock();
  return { clock, breaker: new CircuitBreaker(fresh(), { timeout: 50, failureThreshold: 1_000_000, clock, ...options }) };
}

for (const [way, [options, request]] of Object.entries(WAYS)) {
  test(`10,000 calls ${way} leave one timer, and none when they are over`, async () => {
    const { clock, breaker } = made(options);
    const ends = [];
    const calls = Array.from({ length: CALLS }, () =>
      breaker.execute(() => new Promise((resolve) => ends.push(resolve)), request()));
    await turn();
    assert.equal(clock.ringing.length, 1);
    ends.splice(0, CALLS - 1).forEach((end) => end());
    await turn();
    assert.equal(clock.ringing.length, 1);
    ends[0]();
    await Promise.all(calls);
    assert.deepEqual(clock.ringing, []);
    assert.equal(breaker.snapshot().totals.success, CALLS);
  });

  test(`calls ${way} are cut off in the order in which they began, each at its own time`, async () => {
    const { clock, breaker } = made(options);
    const over = [];
    for (let i = 0; i < 5; i++) {
      for (const n of [2 * i, 2 * i + 1]) {
        breaker.execute(never, request()).catch(({ name }) => over.push([n, name, clock.now()]));
      }
      await pass(clock, 10);
    }
    await pass(clock, 60);
    const expected = Array.from({ length: 10 }, (_, n) => [n, 'TimeoutError', 50 + 10 * Math.floor(n / 2)]);
    assert.deepEqual(over, expected);
    assert.deepEqual(clock.ringing, []);
  });

  test(`a call ${way} is not cut off before its time`, async () => {
    const { clock, breaker } = made(options);
    let error;
    breaker.execute(never, request()).catch((e) => (error = e));
    clock.advance(49.999999);
    await turn();
    assert.equal(error, undefined);
    clock.advance(0.000001);
    await turn();
    assert.equal(error.timeout, 50);
  });
}

test('one that is over in the middle, and one that is given up, leave the others as they are', async () => {
  const { clock, breaker } = made();
  const controller = new AbortController();
  const over = [];
  const note = (name) => (how) => over.push([name, how?.name ?? how, clock.now()]);
  const call = (name, fn, request) => breaker.execute(fn, request).then(note(name), note(name));
  call('first', never);
  call('answers', () => takes(clock, 20, 'answer'));
  call('given up', never, { signal: controller.signal });
  call('last', never);
  await pass(clock, 30);
  controller.abort();
  await pass(clock, 30);
  assert.deepEqual(over, [['answers', 'answer', 20], ['given up', 'AbortError', 30], ['first', 'TimeoutError', 50], ['last', 'TimeoutError', 50]]);
  assert.deepEqual(clock.ringing, []);
});

test('a timeout that fires while others are awaited aborts its own signal, and no other', async () => {
  const { clock, breaker } = made();
  const signals = [];
  const body = (milliseconds) => (signal) => (signals.push(signal), takes(clock, milliseconds, milliseconds, signal));
  const slow = breaker.execute(body(80)).catch((error) => error);
  const quick = breaker.execute(body(40));
  assert.equal(await until(clock, quick), 40);
  assert.equal((await until(clock, slow)).name, 'TimeoutError');
  assert.deepEqual(signals.map(({ aborted }) => aborted), [true, false]);
});

test('by the system clock 10,000 calls have one timer, which goes with them', async () => {
  const script = `
    import { CircuitBreaker } from 'fusewire';
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const breaker = new CircuitBreaker('a', { timeout: '10m' });
    const ends = [];
    const calls = Array.from({ length: ${CALLS} }, () => breaker.execute(() => new Promise((end) => ends.push(end))));
    await turn();
    const during = timers();
    ends.forEach((end) => end());
    await Promise.all(calls);
    console.log(during, timers());`;
  assert.equal(await run(script), '1 0');
});

test('a call that may be cut off keeps the process alive until then, again and again', async () => {
  const script = `
    import { CircuitBreaker } from 'fusewire';
    const breaker = new CircuitBreaker('a', { timeout: 20, failureThreshold: 9 });
    for (let i = 0; i < 3; i++) {
      await breaker.execute(async () => i);
      await breaker.execute(() => new Promise(() => {})).catch((error) => console.log(error.name));
    }`;
  assert.equal(await run(script), 'TimeoutError\nTimeoutError\nTimeoutError');
});

test('a timer that was set on another clock in the place of the system\'s is not waited for', async () => {
  const script = `
    import { CircuitBreaker } from 'fusewire';
    const breaker = new CircuitBreaker('a', { timeout: 20, failureThreshold: 9 });
    const { setTimeout } = globalThis;
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    let asked = 0;
    globalThis.setTimeout = () => (asked++, { ref() {}, unref() {} });
    let end;
    const call = breaker.execute(() => new Promise((resolve) => (end = resolve)));
    await turn();
    end();
    await call;
    globalThis.setTimeout = setTimeout;
    await breaker.execute(() => new Promise(() => {})).catch((error) => console.log(asked, error.name));`;
  assert.equal(await run(script), '1 TimeoutError');
});
