// Options as JavaScript writes them, the document that they build, and what is said of those that are wrong.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, ManualClock, schema } from 'fusewire';
import { fresh, thrownBy } from './support.mjs';

const document = (options) => JSON.parse(new CircuitBreaker(fresh(), options).document());
const refusal = (options) => thrownBy(() => new CircuitBreaker(fresh(), options));

test('defaults are those of the core', () => {
  assert.deepEqual(document(), document({}));
  assert.equal(document().failure_threshold, schema().properties.failure_threshold.default);
  assert.equal(document().recovery_timeout, '60s');
});

test('every option of the schema can be written in camelCase', () => {
  const camel = (key) => key.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
  const LEVELS = { critical: 3, high: 2, normal: 1, low: 1, bulk: 1 };
  // One legal value for each key that is no table; the sets fit together.
  const sets = [
    { failureThreshold: 7, seed: 5, mode: 'shadow', halfOpenMaxCalls: 4, halfOpenConcurrency: 2, successThreshold: 3 },
    {
      slowCallDuration: 100,
      cancelledAfter: 200,
      sampleDurationsEvery: 1,
      recoveryTimeout: 3000,
      halfOpenTimeout: 400,
    },
    { window: { kind: 'count', size: 50, minCalls: 5, failureRate: 0.3, slowCallRate: 0.4 }, slowCallDuration: 100 },
    { window: { kind: 'time', period: 30_000, buckets: 6 } },
    { window: { kind: 'adaptive', minFailures: 4, floor: 0.1, sensitivity: 2, baseline: 0.02, memoryCalls: 500 } },
    { backoff: { kind: 'exponential', multiplier: 3, max: 600_000, jitter: 0.2, resetAfter: 90_000 } },
    { ramp: { initial: 0.2, step: 0.3, windowCalls: 20, maxFailureRate: 0.2, stepTimeout: 5000 } },
    { priority: { min: 'low', halfOpenMin: 'high', openBypass: 'critical' } },
    { rateLimit: { algorithm: 'token_bucket', rate: 50, burst: 20, reserve: LEVELS } },
    {
      rateLimit: {
        algorithm: 'leaky_bucket',
        rate: 50,
        maxWait: 2000,
        adaptive: { min: 10, max: 500, scale: 2, cooldown: 30_000, lowerAbove: 0.2, raiseBelow: 0.05 },
      },
    },
    { rateLimit: { algorithm: 'sliding_window', limit: 10, window: 5000 } },
    { bulkhead: { maxConcurrent: 50, maxQueue: 10, queueTimeout: { critical: 5000, bulk: 50 }, reserved: LEVELS } },
    {
      concurrencyLimit: {
        kind: 'aimd', initial: 10, min: 5, max: 50, backoffRatio: 0.8, maxQueue: 5, reserved: { high: 0.25 },
      },
    },
    { concurrencyLimit: { kind: 'gradient', tolerance: 2, queue: 5, smoothing: 0.5, longWindow: 100 } },
    { timeout: 250, hedge: { after: 50, max: 2 } },
    { timeout: { kind: 'hybrid', percentile: 0.9, factor: 2, min: 10, max: 5000, window: 50, initial: 500 } },
    {
      retry: {
        maxAttempts: 4,
        backoff: { kind: 'exponential', base: 50, max: 2000, multiplier: 3, jitter: 0.1 },
        on: ['timeout'],
        perMethod: { GET: 4, HEAD: 3, OPTIONS: 2, PUT: 3, DELETE: 2 },
        maxElapsed: 10_000,
        budget: { ratio: 0.1, minPerSecond: 2, window: 5000 },
        rejected: true,
      },
      cache: { mode: 'read_through', ttl: 1000, staleTtl: 2000, maxEntries: 10, coalesce: true },
      fallback: ['cache', 'nothing'],
      fallbacks: { nothing: null },
    },
    {
      features: {
        a_b: { priority: 5, requires: ['other'], minHealth: 0.5, testDuration: 1500, minCalls: 3, required: true },
        other: {},
      },
    },
  ];
  const own = new Set(['fallbacks']);
  const names = new Set(['a_b', 'other']);
  const seen = new Set();
  const visit = (options, made) => {
    for (const [name, given] of Object.entries(options)) {
      if (own.has(name)) continue;
      const [key] = Object.keys(made).filter((key) => key === name || camel(key) === name);
      assert.ok(key !== undefined, name);
      if (names.has(key)) assert.equal(key, name);
      seen.add(key);
      if (Array.isArray(given)) assert.deepEqual(made[key], given);
      else if (typeof given === 'object') visit(given, made[key]);
      else if (typeof made[key] === 'string' && /^\d/.test(made[key]))
        assert.ok(new CircuitBreaker(fresh(), { recoveryTimeout: made[key] }));
      else assert.equal(made[key], given, name);
    }
  };
  for (const options of sets) visit(options, document(options));
  const known = new Set();
  (function collect({ properties = {}, oneOf = [], anyOf = [], additionalProperties }) {
    for (const [key, value] of Object.entries(properties)) {
      known.add(key);
      collect(value);
    }
    [...oneOf, ...anyOf].forEach(collect);
    if (typeof additionalProperties === 'object') collect(additionalProperties);
  })(schema());
  assert.deepEqual(
    [...known].filter((key) => !seen.has(key)),
    [],
  );
});

