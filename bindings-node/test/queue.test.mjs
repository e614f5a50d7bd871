// Calls that wait for a slot: who is next, how waits end, and what is left of one that ended.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock, isCircuitOpenError } from 'fusewire';
import { fresh, turn } from './support.mjs';

/** A breaker with one slot, on a clock that stands, whose slot is taken. */
function full(options = {}, { maxConcurrent = 1, maxQueue = 100, ...bulkhead } = {}) {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker(fresh(), {
    clock,
    ...options,
    bulkhead: { maxConcurrent, maxQueue, ...bulkhead },
  });
  return { clock, breaker, holder: breaker.acquire() };
}

const queued = (breaker) => breaker.snapshot().bulkhead.queued;
const inFlight = (breaker) => breaker.snapshot().bulkhead.inFlight;

/** Settles each permit in turn; answers in which order the waits were granted. */
async function orderOf(holder, waits) {
  const order = [];
  const served = waits.map(async ([name, wait]) => {
    const permit = await wait;
    order.push(name);
    permit.success();
  });
  holder.success();
  await Promise.all(served);
  return order;
}

test('the higher level is first, and within a level who came first', async () => {
  const { breaker, holder } = full();
  const names = ['low 1', 'normal 1', 'critical 1', 'bulk 1', 'normal 2', 'high 1', 'critical 2', 'low 2'];
  const waits = names.map((name) => [name, breaker.acquire({ priority: name.split(' ')[0] })]);
  assert.equal(queued(breaker), 8);
  assert.deepEqual(await orderOf(holder, waits), [
    'critical 1', 'critical 2', 'high 1', 'normal 1', 'normal 2', 'low 1', 'low 2', 'bulk 1',
  ]);
  assert.deepEqual([queued(breaker), inFlight(breaker)], [0, 0]);
});

test('every asynchronous way of calling waits, and no synchronous one', async () => {
  const { breaker, holder } = full();
  const calls = [
    breaker.execute(async () => 'plain'),
    breaker.execute(async () => 'with options', { priority: 'low' }),
    breaker.execute((signal) => signal.aborted, { signal: new AbortController().signal }),
    breaker.wrap(async (x) => x)('wrapped'),
  ];
  assert.equal(queued(breaker), 4);
  for (const ask of [() => breaker.acquire(), () => breaker.executeSync(() => 1)]) {
    assert.throws(ask, { reason: 'bulkhead_full' });
  }
  assert.equal(breaker.tryAcquire({ priority: 'critical' }), null);
  holder.success();
  assert.deepEqual(await Promise.all(calls), ['plain', 'with options', false, 'wrapped']);
  assert.deepEqual([queued(breaker), inFlight(breaker), breaker.snapshot().totals.success], [0, 0, 5]);
});

test('a call that waits is not begun before it has its slot', async () => {
  const { breaker, holder } = full();
  let isBegun = false;
  const call = breaker.execute(() => (isBegun = true));
  await turn();
  assert.equal(isBegun, false);
  holder.failure(new Error('over'));
  assert.equal(await call, true);
});

test('a signal ends a wait with its reason, and leaves nothing behind', async () => {
  const { breaker, holder } = full();
  const controllers = Array.from({ length: 4 }, () => new AbortController());
  const [a, b, c, d] = controllers.map(({ signal }) => signal);
  const waits = [
    breaker.acquire({ signal: a }),
    breaker.execute(() => 'called', { signal: b }),
    breaker.acquire({ signal: c, priority: 'critical' }),
    breaker.execute(() => 'called', { signal: d }),
  ];
  const mine = new Error('mine');
  controllers[0].abort();
  controllers[1].abort(mine);
  controllers[2].abort();
  await assert.rejects(waits[0], { name: 'AbortError' });
  await assert.rejects(waits[1], mine);
  await assert.rejects(waits[2], { name: 'AbortError' });
  assert.equal(queued(breaker), 1);
  holder.success();
  assert.equal(await waits[3], 'called');
  const { totals, bulkhead } = breaker.snapshot();
  assert.deepEqual([totals.success, totals.ignored, bulkhead.inFlight, bulkhead.queued], [2, 0, 0, 0]);
  assert.ok(Object.values(totals.rejected).every((n) => n === 0), 'a cancelled call counts nowhere');
});

