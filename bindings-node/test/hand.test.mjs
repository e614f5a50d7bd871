// What operators do by hand, and what they read.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { CircuitBreaker, ManualClock, contentType, isCircuitOpenError } from 'fusewire';
import { boom, fresh, thrownBy } from './support.mjs';

const watched = (options) => {
  const breaker = new CircuitBreaker(fresh(), options);
  const events = [];
  breaker.on('stateChange', ({ from, to, cause, actor, reason }) => events.push([from, to, cause, actor, reason]));
  return { breaker, events };
};

test('trip, halfOpen and reset work from every state, and say who and why', () => {
  const { breaker, events } = watched();
  const by = { actor: 'alice', reason: 'maintenance' };
  breaker.trip(undefined, by);
  breaker.trip(5000, { actor: 'bob' });
  breaker.halfOpen({ reason: 'try' });
  breaker.halfOpen();
  breaker.reset(by);
  breaker.reset();
  assert.deepEqual(events, [
    ['closed', 'open', 'manual', 'alice', 'maintenance'],
    ['open', 'open', 'manual', 'bob', null],
    ['open', 'half_open', 'manual', null, 'try'],
    ['half_open', 'half_open', 'manual', null, null],
    ['half_open', 'closed', 'reset', 'alice', 'maintenance'],
    ['closed', 'closed', 'reset', null, null],
  ]);
  assert.equal(breaker.snapshot().generation, 6);
});

test('trip takes milliseconds, a text, or nothing', () => {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker(fresh(), { recoveryTimeout: 7000, clock });
  for (const [given, lasts] of [
    [undefined, 7000],
    [null, 7000],
    [1500, 1500],
    ['2m', 120_000],
    [1000 / 3, 333.333333],
  ]) {
    breaker.reset();
    breaker.trip(given);
    assert.equal(breaker.snapshot().retryAfter, lasts);
  }
});

test('a wrong duration is refused, and nothing happens', () => {
  const breaker = new CircuitBreaker(fresh());
  for (const given of [0, 0.5, -1, NaN, Infinity, 1e30, '5', '5d']) {
    const error = thrownBy(() => breaker.trip(given));
    assert.deepEqual([error.code, error.key], ['ERR_CIRCUIT_CONFIG', 'duration']);
    assert.match(error.message, /1ms\.\.=168h/);
  }
  for (const given of [true, {}, { actor: 'me' }, 5n]) {
    assert.match(thrownBy(() => breaker.trip(given)).message, /duration must be milliseconds/);
  }
  assert.equal(breaker.state, 'closed');
});

test('a wrong actor is refused, and nothing happens', () => {
  const breaker = new CircuitBreaker(fresh());
  for (const by of [null, 5, 'alice']) {
    for (const act of [
      () => breaker.trip(null, by),
      () => breaker.reset(by),
      () => breaker.halfOpen(by),
      () => breaker.setMode('shadow', by),
      () => breaker.reconfigure({}, by),
      () => breaker.reconfigureDocument({}, by),
    ]) {
      assert.match(thrownBy(act).message, /by must be an object such as/);
    }
  }
  assert.match(thrownBy(() => breaker.trip(null, { actor: 5 })).message, /by\.actor must be a string/);
  assert.equal(breaker.snapshot().generation, 0);
});

test('long texts are cut at a character', () => {
  const { breaker, events } = watched();
  breaker.trip(null, { actor: 'ä'.repeat(40), reason: 'ö'.repeat(200) });
  assert.deepEqual(events[0].slice(3), ['ä'.repeat(32), 'ö'.repeat(128)]);
});

test('forced modes decide, and the machine stands still', () => {
  const { breaker, events } = watched({ failureThreshold: 1 });
  breaker.setMode('forced_open', { actor: 'alice' });
  assert.equal(breaker.mode, 'forced_open');
  assert.equal(thrownBy(() => breaker.executeSync(() => 1)).reason, 'forced_open');
  breaker.setMode('forced_open');
  breaker.setMode('forced_closed');
  assert.throws(() => breaker.executeSync(boom), /boom/);
  assert.equal(breaker.state, 'closed');
  assert.equal(
    breaker.executeSync(() => 1),
    1,
  );
  breaker.setMode('auto');
  assert.deepEqual(
    events.map(([from, to, cause]) => [from, to, cause]),
    Array(3).fill(['closed', 'closed', 'mode']),
  );
  assert.equal(events[0][3], 'alice');
  assert.throws(() => breaker.executeSync(boom), /boom/);
  assert.equal(breaker.state, 'open');
});

test('shadow admits what it would reject, and counts it', async () => {
  const breaker = new CircuitBreaker(fresh(), { mode: 'shadow', failureThreshold: 1 });
  await assert.rejects(breaker.execute(boom), /boom/);
  assert.equal(breaker.state, 'open');
  assert.equal(await breaker.execute(() => 'admitted'), 'admitted');
  assert.equal(breaker.snapshot().totals.wouldReject.open, 1);
});

test('an unknown mode is refused', () => {
  const breaker = new CircuitBreaker(fresh());
  for (const mode of ['forced-open', 'forcedOpen', '', undefined, null, 5, Symbol('auto')]) {
    assert.match(
      thrownBy(() => breaker.setMode(mode)).message,
      /mode must be 'auto', 'shadow', 'forced_open' or 'forced_closed'/,
    );
  }
});

