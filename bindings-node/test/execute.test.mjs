// Calls: what runs, what comes back, what is counted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock, isCircuitOpenError } from 'fusewire';
import { boom, fresh, thrownBy } from './support.mjs';

const totals = (breaker) => {
  const { success, failure, ignored } = breaker.snapshot().totals;
  return { success, failure, ignored };
};

test('an async function answers its value, and is a success', async () => {
  const breaker = new CircuitBreaker(fresh());
  const value = { an: 'object' };
  assert.equal(await breaker.execute(async () => value), value);
  assert.deepEqual(totals(breaker), { success: 1, failure: 0, ignored: 0 });
});

test('a synchronous function and a thenable are awaited, too', async () => {
  const breaker = new CircuitBreaker(fresh());
  assert.equal(await breaker.execute(() => 5), 5);
  assert.equal(await breaker.execute(() => ({ then: (resolve) => resolve(6) })), 6);
  assert.equal(await breaker.execute(() => undefined), undefined);
  assert.equal(totals(breaker).success, 3);
});

test("the function's own error reaches the caller unchanged, however it comes", async () => {
  const breaker = new CircuitBreaker(fresh(), { failureThreshold: 100 });
  for (const error of [new Error('own'), 'a string', undefined, null, 0, Object.freeze({ frozen: true })]) {
    let caught = 'nothing';
    await breaker.execute(async () => Promise.reject(error)).catch((e) => (caught = e));
    assert.equal(caught, error);
    await breaker
      .execute(() => {
        throw error;
      })
      .catch((e) => (caught = e));
    assert.equal(caught, error);
    caught = 'nothing';
    try {
      breaker.executeSync(() => {
        throw error;
      });
    } catch (e) {
      caught = e;
    }
    assert.equal(caught, error);
  }
  assert.deepEqual(totals(breaker), { success: 0, failure: 18, ignored: 0 });
});

test('an error whose properties throw reaches the caller unchanged', () => {
  const breaker = new CircuitBreaker(fresh());
  const hostile = new Proxy({}, { get: () => boom() });
  assert.equal(
    thrownBy(() =>
      breaker.executeSync(() => {
        throw hostile;
      }),
    ),
    hostile,
  );
  assert.equal(totals(breaker).failure, 1);
});

test('nothing runs while it is open', async () => {
  const breaker = new CircuitBreaker(fresh(), { failureThreshold: 2 });
  for (let i = 0; i < 2; i++) await assert.rejects(breaker.execute(boom), /boom/);
  let ran = 0;
  await assert.rejects(
    breaker.execute(() => ran++),
    isCircuitOpenError,
  );
  assert.throws(() => breaker.executeSync(() => ran++), isCircuitOpenError);
  assert.equal(ran, 0);
  assert.equal(breaker.snapshot().totals.rejected.open, 2);
});

test('it opens, probes after the recovery time, and closes', async () => {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker(fresh(), {
    failureThreshold: 3,
    recoveryTimeout: 5000,
    halfOpenMaxCalls: 2,
    clock,
  });
  for (let i = 0; i < 3; i++) await assert.rejects(breaker.execute(boom));
  assert.equal(breaker.state, 'open');
  clock.advance(4000);
  const error = await breaker.execute(boom).catch((e) => e);
  assert.equal(error.retryAfter, 1000);
  clock.advance(1000);
  assert.equal(breaker.state, 'half_open');
  await breaker.execute(async () => 1);
  assert.equal(breaker.state, 'half_open');
  await breaker.execute(async () => 1);
  assert.equal(breaker.state, 'closed');
});

test('a success between failures starts their count anew', async () => {
  const breaker = new CircuitBreaker(fresh(), { failureThreshold: 2 });
  for (let i = 0; i < 5; i++) {
    await assert.rejects(breaker.execute(boom));
    assert.equal(breaker.snapshot().consecutiveFailures, 1);
    await breaker.execute(async () => 1);
    assert.equal(breaker.snapshot().consecutiveFailures, 0);
  }
  assert.equal(breaker.state, 'closed');
});

