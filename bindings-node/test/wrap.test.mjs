// Functions and methods under a breaker.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, Registry, circuitBreaker, isCircuitOpenError } from 'fusewire';
import { boom, fresh, thrownBy } from './support.mjs';

test('a wrapped function keeps name and length, and gives its arguments on', async () => {
  const breaker = new CircuitBreaker(fresh());
  async function add(a, b, ...rest) {
    return [a, b, ...rest];
  }
  const wrapped = breaker.wrap(add);
  assert.equal(wrapped.name, 'add');
  assert.equal(wrapped.length, 2);
  assert.deepEqual(await wrapped(1, 2, 3), [1, 2, 3]);
  assert.equal(breaker.snapshot().totals.success, 1);
});

test('a wrapped method keeps this', async () => {
  const breaker = new CircuitBreaker(fresh());
  class Client {
    #base = 'https://';
    url(path) {
      return this.#base + path;
    }
  }
  Client.prototype.url = breaker.wrap(Client.prototype.url);
  assert.equal(await new Client().url('a'), 'https://a');
  const plain = { n: 3, async get() { return this.n; } }; // prettier-ignore
  plain.get = breaker.wrap(plain.get);
  assert.equal(await plain.get(), 3);
});

test('a synchronous function becomes an async one that rejects instead of throwing', async () => {
  const wrapped = new CircuitBreaker(fresh()).wrap(boom);
  const call = wrapped();
  assert.ok(call instanceof Promise);
  await assert.rejects(call, /boom/);
});

test('circuitBreaker() makes a breaker that bears the name of the function', async () => {
  async function charge(amount) {
    return amount * 2;
  }
  const guarded = circuitBreaker(charge, { failureThreshold: 1 });
  assert.equal(guarded.breaker.name, 'charge');
  assert.equal(guarded.name, 'charge');
  assert.equal(await guarded(4), 8);
  assert.equal(guarded.breaker.snapshot().totals.success, 1);
  guarded.breaker.trip();
  await assert.rejects(guarded(4), isCircuitOpenError);
});

test('a breaker among the options is refused with what to write instead', () => {
  const error = thrownBy(() => circuitBreaker(boom, { breaker: new CircuitBreaker(fresh()) }));
  assert.match(error.message, /options\.breaker must be left out: write circuitBreaker\(fn, breaker\)/);
});

