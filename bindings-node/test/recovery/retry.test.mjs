// Calls that are tried once more, and what comes of those that fail for good.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock, circuitBreaker, isCircuitOpenError, recoveryOf } from 'fusewire';
import { boom, fresh, turn, warningsOf } from '../support.mjs';
import { failing, until } from './passing.mjs';

const RETRY = { maxAttempts: 3, backoff: { base: 10, multiplier: 2, jitter: 0 } };

function made(options = {}) {
  const clock = new ManualClock();
  return { clock, breaker: new CircuitBreaker(fresh(), { retry: RETRY, failureThreshold: 100, clock, ...options }) };
}

/** Fails so often, with that error, and answers how often it was called then. */
function failsTimes(times, error) {
  let calls = 0;
  return Object.assign(async () => {
    if (++calls <= times) throw error;
    return calls;
  }, { calls: () => calls });
}

test('a call that fails is tried again after its wait, and answers what the last attempt did', async () => {
  const { clock, breaker } = made();
  const fn = failsTimes(2, failing('ECONNRESET'));
  assert.equal(await until(clock, breaker.execute(fn)), 3);
  assert.equal(clock.now() >= 30, true);
  const { totals, retry } = breaker.snapshot();
  assert.deepEqual([totals.success, totals.failure, retry.retries.network_error], [1, 2, 2]);
});

test('the last attempt that fails rejects with its own error, unchanged, and what led to it is told', async () => {
  const { clock, breaker } = made();
  const error = failing('ECONNREFUSED');
  const keys = Reflect.ownKeys(error);
  const caught = await until(clock, breaker.execute(failsTimes(9, error))).catch((e) => e);
  assert.equal(caught, error);
  assert.deepEqual(Reflect.ownKeys(caught), keys);
  assert.deepEqual(recoveryOf(error), { attempts: 3, rejection: null, rungs: [] });
  assert.equal(recoveryOf(new Error('another')), undefined);
});

test('a function is tried again as it was called, with this and arguments', async () => {
  const clock = new ManualClock();
  let calls = 0;
  const ask = circuitBreaker(
    async function (a, b) {
      if (++calls < 2) throw failing('ETIMEDOUT');
      return [this.name, a, b];
    },
    { name: fresh(), retry: RETRY, clock },
  );
  assert.deepEqual(await until(clock, ask.call({ name: 'me' }, 1, 2)), ['me', 1, 2]);
});

test('what an error is to a retry is told by its code, that of its cause, its name or its status', async () => {
  for (const [error, attempts] of [
    [failing('ECONNRESET'), 3],
    [failing('UND_ERR_HEADERS_TIMEOUT'), 3],
    [Object.assign(new TypeError('fetch failed'), { cause: failing('ENOTFOUND') }), 3],
    [new DOMException('late', 'TimeoutError'), 3],
    [Object.assign(new Error('busy'), { status: 503 }), 3],
    [Object.assign(new Error('busy'), { statusCode: 429 }), 3],
    [Object.assign(new Error('busy'), { response: { status: 504 } }), 3],
    [Object.assign(new Error('wrong'), { status: 404 }), 1],
    [Object.assign(new Error('wrong'), { status: 500 }), 1],
    [new Error('of whatever kind'), 1],
    ['a text', 1],
    [undefined, 1],
  ]) {
    const { clock, breaker } = made();
    const fn = failsTimes(9, error);
    await until(clock, breaker.execute(fn)).catch(() => {});
    assert.equal(fn.calls(), attempts, String(error));
  }
});

test('who knows better says of which type an error is', async () => {
  const { clock, breaker } = made({ errorType: (error) => (error.message === 'busy' ? 'too_many_requests' : undefined) });
  const fn = failsTimes(1, new Error('busy'));
  assert.equal(await until(clock, breaker.execute(fn)), 2);
  assert.match(breaker.metrics(), /error_type="too_many_requests"/);
});

test('an error of which who knows better says nothing is known by its code as without it', async () => {
  for (const errorType of [() => undefined, () => null, () => boom()]) {
    const { clock, breaker } = made({ errorType });
    const fn = failsTimes(1, failing('ECONNRESET'));
    await warningsOf(async () => assert.equal(await until(clock, breaker.execute(fn)), 2));
    assert.match(breaker.metrics(), /error_type="connection_reset"/);
    const plain = new CircuitBreaker(fresh(), { errorType });
    await warningsOf(() => assert.rejects(plain.execute(failsTimes(1, failing('ECONNRESET')))));
    assert.match(plain.metrics(), /error_type="ECONNRESET"/);
  }
});

test('an error that asks for time is given it', async () => {
  const soon = new Date(Date.now() + 3600_000).toUTCString();
  for (const [error, least, options] of [
    [Object.assign(failing('x'), { status: 503, headers: { 'retry-after': '2' } }), 2000],
    [Object.assign(failing('x'), { status: 429, response: { headers: new Headers({ 'Retry-After': '1' }) } }), 1000],
    [Object.assign(failing('x'), { status: 503, headers: { 'retry-after': soon } }), 3_000_000],
    [failing('ECONNRESET', { after: 500 }), 500, { retryAfter: (e) => e.after }],
    [Object.assign(failing('x'), { status: 503, headers: { 'retry-after': 'soon' } }), 10],
  ]) {
    const { clock, breaker } = made({ retry: { ...RETRY, maxElapsed: '2h' }, ...options });
    const promise = breaker.execute(failsTimes(1, error));
    await turn();
    clock.advance(least - 1);
    await turn();
    assert.equal(breaker.snapshot().totals.success, 0, `${least}`);
    clock.advance(10_000_000);
    await promise;
  }
});

