// Transitions and rejections, as they are told.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock, isCircuitOpenError } from 'fusewire';
import { boom, fresh, once, thrownBy, turn, warningsOf } from './support.mjs';

const NAMES = ['open', 'halfOpen', 'close', 'stateChange'];

test('each transition is told under its name, with all there is to know', () => {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker(fresh(), {
    failureThreshold: 2,
    recoveryTimeout: 1000,
    halfOpenMaxCalls: 1,
    clock,
  });
  const told = [];
  for (const name of NAMES) breaker.on(name, (event) => told.push([name, event]));
  clock.advance(50);
  for (let i = 0; i < 2; i++) assert.throws(() => breaker.executeSync(boom));
  clock.advance(1000);
  breaker.executeSync(() => 1);
  assert.deepEqual(
    told.map(([name]) => name),
    ['stateChange', 'open', 'stateChange', 'halfOpen', 'stateChange', 'close'],
  );
  assert.deepEqual(told[0][1], {
    breaker: breaker.name,
    generation: 1,
    from: 'closed',
    to: 'open',
    cause: 'failure_threshold',
    at: 50,
    actor: null,
    reason: null,
    counts: { total: 2, failures: 2, slow: 0 },
    missed: 0,
  });
  assert.equal(told[0][1], told[1][1]);
  assert.deepEqual([told[2][1].cause, told[4][1].cause], ['recovery_timeout', 'probes_succeeded']);
});

test('they are told before the call that caused them returns', () => {
  const breaker = new CircuitBreaker(fresh(), { failureThreshold: 1 });
  let told = false;
  breaker.on('open', () => (told = true));
  assert.throws(() => breaker.executeSync(boom));
  assert.equal(told, true);
});

test('a transition from a state to itself is a state change, and nothing else', () => {
  const breaker = new CircuitBreaker(fresh());
  const told = [];
  for (const name of NAMES) breaker.on(name, ({ cause }) => told.push(`${name} ${cause}`));
  breaker.reconfigure({ failureThreshold: 9 });
  breaker.setMode('forced_closed');
  breaker.setMode('shadow');
  assert.deepEqual(told, ['stateChange reconfigured', 'stateChange mode', 'stateChange mode']);
});

test('a call that is turned away is told, with its error', async () => {
  const breaker = new CircuitBreaker(fresh(), { mode: 'forced_open' });
  const told = [];
  breaker.on('reject', (error) => told.push(error));
  const thrown = [thrownBy(() => breaker.executeSync(boom)), thrownBy(() => breaker.acquire())];
  thrown.push(await breaker.execute(boom).catch((e) => e));
  assert.equal(breaker.tryAcquire(), null);
  assert.equal(told.length, 4);
  assert.deepEqual(told.slice(0, 3), thrown);
  assert.ok(told.every((error, i) => isCircuitOpenError(error) && error === (thrown[i] ?? error)));
});

test('a listener that throws, or rejects, is reported and disturbs nobody', async () => {
  const breaker = new CircuitBreaker(fresh(), { failureThreshold: 1 });
  const told = [];
  breaker.on('open', boom);
  breaker.on('open', async () => boom());
  breaker.on('open', () => {
    throw Object.create(null);
  });
  breaker.on('open', () => told.push('after'));
  breaker.on('reject', boom);
  const { warnings } = await warningsOf(async () => {
    await assert.rejects(breaker.execute(boom), /boom/);
    await assert.rejects(breaker.execute(boom), isCircuitOpenError);
    await turn();
  });
  assert.deepEqual(told, ['after']);
  assert.equal(warnings.length, 4);
  assert.ok(warnings.every((text) => text.includes(breaker.name)));
  assert.match(warnings.join(), /a listener of 'open'.*a listener of 'reject'/s);
});

test('a listener that acts on the breaker is not entered again, and the order holds', () => {
  const breaker = new CircuitBreaker(fresh(), { failureThreshold: 1 });
  const told = [];
  let depth = 0;
  breaker.on('stateChange', ({ generation, to }) => {
    assert.equal(++depth, 1);
    told.push([generation, to, 'first']);
    if (generation < 5) to === 'open' ? breaker.reset() : breaker.trip();
    depth--;
  });
  breaker.on('stateChange', ({ generation, to }) => told.push([generation, to, 'second']));
  assert.throws(() => breaker.executeSync(boom));
  assert.deepEqual(
    told,
    [1, 2, 3, 4, 5].flatMap((n) => ['first', 'second'].map((who) => [n, n % 2 === 1 ? 'open' : 'closed', who])),
  );
});

test('a listener that makes calls on this breaker and another', () => {
  const [one, other] = [
    new CircuitBreaker(fresh(), { failureThreshold: 1 }),
    new CircuitBreaker(fresh(), { failureThreshold: 1 }),
  ];
  const told = [];
  one.on('open', () => {
    told.push('one');
    assert.throws(() => other.executeSync(boom), /boom/);
    assert.throws(() => one.executeSync(boom), isCircuitOpenError);
    told.push('one is done');
  });
  other.on('open', () => told.push('other'));
  const error = thrownBy(() => one.executeSync(boom));
  assert.match(error.message, /boom/);
  assert.deepEqual(told, ['one', 'one is done', 'other']);
});

