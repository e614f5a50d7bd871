// Error types, which cross to the core by number, and as texts when there are too many.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker } from 'fusewire';
import { fresh, require, root } from './support.mjs';

const { numberOf } = require(`${root}/dist/error-types.js`);
const LONG = 'x'.repeat(70);
const HALF = 'half a \ud83d';

/** Failures by type, as the metrics tell them, and the last one's. */
function counted(types) {
  const breaker = new CircuitBreaker(fresh(), { errorType: ({ type }) => type, failureThreshold: 1_000 });
  for (const type of types) {
    assert.throws(() =>
      breaker.executeSync(() => {
        throw { type };
      }),
    );
    breaker.acquire().settle('failure', { errorType: type });
  }
  const lines = breaker.metrics().matchAll(/failures_total\{[^}]*error_type="([^"]*)"\} (\d+)/g);
  const { lastFailure, totals } = breaker.snapshot();
  return { byType: Object.fromEntries([...lines].map(([, type, n]) => [type, Number(n)])), lastFailure, totals };
}

const TYPES = ['ECONNRESET', 'a', 'a', 'ä€😀', LONG, `${LONG}y`, HALF, ''];
const EXPECTED = { ECONNRESET: 2, a: 4, 'ä€😀': 2, [LONG.slice(0, 64)]: 4, 'half a �': 2, other: 2 };

test('failures are counted by type, whether it has a number, is too long for one or none at all', () => {
  const { byType, lastFailure, totals } = counted(TYPES);
  assert.deepEqual(byType, EXPECTED);
  assert.equal(lastFailure.errorType, null);
  assert.equal(totals.failure, 16);
  assert.ok(numberOf('a') > 0 && numberOf('a') !== numberOf('ECONNRESET'));
  assert.deepEqual([numberOf(LONG), numberOf(HALF)], [0, 0]);
});

test('a failure without a type after one with a type has none', () => {
  const breaker = new CircuitBreaker(fresh());
  breaker.acquire().settle('failure', { errorType: 'a' });
  breaker.acquire().settle('failure');
  assert.equal(breaker.snapshot().lastFailure.errorType, null);
});

test('only so many types get a number, and those beyond are counted the same', () => {
  const known = numberOf('a');
  const numbers = Array.from({ length: 1_000 }, (_, i) => numberOf(`type ${i}`));
  const given = numbers.filter((number) => number > 0);
  assert.equal(new Set(given).size, given.length);
  assert.ok(given.length > 200 && Math.max(...given) === 256, String(given.length));
  assert.deepEqual([numberOf('a'), numberOf('a late one')], [known, 0]);
  const late = counted([...TYPES, 'a late one', 'type 999', 'type 0']);
  assert.deepEqual(late.byType, { ...EXPECTED, 'a late one': 2, 'type 999': 2, 'type 0': 2 });
  assert.equal(late.lastFailure.errorType, 'type 0');
});
