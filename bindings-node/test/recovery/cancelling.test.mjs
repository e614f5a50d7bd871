// A call that is given up, at every point at which it waits for something.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock } from 'fusewire';
import { fresh, turn } from '../support.mjs';
import { failing, pass, settled, takes } from './passing.mjs';

const STEPS = 400;

/** A call that comes by every wait there is, and where it is after so many steps of time. */
const SCENES = {
  'attempts with their waits': {
    options: { timeout: 20, retry: { maxAttempts: 3, backoff: { base: 10, jitter: 0 } } },
    call: (clock, signal, n) => (n === 1 ? new Promise(() => {}) : takes(clock, 5, null, signal).then(fails)),
  },
  'a queue for a slot': {
    options: { timeout: 30, bulkhead: { maxConcurrent: 1, maxQueue: 1, queueTimeout: '1m' }, retry: {} },
    before: (clock, breaker, count) => void breaker.execute(() => takes(clock, 20, count())).catch(() => {}),
    call: (clock, signal) => takes(clock, 10, 1, signal),
  },
  'a turn of paced calls': {
    options: { rateLimit: { algorithm: 'leaky_bucket', rate: 100, maxWait: '1s' }, retry: {} },
    before: (_, breaker, count) => void breaker.acquire().success(count()),
    // It is given leave at once, and has its turn later.
    hasLeave: true,
    call: (clock, signal) => takes(clock, 10, 1, signal),
  },
  'rungs that answer': {
    options: {
      retry: { maxAttempts: 2, backoff: { base: 5, jitter: 0 } },
      fallback: ['slow', 'other'],
    },
    fallbacks: (clock) => ({ slow: () => takes(clock, 10).then(fails), other: () => takes(clock, 10, 'other') }),
    call: (clock, signal) => takes(clock, 5, null, signal).then(fails),
  },
  'a hedge beside it': {
    options: { timeout: 40, hedge: { after: 10, max: 2 } },
    call: (clock, signal, n) => takes(clock, n === 3 ? 5 : 35, n, signal),
  },
  'other calls of its key': {
    options: {
      cache: { mode: 'read_through', coalesce: true },
      retry: { maxAttempts: 2, backoff: { base: 5, jitter: 0 } },
      timeout: 30,
    },
    request: { key: 'k' },
    before: (clock, breaker, count) =>
      void breaker.execute(() => takes(clock, 15, count()).then(fails), { key: 'k' }).catch(() => {}),
    call: (clock, signal) => takes(clock, 10, 1, signal),
  },
};

function fails() {
  throw failing('ECONNRESET');
}

/** Gives a call up after so many steps; `false` when it was over before. */
async function cancelAfter(scene, steps, reason) {
  const clock = new ManualClock();
  const { options, request, fallbacks, before, call } = scene;
  const breaker = new CircuitBreaker(fresh(), {
    clock,
    failureThreshold: 1000,
    bulkhead: { maxConcurrent: 10 },
    ...options,
    fallbacks: fallbacks?.(clock),
  });
  const controller = new AbortController();
  let calls = 0;
  let others = 0;
  before?.(clock, breaker, () => void others++);
  let isOver = false;
  const body = (signal) => call(clock, signal, ++calls);
  const promise = breaker.execute(body, { ...request, signal: controller.signal });
  const outcome = promise.then(
    (value) => ((isOver = true), { value }),
    (error) => ((isOver = true), { error }),
  );
  // A step is a turn of the loop; in every third one time passes as well.
  for (let i = 0; i < steps && !isOver; i++) {
    if (i % 3 === 2) clock.advance(1);
    await (i % 2 === 0 ? null : turn());
  }
  if (isOver) return { wasOver: true, calls };
  controller.abort(reason);
  const { error } = await outcome;
  assert.equal(error, controller.signal.reason);
  const atOnce = calls;
  await pass(clock, 100);
  assert.equal(calls, atOnce, 'it went on');
  const snapshot = breaker.snapshot();
  // A function that ignores the signal after its timeout keeps its slot; the first attempt of one scene does.
  const ignores = scene === SCENES['attempts with their waits'] ? 1 : 0;
  assert.ok(snapshot.bulkhead === null || snapshot.bulkhead.inFlight <= ignores, 'a permit was lost');
  assert.ok(snapshot.bulkhead === null || snapshot.bulkhead.queued === 0, 'a place in the queue was lost');
  assert.deepEqual(clock.ringing, [], 'a timer goes on');
  return { wasOver: false, calls: calls + others, outcomes: settled(snapshot) };
}

for (const [name, scene] of Object.entries(SCENES)) {
  test(`whenever it is given up nothing is lost, and every attempt has one outcome: ${name}`, async () => {
    for (let steps = 0; steps < STEPS; steps++) {
      const { wasOver, calls, outcomes } = await cancelAfter(scene, steps);
      if (wasOver) return assert.ok(steps > 10, `it was over after ${steps} steps`);
      const leaves = scene.hasLeave && calls === 1 ? 1 : 0;
      assert.equal(outcomes, calls + leaves, `after ${steps} steps`);
    }
    assert.fail(`it goes on after ${STEPS} steps`);
  });
}

test('a caller who gives up by a timeout of its own blames the service', async () => {
  const { wasOver } = await cancelAfter(SCENES['a hedge beside it'], 4, new DOMException('late', 'TimeoutError'));
  assert.equal(wasOver, false);
  const clock = new ManualClock();
  const breaker = new CircuitBreaker(fresh(), { clock, timeout: 100 });
  const controller = new AbortController();
  const promise = breaker.execute(() => new Promise(() => {}), { signal: controller.signal });
  controller.abort(new DOMException('late', 'TimeoutError'));
  await assert.rejects(promise, { message: 'late' });
  assert.equal(breaker.snapshot().totals.failure, 1);
});

test('a signal that was aborted before is no call', async () => {
  const breaker = new CircuitBreaker(fresh(), { retry: {}, timeout: 100 });
  let calls = 0;
  const promise = breaker.execute(() => calls++, { signal: AbortSignal.abort() });
  await assert.rejects(promise, { name: 'AbortError' });
  assert.deepEqual([calls, settled(breaker.snapshot())], [0, 0]);
});