test('a number is milliseconds, wherever a length of time stands', () => {
  const { recovery_timeout, half_open_timeout, window, backoff, ramp } = document({
    recoveryTimeout: 1500,
    halfOpenTimeout: 2.5,
    window: { kind: 'time', period: 120_000 },
    backoff: { kind: 'linear', max: 6e5, resetAfter: 1e3 },
    ramp: { stepTimeout: 10 },
  });
  assert.deepEqual(
    [recovery_timeout, half_open_timeout, window.period, backoff.max, backoff.reset_after, ramp.step_timeout],
    ['1500ms', '2500us', '120s', '600s', '1s', '10ms'],
  );
  const { rate_limit, bulkhead } = document({
    rateLimit: { algorithm: 'leaky_bucket', maxWait: 250, adaptive: { cooldown: 1500 } },
    bulkhead: { maxConcurrent: 5, queueTimeout: { critical: 2500, low: '1m' } },
  });
  assert.deepEqual([rate_limit.max_wait, rate_limit.adaptive.cooldown], ['250ms', '1500ms']);
  assert.deepEqual([bulkhead.queue_timeout.critical, bulkhead.queue_timeout.low], ['2500ms', '60s']);
  const forAll = document({ bulkhead: { maxConcurrent: 5, queueTimeout: 250 } });
  assert.equal(forAll.bulkhead.queue_timeout.high ?? forAll.bulkhead.queue_timeout, '250ms');
});

test('a key of that name is milliseconds only where it is a length of time', () => {
  const { rate_limit, concurrency_limit } = document({
    rateLimit: { rate: 50, reserve: { critical: 5 }, adaptive: { min: 20, max: 80 } },
    concurrencyLimit: { initial: 20, max: 80, reserved: { critical: 0.5 }, queueTimeout: { critical: 80 } },
  });
  const { min, max } = rate_limit.adaptive;
  assert.deepEqual([rate_limit.reserve.critical, min, max, concurrency_limit.max], [5, 20, 80, 80]);
  assert.deepEqual([concurrency_limit.reserved.critical, concurrency_limit.queue_timeout.critical], [0.5, '80ms']);
});

test('a text with a unit is taken as it is', () => {
  for (const text of ['500ms', '1.5s', '2m', '1h', '2000000ns', '3000us']) {
    assert.ok(document({ recoveryTimeout: text }).recovery_timeout);
  }
  assert.equal(
    document({ recoveryTimeout: '90s' }).recovery_timeout,
    document({ recoveryTimeout: 90_000 }).recovery_timeout,
  );
});

test('a number of milliseconds is rounded to whole nanoseconds', () => {
  assert.equal(document({ recoveryTimeout: 1000 / 3 }).recovery_timeout, '333333333ns');
  assert.equal(document({ recoveryTimeout: 0.1 + 0.2 + 1 }).recovery_timeout, '1300us');
  assert.equal(document({ recoveryTimeout: 168 * 3600 * 1000 }).recovery_timeout, '168h');
});

test('undefined is left out', () => {
  assert.deepEqual(
    document({ failureThreshold: undefined, window: undefined, clock: undefined, isFailure: undefined }),
    document(),
  );
});

test('seconds, written by mistake, are answered with the unit', () => {
  const error = refusal({ recoveryTimeout: 0.5 });
  assert.equal(error.key, 'recoveryTimeout');
  assert.match(error.message, /"0\.5ms"/);
  assert.match(error.message, /number of milliseconds, in 1ms\.\.=168h/);
  assert.doesNotMatch(error.message, /number of seconds/);
});

