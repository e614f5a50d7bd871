// Attempts beside one that takes long.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock } from 'fusewire';
import { fresh } from '../support.mjs';
import { failing, pass, settled, takes, until } from './passing.mjs';

function made(options = {}) {
  const clock = new ManualClock();
  const hedge = { after: 10, max: 2 };
  const breaker = new CircuitBreaker(fresh(), { hedge, clock, failureThreshold: 1000, bulkhead: { maxConcurrent: 5 }, ...options });
  return { clock, breaker };
}

/** Attempts that come to `ends` one after the other: `[milliseconds, value or error]`. */
function script(clock, ends) {
  const attempts = [];
  const call = (signal) => {
    const [lasts, how] = ends[attempts.length];
    attempts.push({ signal, begun: clock.now() });
    return takes(clock, lasts, how, signal).then((value) => {
      if (value instanceof Error) throw value;
      return value;
    });
  };
  return { attempts, call };
}

test('an attempt that takes long is joined by another, and the first success answers', async () => {
  const { clock, breaker } = made();
  const { attempts, call } = script(clock, [[50, 'first'], [5, 'second']]);
  assert.equal(await until(clock, breaker.execute(call)), 'second');
  assert.deepEqual(attempts.map(({ begun }) => begun), [0, 10]);
  assert.equal(attempts[0].signal.aborted, true);
  assert.equal(attempts[0].signal.reason.name, 'AbortError');
  assert.equal(attempts[1].signal.aborted, false);
  const { totals, hedge, bulkhead } = breaker.snapshot();
  assert.deepEqual([totals.success, totals.ignored, bulkhead.inFlight], [1, 1, 0]);
  assert.deepEqual([hedge.begun, hedge.won], [1, 1]);
});

test('the first attempt may still be the first to answer', async () => {
  const { clock, breaker } = made();
  const { attempts, call } = script(clock, [[25, 'first'], [50, 'second'], [50, 'third']]);
  assert.equal(await until(clock, breaker.execute(call)), 'first');
  assert.deepEqual(attempts.map(({ begun, signal }) => [begun, signal.aborted]), [[0, false], [10, true], [20, true]]);
  await pass(clock, 100);
  const snapshot = breaker.snapshot();
  assert.deepEqual([settled(snapshot), snapshot.totals.success, snapshot.bulkhead.inFlight], [3, 1, 0]);
});

test('an attempt that fails early is not joined, and one that fails late waits for those beside it', async () => {
  const { clock, breaker } = made();
  const early = script(clock, [[5, failing('first')]]);
  await assert.rejects(until(clock, breaker.execute(early.call)), { code: 'first' });
  assert.equal(early.attempts.length, 1);
  const late = script(clock, [[15, failing('first')], [20, 'second']]);
  assert.equal(await until(clock, breaker.execute(late.call)), 'second');
  assert.equal(breaker.snapshot().bulkhead.inFlight, 0);
});

test('a first attempt that has failed is settled as that, whoever answers', async () => {
  const { clock, breaker } = made({ hedge: { after: 10, max: 1 } });
  const late = script(clock, [[15, failing('first')], [20, 'second']]);
  const call = breaker.execute(late.call);
  await pass(clock, 16);
  assert.deepEqual([breaker.snapshot().totals.failure, breaker.snapshot().bulkhead.inFlight], [1, 1]);
  assert.equal(await until(clock, call), 'second');
  const { totals } = breaker.snapshot();
  assert.deepEqual([totals.success, totals.failure, totals.ignored], [1, 1, 0]);
});

test('a first attempt that times out before another answers is a failure, and keeps its slot until it returns', async () => {
  const { clock, breaker } = made({ hedge: { after: 10, max: 1 }, timeout: 20 });
  const ends = [[50, 'first'], [15, 'second']];
  let begun = 0;
  const call = () => {
    const [lasts, value] = ends[begun];
    begun += 1;
    return takes(clock, lasts, value);
  };
  assert.equal(await until(clock, breaker.execute(call)), 'second');
  const { totals, bulkhead } = breaker.snapshot();
  assert.deepEqual([totals.success, totals.failure, totals.ignored, bulkhead.inFlight], [1, 1, 0, 1]);
  await pass(clock, 50);
  assert.equal(breaker.snapshot().bulkhead.inFlight, 0);
});

test('when all fail, the call rejects with the first one\'s error', async () => {
  const { clock, breaker } = made();
  const { attempts, call } = script(clock, [[40, failing('first')], [5, failing('second')], [5, failing('third')]]);
  await assert.rejects(until(clock, breaker.execute(call)), { code: 'first' });
  assert.equal(attempts.length, 3);
  assert.equal(breaker.snapshot().totals.failure, 3);
});

test('no attempt is joined while the breaker is not closed, or of a method that may not be made twice', async () => {
  const { clock, breaker } = made();
  breaker.halfOpen();
  const probe = script(clock, [[30, 'probe']]);
  assert.equal(await until(clock, breaker.execute(probe.call)), 'probe');
  const posted = script(clock, [[30, 'posted']]);
  assert.equal(await until(clock, breaker.execute(posted.call, { method: 'POST' })), 'posted');
});

test('hedges have timeouts of their own, and draw on the budget of retries', async () => {
  const { clock, breaker } = made({ timeout: 30, retry: { maxAttempts: 1, budget: { ratio: 0, minPerSecond: 0.1, window: '10s' } } });
  const slow = script(clock, [[100, 1], [100, 2], [100, 3]]);
  await assert.rejects(until(clock, breaker.execute(slow.call, { method: 'GET' })), { name: 'TimeoutError' });
  assert.equal(slow.attempts.length, 2);
  assert.equal(breaker.snapshot().totals.failure, 2);
});
