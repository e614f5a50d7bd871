// Calls that an AbortSignal ends.

import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock } from 'fusewire';
import { boom, fresh, turn, warningsOf } from './support.mjs';

const forever = () => new Promise(() => {});
const settled = (breaker) => {
  const { success, failure, ignored } = breaker.snapshot().totals;
  return [success, failure, ignored];
};
const listeners = (signal) => getEventListeners(signal, 'abort').length;

test('a signal that is aborted already takes no permit', async () => {
  const breaker = new CircuitBreaker(fresh());
  const reason = new Error('changed my mind');
  let ran = 0;
  await assert.rejects(
    breaker.execute(() => ran++, { signal: AbortSignal.abort(reason) }),
    (e) => e === reason,
  );
  assert.equal(ran, 0);
  assert.deepEqual(settled(breaker), [0, 0, 0]);
});

test("an abort rejects with the signal's reason at once, and the call is ignored", async () => {
  for (const reason of [new Error('mine'), undefined, 'text', null]) {
    const breaker = new CircuitBreaker(fresh());
    const controller = new AbortController();
    const call = breaker.execute(forever, { signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(call, (e) => e === controller.signal.reason);
    assert.deepEqual(settled(breaker), [0, 0, 1]);
    assert.equal(listeners(controller.signal), 0);
  }
});

test('a TimeoutError is a failure of type timeout, whatever it lasted', async () => {
  const breaker = new CircuitBreaker(fresh(), { failureThreshold: 1 });
  // A signal's timer does not keep the process alive.
  const awake = setTimeout(() => {}, 60_000);
  await assert.rejects(breaker.execute(forever, { signal: AbortSignal.timeout(5) }), { name: 'TimeoutError' });
  clearTimeout(awake);
  assert.deepEqual(settled(breaker), [0, 1, 0]);
  assert.equal(breaker.snapshot().lastFailure.errorType, 'timeout');
  assert.equal(breaker.state, 'open');
});

test('an abort after cancelledAfter is a failure of type timeout', async () => {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker(fresh(), { cancelledAfter: 1000, clock });
  const controllers = [new AbortController(), new AbortController()];
  const calls = controllers.map(({ signal }) => breaker.execute(forever, { signal }));
  clock.advance(999);
  controllers[0].abort();
  clock.advance(1);
  controllers[1].abort();
  await Promise.allSettled(calls);
  assert.deepEqual(settled(breaker), [0, 1, 1]);
  assert.equal(breaker.snapshot().lastFailure.errorType, 'timeout');
});

test('the function gets the signal, and its listener is gone afterwards', async () => {
  const breaker = new CircuitBreaker(fresh(), { failureThreshold: 100 });
  const { signal } = new AbortController();
  assert.equal(await breaker.execute(async (given) => given, { signal }), signal);
  assert.equal(listeners(signal), 0);
  await assert.rejects(
    breaker.execute(async () => boom(), { signal }),
    /boom/,
  );
  await assert.rejects(breaker.execute(boom, { signal }), /boom/);
  assert.equal(listeners(signal), 0);
  assert.deepEqual(settled(breaker), [1, 2, 0]);
});

test('what comes of the function after the abort is swallowed', async () => {
  const unhandled = [];
  const listener = (error) => unhandled.push(error);
  process.on('unhandledRejection', listener);
  const breaker = new CircuitBreaker(fresh());
  for (const late of [() => 'a value', boom]) {
    const controller = new AbortController();
    const call = breaker.execute(async () => turn().then(late), { signal: controller.signal });
    controller.abort();
    await assert.rejects(call, { name: 'AbortError' });
  }
  await turn();
  await turn();
  process.off('unhandledRejection', listener);
  assert.deepEqual(unhandled, []);
  assert.deepEqual(settled(breaker), [0, 0, 2]);
});

test('a function that aborts its own call', async () => {
  const breaker = new CircuitBreaker(fresh());
  const controller = new AbortController();
  const call = breaker.execute(() => controller.abort() ?? boom(), { signal: controller.signal });
  await assert.rejects(call);
  assert.deepEqual(settled(breaker), [0, 0, 1]);
});

test('an abort after the value changes nothing', async () => {
  const breaker = new CircuitBreaker(fresh());
  const controller = new AbortController();
  assert.equal(await breaker.execute(async () => 5, { signal: controller.signal }), 5);
  controller.abort();
  assert.deepEqual(settled(breaker), [1, 0, 0]);
});

test('a probe that is aborted gives its place back', async () => {
  const breaker = new CircuitBreaker(fresh(), { halfOpenMaxCalls: 1 });
  breaker.halfOpen();
  const controller = new AbortController();
  const probe = breaker.execute(forever, { signal: controller.signal });
  await assert.rejects(
    breaker.execute(() => 1),
    { reason: 'half_open_full' },
  );
  controller.abort();
  await assert.rejects(probe, { name: 'AbortError' });
  assert.equal(await breaker.execute(() => 1), 1);
  assert.equal(breaker.state, 'closed');
});

test('what is no signal is refused, and one of another realm is taken', async () => {
  const breaker = new CircuitBreaker(fresh());
  for (const signal of [5, 'abort', {}, new AbortController()]) {
    await assert.rejects(
      breaker.execute(() => 1, { signal }),
      { message: /signal must be an AbortSignal/ },
    );
  }
  const foreign = Object.setPrototypeOf(new EventTarget(), { __proto__: EventTarget.prototype, aborted: false });
  assert.equal(await breaker.execute(() => 1, { signal: foreign }), 1);
  assert.deepEqual(settled(breaker), [1, 0, 0]);
});

test('a signal has one listener, however many calls share it, and none when they are over', async () => {
  for (const options of [{}, { retry: {} }, { timeout: 1000 }, { bulkhead: { maxConcurrent: 1, maxQueue: 50 } }]) {
    const breaker = new CircuitBreaker(fresh(), options);
    const { signal } = new AbortController();
    const waits = [];
    const fn = () => new Promise((resolve) => waits.push(resolve));
    const { warnings } = await warningsOf(async () => {
      const calls = Array.from({ length: 50 }, () => breaker.execute(fn, { signal }));
      await turn();
      assert.equal(getEventListeners(signal, 'abort').length, 1);
      for (let i = 0; i < 200; i++) {
        for (const resolve of waits.splice(0)) resolve(i);
        await turn();
      }
      await Promise.all(calls);
    });
    assert.deepEqual(warnings, []);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  }
});

test('many calls may share a signal', async () => {
  const breaker = new CircuitBreaker(fresh());
  const controller = new AbortController();
  const calls = Array.from({ length: 5 }, () => breaker.execute(forever, { signal: controller.signal }));
  controller.abort();
  const results = await Promise.allSettled(calls);
  assert.ok(results.every(({ reason }) => reason === controller.signal.reason));
  assert.deepEqual(settled(breaker), [0, 0, 5]);
});
