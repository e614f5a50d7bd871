// Asking for permits, and for places in a queue.

import { RequestError, isCircuitOpenError } from './fusewire.mjs';
import { Unexpected, check, duration, equal, nanos, nanosOf } from './expect.mjs';

/** Nanoseconds on the clock of the case. */
export const now = (b) => nanosOf(b.clock.now());

/** What a step asks for; `undefined` when it says nothing of it. */
export function requestOf({ request }) {
  if (request?.deadline === undefined) return request;
  return { ...request, deadline: nanos(request.deadline) / 1e6 };
}

export async function acquire(b, step) {
  const { times = 1, as: name } = step;
  for (let i = 1; i <= times; i++) {
    const expected = Array.isArray(step.expect) ? (step.expect[i - 1] ?? {}) : (step.expect ?? {});
    try {
      await acquireOne(b, step, times > 1 && name !== undefined ? `${name}${i}` : name, expected);
    } catch (error) {
      if (error instanceof Unexpected && times > 1) error.message = `acquire ${i}: ${error.message}`;
      throw error;
    }
  }
}

async function acquireOne(b, step, name, { error: expectedError, ...expected }) {
  let got;
  try {
    got = step.wait ? await waited(b, step, name) : answer(b, () => atOnce(b, requestOf(step)));
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    check(expectedError !== undefined, () => `expected no error, got: ${error.message}`);
    return wrong(error, expectedError);
  }
  check(expectedError === undefined, () => `expected the error ${JSON.stringify(expectedError)}`);
  if (got.admitted) {
    const isWanted = name !== undefined || expected.rejected === undefined;
    check(isWanted, () => `expected ${JSON.stringify(expected)}, was admitted`);
    check(name !== undefined, () => 'a permit without a name');
    b.permits.set(name, got.permit);
  }
  for (const [key, value] of Object.entries(expected)) {
    const shown = () => JSON.stringify({ ...got, permit: undefined });
    check(key in got, () => `expected ${key} ${JSON.stringify(value)}, got ${shown()}`);
    if (['retry_after', 'wait', 'timeout'].includes(key)) duration(key, value, got[key]);
    else equal(key, value, got[key]);
  }
}

function wrong(error, expected) {
  equal('error.key', expected.key, error.field);
  for (const text of expected.contains ?? []) {
    check(error.message.includes(text), () => `expected the error to contain "${text}", got: ${error.message}`);
  }
}

/** Most calls name no request. Those that do are turned away without an error, so the event tells why. */
function atOnce(b, request) {
  if (request === undefined) return b.breaker.acquire();
  let refusal;
  const keep = (error) => (refusal = error);
  b.breaker.on('reject', keep);
  try {
    const permit = b.breaker.tryAcquire(request);
    if (permit === null) throw refusal;
    return permit;
  } finally {
    b.breaker.off('reject', keep);
  }
}

/** What becomes of a call that would wait is known at once, or it waits. */
async function waited(b, step, name) {
  const controller = new AbortController();
  const promise = b.breaker.acquire({ ...requestOf(step), signal: controller.signal });
  let end;
  promise.then((permit) => (end = { permit }), (error) => (end = { error }));
  await null;
  if (end === undefined) {
    check(name !== undefined, () => 'a wait without a name');
    b.waits.begin(name, promise, controller);
    return { admitted: false, queued: true };
  }
  return answer(b, () => {
    if (end.error !== undefined) throw end.error;
    return end.permit;
  });
}

function answer(b, ask) {
  try {
    const permit = ask();
    const { wouldReject: would_reject, bypassed, wait, timeout } = permit;
    return { admitted: true, would_reject, bypassed, wait: nanosOf(wait), timeout: nanosOf(timeout), permit };
  } catch (error) {
    if (!isCircuitOpenError(error)) throw error;
    const after = nanosOf(error.retryAfter);
    b.retryAt = after === null ? null : now(b) + after;
    return { admitted: false, rejected: error.reason, retry_after: after };
  }
}
