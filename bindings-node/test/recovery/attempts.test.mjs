// Calls that are made step by step, by who waits and calls in a way of its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock, isRequestError } from 'fusewire';
import { fresh, run, thrownBy } from '../support.mjs';
import { settled } from './passing.mjs';

function made(options = {}) {
  const clock = new ManualClock();
  const retry = { maxAttempts: 3, backoff: { base: 10, jitter: 0 } };
  return { clock, breaker: new CircuitBreaker(fresh(), { retry, timeout: 50, clock, ...options }) };
}

const DONE = { kind: 'done', outcome: 'success', rung: null, attempts: 1, rejected: null, retryAfter: null, errorType: null };

test('it says what is to be done, one step after the other', () => {
  const { clock, breaker } = made();
  const attempts = breaker.attempts();
  assert.deepEqual(attempts.next(), { kind: 'call', attempt: 1, timeout: 50 });
  assert.equal(attempts.settle('failure', { errorType: 'connection_reset' }), 'ok');
  assert.deepEqual(attempts.next(), { kind: 'wait', milliseconds: 10 });
  clock.advance(4);
  assert.deepEqual(attempts.next(), { kind: 'wait', milliseconds: 6 });
  clock.advance(6);
  assert.deepEqual(attempts.next(), { kind: 'call', attempt: 2, timeout: 50 });
  assert.equal(attempts.settle('success'), 'ok');
  assert.deepEqual(attempts.next(), { ...DONE, attempts: 2 });
  assert.deepEqual(attempts.next(), { ...DONE, attempts: 2 });
});

test('a status and a hint are told beside the outcome', () => {
  const { breaker } = made();
  const attempts = breaker.attempts({ method: 'GET' });
  attempts.settle('failure', { status: 503, retryAfter: 700 });
  assert.deepEqual(attempts.next(), { kind: 'wait', milliseconds: 700 });
});

test('rungs are told by their names, and a failure may stand', () => {
  const { breaker } = made({ retry: { maxAttempts: 1 }, fallback: ['a', 'b'], fallbacks: { a: 1, b: 2 } });
  const attempts = breaker.attempts();
  attempts.settle('failure', { errorType: 'x' });
  assert.deepEqual(attempts.next(), { kind: 'use', rung: 'a' });
  attempts.answered(false);
  assert.deepEqual(attempts.next(), { kind: 'use', rung: 'b' });
  attempts.answered(true);
  assert.deepEqual(attempts.next(), { ...DONE, rung: 'b', errorType: 'x' });
  const standing = breaker.attempts();
  standing.settle('failure', { errorType: 'x', fallback: false });
  assert.deepEqual(standing.next(), { ...DONE, outcome: 'failure', errorType: 'x' });
});

test('a call that is turned away says why', () => {
  const { breaker } = made();
  breaker.trip(5000);
  const told = breaker.attempts().next();
  assert.deepEqual(told, { ...DONE, outcome: 'rejected', rejected: 'open', retryAfter: 5000 });
});

test('what is out of turn does nothing', () => {
  const { breaker } = made();
  const attempts = breaker.attempts();
  attempts.answered(true);
  assert.equal(attempts.settle('success'), 'ok');
  assert.equal(attempts.settle('failure'), null);
  assert.equal(settled(breaker.snapshot()), 1);
});

test('given up in the middle of an attempt, it drops that attempt\'s permit', () => {
  const { breaker } = made({ bulkhead: { maxConcurrent: 1 } });
  const attempts = breaker.attempts();
  assert.equal(breaker.snapshot().bulkhead.inFlight, 1);
  attempts[Symbol.dispose]();
  attempts[Symbol.dispose]();
  assert.equal(attempts.settle('success'), null);
  assert.equal(attempts.next().kind, 'done');
  const { bulkhead, totals } = breaker.snapshot();
  assert.deepEqual([bulkhead.inFlight, totals.ignored], [0, 1]);
});

test('what is collected gives back what it holds', async () => {
  const script = `
    import { CircuitBreaker } from 'fusewire';
    const breaker = new CircuitBreaker('a', { retry: {}, bulkhead: { maxConcurrent: 1 } });
    (() => breaker.attempts())();
    for (let i = 0; i < 100 && breaker.snapshot().bulkhead.inFlight > 0; i++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    console.log(breaker.snapshot().bulkhead.inFlight);`;
  assert.equal(await run(script, '--expose-gc'), '0');
});

test('what cannot be is refused', () => {
  const { breaker } = made();
  assert.ok(isRequestError(thrownBy(() => breaker.attempts({ cost: 0 }))));
  assert.equal(thrownBy(() => breaker.attempts({ feature: 'x' })).field, 'feature');
  for (const request of [{ method: 1 }, { key: 1 }, { idempotent: 1 }, { feature: 1 }, { unknown: 1 }]) {
    assert.throws(() => breaker.attempts(request), { code: 'ERR_INVALID_ARG_TYPE' });
  }
  const attempts = breaker.attempts();
  assert.throws(() => attempts.settle('good'), { code: 'ERR_INVALID_ARG_TYPE' });
  for (const details of [{ errorType: 1 }, { status: 1 }, { retryAfter: 'soon' }, { duration: NaN }]) {
    assert.throws(() => attempts.settle('failure', details), { code: 'ERR_INVALID_ARG_TYPE' });
  }
  attempts[Symbol.dispose]();
});
