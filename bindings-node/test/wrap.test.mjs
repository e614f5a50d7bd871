// Functions and methods under a breaker.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, circuitBreaker, isCircuitOpenError } from 'fusewire';
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
  const events = [];
  breaker.on('open', (event) => events.push(event.to));
  breaker.trip();
  assert.deepEqual(events, ['open']);
});
