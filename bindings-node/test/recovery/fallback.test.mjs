// What answers when a call does not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock, Registry, circuitBreaker, isCircuitOpenError, recoveryOf } from 'fusewire';
import { boom, fresh, thrownBy } from '../support.mjs';
import { until } from './passing.mjs';

const asks = async () => boom();

test('rungs are tried in their order, and the result says which one has answered for which error', async () => {
  const breaker = new CircuitBreaker(fresh(), {
    fallback: ['first', 'second', 'third'],
    fallbacks: { first: () => boom(), second: async (error) => `second, for ${error.message}`, third: 3 },
  });
  const { value, degraded, rung, error, attempts } = await breaker.executeDetailed(asks);
  assert.deepEqual([value, degraded, rung, error.message, attempts], ['second, for boom', true, 'second', 'boom', 1]);
  assert.equal(await breaker.execute(asks), 'second, for boom');
  assert.deepEqual(breaker.snapshot().fallbacks, [
    { rung: 'first', answered: 0, failed: 2 },
    { rung: 'second', answered: 2, failed: 0 },
    { rung: 'third', answered: 0, failed: 0 },
  ]);
  const fine = await breaker.executeDetailed(async () => 1);
  assert.deepEqual(fine, { value: 1, degraded: false, rung: null, error: undefined, attempts: 1 });
});

test('a constant answers, also one that says nothing', async () => {
  for (const constant of [[], null, 0, undefined, 'none']) {
    const breaker = new CircuitBreaker(fresh(), { fallback: ['none'], fallbacks: { none: constant } });
    assert.equal(await breaker.execute(asks), constant);
  }
});

test('a rung is given the error and the arguments of the call', async () => {
  const ask = circuitBreaker((a, b) => boom(a, b), {
    name: fresh(),
    fallback: ['local'],
    fallbacks: { local: (error, ...args) => [error.message, ...args] },
  });
  assert.deepEqual(await ask(1, 2), ['boom', 1, 2]);
});

test('when no rung answers, the call rejects with its own error, and why they did not is told', async () => {
  const reason = new Error('not here either');
  const breaker = new CircuitBreaker(fresh(), {
    fallback: ['a', 'b'],
    fallbacks: {
      a: () => {
        throw reason;
      },
      b: () => Promise.reject('b'),
    },
  });
  const error = await breaker.execute(asks).catch((e) => e);
  assert.equal(error.message, 'boom');
  assert.deepEqual(recoveryOf(error).rungs, [
    { rung: 'a', error: reason },
    { rung: 'b', error: 'b' },
  ]);
});

test('rejections, timeouts and failures fall back; ignored errors do not, nor what fallsBack leaves out', async () => {
  const clock = new ManualClock();
  const fallbacks = { none: ({ name, code }) => code ?? name };
  const options = { clock, timeout: 10, fallback: ['none'], fallbacks, failureThreshold: 100 };
  const breaker = new CircuitBreaker(fresh(), options);
  assert.equal(await breaker.execute(asks), 'Error');
  assert.equal(await until(clock, breaker.execute(() => new Promise(() => {}))), 'ERR_CIRCUIT_TIMEOUT');
  breaker.trip();
  assert.equal(await breaker.execute(asks), 'ERR_CIRCUIT_OPEN');
  const ignoring = new CircuitBreaker(fresh(), { ...options, ignore: () => true });
  await assert.rejects(ignoring.execute(asks), { message: 'boom' });
  const choosy = new CircuitBreaker(fresh(), { ...options, fallsBack: (error) => error.message !== 'boom' && !isCircuitOpenError(error) });
  await assert.rejects(choosy.execute(asks), { message: 'boom' });
  choosy.trip();
  await assert.rejects(choosy.execute(asks), isCircuitOpenError);
});

test('another service answers through its own breaker', async () => {
  const registry = new Registry(fresh('registry'));
  const backup = registry.getOrCreate('backup', { failureThreshold: 1 });
  const breaker = registry.getOrCreate('main', {
    fallback: ['breaker:backup', 'none'],
    fallbacks: { 'breaker:backup': async (error, id) => `backup ${id}`, none: 'none' },
  });
  const ask = breaker.wrap(asks);
  assert.equal(await ask(7), 'backup 7');
  assert.equal(backup.snapshot().totals.success, 1);
  backup.trip();
  assert.equal(await ask(7), 'none');
});

