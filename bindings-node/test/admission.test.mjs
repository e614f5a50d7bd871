// What a call asks for: priority, cost, deadline; and what is said of a call that asks for what cannot be.

import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock, RequestError, circuitBreaker, isCircuitBreakerError, isRequestError } from 'fusewire';
import { fresh, thrownBy } from './support.mjs';

const shedding = (more) => new CircuitBreaker(fresh(), { priority: { min: 'normal' }, ...more });
const bucket = (more) => {
  const clock = new ManualClock();
  return { clock, breaker: new CircuitBreaker(fresh(), { clock, rateLimit: { rate: 10, burst: 5, ...more } }) };
};
const reason = (reason) => ({ code: 'ERR_CIRCUIT_OPEN', reason });

test('every way of calling passes its priority on', async () => {
  const breaker = shedding();
  const low = { priority: 'low' };
  await assert.rejects(breaker.execute(async () => 1, low), reason('shed'));
  await assert.rejects(breaker.execute(async () => 1, { ...low, signal: new AbortController().signal }), reason('shed'));
  assert.throws(() => breaker.executeSync(() => 1, low), reason('shed'));
  assert.equal(breaker.tryAcquire(low), null);
  await assert.rejects(breaker.acquire(low), reason('shed'));
  assert.equal(breaker.snapshot().totals.rejected.shed, 5);
  assert.equal(await breaker.execute(async () => 1, { priority: 'high' }), 1);
  assert.equal(await breaker.execute(async () => 2), 2);
  assert.equal(breaker.executeSync(() => 3, { priority: 50 }), 3);
  breaker.acquire().success();
  (await breaker.acquire({})).success();
  assert.equal(breaker.snapshot().totals.success, 5);
});

test('a number is the next lower level, and a text of a number the same', () => {
  const breaker = shedding();
  for (const priority of [0, 24, 49, '0', '49', 'bulk']) assert.equal(breaker.tryAcquire({ priority }), null);
  for (const priority of [50, 74, 100, '50', 'critical']) assert.equal(breaker.tryAcquire({ priority }).success(), 'ok');
});

test('a wrong request is an error of its own that names field, value and what may be', async () => {
  const { breaker } = bucket();
  for (const [request, field, value] of [
    [{ priority: 'urgent' }, 'priority', 'urgent'],
    [{ priority: 101 }, 'priority', '101'],
    [{ priority: 1.5 }, 'priority', '1.5'],
    [{ priority: NaN }, 'priority', 'NaN'],
    [{ priority: { min: 'low' } }, 'priority', /min/],
    [{ cost: 0 }, 'cost', '0'],
    [{ cost: 6 }, 'cost', '6'],
    [{ cost: 1.5 }, 'cost', '1.5'],
    [{ cost: NaN }, 'cost', 'NaN'],
  ]) {
    const error = thrownBy(() => breaker.tryAcquire(request));
    assert.ok(error instanceof RequestError && isRequestError(error) && isCircuitBreakerError(error), String(error));
    assert.equal(error.field, field);
    assert.equal(error.code, 'ERR_CIRCUIT_REQUEST');
    assert.equal(error.name, 'RequestError');
    assert.match(error.value, value instanceof RegExp ? value : new RegExp(`^${value}$`));
    assert.ok(error.message.includes(`\`${field}\``) && error.message.includes(error.allowed), error.message);
    for (const asked of [breaker.execute(() => 1, request), breaker.acquire(request)]) {
      await assert.rejects(asked, (e) => isRequestError(e) && e.field === field);
    }
    assert.throws(() => breaker.executeSync(() => 1, request), isRequestError);
  }
  assert.equal(isRequestError(new Error('other')), false);
  assert.match(thrownBy(() => breaker.tryAcquire({ cost: 6 })).message, /1\.\.=5/);
  const { totals } = breaker.snapshot();
  assert.deepEqual([totals.success, totals.rejected.rate_limited], [0, 0], 'nothing was asked');
});

test('a wrong request is one of a breaker without gates, too', () => {
  const breaker = new CircuitBreaker(fresh());
  for (const request of [{ priority: 'urgent' }, { cost: 0 }, { cost: -1 }]) {
    assert.throws(() => breaker.tryAcquire(request), isRequestError);
  }
  assert.equal(breaker.tryAcquire({ priority: 'bulk', cost: 1000, deadline: 0 }).success(), 'ok');
});

test('what is of another type, or no option at all, is refused', async () => {
  const breaker = new CircuitBreaker(fresh());
  for (const request of [5, null, 'high', { priorty: 5 }, { cost: '5' }, { deadline: '1s' }, { deadline: -1 }]) {
    assert.throws(() => breaker.tryAcquire(request), { code: 'ERR_INVALID_ARG_TYPE' }, String(request));
    assert.throws(() => breaker.executeSync(() => 1, request), { code: 'ERR_INVALID_ARG_TYPE' });
    await assert.rejects(breaker.acquire(request), { code: 'ERR_INVALID_ARG_TYPE' });
  }
  await assert.rejects(breaker.acquire({ signal: 5 }), /signal must be an AbortSignal/);
  assert.throws(() => breaker.tryAcquire({ signal: new AbortController().signal }), /options\.signal must be left out/);
});

test('a token bucket takes what calls cost, and says when there is enough again', async () => {
  const { breaker, clock } = bucket();
  breaker.tryAcquire({ cost: 4 }).success();
  await assert.rejects(breaker.execute(() => 1, { cost: 2 }), { ...reason('rate_limited'), retryAfter: 100 });
  assert.equal(breaker.snapshot().rateLimit.available, 1);
  clock.advance(100);
  assert.equal(await breaker.execute(() => 1, { cost: 2 }), 1);
  assert.deepEqual(breaker.snapshot().rateLimit, { rate: 10, available: 0, retryAfter: 100 });
});