test('executeSync answers at once', () => {
  const breaker = new CircuitBreaker(fresh());
  assert.equal(
    breaker.executeSync(() => 7),
    7,
  );
  for (let i = 0; i < 100; i++) breaker.executeSync(() => i);
  assert.equal(totals(breaker).success, 101);
});

test('many calls at the same time are all counted', async () => {
  const breaker = new CircuitBreaker(fresh(), { window: { kind: 'count', size: 1000, minCalls: 1000 } });
  const calls = Array.from({ length: 500 }, (_, i) =>
    breaker.execute(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      if (i % 5 === 0) boom();
    }),
  );
  await Promise.allSettled(calls);
  assert.deepEqual(totals(breaker), { success: 400, failure: 100, ignored: 0 });
});

test('a breaker may be used within a call of its own', async () => {
  const breaker = new CircuitBreaker(fresh());
  const inner = () => breaker.executeSync(() => breaker.executeSync(() => 'deep'));
  assert.equal(await breaker.execute(async () => breaker.execute(inner)), 'deep');
  assert.equal(totals(breaker).success, 4);
});

test('what is no function is refused before anything is asked', async () => {
  const breaker = new CircuitBreaker(fresh());
  const refused = { code: 'ERR_INVALID_ARG_TYPE', name: 'TypeError' };
  for (const given of [undefined, null, 5, 'fetch', {}, Promise.resolve()]) {
    await assert.rejects(breaker.execute(given), refused);
    assert.throws(() => breaker.executeSync(given), refused);
    assert.throws(() => breaker.wrap(given), refused);
  }
  assert.deepEqual(totals(breaker), { success: 0, failure: 0, ignored: 0 });
});

test('options of a call are checked', async () => {
  const breaker = new CircuitBreaker(fresh());
  const call = (options) => breaker.execute(async () => 1, options);
  await assert.rejects(call({ timeout: 500 }), { message: /options\.timeout .*options of such a call are .*signal/ });
  await assert.rejects(call(null), { code: 'ERR_INVALID_ARG_TYPE' });
  await assert.rejects(call(500), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.equal(await call({}), 1);
  assert.equal(await call({ signal: undefined }), 1);
  assert.equal(await call({ signal: null }), 1);
});

test('the fallback answers calls that are turned away, and no other', async () => {
  const seen = [];
  const breaker = new CircuitBreaker(fresh(), {
    failureThreshold: 1,
    fallback: (error) => {
      seen.push(error);
      return 'from the cache';
    },
  });
  await assert.rejects(breaker.execute(boom), /boom/);
  assert.equal(await breaker.execute(boom), 'from the cache');
  assert.equal(breaker.executeSync(boom), 'from the cache');
  assert.equal(await breaker.execute(boom, { signal: new AbortController().signal }), 'from the cache');
  assert.equal(seen.length, 3);
  assert.ok(seen.every(isCircuitOpenError));
  assert.equal(breaker.snapshot().totals.rejected.open, 3);
});

test('a fallback may be async, and what it throws reaches the caller', async () => {
  const later = new CircuitBreaker(fresh(), { mode: 'forced_open', fallback: async ({ reason }) => reason });
  assert.equal(await later.execute(boom), 'forced_open');
  const throwing = new CircuitBreaker(fresh(), { mode: 'forced_open', fallback: boom });
  await assert.rejects(
    throwing.execute(() => 1),
    /boom/,
  );
  assert.throws(() => throwing.executeSync(() => 1), /boom/);
});

test('an explicit permit has no fallback', () => {
  const breaker = new CircuitBreaker(fresh(), { mode: 'forced_open', fallback: () => 1 });
  assert.throws(() => breaker.acquire(), isCircuitOpenError);
  assert.equal(breaker.tryAcquire(), null);
});