test('a chain that leads back is refused', () => {
  const itself = { fallback: ['breaker:me'], fallbacks: { 'breaker:me': () => 1 } };
  assert.equal(thrownBy(() => new CircuitBreaker('me', itself)).key, 'fallback');
  const registry = new Registry(fresh('registry'));
  registry.getOrCreate('a', { fallback: ['breaker:b'], fallbacks: { 'breaker:b': () => 1 } });
  const back = { fallback: ['breaker:a'], fallbacks: { 'breaker:a': () => 1 } };
  assert.equal(thrownBy(() => registry.getOrCreate('b', back)).key, 'fallback');
});

test('a name without anything under it is refused, in options and beside a document', () => {
  for (const options of [{ fallback: ['gone'] }, { fallback: ['breaker:b'], fallbacks: { 'breaker:b': 1 } }]) {
    const error = thrownBy(() => new CircuitBreaker(fresh(), options));
    assert.equal(error.key, 'fallbacks');
    assert.match(error.message, /under '/);
    assert.equal(thrownBy(() => new Registry(fresh()).getOrCreate('a', options)).key, 'fallbacks');
  }
  assert.equal(thrownBy(() => CircuitBreaker.fromDocument('a', { fallback: ['gone'] })).key, 'fallbacks');
  const fine = CircuitBreaker.fromDocument('a', { fallback: ['there'] }, { fallbacks: { there: 1 } });
  assert.equal(fine.snapshot().fallbacks[0].rung, 'there');
  assert.throws(() => new CircuitBreaker(fresh(), { fallback: 'cache' }), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => new CircuitBreaker(fresh(), { fallbacks: 1 }), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('a function in the place of a list answers rejections alone, also after retries', async () => {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker(fresh(), { clock, retry: {}, timeout: 10, fallback: ({ reason }) => reason });
  await assert.rejects(breaker.execute(asks), { message: 'boom' });
  breaker.trip();
  assert.equal(await breaker.execute(asks), 'open');
});

test('breakers that fall back on each other end where a call would come back', async () => {
  const [one, two] = [fresh(), fresh()];
  const registry = new Registry(fresh());
  const called = [];
  const asking = (name) => async () => {
    called.push(name);
    await null;
    return boom(name);
  };
  const first = registry.getOrCreate(one, { fallback: [`breaker:${two}`], fallbacks: { [`breaker:${two}`]: asking('b') } });
  const second = registry.getOrCreate(two, { fallbacks: { [`breaker:${one}`]: asking('a') } });
  const document = { fallback: [`breaker:${one}`] };
  const cycle = `${two} -> ${one} -> ${two}`;
  assert.match(thrownBy(() => registry.reconfigure(two, document)).message, new RegExp(cycle));
  // By hand the breaker knows of no other.
  assert.equal(second.reconfigure(document), true);
  const error = await first.execute(asking('first')).catch((e) => e);
  const [{ rung, error: within }] = recoveryOf(error).rungs;
  assert.equal(rung, `breaker:${two}`);
  const [{ rung: back, error: told }] = recoveryOf(within).rungs;
  assert.deepEqual([back, told.name, told.key], [`breaker:${one}`, 'ConfigError', 'fallback']);
  assert.match(told.message, new RegExp(`${one} -> ${two} -> ${one}`));
  assert.deepEqual(called, ['first', 'b']);
  assert.deepEqual([first.snapshot().totals.failure, second.snapshot().totals.failure], [1, 1]);
});

test('functions that are each other\'s rungs end, too', async () => {
  const [one, two] = [fresh(), fresh()];
  const registry = new Registry(fresh());
  const called = [];
  const wrapped = {};
  for (const [name, other] of [[one, two], [two, one]]) {
    const options = { fallbacks: { [`breaker:${other}`]: () => wrapped[other]() } };
    const breaker = registry.getOrCreate(name, options);
    breaker.reconfigure({ fallback: [`breaker:${other}`] });
    wrapped[name] = () => breaker.execute(async () => {
      called.push(name);
      return boom(name);
    });
  }
  await assert.rejects(wrapped[one](), { message: 'boom' });
  // The second is called as the rung, and by what that calls; each of them ends where it would come back.
  assert.deepEqual(called, [one, two]);
});

test('calls beside each other are no cycle', async () => {
  const [one, two] = [fresh(), fresh()];
  const registry = new Registry(fresh());
  const first = registry.getOrCreate(one, { fallback: [`breaker:${two}`], fallbacks: { [`breaker:${two}`]: () => 'b' } });
  const second = registry.getOrCreate(two, { fallbacks: { [`breaker:${one}`]: () => 'a' } });
  second.reconfigure({ fallback: [`breaker:${one}`] });
  assert.deepEqual(await Promise.all([first.execute(asks), second.execute(asks), first.execute(asks)]), ['b', 'a', 'b']);
});