test('a signal that is aborted before is not waited for', async () => {
  const { breaker } = full();
  await assert.rejects(breaker.acquire({ signal: AbortSignal.abort() }), { name: 'AbortError' });
  assert.equal(queued(breaker), 0);
});

test('a signal that is aborted between the grant and its delivery gives the slot on', async () => {
  const { breaker, holder } = full();
  const controller = new AbortController();
  // Called at the grant's own settling, before the promise of the granted call has told anybody.
  const granted = breaker.execute(() => 'called', { signal: controller.signal });
  const next = breaker.acquire({});
  holder.success();
  controller.abort();
  await assert.rejects(granted, { name: 'AbortError' });
  const permit = await next;
  assert.equal(permit.success(), 'ok');
  assert.deepEqual([inFlight(breaker), queued(breaker)], [0, 0]);
});

test('waits end by the clock: by deadline, then level, then age', async () => {
  const { breaker, clock } = full({}, { queueTimeout: { low: 100, normal: 100, high: 50 } });
  const ended = [];
  const wait = (name, request) =>
    breaker.acquire(request).catch((error) => ended.push(`${name}: ${error.reason} ${error.retryAfter}`));
  const all = [
    wait('low', { priority: 'low' }),
    wait('normal', {}),
    wait('normal too', {}),
    wait('high', { priority: 'high' }),
    wait('deadline', { priority: 'critical', deadline: breaker.now() + 20 }),
    wait('far deadline', { priority: 'high', deadline: breaker.now() + 5000 }),
  ];
  clock.advance(19.999999);
  assert.equal(queued(breaker), 6);
  clock.advance(0.000001);
  assert.equal(queued(breaker), 5);
  clock.advance(30);
  clock.advance(1000);
  await Promise.all(all);
  const reason = 'queue_timeout null';
  assert.deepEqual(ended, [
    `deadline: ${reason}`, `high: ${reason}`, `far deadline: ${reason}`,
    `normal: ${reason}`, `normal too: ${reason}`, `low: ${reason}`,
  ]);
  assert.equal(breaker.snapshot().totals.rejected.queue_timeout, 6);
});

test('by the system clock a timer ends a wait', async () => {
  const breaker = new CircuitBreaker(fresh(), { bulkhead: { maxConcurrent: 1, maxQueue: 5, queueTimeout: 20 } });
  const holder = breaker.acquire();
  const told = [];
  breaker.on('reject', (error) => told.push(error.reason));
  await assert.rejects(breaker.acquire({}), { reason: 'queue_timeout', breaker: breaker.name });
  await assert.rejects(breaker.execute(() => 1, { deadline: breaker.now() + 1 }), { reason: 'queue_timeout' });
  assert.deepEqual(told, ['queue_timeout', 'queue_timeout']);
  assert.equal(holder.success(), 'ok');
});

test('a full queue refuses, or the newest of the lowest level makes room', async () => {
  const { breaker, holder } = full({}, { maxQueue: 2 });
  const [older, newer] = [breaker.acquire({ priority: 'low' }), breaker.acquire({ priority: 'low' })];
  await assert.rejects(breaker.acquire({ priority: 'low' }), { reason: 'bulkhead_full' });
  const high = breaker.acquire({ priority: 'high' });
  await assert.rejects(newer, { reason: 'bulkhead_full' });
  holder.success();
  (await high).success();
  (await older).success();
});

test('opening ends the waits, and so does the end of the breaker', async () => {
  for (const [act, reason] of [
    [(breaker) => breaker.trip(1000), 'open'],
    [(breaker) => breaker.setMode('forced_open'), 'forced_open'],
    [(breaker) => breaker.close(), 'closed'],
  ]) {
    const { breaker } = full();
    const waits = [breaker.acquire({}), breaker.execute(() => 1)];
    act(breaker);
    for (const wait of waits) await assert.rejects(wait, (e) => isCircuitOpenError(e) && e.reason === reason);
    assert.equal(breaker.snapshot().totals.rejected[reason], 2);
  }
});

