// The steps of a case, each through the package's public API.

import { acquire, now, requestOf } from './acquire.mjs';
import { attempt } from './attempt.mjs';
import { check, nanos, nanosOf, part } from './expect.mjs';
import { isCircuitOpenError } from './fusewire.mjs';
import { HAND, inOrder } from './hand.mjs';

/** What a call throws when the vector wants it to fail or to be ignored. */
class Thrown extends Error {
  constructor(outcome, type) {
    super(outcome);
    this.isIgnored = outcome === 'ignored';
    this.type = type;
  }
}

/** What tells a breaker how a call of a vector ended. */
export const CLASSIFICATION = { ignore: (error) => error.isIgnored, errorType: (error) => error.type ?? '' };

/** Runs one step and checks what it expects. `b` is what the case keeps from step to step. */
export async function run(b, step) {
  const act = ACTIONS[step.do ?? 'expect'];
  check(act !== undefined, () => `unknown step ${step.do}`);
  await act(b, step);
  await b.waits.collect(b, step);
  if (CHECKS_SNAPSHOT.has(step.do) && step.expect !== undefined) snapshot(b, step);
}

const CHECKS_SNAPSHOT = new Set([
  'advance', 'call', 'drop', 'trip', 'half_open', 'reset', 'mode', 'poll',
  'set_min_priority', 'set_reserved', 'set_rate', 'set_limit', 'raise', 'close',
]);

const ACTIONS = {
  expect: snapshot,
  advance,
  call,
  acquire,
  settle,
  attempt,
  drop: (b, { permit }) => b.waits.cancel(permit) || permitOf(b, permit)[Symbol.dispose](),
  raise: (b, { permit, to }) => b.waits.raise(permit, to),
  ...HAND,
  events: (b, step) => inOrder(step, b.events.splice(0)),
  policy_events: (b, step) => inOrder(step, b.policyEvents.splice(0)),
  metrics,
};

const tick = (b, ns) => b.clock.advance(ns / 1e6);

function permitOf(b, name) {
  const permit = b.permits.get(name);
  check(permit !== undefined, () => `no permit ${name}`);
  return permit;
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
  (b, body, request) => b.breaker.executeSync(body, request),
  executed,
  withPermit,
];

function executed(b, body, request) {
  return b.breaker.execute(async () => body(), request);
}

function withPermit(b, body, request, { outcome }) {
  const permit = request === undefined ? b.breaker.acquire() : b.breaker.tryAcquire(request);
  check(permit !== null, () => 'expected to be admitted');
  b.clock.advance(permit.wait);
  try {
    body();
    permit.success();
  } catch (error) {
    if (outcome === 'ignored') permit.ignore();
    else permit.failure(error);
  }
}

/**
 * A permit alone tells how long its call waits for its turn, which passes on the clock first. `execute` may make more
 * attempts than one, which a vector says by steps of its own.
 */
function waysOf({ breaker }) {
  const { rate_limit: limit, retry, hedge } = JSON.parse(breaker.document());
  if (limit?.algorithm === 'leaky_bucket') return [withPermit];
  const hasAttempts = (retry ?? hedge ?? null) !== null;
  return hasAttempts ? WAYS.filter((way) => way !== executed) : WAYS;
}

async function call(b, step) {
  const { outcome, error_type: type, times = 1 } = step;
  const body = () => {
    if (step.duration !== undefined) tick(b, nanos(step.duration));
    if (outcome !== 'success') throw new Thrown(outcome, type);
  };
  const ways = waysOf(b);
  for (let i = 0; i < times; i++) {
    try {
      await ways[b.calls++ % ways.length](b, body, requestOf(step), step);
    } catch (error) {
      check(!isCircuitOpenError(error), () => `expected to be admitted, got ${error.message}`);
      if (!(error instanceof Thrown)) throw error;
    }
  }
}

function settle(b, step) {
  const details = { duration: nanos(step.duration ?? '0s') / 1e6, errorType: step.error_type };
  const settled = permitOf(b, step.permit).settle(step.outcome, details);
  check((step.expect ?? settled) === settled, () => `expected ${step.expect}, got ${settled}`);
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
