// What operators change of a breaker's gates, and the events that tell of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock, isConfigError, isRequestError } from 'fusewire';
import { fresh, thrownBy, turn } from './support.mjs';

const BY = { actor: 'ops', reason: 'incident 7' };

function listened(options) {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker(fresh(), { clock, ...options });
  const events = [];
  breaker.on('policy', (event) => events.push(event));
  return { clock, breaker, events };
}

test('each change is an event with who, why and a sequence of its own', () => {
  const { breaker, clock, events } = listened({
    priority: {},
    rateLimit: { rate: 100 },
    bulkhead: { maxConcurrent: 10, maxQueue: 5 },
  });
  clock.advance(250);
  assert.equal(breaker.setMinPriority('high', BY), true);
  assert.equal(breaker.setRate(50, BY), true);
  assert.equal(breaker.setSlots({ maxConcurrent: 20, reserved: { critical: 5 } }, BY), true);
  assert.equal(breaker.close(BY), true);
  const common = { breaker: breaker.name, generation: 0, at: 250, ...BY, missed: 0 };
  assert.deepEqual(events, [
    { ...common, kind: 'min_priority', from: 'bulk', to: 'high', sequence: 1 },
    { ...common, kind: 'rate', from: 100, to: 50, sequence: 2 },
    {
      ...common,
      kind: 'slots',
      from: { maxConcurrent: 10, reserved: {} },
      to: { maxConcurrent: 20, reserved: { critical: 5 } },
      sequence: 3,
    },
    { ...common, kind: 'close', from: null, to: null, sequence: 4 },
  ]);
});

test('what is already so is no change', () => {
  const { breaker, events } = listened({ priority: { min: 'low' }, rateLimit: {}, concurrencyLimit: { initial: 20 } });
  assert.deepEqual(
    [breaker.setMinPriority(25), breaker.setRate(100), breaker.setLimit(20), breaker.close(), breaker.close()],
    [false, false, false, true, false],
  );
  assert.deepEqual(events.map(({ kind, actor, reason }) => [kind, actor, reason]), [['close', null, null]]);
});

test('what was changed by hand is in force', async () => {
  const { breaker } = listened({ priority: {}, rateLimit: { rate: 10, burst: 50 }, concurrencyLimit: { initial: 20 } });
  breaker.setMinPriority('normal');
  assert.equal(breaker.tryAcquire({ priority: 'low' }), null);
  breaker.setLimit(5);
  assert.equal(breaker.snapshot().bulkhead.limit, 5);
  breaker.setRate(20);
  assert.equal(breaker.snapshot().rateLimit.rate, 20);
  breaker.close();
  await assert.rejects(breaker.execute(() => 1), { reason: 'closed', retryAfter: null });
});

test('a breaker that its lane decides alone is closed for good all the same', async () => {
  const breaker = new CircuitBreaker(fresh());
  for (let i = 0; i < 100; i++) await breaker.execute(async () => i);
  const permit = breaker.acquire();
  breaker.close();
  await assert.rejects(breaker.execute(() => 1), { reason: 'closed' });
  assert.throws(() => breaker.executeSync(() => 1), { reason: 'closed' });
  assert.equal(breaker.tryAcquire(), null);
  await assert.rejects(breaker.acquire({}), { reason: 'closed' });
  assert.equal(permit.success(), 'ok');
  assert.equal(breaker.snapshot().totals.success, 101);
});

test('slots by hand: what is left out stays, and levels that are left out have none', () => {
  const { breaker, events } = listened({ bulkhead: { maxConcurrent: 10, reserved: { high: 2 } } });
  breaker.setSlots({ reserved: { critical: 1 } });
  breaker.setSlots({ maxConcurrent: 8 });
  assert.deepEqual(events.map(({ to }) => to), [
    { maxConcurrent: 10, reserved: { critical: 1 } },
    { maxConcurrent: 8, reserved: {} },
  ]);
});

test('a wrong change is refused in the words of options, and changes nothing', () => {
  const { breaker, events } = listened({
    priority: {},
    rateLimit: { rate: 10, adaptive: { min: 5, max: 20 } },
    bulkhead: { maxConcurrent: 10 },
  });
  for (const [act, key] of [
    [() => breaker.setSlots({ maxConcurrent: 0 }), 'maxConcurrent'],
    [() => breaker.setSlots({ reserved: { critical: 11 } }), 'reserved'],
    [() => breaker.setSlots({ reserved: { urgent: 1 } }), 'reserved.urgent'],
    [() => breaker.setRate(30), 'rate'],
    [() => breaker.setRate(NaN), 'rate'],
    [() => breaker.setLimit(5), 'concurrencyLimit'],
  ]) {
    const error = thrownBy(act);
    assert.ok(isConfigError(error), String(error));
    assert.equal(error.key, key, error.message);
    assert.ok(error.message.includes(error.allowed) && !error.message.includes('max_concurrent'), error.message);
  }
  assert.throws(() => breaker.setMinPriority('urgent'), isRequestError);
  for (const act of [
    () => breaker.setLimit(2.5),
    () => breaker.setLimit('5'),
    () => breaker.setRate('5'),
    () => breaker.setSlots(null),
    () => breaker.close('me'),
    () => breaker.setMinPriority('low', { actor: 5 }),
  ]) {
    assert.throws(act, { code: 'ERR_INVALID_ARG_TYPE' });
  }
  assert.deepEqual(events, []);
});

test('a breaker without the policy says which one it lacks', () => {
  const breaker = new CircuitBreaker(fresh());
  for (const [act, key] of [
    [() => breaker.setMinPriority('low'), 'priority'],
    [() => breaker.setSlots({ maxConcurrent: 5 }), 'bulkhead'],
    [() => breaker.setRate(5), 'rateLimit'],
    [() => breaker.setLimit(5), 'concurrencyLimit'],
  ]) {
    const error = thrownBy(act);
    assert.deepEqual([error.code, error.key], ['ERR_CIRCUIT_CONFIG', key]);
  }
});

test('a rate that changes by itself names nobody', () => {
  const { breaker, clock, events } = listened({
    failureThreshold: 1000,
    rateLimit: { rate: 100, burst: 100, adaptive: { cooldown: 1000, scale: 2 } },
  });
  for (let i = 0; i < 20; i++) breaker.acquire().failure();
  clock.advance(1000);
  breaker.acquire().success();
  assert.deepEqual(events.map(({ kind, from, to, actor }) => [kind, from, to, actor]), [['rate', 100, 50, null]]);
});

test('events of policies and of transitions do not disturb each other', async () => {
  const { breaker, events } = listened({ priority: {} });
  const transitions = [];
  const keep = ({ to }) => transitions.push(to);
  breaker.on('stateChange', keep);
  breaker.trip();
  breaker.setMinPriority('low');
  breaker.off('stateChange', keep);
  breaker.reset();
  breaker.setMinPriority('high');
  breaker.removeAllListeners('policy');
  breaker.setMinPriority('critical');
  await turn();
  assert.deepEqual(transitions, ['open']);
  assert.deepEqual(events.map(({ to, generation }) => [to, generation]), [['low', 1], ['high', 2]]);
});