test('ignored errors and those that are no failures are not tried again', async () => {
  for (const options of [{ ignore: () => true }, { isFailure: () => false }]) {
    const { breaker } = made(options);
    const fn = failsTimes(9, failing('ECONNRESET'));
    await assert.rejects(breaker.execute(fn), { code: 'ECONNRESET' });
    assert.equal(fn.calls(), 1);
  }
});

test('a value that is a failure is answered as it is when no attempt was better', async () => {
  const { breaker } = made({ isFailureResult: (value) => value === 'bad' });
  assert.equal(await breaker.execute(async () => 'bad'), 'bad');
  assert.equal(breaker.snapshot().totals.failure, 1);
});

test('methods have a number of attempts of their own, and a call may say that it is idempotent', async () => {
  for (const [request, attempts] of [
    [{ method: 'POST' }, 1],
    [{ method: 'POST', idempotent: true }, 3],
    [{ method: 'get' }, 5],
    [{ method: 'GET', idempotent: false }, 1],
    [{ idempotent: false }, 1],
    [{ method: 'PUT', idempotent: undefined }, 2],
    [{ method: 'PUT' }, 2],
    [{ method: 'GET' }, 5],
    [{}, 3],
  ]) {
    const { clock, breaker } = made();
    const fn = failsTimes(9, failing('ECONNRESET'));
    await until(clock, breaker.execute(fn, request)).catch(() => {});
    assert.equal(fn.calls(), attempts, JSON.stringify(request));
  }
});

test('a retry that is turned away rejects with the last error, and the rejection is told beside it', async () => {
  const { clock, breaker } = made({ failureThreshold: 1 });
  const error = failing('ECONNRESET');
  const caught = await until(clock, breaker.execute(failsTimes(9, error))).catch((e) => e);
  assert.equal(caught, error);
  const { attempts, rejection } = recoveryOf(error);
  assert.deepEqual([attempts, rejection.reason], [2, 'open']);
});

test('a call that never ran rejects with the rejection, and every listener hears of it', async () => {
  const { clock, breaker } = made({ retry: { ...RETRY, rejected: true, budget: false, maxElapsed: '2m' } });
  const heard = [];
  breaker.on('reject', ({ reason }) => heard.push(reason));
  breaker.trip(60_000);
  const promise = breaker.execute(async () => 1);
  await turn();
  clock.advance(60_010);
  await turn();
  // Its wait is over: the call is a probe.
  assert.equal(await promise, 1);
  assert.deepEqual(heard, ['open']);
  breaker.trip(60_000);
  const without = new CircuitBreaker(fresh(), { retry: RETRY, clock });
  without.trip();
  const caught = await without.execute(async () => 1).catch((error) => error);
  assert.ok(isCircuitOpenError(caught));
  assert.deepEqual(recoveryOf(caught), { attempts: 1, rejection: null, rungs: [] });
});

test('no retry goes beyond the budget', async () => {
  const { clock, breaker } = made({ retry: { ...RETRY, maxAttempts: 9, budget: { ratio: 0, minPerSecond: 0.5, window: '10s' } } });
  const fn = failsTimes(99, failing('ECONNRESET'));
  await until(clock, breaker.execute(fn)).catch(() => {});
  assert.equal(fn.calls(), 6);
  assert.equal(breaker.snapshot().retry.denied.budget, 1);
});

test('no attempt begins after the deadline, and one that goes on is cut off there', async () => {
  const { clock, breaker } = made();
  const fn = failsTimes(9, failing('ECONNRESET'));
  await until(clock, breaker.execute(fn, { deadline: 25 })).catch(() => {});
  assert.equal(fn.calls(), 2);
  const cut = await until(clock, breaker.execute(() => new Promise(() => {}), { deadline: clock.now() + 5 })).catch((e) => e);
  assert.deepEqual([cut.name, cut.timeout], ['TimeoutError', 5]);
});

test('a function that classifies and throws is reported, and the call ends as without it', async () => {
  const { clock, breaker } = made({
    errorType: () => {
      throw new Error('of its own');
    },
  });
  const { warnings } = await warningsOf(() => until(clock, breaker.execute(failsTimes(9, failing('x')))).catch(() => {}));
  assert.equal(warnings.length > 0, true);
  assert.equal(breaker.snapshot().totals.failure, 1);
});

test('a wait is longer when the process says that it is busy', async () => {
  const { clock, breaker } = made({ retry: { ...RETRY, backoff: { kind: 'resource_sensitive', base: 100, jitter: 0 } } });
  breaker.setUtilisation(1);
  const attempts = breaker.attempts();
  attempts.settle('failure', { errorType: 'timeout' });
  assert.deepEqual(attempts.next(), { kind: 'wait', milliseconds: 200 });
  clock.advance(200);
  assert.equal(attempts.next().kind, 'call');
  attempts[Symbol.dispose]();
  assert.throws(() => breaker.setUtilisation(2), { key: 'utilisation' });
});

test('a call that can be made only once is not tried again, whatever its method', async () => {
  const { clock, breaker } = made({ retry: { ...RETRY, on: ['timeout', 'unknown'] } });
  const fn = failsTimes(9, failing('ETIMEDOUT'));
  await until(clock, breaker.execute(fn, { method: 'GET', idempotent: true, once: true })).catch(() => {});
  assert.equal(fn.calls(), 1);
  const wrapped = breaker.wrap(fn, { method: 'GET', once: () => true });
  await until(clock, wrapped()).catch(() => {});
  assert.equal(fn.calls(), 2);
  await until(clock, breaker.execute(fn, { method: 'GET', once: false })).catch(() => {});
  assert.ok(fn.calls() > 3);
  assert.throws(() => breaker.tryAcquire({ once: 1 }), /options\.once/);
});