test('wrong values are refused with the key, the value and what may be', () => {
  for (const [options, key, value] of [
    [{ failureThreshold: 0 }, 'failureThreshold', '0'],
    [{ failureThreshold: 2.5 }, 'failureThreshold', '2.5'],
    [{ failureThreshold: '5' }, 'failureThreshold', '"5"'],
    [{ failureThreshold: true }, 'failureThreshold', 'true'],
    [{ failureThreshold: null }, 'failureThreshold', 'null'],
    [{ failureThreshold: NaN }, 'failureThreshold', '"NaN"'],
    [{ failureThreshold: -1 }, 'failureThreshold', '-1'],
    [{ failureThreshold: Infinity }, 'failureThreshold', '"Infinity"'],
    [{ failureThreshold: 10n }, 'failureThreshold', '"10"'],
    [{ failureThreshold: [5] }, 'failureThreshold', '[5]'],
    [{ failureThreshold: Symbol('s') }, 'failureThreshold', '"Symbol(s)"'],
    [{ seed: 2 ** 53 }, 'seed', '9007199254740992'],
    [{ recoveryTimeout: -5 }, 'recoveryTimeout', '"-5ms"'],
    [{ recoveryTimeout: NaN }, 'recoveryTimeout', '"NaN"'],
    [{ recoveryTimeout: Infinity }, 'recoveryTimeout', '"Infinity"'],
    [{ recoveryTimeout: null }, 'recoveryTimeout', 'null'],
    [{ recoveryTimeout: 0 }, 'recoveryTimeout', '"0ms"'],
    [{ recoveryTimeout: 1e30 }, 'recoveryTimeout', '"1e+30ms"'],
    [{ recoveryTimeout: 1e10 }, 'recoveryTimeout', '"10000000000ms"'],
    [{ recoveryTimeout: '5' }, 'recoveryTimeout', '"5"'],
    [{ recoveryTimeout: '5 s' }, 'recoveryTimeout', '"5 s"'],
    [{ recoveryTimeout: {} }, 'recoveryTimeout', '{}'],
    [{ window: 5 }, 'window', '5'],
    [{ window: null }, 'window', 'null'],
    [{ window: { kind: 'count', size: 0 } }, 'window.size', '0'],
    [{ window: { kind: 'time', failureRate: 1.5 } }, 'window.failureRate', '1.5'],
    [{ window: { kind: 'time', minCalls: null } }, 'window.minCalls', 'null'],
    [{ backoff: { kind: 'linear', resetAfter: 0.5 } }, 'backoff.resetAfter', '"0.5ms"'],
    [{ ramp: { windowCalls: 0 } }, 'ramp.windowCalls', '0'],
  ]) {
    const error = refusal(options);
    assert.equal(error.code, 'ERR_CIRCUIT_CONFIG', error.stack);
    assert.deepEqual([error.key, error.value], [key, value]);
    assert.ok(error.message.includes(`\`${key}\` is ${value}; allowed: ${error.allowed}`), error.message);
  }
});

test('unknown options are refused, and those that are known are named as one writes them', () => {
  for (const [options, key] of [
    [{ fooBar: 1 }, 'fooBar'],
    [{ timeLimit: 1 }, 'timeLimit'],
    [{ FailureThreshold: 1 }, 'FailureThreshold'],
    [{ window: { kind: 'count', period: 5 } }, 'window.period'],
    [{ window: { kind: 'time', fooBar: {} } }, 'window.fooBar'],
    [{ name: 'mine' }, 'name'],
    [JSON.parse('{ "__proto__": { "a": 1 } }'), '__proto__'],
    [{ '': 1 }, '""'],
  ]) {
    const error = refusal(options);
    assert.equal(error.key, key);
    assert.match(error.allowed, /^no such (key|option)/);
  }
  assert.match(refusal({ fooBar: 1 }).message, /known: failureThreshold, window, slowCallDuration,/);
});

test('a key of the document is no option: it would be read with the wrong unit', () => {
  const error = refusal({ recovery_timeout: 30 });
  assert.equal(error.key, 'recovery_timeout');
  assert.match(error.message, /write `recoveryTimeout`/);
  assert.match(
    refusal({ window: { kind: 'count', min_calls: 5 } }).message,
    /`window\.min_calls` is 5; .*write `minCalls`/,
  );
});

test('values that look like keys stay as they are', () => {
  assert.match(
    refusal({ mode: 'forced_opn' }).message,
    /"forced_opn"; allowed: one of auto, shadow, forced_open, forced_closed/,
  );
  assert.match(refusal({ backoff: { kind: 'x' } }).message, /decorrelated_jitter/);
  assert.match(
    refusal({ retry: { on: ['rateLimit'] } }).message,
    /^configuration: `retry\.on` is \["rateLimit"\]; allowed: a list of some of timeout, rate_limit, resource_exhausted/,
  );
  const named = refusal({ features: { max_attempts: { minHealth: 0 } } });
  assert.equal(named.key, 'features.max_attempts.minHealth');
  assert.match(named.message, /`features\.max_attempts\.minHealth` is 0; allowed: a number/);
  assert.match(refusal({ features: { max_attempts: 5 } }).message, /`features\.max_attempts` is 5; allowed: an object/);
});

