// What operators do, and the events that tell of it.

import { Unexpected, check, part } from './expect.mjs';
import { ConfigError, RequestError, camel } from './fusewire.mjs';

const byOf = ({ actor, reason }) => ({ actor, reason });
const by = (act) => (b, step) => refusable(step, () => act(b.breaker, step, byOf(step)));

/** The steps by hand. */
export const HAND = {
  trip: by((breaker, step, who) => breaker.trip(step.duration, who)),
  half_open: by((breaker, _, who) => breaker.halfOpen(who)),
  reset: by((breaker, _, who) => breaker.reset(who)),
  poll: by((breaker) => breaker.poll()),
  mode: by((breaker, { to }, who) => breaker.setMode(to, who)),
  reconfigure: by((breaker, { config }, who) => breaker.reconfigureDocument(config, who)),
  set_min_priority: by((breaker, { to }, who) => breaker.setMinPriority(to, who)),
  set_reserved: by((breaker, { reserved, max_concurrent: maxConcurrent }, who) =>
    breaker.setSlots({ maxConcurrent, reserved }, who)),
  set_rate: by((breaker, { to }, who) => breaker.setRate(to, who)),
  set_limit: by((breaker, { to }, who) => breaker.setLimit(to, who)),
  set_utilisation: by((breaker, { to }) => breaker.setUtilisation(to)),
  close: by((breaker, _, who) => breaker.close(who)),
};

/** Whether an error is the one that is expected. */
export function refused(error, expected) {
  const isOne = error instanceof ConfigError || error instanceof RequestError;
  if (!isOne) throw new Unexpected(`expected a configuration error, got: ${error}`);
  const key = error.key ?? error.field;
  // Methods take options: what a document calls `max_concurrent` is `maxConcurrent` there, in the message, too.
  check(key === expected.key || key === camel(expected.key), () => `error.key: expected ${expected.key}, got ${key}`);
  for (const text of expected.contains ?? []) {
    const isThere = error.message.includes(text) || error.message.includes(camel(text));
    check(isThere, () => `expected the error to contain "${text}", got: ${error.message}`);
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

/** Compares the events since the last such step with those that are expected. */
export function inOrder({ expect: expected }, got) {
  check(Array.isArray(expected), () => 'a step of events expects a list');
  check(
    expected.length === got.length,
    () => `expected ${expected.length} events, got ${got.length}: ${JSON.stringify(got)}`,
  );
  expected.forEach((event, i) => part(`event ${i}`, event, got[i]));
}