test('every new reason has a message, and counts in the snapshot', async () => {
  const clock = new ManualClock();
  const made = {
    shed: shedding(),
    rate_limited: new CircuitBreaker(fresh(), { clock, rateLimit: { algorithm: 'fixed_window', limit: 1 } }),
    bulkhead_full: new CircuitBreaker(fresh(), { bulkhead: { maxConcurrent: 1 } }),
    limit_reached: new CircuitBreaker(fresh(), { concurrencyLimit: { initial: 1, max: 1 } }),
    closed: new CircuitBreaker(fresh()),
  };
  made.closed.close();
  for (const [reason, breaker] of Object.entries(made)) {
    breaker.tryAcquire();
    const error = thrownBy(() => breaker.executeSync(() => 1, { priority: 'low' }));
    assert.equal(error.reason, reason);
    assert.match(error.message, new RegExp(breaker.name));
    assert.ok(breaker.snapshot().totals.rejected[reason] >= 1);
  }
});

test('rejections reach the listener, the channel and the fallback', async () => {
  const told = [];
  const breaker = shedding({ fallback: (error) => `instead: ${error.reason}` });
  breaker.on('reject', (error) => told.push(`listener: ${error.reason}`));
  const onChannel = (error) => told.push(`channel: ${error.reason}`);
  subscribe('fusewire:reject', onChannel);
  try {
    assert.equal(await breaker.execute(() => 1, { priority: 0 }), 'instead: shed');
    assert.equal(breaker.executeSync(() => 1, { priority: 0 }), 'instead: shed');
  } finally {
    unsubscribe('fusewire:reject', onChannel);
  }
  assert.deepEqual(told, ['listener: shed', 'channel: shed', 'listener: shed', 'channel: shed']);
});

test('a call that may bypass passes the open breaker, and its permit says so', () => {
  const breaker = new CircuitBreaker(fresh(), { priority: { openBypass: 'critical' } });
  breaker.trip();
  assert.equal(breaker.tryAcquire(), null);
  const permit = breaker.tryAcquire({ priority: 'critical' });
  assert.deepEqual([permit.bypassed, permit.wouldReject, permit.wait], [true, null, 0]);
  assert.equal(permit.success(), 'ok');
  assert.equal(breaker.snapshot().totals.bypassed, 1);
  breaker.reset();
  assert.equal(breaker.tryAcquire({ priority: 'critical' }).bypassed, false);
});

test('in mode shadow a permit says what would have turned its call away', async () => {
  const breaker = shedding({ mode: 'shadow' });
  assert.equal(breaker.tryAcquire({ priority: 'low' }).wouldReject, 'shed');
  assert.equal(await breaker.execute(() => 'called', { priority: 'low' }), 'called');
  assert.equal(breaker.snapshot().totals.wouldReject.shed, 2);
});

test('a breaker that is given gates later has them, and one that loses them is called as before', async () => {
  const breaker = new CircuitBreaker(fresh());
  for (let i = 0; i < 10; i++) await breaker.execute(() => i, { priority: 'bulk' });
  breaker.reconfigure({ priority: { min: 'high' } });
  await assert.rejects(breaker.execute(() => 1, { priority: 'bulk' }), reason('shed'));
  await assert.rejects(breaker.execute(() => 1), reason('shed'));
  assert.equal(breaker.executeSync(() => 1, { priority: 'critical' }), 1);
  breaker.reconfigure({});
  for (let i = 0; i < 10; i++) assert.equal(await breaker.execute(() => i), i);
  assert.equal(breaker.snapshot().totals.success, 21);
});

test('a wrapped function says what its calls ask for, as a constant or from the arguments', async () => {
  const breaker = shedding();
  const fixed = breaker.wrap(async (x) => x, { priority: 'low' });
  await assert.rejects(fixed(1), reason('shed'));
  const { breaker: limited, clock } = bucket();
  const seen = [];
  const batch = limited.wrap(
    async function (rows) {
      return [this.name, rows.length];
    },
    {
      cost: (rows) => rows.length,
      priority(rows) {
        seen.push([this.name, rows.length]);
        return undefined;
      },
      deadline: () => limited.now() + 10,
    },
  );
  assert.deepEqual(await batch.call({ name: 'me' }, [1, 2, 3, 4]), ['me', 4]);
  await assert.rejects(batch.call({ name: 'me' }, [1, 2]), { ...reason('rate_limited'), retryAfter: 100 });
  assert.deepEqual(seen, [['me', 4], ['me', 2]]);
  clock.advance(1000);
  const broken = limited.wrap(async () => 1, { priority: () => { throw new Error('mine') } });
  await assert.rejects(broken(), /mine/);
  await assert.rejects(limited.wrap(async () => 1, { priority: () => 'urgent' })(), isRequestError);
});

test('circuitBreaker() tells a table of rules from the priority of calls', async () => {
  const ruled = circuitBreaker(async () => 1, { name: fresh(), priority: { min: 'high' } });
  await assert.rejects(ruled(), reason('shed'));
  const asked = circuitBreaker(async (level) => level, { name: fresh(), priority: (level) => level, cost: 1 });
  assert.equal(await asked('bulk'), 'bulk');
  await assert.rejects(asked('urgent'), isRequestError);
  assert.equal(JSON.parse(asked.breaker.document()).priority, undefined);
});

test('options of wrapped functions are checked', () => {
  const breaker = new CircuitBreaker(fresh());
  for (const options of [{ priority: {} }, { priority: true }, { cost: 'a' }, { deadline: 5 }, { retries: 3 }]) {
    assert.throws(() => breaker.wrap(() => 1, options), { code: 'ERR_INVALID_ARG_TYPE' }, JSON.stringify(options));
  }
});
