// Attempts that take too long, and the signals that tell them so.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock, TimeoutError, circuitBreaker, isCircuitBreakerError, isTimeoutError } from 'fusewire';
import { fresh, run, turn } from '../support.mjs';
import { pass, takes, until } from './passing.mjs';

function made(options = {}) {
  const clock = new ManualClock();
  return { clock, breaker: new CircuitBreaker(fresh(), { timeout: 50, clock, ...options }) };
}

test('a call that takes too long rejects with an error that names the limit', async () => {
  const { clock, breaker } = made();
  const error = await until(clock, breaker.execute(() => new Promise(() => {}))).catch((e) => e);
  assert.ok(error instanceof TimeoutError && isTimeoutError(error) && isCircuitBreakerError(error));
  const { name, code, timeout, message } = error;
  assert.deepEqual([name, code, error.breaker, timeout], ['TimeoutError', 'ERR_CIRCUIT_TIMEOUT', breaker.name, 50]);
  assert.equal(message, `circuit breaker '${breaker.name}': the call took longer than its timeout of 50ms`);
  assert.equal(clock.now(), 50);
  assert.match(breaker.metrics(), /error_type="timeout"} 1/);
});

test('a call that answers in time is not touched, and leaves no timer', async () => {
  const { clock, breaker } = made();
  assert.equal(await until(clock, breaker.execute((signal) => takes(clock, 49, 'in time', signal))), 'in time');
  assert.equal(await breaker.execute(() => 'at once'), 'at once');
  assert.deepEqual(clock.ringing, []);
  assert.equal(breaker.snapshot().totals.success, 2);
});

test('the signal of a function that is given one is aborted with that error', async () => {
  const { clock, breaker } = made();
  let given;
  const error = await until(
    clock,
    breaker.execute((signal) => {
      given = signal;
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    }),
  ).catch((e) => e);
  assert.ok(given instanceof AbortSignal);
  assert.equal(given.reason, error);
  assert.equal(breaker.snapshot().totals.failure, 1);
});

test('a wrapped function gets the signal where withSignal puts it', async () => {
  const clock = new ManualClock();
  const seen = [];
  const ask = circuitBreaker(
    (id, { signal }) => {
      seen.push(id, signal);
      return new Promise(() => {});
    },
    { name: fresh(), timeout: 20, clock, withSignal: (signal, id, more) => [id, { ...more, signal }] },
  );
  await until(clock, ask(7, { depth: 1 })).catch(() => {});
  assert.equal(seen[0], 7);
  assert.equal(seen[1].reason.name, 'TimeoutError');
  const plain = circuitBreaker((signal) => signal, { name: fresh(), withSignal: (signal) => [signal] });
  assert.ok((await plain()) instanceof AbortSignal);
});

test('what a function that ignores its signal answers later is dropped, and it keeps its slot until then', async () => {
  const { clock, breaker } = made({ bulkhead: { maxConcurrent: 1 } });
  for (const late of ['value', 'error']) {
    let end;
    const promise = breaker.execute(() => new Promise((resolve, reject) => (end = late === 'value' ? resolve : reject)));
    await until(clock, promise).catch(() => {});
    assert.equal(breaker.snapshot().bulkhead.inFlight, 1);
    assert.equal(breaker.tryAcquire(), null);
    const before = breaker.snapshot().totals;
    end(new Error('late'));
    await turn();
    assert.equal(breaker.snapshot().bulkhead.inFlight, 0);
    const { success, failure, ignored } = breaker.snapshot().totals;
    assert.deepEqual([success, failure, ignored], [before.success, before.failure, before.ignored]);
  }
});

test('who waits for the slot of such a function gets it when it returns', async () => {
  const { clock, breaker } = made({ bulkhead: { maxConcurrent: 1, maxQueue: 1, queueTimeout: '1m' }, failureThreshold: 9 });
  let end;
  const first = breaker.execute(() => new Promise((resolve) => (end = resolve))).catch((e) => e.name);
  const second = breaker.execute(async () => 'second');
  assert.equal(await until(clock, first), 'TimeoutError');
  await pass(clock, 5);
  assert.equal(breaker.snapshot().bulkhead.queued, 1);
  end();
  assert.equal(await second, 'second');
});

test('the timeout of a permit is said by it', () => {
  const { clock, breaker } = made();
  assert.equal(breaker.acquire().timeout, 50);
  assert.equal(breaker.tryAcquire({ deadline: clock.now() + 20 }).timeout, 20);
  const without = new CircuitBreaker(fresh(), { clock });
  assert.equal(without.acquire().timeout, null);
  assert.equal(without.tryAcquire({ deadline: clock.now() + 20 }).timeout, 20);
});

test('a timeout learns from the calls', async () => {
  const { clock, breaker } = made({ timeout: { kind: 'percentile', factor: 2, min: 1, initial: 500 } });
  assert.equal(breaker.snapshot().timeout, 500);
  for (let i = 0; i < 10; i++) await until(clock, breaker.execute(() => takes(clock, 10)));
  assert.equal(breaker.snapshot().timeout, 20);
});

test('a synchronous call that took too long counts as a timeout, and passes its value on', () => {
  const { clock, breaker } = made();
  assert.equal(breaker.executeSync(() => (clock.advance(60), 'late')), 'late');
  assert.equal(breaker.snapshot().totals.failure, 1);
});

test('a process ends when its calls have, whatever their timeouts', async () => {
  const script = `
    import { CircuitBreaker } from 'fusewire';
    const breaker = new CircuitBreaker('a', { timeout: '10m', retry: {} });
    console.log(await breaker.execute(async () => 'done'));`;
  assert.equal(await run(script), 'done');
});

test('by the system clock a call is cut off, too', async () => {
  const breaker = new CircuitBreaker(fresh(), { timeout: 20 });
  await assert.rejects(breaker.execute(() => new Promise(() => {})), { name: 'TimeoutError' });
});