test('a raised call waits at the end of the higher level', async () => {
  const { breaker, holder } = full();
  const low = breaker.acquire({ priority: 'low' });
  const waits = [['low', low], ['normal', breaker.acquire({})], ['high', breaker.acquire({ priority: 'high' })]];
  low.raise('high');
  low.raise('bulk');
  assert.throws(() => low.raise('urgent'), { code: 'ERR_CIRCUIT_REQUEST' });
  assert.deepEqual(await orderOf(holder, waits), ['high', 'low', 'normal']);
  low.raise('critical');
});

test('a permit that is promised is a promise like any other', async () => {
  const { breaker, holder } = full();
  const promise = breaker.acquire({});
  assert.ok(promise instanceof Promise);
  const chained = promise.then((permit) => permit.success());
  assert.equal(Object.getPrototypeOf(chained), Promise.prototype);
  holder.success();
  assert.equal(await chained, 'ok');
});

test('`using` gives a slot back to who waits', async () => {
  const { breaker, holder } = full();
  const next = breaker.acquire({});
  holder[Symbol.dispose]();
  const permit = await next;
  permit[Symbol.dispose]();
  assert.deepEqual([inFlight(breaker), breaker.snapshot().totals.ignored], [0, 2]);
});

test('a listener of a rejection may use the breaker', async () => {
  const { breaker, clock, holder } = full({}, { queueTimeout: 10 });
  const seen = [];
  breaker.on('reject', ({ reason }) => {
    seen.push(reason, breaker.tryAcquire({ priority: 'critical' }));
    if (seen.length < 3) holder.success();
  });
  const [first, second] = [breaker.acquire({}), breaker.acquire({ deadline: 1000 })];
  clock.advance(10);
  await assert.rejects(first, { reason: 'queue_timeout' });
  await second.then((permit) => permit.success(), (error) => assert.equal(error.reason, 'queue_timeout'));
  assert.ok(seen.includes('queue_timeout'));
});

test('slots that are set by hand are granted at once', async () => {
  const { breaker } = full();
  const waits = [breaker.acquire({}), breaker.acquire({})];
  assert.equal(breaker.setSlots({ maxConcurrent: 3 }), true);
  for (const permit of await Promise.all(waits)) permit.success();
});

test('in mode shadow nobody waits', async () => {
  const { breaker } = full({ mode: 'shadow' });
  assert.equal((await breaker.acquire({})).wouldReject, 'bulkhead_full');
});

test('calls that wait in two breakers at one instant do not disturb each other', async () => {
  const [one, two] = [full(), full()];
  const calls = [one.breaker.execute(() => two.breaker.execute(() => 'both')), two.breaker.execute(() => 'two')];
  one.holder.success();
  await turn();
  two.holder.success();
  assert.deepEqual(await Promise.all(calls), ['both', 'two']);
});

test('ten thousand calls wait without a thread, and leave nothing behind', async () => {
  const { breaker, clock, holder } = full({}, { maxConcurrent: 1, maxQueue: 100_000, queueTimeout: '1h' });
  const threads = () => process.report.getReport().libuv.length;
  const before = threads();
  const controllers = [];
  const waits = Array.from({ length: 10_000 }, (_, i) => {
    const controller = i % 4 === 0 ? new AbortController() : undefined;
    if (controller) controllers.push(controller);
    const deadline = i % 4 === 1 ? 1000 : undefined;
    return breaker.execute(() => i, { signal: controller?.signal, deadline });
  });
  const all = Promise.allSettled(waits);
  assert.equal(queued(breaker), 10_000);
  assert.ok(threads() - before < 5, 'no handle for each');
  clock.advance(1000);
  for (const controller of controllers) controller.abort();
  assert.equal(queued(breaker), 5_000);
  holder.success();
  const results = await all;
  const order = results.filter(({ status }) => status === 'fulfilled').map(({ value }) => value);
  assert.equal(order.length, 5_000);
  assert.ok(order.every((value, i) => i === 0 || value > order[i - 1]));
  assert.deepEqual([queued(breaker), inFlight(breaker)], [0, 0]);
  assert.equal(breaker.snapshot().totals.rejected.queue_timeout, 2_500);
});