test('a listener of reject that uses another breaker leaves the error alone', () => {
  const [one, other] = [1, 2].map(() => new CircuitBreaker(fresh(), { mode: 'forced_open' }));
  one.on('reject', () => assert.throws(() => other.acquire()));
  assert.equal(thrownBy(() => one.executeSync(boom)).breaker, one.name);
});

test('once, off, prependListener and removeAllListeners are those of an emitter', () => {
  const breaker = new CircuitBreaker(fresh());
  const told = [];
  const cycle = () => {
    breaker.trip();
    breaker.reset();
  };
  const listener = () => told.push('on');
  breaker.once('open', () => told.push('once'));
  breaker.addListener('open', listener);
  breaker.prependListener('open', () => told.push('first'));
  breaker.prependOnceListener('open', () => told.push('first once'));
  cycle();
  cycle();
  assert.deepEqual(told.splice(0), ['first once', 'first', 'once', 'on', 'first', 'on']);
  breaker.off('open', listener);
  cycle();
  assert.deepEqual(told.splice(0), ['first']);
  breaker.removeAllListeners('open');
  breaker.on('close', () => told.push('close'));
  cycle();
  assert.deepEqual(told.splice(0), ['close']);
  breaker.removeAllListeners();
  cycle();
  assert.deepEqual(told, []);
  assert.deepEqual(breaker.eventNames(), []);
});

test('events.once and promises work', async () => {
  const breaker = new CircuitBreaker(fresh());
  setImmediate(() => breaker.trip());
  const [event] = await once(breaker, 'open');
  assert.equal(event.to, 'open');
  assert.equal(breaker.listenerCount('open'), 0);
});

test('listeners may come and go while listeners are called', () => {
  const breaker = new CircuitBreaker(fresh());
  const told = [];
  const second = () => told.push('second');
  breaker.on('open', () => {
    told.push('first');
    breaker.off('open', second);
    breaker.on('open', () => told.push('third'));
    breaker.removeAllListeners('stateChange');
  });
  breaker.on('open', second);
  breaker.trip();
  assert.deepEqual(told.splice(0), ['first', 'second']);
  breaker.reset();
  breaker.trip();
  assert.deepEqual(told, ['first', 'third']);
});

test('the last listener may remove itself while it is called', () => {
  const breaker = new CircuitBreaker(fresh());
  const told = [];
  const listener = ({ generation }) => {
    told.push(generation);
    breaker.off('stateChange', listener);
    breaker.reset();
    breaker.on('stateChange', listener);
  };
  breaker.on('stateChange', listener);
  breaker.trip();
  breaker.removeAllListeners();
  breaker.trip();
  assert.equal(told[0], 1);
  assert.ok(!told.includes(3));
});

test('who begins to listen hears what comes, not what was', () => {
  const breaker = new CircuitBreaker(fresh());
  breaker.trip();
  const told = [];
  breaker.on('stateChange', ({ generation }) => told.push(generation));
  breaker.reset();
  breaker.removeAllListeners();
  breaker.trip();
  breaker.on('stateChange', ({ generation }) => told.push(generation));
  breaker.reset();
  assert.deepEqual(told, [2, 4]);
});

test('async iteration gives transitions in order, and break ends it', async () => {
  const breaker = new CircuitBreaker(fresh());
  const iteration = (async () => {
    const told = [];
    for await (const { generation, to } of breaker) {
      told.push([generation, to]);
      if (generation === 3) break;
    }
    return told;
  })();
  await turn();
  breaker.trip();
  breaker.reset();
  await turn();
  breaker.trip();
  assert.deepEqual(await iteration, [
    [1, 'open'],
    [2, 'closed'],
    [3, 'open'],
  ]);
  assert.equal(breaker.listenerCount('stateChange'), 0);
});

test('a signal ends an iteration', async () => {
  const breaker = new CircuitBreaker(fresh());
  const controller = new AbortController();
  const told = [];
  const iteration = (async () => {
    for await (const { to } of breaker.events({ signal: controller.signal })) told.push(to);
  })();
  breaker.trip();
  await turn();
  controller.abort();
  await iteration;
  assert.deepEqual(told, ['open']);
  assert.equal(breaker.listenerCount('stateChange'), 0);
  for await (const _ of breaker.events({ signal: AbortSignal.abort() })) assert.fail();
  assert.throws(() => breaker.events({ signal: 5 }), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('several readers of one iteration each get an event, and the end ends them all', async () => {
  const breaker = new CircuitBreaker(fresh());
  const events = breaker.events();
  const asked = [events.next(), events.next(), events.next()];
  breaker.trip();
  breaker.reset();
  await events.return();
  const got = await Promise.all(asked);
  assert.deepEqual(
    got.map(({ value, done }) => [value?.to, done]),
    [
      ['open', false],
      ['closed', false],
      [undefined, true],
    ],
  );
  assert.equal((await events.next()).done, true);
});

test('what a slow reader missed is counted', async () => {
  const breaker = new CircuitBreaker(fresh());
  const events = breaker.events();
  for (let i = 0; i < 1100; i++) i % 2 === 0 ? breaker.trip() : breaker.reset();
  for (let i = 0; i < 1024; i++) {
    const { value } = await events.next();
    assert.deepEqual([value.generation, value.missed], [i + 1, 0]);
  }
  breaker.trip();
  const { value } = await events.next();
  assert.deepEqual([value.generation, value.missed], [1101, 76]);
  await events.return();
});
