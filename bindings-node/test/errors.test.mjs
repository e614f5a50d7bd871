// Errors: what they carry, what they cost, and that two copies of the package know each other's.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inspect, types } from 'node:util';
import * as fusewire from 'fusewire';
import { boom, fresh, require, root, thrownBy } from './support.mjs';

const { CircuitBreaker, CircuitBreakerError, CircuitOpenError, ConfigError, ConflictError, ManualClock, Registry } =
  fusewire;

const opened = () => {
  const breaker = new CircuitBreaker('payments', { clock: new ManualClock() });
  breaker.trip(30_000);
  return thrownBy(() => breaker.executeSync(() => 1));
};
const wrong = () => thrownBy(() => new CircuitBreaker(fresh(), { failureThreshold: 0 }));
const conflicting = () => {
  const [registry, name] = [new Registry('errors'), fresh()];
  registry.getOrCreate(name, { failureThreshold: 3 });
  return thrownBy(() => registry.getOrCreate(name, { failureThreshold: 4 }));
};

test('a rejection says who, why, and when to come back', () => {
  const error = opened();
  assert.equal(error.code, 'ERR_CIRCUIT_OPEN');
  assert.equal(error.name, 'CircuitOpenError');
  assert.equal(error.breaker, 'payments');
  assert.equal(error.reason, 'open');
  assert.equal(error.retryAfter, 30_000);
  assert.equal(error.message, "circuit breaker 'payments' is open; retry in 30s");
  assert.equal(String(error), `CircuitOpenError: ${error.message}`);
});

test('each reason has its text, and retryAfter is null where it is unknown', () => {
  const forced = thrownBy(() => new CircuitBreaker('p', { mode: 'forced_open' }).acquire());
  assert.deepEqual([forced.reason, forced.retryAfter], ['forced_open', null]);
  assert.match(forced.message, /'p' is forced open/);
  const probing = new CircuitBreaker('p', { halfOpenMaxCalls: 1, halfOpenTimeout: 700, clock: new ManualClock() });
  probing.halfOpen();
  probing.acquire();
  const full = thrownBy(() => probing.acquire());
  assert.deepEqual([full.reason, full.retryAfter], ['half_open_full', 700]);
  const ramping = new CircuitBreaker('p', { ramp: {}, halfOpenMaxCalls: 1 });
  ramping.halfOpen();
  ramping.executeSync(() => 1);
  const ramp = thrownBy(() => ramping.acquire());
  assert.deepEqual([ramp.reason, ramp.retryAfter], ['ramp', null]);
});

test('errors are errors', () => {
  for (const [error, type] of [
    [opened(), CircuitOpenError],
    [wrong(), ConfigError],
    [conflicting(), ConflictError],
  ]) {
    assert.ok(error instanceof type && error instanceof CircuitBreakerError && error instanceof Error);
    assert.ok(types.isNativeError(error));
    assert.equal(error.name, type.name);
    assert.equal(Object.prototype.toString.call(error), '[object Error]');
  }
});

test('the text of a rejection can be changed as that of any error', () => {
  const error = opened();
  error.message = `checkout: ${error.message}`;
  assert.equal(error.message, "checkout: circuit breaker 'payments' is open; retry in 30s");
  assert.ok(!Object.keys(error).includes('message'));
});

test('an error can be made by hand, for tests of code that catches it', () => {
  const error = new CircuitOpenError('payments', 'open', 1500);
  assert.ok(fusewire.isCircuitOpenError(error));
  assert.equal(error.message, "circuit breaker 'payments' is open; retry in 1.5s");
});

test('a rejection has no stack, unless it is asked for', () => {
  const limit = Error.stackTraceLimit;
  const frames = (error) => error.stack.split('\n').slice(1);
  assert.deepEqual(frames(opened()), []);
  assert.equal(Error.stackTraceLimit, limit);
  fusewire.captureStacks(true);
  try {
    assert.ok(frames(opened()).some((line) => line.includes('errors.test.mjs')));
  } finally {
    fusewire.captureStacks(false);
  }
  assert.deepEqual(frames(opened()), []);
  assert.ok(frames(new Error('another')).length > 0);
});

test('a log shows what happened and the fields', () => {
  const shown = inspect(opened());
  assert.match(shown, /CircuitOpenError: circuit breaker 'payments' is open; retry in 30s/);
  assert.match(shown, /code: 'ERR_CIRCUIT_OPEN'/);
  assert.match(shown, /reason: 'open'/);
  assert.deepEqual(JSON.parse(JSON.stringify(opened())), {
    code: 'ERR_CIRCUIT_OPEN',
    breaker: 'payments',
    reason: 'open',
    retryAfter: 30_000,
    lastFailure: null,
  });
});

/** A breaker that failures opened, with two permits of the closed one left. */
function failed(clock = new ManualClock()) {
  const breaker = new CircuitBreaker(fresh(), { failureThreshold: 2, clock });
  const late = [breaker.acquire(), breaker.acquire()];
  clock.advance(10);
  breaker.acquire().settle('failure', { errorType: 'ECONNREFUSED' });
  clock.advance(10);
  breaker.acquire().settle('failure', { errorType: 'ETIMEDOUT' });
  return { breaker, late, clock };
}

