// What a value or an error says of the dependency: the options' functions, asked in the order of semantics §3.

import { inspect } from 'node:util';
import type { Classification } from './options';
import type { Outcome } from './permit';

/** What a value means. @internal */
export function outcomeOf({ isFailureResult }: Classification, breaker: string, value: unknown): Outcome {
  return isFailureResult !== undefined && asks(isFailureResult, breaker, value, false) ? 'failure' : 'success';
}

/** Errors that the user's own wiring of a call has thrown, before the call itself. */
const misuses = new WeakSet<object>();
let isMisused = false;

/** Notes that an error says nothing of the dependency. @internal */
export function noteMisuse(error: unknown): void {
  if (typeof error !== 'object' || error === null) return;
  isMisused = true;
  misuses.add(error);
}

function isMisuse(error: unknown): boolean {
  return isMisused && typeof error === 'object' && error !== null && misuses.has(error);
}

/** What an error means. @internal */
export function outcomeOfError({ ignore, isFailure }: Classification, breaker: string, error: unknown): Outcome {
  if (isMisuse(error)) return 'ignored';
  if (ignore !== undefined && asks(ignore, breaker, error, false)) return 'ignored';
  return isFailure === undefined || asks(isFailure, breaker, error, true) ? 'failure' : 'success';
}

/** The type under which a failure is counted. @internal */
export function typeOf({ errorType }: Classification, breaker: string, error: unknown): string | undefined {
  if (errorType === undefined) return defaultType(error);
  try {
    const type: unknown = errorType(error);
    if (type === '') return undefined;
    return typeof type === 'number' ? String(type) : typeof type === 'string' ? type : defaultType(error);
  } catch (thrown) {
    warn(breaker, 'errorType', thrown);
    return defaultType(error);
  }
}

/** Its `code`, or its name. */
function defaultType(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  try {
    const { code, name } = error as { code?: unknown; name?: unknown };
    return typeof code === 'string' ? code : typeof name === 'string' ? name : undefined;
  } catch {
    return undefined;
  }
}

/** A predicate that throws is reported, and the call counts as it would without one. */
function asks(predicate: (given: unknown) => boolean, breaker: string, given: unknown, without: boolean): boolean {
  try {
    const answer: unknown = predicate(given);
    if (typeof (answer as PromiseLike<unknown> | null | undefined)?.then !== 'function') return Boolean(answer);
    Promise.resolve(answer).catch(() => {});
    throw new TypeError('it answered a promise, and must answer at once');
  } catch (error) {
    warn(breaker, 'a predicate', error);
    return without;
  }
}

/** Reports what a function of the user's threw. @internal */
export function warn(breaker: string, what: string, error: unknown): void {
  let shown: string;
  try {
    shown = inspect(error);
  } catch {
    shown = 'something that cannot be shown';
  }
  process.emitWarning(`${what} of circuit breaker '${breaker}' threw: ${shown}`, { type: 'CircuitBreakerWarning' });
}