test('what is no name where a name is to stand is shown, with what to write instead', () => {
  const error = refusal({ retry: { on: [TypeError, 'timeout'] } });
  assert.match(error.message, /`retry\.on` is \["\[Function: TypeError\]","timeout"\]; allowed: a list of some of timeout/);
  for (const rung of [() => 5, null, class Rung {}, 7]) {
    const told = refusal({ fallback: [rung] });
    assert.equal(told.code, 'ERR_CIRCUIT_CONFIG');
    assert.match(told.message, /`fallback` is \[.*\]; allowed: a list of names; .* `fallbacks`/);
    assert.doesNotMatch(told.message, /\[null\].*\[null\]/);
  }
});

test('what does not fit together is named as one writes it', () => {
  assert.match(refusal({ failureThreshold: 3, window: { kind: 'count' } }).message, /absent beside `failureThreshold`/);
  assert.match(refusal({ sampleDurationsEvery: 2, cancelledAfter: 10 }).message, /unless `sampleDurationsEvery` is 1/);
});

test('what is no object, and functions that are none, are refused', () => {
  for (const options of [null, 5, 'text', [], () => 1]) assert.equal(refusal(options).code, 'ERR_INVALID_ARG_TYPE');
  for (const key of ['ignore', 'isFailure', 'isFailureResult', 'errorType', 'fallback']) {
    for (const given of [null, true, 'text', {}])
      assert.match(refusal({ [key]: given }).message, new RegExp(`options.${key} must be a function`));
  }
  for (const clock of [null, 5, {}, { native: {} }, Date])
    assert.match(refusal({ clock }).message, /must be a ManualClock/);
});

test('options are not kept: changing them later changes nothing', () => {
  const options = { failureThreshold: 2, window: undefined };
  const breaker = new CircuitBreaker(fresh(), options);
  options.failureThreshold = 9;
  assert.equal(JSON.parse(breaker.document()).failure_threshold, 2);
});

test('a document is taken as every language reads it', () => {
  for (const given of [
    { recovery_timeout: 1.5, failure_threshold: 2 },
    '{"recovery_timeout":"1500ms","failure_threshold":2}',
  ]) {
    const breaker = CircuitBreaker.fromDocument(fresh(), given);
    assert.ok(breaker instanceof CircuitBreaker);
    assert.equal(JSON.parse(breaker.document()).recovery_timeout, '1500ms');
  }
});

test('a document round-trips', () => {
  const breaker = new CircuitBreaker(fresh(), {
    window: { kind: 'adaptive' },
    ramp: {},
    backoff: { kind: 'fibonacci' },
  });
  assert.equal(CircuitBreaker.fromDocument(fresh(), breaker.document()).document(), breaker.document());
});

test('errors of a document speak of documents', () => {
  const from = (given, ...rest) => thrownBy(() => CircuitBreaker.fromDocument(fresh(), given, ...rest));
  const error = from({ recovery_timeout: -5 });
  assert.equal(error.key, 'recovery_timeout');
  assert.match(error.message, /a number of seconds/);
  assert.match(from({ recoveryTimeout: 5 }).message, /no such key.*recovery_timeout/);
  assert.match(from('{').message, /expected a JSON object/);
  for (const given of [undefined, null, 5, true])
    assert.match(from(given).message, /document must be a JSON text or an object/);
  assert.match(from([]).message, /expected a JSON object/);
});

test('beside a document stand only options that are no part of it', () => {
  const from = (options) => CircuitBreaker.fromDocument(fresh(), {}, options);
  assert.match(
    thrownBy(() => from({ failureThreshold: 3 })).message,
    /options\.failureThreshold must be in the document/,
  );
  assert.equal(thrownBy(() => from(null)).code, 'ERR_INVALID_ARG_TYPE');
  const clock = new ManualClock();
  const breaker = from({ clock, isFailure: () => false, fallback: () => 'instead' });
  breaker.trip(1000);
  assert.equal(
    breaker.executeSync(() => 1),
    'instead',
  );
  clock.advance(1000);
  assert.equal(breaker.state, 'half_open');
});

test('a manual clock moves by milliseconds, and forwards alone', () => {
  const clock = new ManualClock();
  clock.advance(1.5);
  assert.equal(clock.now(), 1.5);
  for (const given of [-1, NaN, '5', undefined, null])
    assert.throws(() => clock.advance(given), { code: 'ERR_INVALID_ARG_TYPE' });
  clock.advance(0);
  assert.equal(clock.now(), 1.5);
});