test('a rejection says what failed last, also when it is asked after others have failed', () => {
  const { breaker, late, clock } = failed();
  const reject = () => thrownBy(() => breaker.executeSync(() => 1));
  const [first, second] = [reject(), reject()];
  assert.deepEqual(first.lastFailure, { errorType: 'ETIMEDOUT', at: 20 });
  clock.advance(10);
  assert.equal(late[0].settle('failure', { errorType: 'EPIPE' }), 'late');
  const third = reject();
  assert.equal(late[1].failure(), 'late');
  assert.deepEqual(second.lastFailure, { errorType: 'ETIMEDOUT', at: 20 });
  assert.deepEqual(third.lastFailure, { errorType: 'EPIPE', at: 30 });
  assert.deepEqual(breaker.snapshot().lastFailure, { errorType: null, at: 30 });
  assert.deepEqual(reject().lastFailure, { errorType: null, at: 30 });
  assert.equal(first.lastFailure, first.lastFailure);
});

test('every way to be turned away says what failed last', async () => {
  const { breaker } = failed();
  const { signal } = new AbortController();
  const told = [];
  breaker.on('reject', ({ lastFailure }) => told.push(lastFailure));
  const errors = [
    thrownBy(() => breaker.acquire()),
    await breaker.execute(boom).catch((error) => error),
    await breaker.execute(boom, { signal }).catch((error) => error),
  ];
  breaker.tryAcquire();
  const expected = { errorType: 'ETIMEDOUT', at: 20 };
  for (const { lastFailure } of errors) assert.deepEqual(lastFailure, expected);
  assert.deepEqual(told, [expected, expected, expected, expected]);
});

test('the last failure is null when there was none, and goes into a log with the other fields', () => {
  assert.equal(opened().lastFailure, null);
  assert.equal(thrownBy(() => new CircuitBreaker(fresh(), { mode: 'forced_open' }).acquire()).lastFailure, null);
  assert.equal(new CircuitOpenError('payments', 'open', 1).lastFailure, null);
  const lastFailure = { errorType: 'io', at: 5 };
  const byHand = new CircuitOpenError('payments', 'open', 1, lastFailure);
  assert.deepEqual(byHand.lastFailure, lastFailure);
  const { breaker } = failed();
  const error = Object.assign(thrownBy(() => breaker.acquire()), { order: 7 });
  const { errorType } = JSON.parse(JSON.stringify(error)).lastFailure;
  assert.equal(errorType, 'ETIMEDOUT');
  assert.equal(JSON.parse(JSON.stringify(error)).order, 7);
});

test('a wrong configuration names the key, the value and what may be', () => {
  const error = wrong();
  assert.equal(error.code, 'ERR_CIRCUIT_CONFIG');
  assert.equal(error.key, 'failureThreshold');
  assert.equal(error.value, '0');
  assert.equal(error.allowed, 'a whole number in 1..=1000000');
  for (const part of [error.key, error.value, error.allowed]) assert.ok(error.message.includes(part));
});

test('a conflict shows both configurations', () => {
  const error = conflicting();
  assert.equal(error.code, 'ERR_CIRCUIT_CONFLICT');
  assert.equal(JSON.parse(error.existing).failure_threshold, 3);
  assert.equal(JSON.parse(error.requested).failure_threshold, 4);
  assert.ok(error.message.includes(error.existing) && error.message.includes(error.requested));
});

test('a name that is not allowed', () => {
  for (const name of ['', 'a\nb', 'x'.repeat(256), 'ü'.repeat(128)]) {
    const error = thrownBy(() => new CircuitBreaker(name));
    assert.ok(error instanceof RangeError);
    assert.equal(error.code, 'ERR_CIRCUIT_NAME');
    assert.match(error.message, /1 to 255 bytes/);
  }
  assert.equal(new CircuitBreaker('ü'.repeat(127)).name, 'ü'.repeat(127));
  for (const name of [undefined, null, 5, {}]) {
    assert.equal(thrownBy(() => new CircuitBreaker(name)).code, 'ERR_INVALID_ARG_TYPE');
  }
});

const guards = ['isCircuitOpenError', 'isConfigError', 'isConflictError'];

test('each guard knows its own errors, and no other', () => {
  const errors = [opened(), wrong(), conflicting()];
  for (const [i, guard] of guards.entries()) {
    assert.deepEqual(
      errors.map((error) => fusewire[guard](error)),
      errors.map((_, j) => i === j),
    );
    for (const other of [undefined, null, 5, 'text', {}, new Error(), thrownBy(boom), { code: 'ERR_CIRCUIT_OPEN' }]) {
      assert.equal(fusewire[guard](other), false);
      assert.equal(fusewire.isCircuitBreakerError(other), false);
    }
  }
  assert.ok(errors.every(fusewire.isCircuitBreakerError));
});

const folder = mkdtempSync(join(tmpdir(), 'fusewire-copy-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('a second copy of the package and the first know each other', async () => {
  for (const name of ['dist', 'package.json', ...readdirSync(root).filter((name) => name.endsWith('.node'))]) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  const copy = require(join(folder, 'dist', 'index.js'));
  assert.notEqual(copy.CircuitBreaker, CircuitBreaker);
  const theirs = thrownBy(() => new copy.CircuitBreaker('theirs', { mode: 'forced_open' }).acquire());
  assert.ok(!(theirs instanceof CircuitOpenError));
  assert.ok(fusewire.isCircuitOpenError(theirs) && fusewire.isCircuitBreakerError(theirs));
  assert.ok(copy.isCircuitOpenError(opened()) && copy.isConfigError(wrong()) && copy.isConflictError(conflicting()));
  assert.match(theirs.message, /'theirs' is forced open/);
  // What belongs to one copy and is given to the other is refused, not taken for something else.
  const clock = thrownBy(() => new CircuitBreaker(fresh(), { clock: new copy.ManualClock() }));
  assert.match(clock.message, /ManualClock of this copy/);
  const both = [new CircuitBreaker('same'), new copy.CircuitBreaker('same')];
  both[0].trip();
  assert.equal(await both[1].execute(() => 1), 1);
});
