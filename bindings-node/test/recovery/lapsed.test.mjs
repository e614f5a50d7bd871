// Calls that begin, or wait for another, when their deadline has passed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock, isTimeoutError, recoveryOf } from 'fusewire';
import { fresh, thrownBy } from '../support.mjs';
import { pass, settled, takes, until } from './passing.mjs';

const RETRY = { backoff: { base: 10, jitter: 0 } };

function made(options = {}) {
  const clock = new ManualClock();
  clock.advance(1000);
  return { clock, breaker: new CircuitBreaker(fresh(), { failureThreshold: 1, clock, ...options }) };
}

const never = () => assert.fail('it has no time');

test('a call whose deadline has passed is not made, and the breaker does not see it', async () => {
  for (const options of [{}, { retry: RETRY }, { timeout: 50 }, { hedge: {} }, { bulkhead: { maxConcurrent: 1 } }]) {
    const { breaker } = made(options);
    for (const request of [{ deadline: 999 }, { deadline: 1000 }, { deadline: 0, signal: new AbortController().signal }]) {
      const error = await breaker.execute(never, request).catch((e) => e);
      assert.ok(isTimeoutError(error), String(error));
      assert.deepEqual([error.timeout, recoveryOf(error).attempts], [0, 0]);
      assert.match(error.message, /deadline had passed before it could begin/);
    }
    assert.deepEqual([breaker.state, settled(breaker.snapshot())], ['closed', 0]);
  }
});

test('a call that answers at once is not made either', () => {
  const { breaker } = made({ timeout: 50 });
  const error = thrownBy(() => breaker.executeSync(never, { deadline: 1000 }));
  assert.ok(isTimeoutError(error));
  assert.deepEqual([breaker.state, breaker.snapshot().totals.failure], ['closed', 0]);
  assert.equal(breaker.executeSync(() => 7, { deadline: 1001 }), 7);
});

test('rungs answer for a call that has no time, and a function for rejections alone does not', async () => {
  const { breaker } = made({ fallback: ['none'], fallbacks: { none: (error) => error.timeout } });
  const { value, rung, attempts, error } = await breaker.executeDetailed(never, { deadline: 1 });
  assert.deepEqual([value, rung, attempts, isTimeoutError(error)], [0, 'none', 0, true]);
  const picky = made({ fallback: ['none'], fallbacks: { none: 1 }, fallsBack: (e) => !isTimeoutError(e) });
  await assert.rejects(picky.breaker.execute(never, { deadline: 1 }), isTimeoutError);
  const { breaker: other } = made({ retry: RETRY, fallback: () => 'rejected' });
  await assert.rejects(other.execute(never, { deadline: 1 }), isTimeoutError);
});

test('step by step it is over at once', () => {
  const { breaker } = made({ retry: RETRY });
  assert.deepEqual(breaker.attempts({ deadline: 1 }).next(), {
    kind: 'done', outcome: 'failure', rung: null, attempts: 0, rejected: null, retryAfter: null, errorType: 'timeout',
  });
});

test('a call that follows another of its key waits until its own deadline', async () => {
  const options = { cache: { mode: 'read_through', coalesce: true }, fallbacks: { old: 'old' } };
  for (const fallback of [undefined, ['old']]) {
    const { clock, breaker } = made({ ...options, ...(fallback && { fallback }) });
    const leads = breaker.execute(() => takes(clock, 100, 'new'), { key: 'k' });
    const follows = breaker.execute(never, { key: 'k', deadline: 1030 });
    const stays = breaker.execute(never, { key: 'k', deadline: 1200 });
    follows.catch(() => {});
    await pass(clock, 29);
    assert.equal(await Promise.race([follows.catch(() => 'late'), Promise.resolve('waits')]), 'waits');
    await pass(clock, 1);
    if (fallback) assert.equal(await follows, 'old');
    else await assert.rejects(follows, isTimeoutError);
    assert.deepEqual(await until(clock, Promise.all([leads, stays])), ['new', 'new']);
    assert.equal(settled(breaker.snapshot()), 1);
  }
});

test('a follower that has left for its deadline does not lead', async () => {
  const { clock, breaker } = made({ cache: { mode: 'read_through', coalesce: true } });
  const controller = new AbortController();
  const leads = breaker.execute((signal) => takes(clock, 100, 1, signal), { key: 'k', signal: controller.signal });
  const late = breaker.execute(never, { key: 'k', deadline: 1010 });
  const heir = breaker.execute(() => takes(clock, 5, 'heir'), { key: 'k' });
  late.catch(() => {});
  await pass(clock, 10);
  await assert.rejects(late, isTimeoutError);
  controller.abort();
  await assert.rejects(leads, { name: 'AbortError' });
  assert.equal(await until(clock, heir), 'heir');
});
