// Functions that go on although nobody waits for them keep their slot until they end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock } from 'fusewire';
import { fresh, turn } from '../support.mjs';
import { pass, takes, until } from './passing.mjs';

const inFlight = (breaker) => breaker.snapshot().bulkhead.inFlight;

function made(options) {
  const clock = new ManualClock();
  const bulkhead = { maxConcurrent: 2 };
  return { clock, breaker: new CircuitBreaker(fresh(), { failureThreshold: 100, clock, bulkhead, ...options }) };
}

test('a function that does not look at its signal keeps its slot when the caller gives up', async () => {
  for (const options of [{}, { timeout: 1000 }, { retry: {} }, { hedge: { after: 500 } }]) {
    for (const name of ['AbortError', 'TimeoutError']) {
      const { clock, breaker } = made(options);
      const controller = new AbortController();
      const call = breaker.execute(() => takes(clock, 100), { signal: controller.signal });
      call.catch(() => {});
      await pass(clock, 5);
      const reason = new DOMException('enough', name);
      controller.abort(reason);
      await assert.rejects(call, reason);
      const { totals } = breaker.snapshot();
      assert.deepEqual([totals.ignored, totals.failure], name === 'TimeoutError' ? [0, 1] : [1, 0]);
      assert.equal(inFlight(breaker), 1, JSON.stringify(options));
      await pass(clock, 100);
      assert.equal(inFlight(breaker), 0);
    }
  }
});

test('one that ends when its signal is aborted gives its slot back with that', async () => {
  for (const options of [{}, { timeout: 1000 }]) {
    const { clock, breaker } = made(options);
    const controller = new AbortController();
    const call = breaker.execute((signal) => takes(clock, 100, 1, signal), { signal: controller.signal });
    await turn();
    controller.abort();
    await assert.rejects(call);
    await turn();
    assert.equal(inFlight(breaker), 0);
  }
});

test('an attempt that a hedge has overtaken, and a hedge that came too late, keep theirs', async () => {
  const { clock, breaker } = made({ hedge: { after: 10 } });
  let calls = 0;
  const first = breaker.execute(() => (++calls === 1 ? takes(clock, 100, 'slow') : takes(clock, 5, 'hedge')));
  assert.equal(await until(clock, first), 'hedge');
  assert.equal(inFlight(breaker), 1);
  await pass(clock, 100);
  assert.equal(inFlight(breaker), 0);

  calls = 0;
  const second = breaker.execute(() => (++calls === 1 ? takes(clock, 15, 'first') : takes(clock, 100, 'hedge')));
  assert.equal(await until(clock, second), 'first');
  assert.deepEqual([calls, inFlight(breaker)], [2, 1]);
  await pass(clock, 100);
  assert.equal(inFlight(breaker), 0);
});

test('no more run at the same time than there are slots, whoever gives up', async () => {
  for (const options of [{}, { retry: {} }, { timeout: 5 }, { hedge: { after: 2 }, retry: { budget: false } }]) {
    const { clock, breaker } = made(options);
    let [running, most] = [0, 0];
    const fn = async () => {
      most = Math.max(most, ++running);
      await takes(clock, 40);
      running--;
    };
    for (let i = 0; i < 10; i++) {
      const controller = new AbortController();
      breaker.execute(fn, { signal: controller.signal }).catch(() => {});
      await pass(clock, 3);
      controller.abort();
      await turn();
    }
    assert.equal(most, 2, JSON.stringify(options));
    await pass(clock, 60);
    assert.deepEqual([running, inFlight(breaker)], [0, 0]);
  }
});
