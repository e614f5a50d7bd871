// Permits: settled once, by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock } from 'fusewire';
import { fresh, thrownBy } from './support.mjs';

const totals = (breaker) => {
  const { success, failure, ignored, late } = breaker.snapshot().totals;
  return { success, failure, ignored, late };
};

// The first call of a thread is timed, the ones after it are not: both ways through the breaker.
const both = (name, body) => {
  test(name, () => body((breaker) => breaker.acquire()));
  test(`${name}: not timed`, () =>
    body((breaker) => {
      breaker.acquire().ignore();
      breaker.acquire().ignore();
      return breaker.acquire();
    }));
};

both('a permit settles as success', (acquire) => {
  const breaker = new CircuitBreaker(fresh());
  const permit = acquire(breaker);
  assert.equal(permit.breaker, breaker);
  assert.equal(permit.wouldReject, null);
  assert.equal(permit.success(), 'ok');
  assert.equal(totals(breaker).success, 1);
});

both('a permit settles as failure, with the type of the error', (acquire) => {
  const breaker = new CircuitBreaker(fresh());
  assert.equal(acquire(breaker).failure(Object.assign(new Error(), { code: 'ECONNREFUSED' })), 'ok');
  assert.equal(totals(breaker).failure, 1);
  assert.equal(breaker.snapshot().lastFailure.errorType, 'ECONNREFUSED');
  acquire(breaker).failure();
  assert.equal(breaker.snapshot().lastFailure.errorType, null);
});

both('a permit settles as ignored', (acquire) => {
  const breaker = new CircuitBreaker(fresh());
  const permit = acquire(breaker);
  const before = totals(breaker).ignored;
  assert.equal(permit.ignore(), 'ok');
  assert.equal(totals(breaker).ignored, before + 1);
});

both('settling twice changes nothing', (acquire) => {
  for (const first of ['success', 'failure', 'ignore']) {
    const breaker = new CircuitBreaker(fresh());
    const permit = acquire(breaker);
    permit[first]();
    const before = totals(breaker);
    for (const again of ['success', 'failure', 'ignore']) assert.equal(permit[again](), 'already_settled');
    assert.equal(permit.settle('failure', { duration: 5 }), 'already_settled');
    permit[Symbol.dispose]();
    assert.deepEqual(totals(breaker), before);
  }
});

both('a permit of an earlier generation is late', (acquire) => {
  for (const how of ['success', 'failure', 'ignore']) {
    const breaker = new CircuitBreaker(fresh());
    const permit = acquire(breaker);
    breaker.trip();
    breaker.reset();
    assert.equal(permit[how](), 'late');
    assert.equal(totals(breaker).late, 1);
    assert.equal(breaker.snapshot().consecutiveFailures, 0);
  }
});

test('settle() takes a duration that somebody else measured, and a type', () => {
  const breaker = new CircuitBreaker(fresh(), { slowCallDuration: 100 });
  assert.equal(breaker.acquire().settle('success', { duration: 150 }), 'ok');
  assert.equal(breaker.acquire().settle('failure', { duration: 50, errorType: 'mine' }), 'ok');
  const { totals, durations, lastFailure } = breaker.snapshot();
  assert.equal(totals.slow, 1);
  assert.equal(durations.byOutcome.success.sum, 150);
  assert.equal(durations.byOutcome.failure.sum, 50);
  assert.equal(lastFailure.errorType, 'mine');
});

test('settle() refuses what it does not know, and the permit stays', () => {
  const breaker = new CircuitBreaker(fresh());
  const permit = breaker.acquire();
  for (const outcome of ['sucess', 'abandoned', 'already_settled', undefined, null, 0, 'toString']) {
    assert.equal(thrownBy(() => permit.settle(outcome)).code, 'ERR_INVALID_ARG_TYPE');
  }
  for (const duration of ['5', NaN, {}, null]) {
    assert.match(
      thrownBy(() => permit.settle('success', { duration })).message,
      /duration must be a number of milliseconds/,
    );
  }
  assert.match(thrownBy(() => permit.settle('failure', { errorType: 5 })).message, /errorType must be a string/);
  assert.deepEqual(totals(breaker), { success: 0, failure: 0, ignored: 0, late: 0 });
  assert.equal(permit.settle('success', { duration: -1 }), 'ok');
  assert.equal(breaker.snapshot().durations.byOutcome.success.sum, 0);
});

test('a permit that is let go is ignored', () => {
  const breaker = new CircuitBreaker(fresh());
  breaker.acquire()[Symbol.dispose]();
  assert.deepEqual(totals(breaker), { success: 0, failure: 0, ignored: 1, late: 0 });
});

test('a permit that is let go after cancelledAfter is a timeout', () => {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker(fresh(), { cancelledAfter: 1000, clock });
  const [soon, late, reported] = [breaker.acquire(), breaker.acquire(), breaker.acquire()];
  clock.advance(999);
  soon[Symbol.dispose]();
  clock.advance(1);
  late[Symbol.dispose]();
  reported.ignore();
  assert.deepEqual(totals(breaker), { success: 0, failure: 1, ignored: 2, late: 0 });
  assert.equal(breaker.snapshot().lastFailure.errorType, 'timeout');
});

test('a probe that is let go gives its place back', () => {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker(fresh(), { halfOpenMaxCalls: 1, clock });
  breaker.trip(1000);
  clock.advance(1000);
  const probe = breaker.acquire();
  assert.equal(breaker.tryAcquire(), null);
  assert.equal(breaker.snapshot().halfOpen.inFlight, 1);
  probe[Symbol.dispose]();
  assert.equal(breaker.acquire().success(), 'ok');
  assert.equal(breaker.state, 'closed');
});

test('a probe that is not settled in time expires', () => {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker(fresh(), { halfOpenMaxCalls: 1, halfOpenTimeout: 500, clock });
  breaker.halfOpen();
  const probe = breaker.acquire();
  clock.advance(500);
  breaker.poll();
  assert.equal(breaker.state, 'open');
  assert.equal(breaker.snapshot().last.cause, 'probe_expired');
  assert.equal(probe.success(), 'late');
});

test('in shadow a permit says why it would not have been given', () => {
  const breaker = new CircuitBreaker(fresh(), { mode: 'shadow', failureThreshold: 1 });
  const permit = breaker.acquire();
  assert.equal(permit.wouldReject, null);
  permit.failure();
  const marked = breaker.acquire();
  assert.equal(marked.wouldReject, 'open');
  assert.equal(marked.success(), 'ok');
  assert.equal(breaker.snapshot().totals.wouldReject.open, 1);
});