test('reconfigure swaps the rules and keeps what classifies', () => {
  const { breaker, events } = watched({ failureThreshold: 5, ignore: (error) => error.message === 'ignored' });
  assert.equal(breaker.reconfigure({ failureThreshold: 5 }), false);
  assert.equal(breaker.reconfigure({ failureThreshold: 1 }, { actor: 'alice' }), true);
  assert.deepEqual(events, [['closed', 'closed', 'reconfigured', 'alice', null]]);
  assert.throws(() => breaker.executeSync(() => { throw new Error('ignored'); })); // prettier-ignore
  assert.equal(breaker.state, 'closed');
  assert.throws(() => breaker.executeSync(boom));
  assert.equal(breaker.state, 'open');
});

test('reconfigure refuses as the constructor does, and nothing happens', () => {
  const breaker = new CircuitBreaker(fresh());
  const before = breaker.document();
  assert.equal(thrownBy(() => breaker.reconfigure({ recoveryTimeout: 0.5 })).key, 'recoveryTimeout');
  assert.equal(thrownBy(() => breaker.reconfigure(null)).code, 'ERR_INVALID_ARG_TYPE');
  assert.equal(thrownBy(() => breaker.reconfigureDocument({ recovery_timeout: 0 })).key, 'recovery_timeout');
  assert.equal(thrownBy(() => breaker.reconfigureDocument(undefined)).code, 'ERR_INVALID_ARG_TYPE');
  assert.equal(breaker.document(), before);
  assert.equal(breaker.reconfigureDocument('{"failure_threshold": 9}'), true);
  assert.equal(JSON.parse(breaker.document()).failure_threshold, 9);
});

test('poll carries out what is due', () => {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker(fresh(), { clock });
  breaker.trip(1000);
  clock.advance(1000);
  assert.deepEqual([breaker.state, breaker.snapshot().storedState], ['half_open', 'open']);
  breaker.poll();
  assert.equal(breaker.snapshot().storedState, 'half_open');
});

test('a snapshot tells everything, in milliseconds and camelCase', () => {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker('snap', {
    clock,
    slowCallDuration: 100,
    window: { kind: 'count', size: 10, minCalls: 1, failureRate: 1 },
  });
  clock.advance(250);
  breaker.acquire().settle('success', { duration: 150 });
  breaker.acquire().settle('failure', { duration: 20, errorType: 'ETEST' });
  const read = breaker.snapshot();
  assert.deepEqual(
    { name: read.name, state: read.state, mode: read.mode, window: read.window },
    {
      name: 'snap',
      state: 'closed',
      mode: 'auto',
      window: { total: 2, failures: 1, slow: 1, failureRate: 0.5, slowCallRate: null, baseline: null, threshold: null },
    },
  );
  assert.deepEqual(read.lastFailure, { errorType: 'ETEST', at: 250 });
  assert.equal(read.consecutiveFailures, null);
  const reasons = [
    'open', 'half_open_full', 'ramp', 'forced_open', 'shed',
    'rate_limited', 'bulkhead_full', 'queue_timeout', 'limit_reached', 'closed',
    'feature_disabled',
  ];
  assert.deepEqual(read.totals.rejected, Object.fromEntries(reasons.map((reason) => [reason, 0])));
  assert.deepEqual([read.rateLimit, read.bulkhead, read.totals.bypassed], [null, null, 0]);
  assert.equal(read.durations.bounds[0], 1);
  assert.equal(read.durations.byOutcome.success.sum, 150);
  assert.equal(read.durations.byOutcome.failure.counts.length, read.durations.bounds.length + 1);
  breaker.trip(5000);
  const open = breaker.snapshot();
  assert.deepEqual([open.state, open.retryAfter, open.opened, open.openingsInARow], ['open', 5000, 1, 0]);
  assert.deepEqual(open.last, { cause: 'manual', from: 'closed', to: 'open', at: 250 });
});

test('metrics are OpenMetrics text', () => {
  const breaker = new CircuitBreaker('metered');
  breaker.executeSync(() => 1);
  const text = breaker.metrics();
  assert.match(text, /circuit_breaker_requests_total\{service="metered",status="success"\} 1\n/);
  assert.ok(text.endsWith('# EOF\n'));
  assert.match(contentType, /^application\/openmetrics-text; version=1\.0\.0/);
});

test('a log shows name, state and mode, and no memory', () => {
  const breaker = new CircuitBreaker('shown');
  assert.equal(inspect(breaker), "CircuitBreaker { name: 'shown', state: 'closed', mode: 'auto' }");
  assert.match(inspect({ deep: { breaker } }), /state: 'closed'/);
  assert.deepEqual(JSON.parse(JSON.stringify({ breaker })).breaker.state, 'closed');
  assert.ok(JSON.stringify(breaker).length < 5000);
  assert.ok(inspect(breaker.acquire()).length < 500, inspect(breaker.acquire()));
});

test('reading changes nothing', () => {
  const breaker = new CircuitBreaker(fresh());
  breaker.trip();
  const before = JSON.stringify(breaker.snapshot().totals);
  for (const _ of Array(10))
    void [breaker.state, breaker.mode, breaker.metrics(), breaker.document(), inspect(breaker)];
  assert.equal(JSON.stringify(breaker.snapshot().totals), before);
  assert.ok(isCircuitOpenError(thrownBy(() => breaker.acquire())));
});
