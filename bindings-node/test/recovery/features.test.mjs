// Parts of a dependency that are let in and turned away each by itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock, circuitBreaker, isRequestError } from 'fusewire';
import { boom, fresh } from '../support.mjs';

const FEATURES = {
  read_all: { priority: 100, required: true, testDuration: 1000 },
  'write-some': { priority: 50, requires: ['read_all'], testDuration: 1000 },
};

function recovering() {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker(fresh(), { features: FEATURES, recoveryTimeout: 5000, halfOpenMaxCalls: 1, successThreshold: 1, clock });
  breaker.trip();
  clock.advance(5000);
  return { clock, breaker };
}

test('names of features, methods and rungs stay as they are written; lengths of time are milliseconds', () => {
  const breaker = new CircuitBreaker(fresh(), {
    features: FEATURES,
    retry: { perMethod: { GET: 2, purge_all: 3 } },
    fallback: ['on_call', 'B'],
    fallbacks: { on_call: 1, B: 2 },
  });
  const { features, retry, fallback } = JSON.parse(breaker.document());
  assert.deepEqual(Object.keys(features), ['read_all', 'write-some']);
  assert.equal(features.read_all.test_duration, '1s');
  assert.equal(retry.per_method.purge_all, 3);
  assert.deepEqual(fallback, ['on_call', 'B']);
  assert.deepEqual(Object.keys(breaker.snapshot().features), ['read_all', 'write-some']);
});

test('an option of a feature that is wrong is named by its path', () => {
  for (const [feature, key] of [
    [{ minHealth: 2 }, 'features.read_all.minHealth'],
    [{ testDuration: 'soon' }, 'features.read_all.testDuration'],
    [{ requires: ['gone'] }, 'features.read_all.requires'],
  ]) {
    assert.throws(() => new CircuitBreaker(fresh(), { features: { read_all: feature } }), { key });
  }
});

test('after an opening features come back one after the other, and each is an event', async () => {
  const { clock, breaker } = recovering();
  const events = [];
  breaker.on('policy', ({ kind, feature, to, cause }) => events.push([kind, feature, to, cause]));
  await breaker.execute(async () => 1);
  assert.equal(breaker.state, 'closed');
  const refused = await breaker.execute(async () => 1, { feature: 'write-some' }).catch((error) => error);
  assert.equal(refused.reason, 'feature_disabled');
  await breaker.execute(async () => 1, { feature: 'read_all' });
  clock.advance(1000);
  breaker.poll();
  assert.deepEqual(events, [
    ['feature', 'read_all', 'testing', 'recovery'],
    ['feature', 'read_all', 'enabled', 'passed'],
    ['feature', 'write-some', 'testing', 'recovery'],
  ]);
  const { health, state } = breaker.snapshot().features['write-some'];
  assert.deepEqual([health, state], [null, 'testing']);
});

test('a required feature that fails its test opens the breaker again', async () => {
  const { clock, breaker } = recovering();
  await breaker.execute(async () => 1);
  for (let i = 0; i < 2; i++) await breaker.execute(async () => boom(), { feature: 'read_all' }).catch(() => {});
  clock.advance(2000);
  breaker.poll();
  clock.advance(2000);
  breaker.poll();
  assert.deepEqual([breaker.state, breaker.snapshot().last.cause], ['open', 'feature_failed']);
});

test('a wrapped function says its feature, and one that there is not is refused', async () => {
  const ask = circuitBreaker(async (feature) => feature, { name: fresh(), features: FEATURES, feature: (name) => name });
  assert.equal(await ask('read_all'), 'read_all');
  await assert.rejects(ask('gone'), isRequestError);
  const without = new CircuitBreaker(fresh());
  await assert.rejects(without.execute(async () => 1, { feature: 'read_all' }), { field: 'feature' });
  assert.equal(ask.breaker.snapshot().features.read_all.successes, 1);
});