test('what goes wrong with the arguments is no failure of the service', async () => {
  for (const [withSignal, expected] of [
    [(_, x) => x, /what options\.withSignal answers must be the list of the function's arguments/],
    [() => boom(), /boom/],
  ]) {
    const ask = circuitBreaker(async (x) => x, { name: fresh(), timeout: 20, failureThreshold: 1, withSignal });
    for (let i = 0; i < 3; i++) await assert.rejects(ask(1), expected);
    const { totals, state } = ask.breaker.snapshot();
    assert.deepEqual([state, totals.failure, totals.ignored], ['closed', 0, 3]);
  }
});

test('circuitBreaker() takes a name, and names what has none', () => {
  assert.equal(circuitBreaker(boom, { name: 'payments' }).breaker.name, 'payments');
  assert.equal(circuitBreaker(() => 1).breaker.name, 'anonymous');
  assert.equal(thrownBy(() => circuitBreaker(boom, { name: '' })).code, 'ERR_CIRCUIT_NAME');
});

test('several functions may share a breaker', async () => {
  const breaker = new CircuitBreaker(fresh(), { failureThreshold: 1 });
  const [bad, good] = [circuitBreaker(boom, breaker), circuitBreaker(async () => 1, breaker)];
  assert.equal(bad.breaker, breaker);
  await assert.rejects(bad(), /boom/);
  await assert.rejects(good(), isCircuitOpenError);
});

test('what is no function, and what are no options, is refused', () => {
  const refused = { code: 'ERR_INVALID_ARG_TYPE' };
  for (const given of [undefined, 'fetch', {}]) assert.throws(() => circuitBreaker(given), refused);
  for (const given of [null, 5, 'name']) assert.throws(() => circuitBreaker(boom, given), refused);
  assert.equal(thrownBy(() => circuitBreaker(boom, { retries: 3 })).key, 'retries');
});

test('a forgotten `new` says so', () => {
  assert.throws(() => CircuitBreaker('payments', {}), /new CircuitBreaker/);
});

test('the class can be extended', async () => {
  class Named extends CircuitBreaker {
    calls = 0;
    constructor(name) {
      super(name, { failureThreshold: 1 });
    }
    execute(fn, options) {
      this.calls++;
      return super.execute(fn, options);
    }
  }
  const breaker = new Named('mine');
  assert.ok(breaker instanceof Named && breaker instanceof CircuitBreaker);
  assert.equal(await breaker.execute(() => 1), 1);
  assert.equal(await breaker.wrap(async () => 2)(), 2);
  assert.equal(breaker.calls, 2);
  const guarded = breaker.wrap(async (n) => n);
  breaker.execute = async () => 'mine';
  assert.equal(await guarded(3), 'mine', 'also on the instance');
  delete breaker.execute;
  assert.equal(await guarded(3), 3);
  const events = [];
  breaker.on('open', (event) => events.push(event.to));
  breaker.trip();
  assert.deepEqual(events, ['open']);
});

test('a breaker is an instance of the class that the package shows, and names it', async () => {
  const made = [
    new CircuitBreaker(fresh()),
    CircuitBreaker.fromDocument(fresh(), {}),
    new Registry(fresh('registry')).getOrCreate('a'),
    circuitBreaker(boom).breaker,
  ];
  for (const breaker of made) {
    assert.ok(breaker instanceof CircuitBreaker);
    assert.equal(breaker.constructor, CircuitBreaker);
    assert.equal(breaker.constructor.name, 'CircuitBreaker');
    assert.equal(await new breaker.constructor(fresh()).execute(() => 5), 5);
    assert.ok(!Object.keys(Object.getPrototypeOf(breaker)).includes('constructor'));
  }
  class Mine extends CircuitBreaker {}
  assert.equal(new Mine(fresh()).constructor, Mine);
  assert.ok(!(made[0] instanceof Mine));
});

test('fromDocument on a class that extends it makes one of that class', () => {
  class Mine extends CircuitBreaker {
    inner = new CircuitBreaker('inner');
    constructor(name, options) {
      new CircuitBreaker(name, {});
      super(name, options);
      this.given = options;
    }
  }
  const options = { ignore: () => true };
  const breaker = Mine.fromDocument('mine', { failure_threshold: 7 }, options);
  assert.ok(breaker instanceof Mine && breaker.constructor === Mine);
  assert.deepEqual([breaker.name, breaker.inner.name, breaker.given], ['mine', 'inner', options]);
  assert.match(breaker.document(), /"failure_threshold":7/);
  assert.doesNotMatch(breaker.inner.document(), /"failure_threshold":7/);
  assert.throws(() => breaker.executeSync(boom), /boom/);
  assert.equal(breaker.snapshot().totals.ignored, 1);
});

test('a class whose constructor would not take the document over is refused', () => {
  class Renamed extends CircuitBreaker {
    constructor() {
      super('renamed');
    }
  }
  class Changed extends CircuitBreaker {
    constructor(name, options) {
      super(name, { ...options, failureThreshold: 1 });
    }
  }
  for (const type of [Renamed, Changed]) {
    const expected = new RegExp(`constructor of ${type.name} must call super\\(\\) with the name and the options`);
    assert.throws(() => type.fromDocument('a', { failure_threshold: 7 }), expected);
  }
  assert.equal(new Changed('a', {}).name, 'a');
  assert.match(CircuitBreaker.fromDocument('a', { failure_threshold: 7 }).document(), /"failure_threshold":7/);
});

test('the fallback of a wrapped function gets the arguments of the call behind the error', async () => {
  const told = [];
  const fallback = (...given) => told.push(given);
  const options = { mode: 'forced_open', fallback, name: fresh() };
  const breaker = new CircuitBreaker(fresh(), { mode: 'forced_open', fallback });
  const signal = () => new AbortController().signal;
  await circuitBreaker(async (a, b) => [a, b], options)(1, 'two');
  await circuitBreaker(async () => {}, { ...options, signal })(3);
  await breaker.wrap(async () => {})();
  await breaker.execute(async () => {});
  breaker.executeSync(() => {});
  assert.ok(told.every(([error]) => isCircuitOpenError(error)));
  assert.deepEqual(told.map(([, ...args]) => args), [[1, 'two'], [3], [], [], []]);
});

test('a class that takes execute over hands the arguments on with the function', async () => {
  class Counting extends CircuitBreaker {
    calls = 0;
    execute(fn, options) {
      this.calls++;
      return super.execute(fn, options);
    }
  }
  const breaker = new Counting(fresh(), { mode: 'forced_open', fallback: (_, n) => n + 1 });
  assert.equal(await breaker.wrap(async (n) => n)(5), 6);
  assert.equal(breaker.calls, 1);
});

/** A function that ends when its signal is aborted, and not before. */
const hang = (what, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(what)));

test('a wrapped function may say what its signal is', async () => {
  const reason = new Error('enough');
  const asked = [];
  const signalOf = function (what, options) {
    asked.push([this?.base, what]);
    return options?.signal;
  };
  const guarded = circuitBreaker(hang, { name: fresh(), signal: signalOf });
  const { breaker } = guarded;
  const controller = new AbortController();
  const call = guarded.call({ base: 5 }, 'late', { signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(call, (error) => error === reason);
  await assert.rejects(guarded('now', { signal: AbortSignal.abort(reason) }), (error) => error === reason);
  const timeout = new DOMException('late', 'TimeoutError');
  const timing = new AbortController();
  const timed = breaker.wrap(hang, { signal: signalOf })('timed', { signal: timing.signal });
  timing.abort(timeout);
  await assert.rejects(timed, (error) => error === timeout);
  assert.deepEqual(asked, [[5, 'late'], [undefined, 'now'], [undefined, 'timed']]);
  const { success, failure, ignored } = breaker.snapshot().totals;
  assert.deepEqual([success, failure, ignored], [0, 1, 1]);
  assert.deepEqual([guarded.name, guarded.length], ['hang', 2]);
});

test('a call without a signal is one, and what finding the signal throws reaches the caller', async () => {
  const breaker = new CircuitBreaker(fresh());
  const answer = async (signal) => signal;
  for (const signal of [undefined, null]) assert.equal(await breaker.wrap(answer, { signal: () => signal })(5), 5);
  assert.equal(breaker.snapshot().totals.success, 2);
  await assert.rejects(breaker.wrap(answer, { signal: boom })(5), /boom/);
  await assert.rejects(breaker.wrap(answer, { signal: () => 5 })(5), { code: 'ERR_INVALID_ARG_TYPE' });
  const { success, failure, ignored } = breaker.snapshot().totals;
  assert.deepEqual([success, failure, ignored], [2, 0, 0]);
  const refused = { code: 'ERR_INVALID_ARG_TYPE' };
  for (const options of [null, 5, { signal: 5 }, { signal: new AbortController().signal }, { retries: 3 }]) {
    assert.throws(() => breaker.wrap(answer, options), refused);
  }
  assert.throws(() => circuitBreaker(answer, { signal: AbortSignal.abort() }), /options.signal must be a function of/);
});
