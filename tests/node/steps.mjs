// The steps of a case, each through the package's public API.

import { ConfigError, isCircuitOpenError } from './fusewire.mjs';
import { Unexpected, check, duration, equal, nanos, nanosOf, part } from './expect.mjs';

/** What a call throws when the vector wants it to fail or to be ignored. */
class Thrown extends Error {
  constructor(outcome, type) {
    super(outcome);
    this.isIgnored = outcome === 'ignored';
    this.type = type;
  }
}

/** What tells a breaker how a call of a vector ended. */
export const CLASSIFICATION = { ignore: (error) => error.isIgnored, errorType: (error) => error.type };

/** Runs one step and checks what it expects. `b` is what the case keeps from step to step. */
export async function run(b, step) {
  const act = ACTIONS[step.do ?? 'expect'];
  check(act !== undefined, () => `unknown step ${step.do}`);
  await act(b, step);
  if (CHECKS_SNAPSHOT.has(step.do) && step.expect !== undefined) snapshot(b, step);
}

const CHECKS_SNAPSHOT = new Set(['advance', 'call', 'drop', 'trip', 'half_open', 'reset', 'mode', 'poll']);

const ACTIONS = {
  expect: snapshot,
  advance,
  call,
  acquire,
  settle,
  drop: (b, { permit }) => permitOf(b, permit)[Symbol.dispose](),
  trip: (b, step) => refusable(step, () => b.breaker.trip(step.duration, byOf(step))),
  half_open: (b, step) => b.breaker.halfOpen(byOf(step)),
  reset: (b, step) => b.breaker.reset(byOf(step)),
  mode: (b, step) => b.breaker.setMode(step.to, byOf(step)),
  poll: (b) => b.breaker.poll(),
  reconfigure: (b, step) => refusable(step, () => b.breaker.reconfigureDocument(step.config, byOf(step))),
  events,
  metrics,
};

const byOf = ({ actor, reason }) => ({ actor, reason });
const tick = (b, ns) => b.clock.advance(ns / 1e6);
const now = (b) => nanosOf(b.clock.now());

function permitOf(b, name) {
  const permit = b.permits.get(name);
  check(permit !== undefined, () => `no permit ${name}`);
  return permit;
}

/** Whether an error is the one that is expected. */
export function refused(error, expected) {
  if (!(error instanceof ConfigError)) throw new Unexpected(`expected a configuration error, got: ${error}`);
  equal('error.key', expected.key, error.key);
  for (const text of expected.contains ?? []) {
    check(error.message.includes(text), () => `expected the error to contain "${text}", got: ${error.message}`);
  }
}

function refusable({ error: expected }, act) {
  try {
    act();
  } catch (error) {
    if (expected === undefined) throw error;
    return refused(error, expected);
  }
  check(expected === undefined, () => `expected the error ${JSON.stringify(expected)}`);
}

function advance(b, step) {
  if (step.by !== undefined) return tick(b, nanos(step.by));
  const isAhead = b.retryAt !== null && b.retryAt > now(b);
  const after = isAhead ? b.retryAt - now(b) : nanosOf(b.breaker.snapshot().retryAfter);
  check(after !== null, () => 'there is no retry_after');
  tick(b, after);
}

/** The ways to make a call, by turns: a vector with a few calls goes all of them. */
const WAYS = [
  (b, body) => b.breaker.executeSync(body),
  (b, body) => b.breaker.execute(async () => body()),
  (b, body, { outcome }) => {
    const permit = b.breaker.acquire();
    try {
      body();
      permit.success();
    } catch (error) {
      if (outcome === 'ignored') permit.ignore();
      else permit.failure(error);
    }
  },
];

async function call(b, step) {
  const { outcome, error_type: type, times = 1 } = step;
  const body = () => {
    if (step.duration !== undefined) tick(b, nanos(step.duration));
    if (outcome !== 'success') throw new Thrown(outcome, type);
  };
  for (let i = 0; i < times; i++) {
    try {
      await WAYS[b.calls++ % WAYS.length](b, body, step);
    } catch (error) {
      check(!isCircuitOpenError(error), () => `expected to be admitted, got ${error.message}`);
      if (!(error instanceof Thrown)) throw error;
    }
  }
}

function acquire(b, step) {
  const { times = 1, as: name } = step;
  for (let i = 1; i <= times; i++) {
    const expected = Array.isArray(step.expect) ? (step.expect[i - 1] ?? {}) : (step.expect ?? {});
    try {
      acquireOne(b, times > 1 && name !== undefined ? `${name}${i}` : name, expected);
    } catch (error) {
      if (error instanceof Unexpected && times > 1) error.message = `acquire ${i}: ${error.message}`;
      throw error;
    }
  }
}

function acquireOne(b, name, expected) {
  const got = answer(b);
  if (got.admitted) {
    const isWanted = name !== undefined || expected.rejected === undefined;
    check(isWanted, () => `expected ${JSON.stringify(expected)}, was admitted`);
    check(name !== undefined, () => 'a permit without a name');
    b.permits.set(name, got.permit);
  }
  for (const [key, value] of Object.entries(expected)) {
    const shown = () => JSON.stringify({ ...got, permit: undefined });
    check(key in got, () => `expected ${key} ${JSON.stringify(value)}, got ${shown()}`);
    if (key === 'retry_after') duration(key, value, got[key]);
    else equal(key, value, got[key]);
  }
}

function answer(b) {
  try {
    const permit = b.breaker.acquire();
    return { admitted: true, would_reject: permit.wouldReject, permit };
  } catch (error) {
    if (!isCircuitOpenError(error)) throw error;
    const after = nanosOf(error.retryAfter);
    b.retryAt = after === null ? null : now(b) + after;
    return { admitted: false, rejected: error.reason, retry_after: after };
  }
}

function settle(b, step) {
  const details = { duration: nanos(step.duration ?? '0s') / 1e6, errorType: step.error_type };
  const settled = permitOf(b, step.permit).settle(step.outcome, details);
  check((step.expect ?? settled) === settled, () => `expected ${step.expect}, got ${settled}`);
}

function events(b, { expect: expected }) {
  check(Array.isArray(expected), () => '`events` expects a list');
  const got = b.events.splice(0);
  check(
    expected.length === got.length,
    () => `expected ${expected.length} events, got ${got.length}: ${JSON.stringify(got)}`,
  );
  expected.forEach((event, i) => part(`event ${i}`, event, got[i]));
}

function metrics(b, { contains = [], lacks = [] }) {
  const lines = b.breaker.metrics().split('\n');
  for (const wanted of contains) check(lines.includes(wanted), () => `metrics lack the line ${wanted}`);
  for (const text of lacks) {
    const line = lines.find((l) => l.includes(text));
    check(line === undefined, () => `metrics have "${text}" in the line ${line}`);
  }
}

function snapshot(b, { expect: expected }) {
  check(expected !== undefined, () => 'a step without `do` needs `expect`');
  part('snapshot', expected, b.breaker.snapshot());
}
