// Calls that are made step by step.

import { requestOf } from './acquire.mjs';
import { check, duration, equal, isTable, nanos, nanosOf, part } from './expect.mjs';
import { RequestError, camel } from './fusewire.mjs';
import { refused } from './hand.mjs';

/** Begins a call, tells how an attempt or a rung came out, or asks what is to be done now. */
export function attempt(b, step) {
  const { as: name, begin, result, expect: expected = {} } = step;
  if (begin !== undefined) {
    try {
      b.attempts.set(name, b.breaker.attempts(requestOf(begin)));
    } catch (error) {
      if (expected.error === undefined || !(error instanceof RequestError)) throw error;
      return refused(error, expected.error);
    }
    check(expected.error === undefined, () => `expected the error ${JSON.stringify(expected.error)}`);
  }
  const attempts = b.attempts.get(name);
  check(attempts !== undefined, () => `${name} was not begun`);
  if (result !== undefined) tell(attempts, result);
  compare(expected, attempts.next());
}

function tell(attempts, { outcome, error_type: errorType, status, retry_after: hint, duration: lasted = '0s' }) {
  if (attempts.next().kind === 'use') return attempts.answered(outcome === 'success');
  const retryAfter = hint === undefined ? undefined : nanos(hint) / 1e6;
  const settled = attempts.settle(outcome, { errorType, status, retryAfter, duration: nanos(lasted) / 1e6 });
  check(settled !== null, () => 'no attempt is under way');
}

function done(expected, got) {
  for (const [key, value] of Object.entries(expected)) equal(`done.${key}`, value, got[camel(key)]);
}

const KINDS = { call: 'call', wait: 'wait', use: 'use', done: 'done' };

function compare(expected, got) {
  for (const [key, value] of Object.entries(expected)) {
    check(KINDS[key] === got.kind, () => `expected ${key} ${JSON.stringify(value)}, got ${JSON.stringify(got)}`);
    if (key === 'wait') duration(key, value, nanosOf(got.milliseconds));
    else if (key === 'use') equal(key, value, got.rung);
    else if (!isTable(value)) equal(key, value, got);
    else if (key === 'done') done(value, got);
    else {
      const { timeout, ...rest } = value;
      if (timeout !== undefined) duration('call.timeout', timeout, nanosOf(got.timeout));
      part(key, rest, got);
    }
  }
}
