// What decides how a call ended: ignore, then isFailure or isFailureResult.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, isCircuitOpenError } from 'fusewire';
import { boom, fresh, warningsOf } from './support.mjs';

const throwing = (error) => () => {
  throw error;
};
const settled = (breaker) => {
  const { success, failure, ignored } = breaker.snapshot().totals;
  return [success, failure, ignored];
};

// A table for each way a call can be made.
const ways = {
  execute: (breaker, fn) => breaker.execute(async () => fn()).catch(() => {}),
  'execute with a signal': (breaker, fn) =>
    breaker.execute(async () => fn(), { signal: new AbortController().signal }).catch(() => {}),
  executeSync: async (breaker, fn) => {
    try {
      breaker.executeSync(fn);
    } catch {}
  },
};

for (const [way, call] of Object.entries(ways)) {
  test(`${way}: without rules errors are failures and values are successes`, async () => {
    const breaker = new CircuitBreaker(fresh());
    await call(breaker, boom);
    await call(breaker, () => new Error('returned, not thrown'));
    assert.deepEqual(settled(breaker), [1, 1, 0]);
  });

  test(`${way}: ignore comes before isFailure`, async () => {
    const asked = [];
    const breaker = new CircuitBreaker(fresh(), {
      ignore: (error) => asked.push('ignore') && error.kind === 'ignored',
      isFailure: (error) => asked.push('isFailure') && error.kind === 'failure',
      failureThreshold: 100,
    });
    for (const kind of ['ignored', 'failure', 'neither']) await call(breaker, throwing({ kind }));
    assert.deepEqual(asked, ['ignore', 'ignore', 'isFailure', 'ignore', 'isFailure']);
    assert.deepEqual(settled(breaker), [1, 1, 1]);
  });

  test(`${way}: isFailureResult makes a failure of a value, which the caller gets all the same`, async () => {
    const breaker = new CircuitBreaker(fresh(), { isFailureResult: ({ status }) => status >= 500 });
    await call(breaker, () => ({ status: 200 }));
    await call(breaker, () => ({ status: 503 }));
    assert.deepEqual(settled(breaker), [1, 1, 0]);
    if (way === 'execute') assert.deepEqual(await breaker.execute(async () => ({ status: 503 })), { status: 503 });
  });

  test(`${way}: a predicate that throws is reported, and the call counts as without it`, async () => {
    const hostile = { toString: boom, get message() { return boom(); } }; // prettier-ignore
    for (const thrown of [new Error('in the predicate'), undefined, Object.create(null), hostile]) {
      const predicate = throwing(thrown);
      const breaker = new CircuitBreaker(fresh(), {
        ignore: predicate,
        isFailure: predicate,
        isFailureResult: predicate,
        errorType: predicate,
        failureThreshold: 100,
      });
      const { warnings } = await warningsOf(async () => {
        await call(breaker, boom);
        await call(breaker, () => 1);
      });
      assert.deepEqual(settled(breaker), [1, 1, 0]);
      assert.equal(warnings.length, 4);
      assert.ok(warnings.every((text) => text.includes(breaker.name)));
      assert.equal(breaker.snapshot().lastFailure.errorType, 'Error');
    }
  });
}

test('an async predicate is reported: its promise says nothing', async () => {
  const breaker = new CircuitBreaker(fresh(), { isFailure: async () => false, ignore: async () => boom() });
  const { warnings } = await warningsOf(() => breaker.execute(boom).catch(() => {}));
  assert.deepEqual(settled(breaker), [0, 1, 0]);
  assert.equal(warnings.length, 2);
  assert.match(warnings[0], /must answer at once/);
});

test('what only looks like an answer counts as one', async () => {
  const breaker = new CircuitBreaker(fresh(), { isFailure: (error) => error.message, failureThreshold: 100 });
  await breaker.execute(boom).catch(() => {});
  await breaker.execute(throwing(new Error(''))).catch(() => {});
  assert.deepEqual(settled(breaker), [1, 1, 0]);
});

test('the type of an error is its code, or its name', async () => {
  const breaker = new CircuitBreaker(fresh(), { failureThreshold: 100 });
  const typeOf = async (error) => {
    await breaker.execute(throwing(error)).catch(() => {});
    return breaker.snapshot().lastFailure.errorType;
  };
  assert.equal(await typeOf(Object.assign(new Error(), { code: 'ECONNRESET' })), 'ECONNRESET');
  assert.equal(await typeOf(new TypeError()), 'TypeError');
  assert.equal(await typeOf(new DOMException('', 'TimeoutError')), 'TimeoutError');
  assert.equal(await typeOf('text'), null);
  assert.equal(await typeOf(null), null);
});

test('errorType gives the type, a number as text', async () => {
  const breaker = new CircuitBreaker(fresh(), { errorType: (error) => error.status, failureThreshold: 100 });
  const typeOf = async (status) => {
    await breaker.execute(throwing({ status })).catch(() => {});
    return breaker.snapshot().lastFailure.errorType;
  };
  assert.equal(await typeOf('bad'), 'bad');
  assert.equal(await typeOf(503), '503');
  assert.equal(await typeOf(undefined), null);
  assert.equal(await typeOf({}), null);
  assert.match(breaker.metrics(), /circuit_breaker_failures_total\{service="[^"]+",error_type="503"\} 1/);
});

test('the error of an inner breaker counts as any other, unless it is ignored', async () => {
  const inner = new CircuitBreaker(fresh(), { mode: 'forced_open' });
  const outer = new CircuitBreaker(fresh(), { ignore: isCircuitOpenError });
  await assert.rejects(
    outer.execute(() => inner.execute(() => 1)),
    isCircuitOpenError,
  );
  assert.deepEqual(settled(outer), [0, 0, 1]);
});
