// Calls that have their turn: a leaky bucket.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock } from 'fusewire';
import { fresh, turn } from './support.mjs';

function paced(more = {}) {
  const clock = new ManualClock();
  const rateLimit = { algorithm: 'leaky_bucket', rate: 10, maxWait: 300, ...more };
  return { clock, breaker: new CircuitBreaker(fresh(), { clock, rateLimit, sampleDurationsEvery: 1 }) };
}

test('a permit says how long its call waits for its turn, and its duration begins then', () => {
  const { breaker, clock } = paced();
  const permits = [1, 2, 3].map(() => breaker.tryAcquire());
  assert.deepEqual(permits.map(({ wait }) => wait), [0, 100, 200]);
  clock.advance(150);
  permits[1].success();
  assert.equal(breaker.snapshot().durations.byOutcome.success.sum, 50);
});

test('execute waits its turn before it calls', async () => {
  const { breaker, clock } = paced();
  const called = [];
  const call = (i, options) => breaker.execute(() => called.push([i, clock.now()]), options);
  const calls = [call(0), call(1, { signal: new AbortController().signal }), call(2), call(3, { priority: 'high' })];
  await turn();
  assert.deepEqual(called, [[0, 0]]);
  for (let i = 0; i < 3; i++) {
    clock.advance(100);
    await turn();
  }
  await Promise.all(calls);
  assert.deepEqual(called, [[0, 0], [1, 100], [2, 200], [3, 300]]);
});

test('a turn that comes too late is refused, with the time until one that does not', async () => {
  const { breaker } = paced();
  for (let i = 0; i < 4; i++) breaker.tryAcquire();
  await assert.rejects(breaker.execute(() => 1), { reason: 'rate_limited', retryAfter: 100 });
});

test('no turn beyond the deadline is waited for', async () => {
  const { breaker } = paced();
  breaker.tryAcquire();
  await assert.rejects(breaker.execute(() => 1, { deadline: 99 }), { reason: 'rate_limited', retryAfter: null });
});

test('a signal that is aborted before the turn ends the call, which was not made', async () => {
  const { breaker, clock } = paced();
  breaker.tryAcquire().success();
  const controller = new AbortController();
  let isCalled = false;
  const call = breaker.execute(() => (isCalled = true), { signal: controller.signal });
  controller.abort();
  await assert.rejects(call, { name: 'AbortError' });
  clock.advance(500);
  await turn();
  assert.equal(isCalled, false);
  assert.equal(breaker.snapshot().totals.ignored, 1);
});

test('executeSync blocks until its turn, and not on a clock that nobody could move meanwhile', () => {
  const { breaker, clock } = paced();
  assert.deepEqual([1, 2].map(() => breaker.executeSync(() => clock.now())), [0, 0]);
  const real = new CircuitBreaker(fresh(), { rateLimit: { algorithm: 'leaky_bucket', rate: 200 } });
  const began = real.now();
  for (let i = 0; i < 3; i++) real.executeSync(() => 1);
  // Never before its turn; how long after is the machine's.
  assert.ok(real.now() - began >= 10, String(real.now() - began));
});

test('by the system clock execute waits its turn', async () => {
  const breaker = new CircuitBreaker(fresh(), { rateLimit: { algorithm: 'leaky_bucket', rate: 200 } });
  const began = breaker.now();
  const calls = [1, 2, 3].map(() => breaker.execute(() => breaker.now() - began));
  const [, second, third] = await Promise.all(calls);
  assert.ok(second >= 5 && third >= 10, `${second} ${third}`);
});
