// Options as JavaScript writes them: camelCase and milliseconds. They only build the core's document; no default and no
// range is known here, and which keys are durations is read from the core's schema.

import { inspect } from 'node:util';
import { native } from './native';
import { camel, snake } from './names';
import { durations, keys, tables } from './schema';
import { ConfigError, type CircuitOpenError } from './errors';
import type { ManualClock } from './clock';
import type { Cache, Feature, Hedge, LearnedTimeout, Retry } from './policies';
import type { Priority, PriorityLevel } from './request';

/** Milliseconds, or a text such as `'30s'`. */
export type Duration = number | `${number}${'ns' | 'us' | 'ms' | 's' | 'm' | 'h'}`;

/** Judges by the last so many calls. */
export interface CountWindow {
  kind: 'count';
  /** How many calls. */
  size?: number;
  /** Calls before it judges. */
  minCalls?: number;
  /** Share of failures that opens. */
  failureRate?: number;
  /** Share of slow calls that opens; needs `slowCallDuration`. */
  slowCallRate?: number;
}

/** Judges by the calls of the last so many milliseconds. */
export interface TimeWindow {
  kind: 'time';
  /** How long it looks back. */
  period?: Duration;
  /** Into how many buckets the period is divided. */
  buckets?: number;
  /** Calls before it judges. */
  minCalls?: number;
  /** Share of failures that opens. */
  failureRate?: number;
  /** Share of slow calls that opens; needs `slowCallDuration`. */
  slowCallRate?: number;
}

/** A time window whose threshold follows the service's own history. */
export interface AdaptiveWindow extends Omit<TimeWindow, 'kind'> {
  kind: 'adaptive';
  /** Failures in the window below which it does not open. */
  minFailures?: number;
  /** Least threshold; at most `failureRate`. */
  floor?: number;
  /** How many standard deviations above the learned share the threshold lies. */
  sensitivity?: number;
  /** The learned share at first; at most `failureRate`. */
  baseline?: number;
  /** Over how many calls the learned share forgets. */
  memoryCalls?: number;
}

/** How repeated openings lengthen `recoveryTimeout`. */
export interface Backoff {
  kind?: 'fixed' | 'linear' | 'exponential' | 'fibonacci' | 'decorrelated_jitter';
  /** Factor from one opening to the next; for `exponential`. */
  multiplier?: number;
  /** The longest an opening lasts; not for `fixed`. */
  max?: Duration;
  /** Share by which a random factor changes the result. */
  jitter?: number;
  /** A closed spell at least this long starts the row of openings afresh. */
  resetAfter?: Duration;
}

/** A growing share of the calls between the probes and closing. `{}` turns it on. */
export interface Ramp {
  /** Share of the calls that the first step admits. */
  initial?: number;
  /** By how much the share grows from step to step. */
  step?: number;
  /** Settled calls that pass a step. */
  windowCalls?: number;
  /** Share of `windowCalls` that may fail in a step. */
  maxFailureRate?: number;
  /** A step without a failure is passed after this long. */
  stepTimeout?: Duration;
}

/** A bucket that tokens are added to: bursts pass, the rate holds in the long run. */
export interface TokenBucket {
  algorithm?: 'token_bucket';
  /** Calls a second, in the long run. */
  rate?: number;
  /** Tokens that a full bucket holds. */
  burst?: number;
  /** Tokens, by level, that calls of lower levels leave in the bucket. */
  reserve?: Partial<Record<PriorityLevel, number>>;
  /** A rate that follows the outcomes. `{}` turns it on. */
  adaptive?: AdaptiveRate;
}

/** Calls one after the other, at even distances: a call waits for its turn. */
export interface LeakyBucket {
  algorithm: 'leaky_bucket';
  /** Calls a second. */
  rate?: number;
  /** The longest that a call waits for its turn. */
  maxWait?: Duration;
  /** A rate that follows the outcomes. `{}` turns it on. */
  adaptive?: AdaptiveRate;
}

/** At most so many calls in each window: `fixed` counts by the clock's windows, `sliding` in any span of that length. */
export interface WindowLimit {
  algorithm: 'fixed_window' | 'sliding_window';
  /** Calls in a window. */
  limit?: number;
  /** How long it is. */
  window?: Duration;
}

/** Lowers the rate while calls fail, raises it while they succeed and some are turned away. */
export interface AdaptiveRate {
  min?: number;
  max?: number;
  /** Factor from one rate to the next. */
  scale?: number;
  /** How long a rate holds at least. */
  cooldown?: Duration;
  /** Share of failures above which the rate falls. */
  lowerAbove?: number;
  /** Share of failures below which it rises. */
  raiseBelow?: number;
}

/** What calls must matter. */
export interface PriorityRules {
  /** Calls below this level are turned away. */
  min?: Priority;
  /** Calls below this level neither end an opening nor probe. */
  halfOpenMin?: Priority;
  /** Calls at or above this level are made although the breaker is open. */
  openBypass?: Priority;
}

/** What calls wait for a slot in. */
export interface QueueOptions {
  /** How many calls may wait for a slot. */
  maxQueue?: number;
  /** How long a call waits for a slot: one length of time for all levels, or by level. */
  queueTimeout?: Duration | Partial<Record<PriorityLevel, Duration>>;
}

/** At most so many calls at the same time. */
export interface Bulkhead extends QueueOptions {
  /** How many calls run at the same time. */
  maxConcurrent: number;
  /** Slots, by level, that calls of other levels leave free. */
  reserved?: Partial<Record<PriorityLevel, number>>;
}

/** At most so many calls at the same time as the service is seen to bear. */
export interface ConcurrencyLimit extends QueueOptions {
  kind?: 'aimd' | 'gradient';
  /** The limit at first. */
  initial?: number;
  min?: number;
  max?: number;
  /** Shares of the limit, by level, that calls of other levels leave free. */
  reserved?: Partial<Record<PriorityLevel, number>>;
  /** Factor by which a failure or a slow call cuts the limit; for `aimd`. */
  backoffRatio?: number;
  /** How many times longer than usual calls may take; for `gradient`. */
  tolerance?: number;
  /** Calls that may queue in the service; for `gradient`. */
  queue?: number;
  /** Share of an update that is taken over; for `gradient`. */
  smoothing?: number;
  /** Over how many updates the usual duration is learned; for `gradient`. */
  longWindow?: number;
}

/** Who decides at first. */
export type Mode = 'auto' | 'shadow' | 'forced_open' | 'forced_closed';

/** The keys of the document. What is left out takes the core's default; see `docs/configuration.md`. */
export interface DocumentOptions {
  /** Consecutive failures that open. Not beside `window`. */
  failureThreshold?: number;
  /** Judges by rates instead. */
  window?: CountWindow | TimeWindow | AdaptiveWindow;
  /** A call that took at least this long is slow. */
  slowCallDuration?: Duration;
  /** Times the first and then every n-th call of a thread; 0: none. */
  sampleDurationsEvery?: number;
  /** A call aborted after at least this long is a failure. */
  cancelledAfter?: Duration;
  /** How long open lasts. */
  recoveryTimeout?: Duration;
  backoff?: Backoff;
  /** How many probes decide in half-open. */
  halfOpenMaxCalls?: number;
  /** How many of them at the same time. */
  halfOpenConcurrency?: number;
  /** Successful probes that close. */
  successThreshold?: number;
  /** How long one probe may take. */
  halfOpenTimeout?: Duration;
  ramp?: Ramp;
  mode?: Mode;
  /** Seed of the jitter. */
  seed?: number;
  /** Turns calls away that come too fast. */
  rateLimit?: TokenBucket | LeakyBucket | WindowLimit;
  /** Turns calls away by how much they matter. */
  priority?: PriorityRules;
  /** Bounds the calls that run at the same time. Not beside `concurrencyLimit`. */
  bulkhead?: Bulkhead;
  /** Finds out how many calls may run at the same time. Not beside `bulkhead`. */
  concurrencyLimit?: ConcurrencyLimit;
  /** How long an attempt may take: a length of time, or what is learned from the calls. */
  timeout?: Duration | LearnedTimeout;
  /** Tries a call that failed once more. `{}` turns it on. */
  retry?: Retry;
  /**
   * What answers, in this order, when the call does not: `'cache'`, `'breaker:NAME'` for a call through the breaker of
   * that name, or any other name of what `fallbacks` has under it.
   */
  fallback?: readonly string[];
  /** Keeps values of calls that say their `key`. `{}` turns it on. */
  cache?: Cache;
  /** Starts a second attempt beside one that takes long. `{}` turns it on. */
  hedge?: Hedge;
  /** Parts of the dependency that are let in again, and turned away, each by itself. */
  features?: Record<string, Feature>;
}

/** What decides how a call ended, in this order. */
export interface Classification {
  /** An error that says nothing about the dependency: the call is ignored. */
  ignore?: (error: unknown) => boolean;
  /** Whether an error is a failure; without it every error is. What is none counts as a success. */
  isFailure?: (error: unknown) => boolean;
  /** Whether a value is a failure; without it none is. */
  isFailureResult?: (value: any) => boolean;
  /**
   * The type under which an error is counted, and by which a retry knows its category; without it, and where it answers
   * `undefined`, its `code`, or its name. An empty text: it is counted under no type.
   * With `timeout`, `retry`, `fallback`, `cache` or `hedge` a code such as `ECONNREFUSED` becomes the name that the retry
   * knows, `connection_refused`.
   */
  errorType?: (error: unknown) => string | number | undefined;
  /**
   * Milliseconds that an error asks to wait before the next attempt; without it what the header `retry-after` of the
   * error, or of its `response`, says. A retry waits at least as long.
   */
  retryAfter?: (error: unknown) => number | undefined;
  /** Whether a rung of the list `fallback` answers in the place of that error; without it any may. */
  fallsBack?: (error: unknown) => boolean;
}

/** Options that are no part of the document. */
export interface CallOptions extends Classification {
  /**
   * Answers calls that are turned away; what it throws comes back to the caller. A call of a wrapped function gives it
   * its arguments, too. Without it such calls throw the error.
   */
  fallback?: (error: CircuitOpenError, ...args: any[]) => unknown;
  /**
   * What the names in the list `fallback` stand for: a function, which is given the error and the call's arguments, or a
   * value. Under `'breaker:NAME'` is the function that is called through the breaker of that name: of the breaker's own
   * registry, or of `registry`.
   */
  fallbacks?: Readonly<Record<string, unknown>>;
  /** Moves only when it is told to; for tests. */
  clock?: ManualClock;
}

/** Options of a breaker. */
export interface CircuitBreakerOptions extends Omit<DocumentOptions, 'fallback'>, Omit<CallOptions, 'fallback'> {
  /**
   * A function: answers calls that are turned away, as a `CallOptions`' does. A list: what answers when a call fails, is
   * turned away or takes too long, after its retries, as a `DocumentOptions`' does.
   */
  fallback?: DocumentOptions['fallback'] | CallOptions['fallback'];
}

const FUNCTIONS = ['ignore', 'isFailure', 'isFailureResult', 'errorType', 'retryAfter', 'fallsBack'] as const;
/** Options that are no part of the document. */
const OWN = new Set<string>([...FUNCTIONS, 'fallback', 'fallbacks', 'clock']);

/** The document's value: milliseconds become a text with their unit. */
function value(key: string, path: string, given: unknown): unknown {
  if (typeof given === 'number' && durations.has(key) && Number.isFinite(given)) return milliseconds(given);
  if (Array.isArray(given)) return given.map(written);
  if (typeof given === 'object' && given !== null) {
    if (tables.has(key)) return tableOfNames(given, path, key);
    return table(given, `${path}.`, () => true, `${key}.`);
  }
  return written(given);
}

/** What JSON has no word for would become `null` or vanish, and the error tell of something else. */
function written(given: unknown): unknown {
  if (typeof given === 'number' && !Number.isFinite(given)) return String(given);
  if (typeof given === 'function') return inspect(given, { depth: 0 });
  if (typeof given === 'bigint' || typeof given === 'symbol') return String(given);
  return given;
}

/** A length of time as the document has it. @internal */
export function durationText(duration: Duration): string {
  if (typeof duration === 'number') return milliseconds(duration);
  if (typeof duration === 'string') return duration;
  throw invalid('duration', "milliseconds, or a text such as '30s'", duration);
}

/** Rounded to whole nanoseconds: `1000 / 3` is a length of time, too. */
function milliseconds(given: number): string {
  return `${Math.abs(given) < Number.MAX_SAFE_INTEGER / 1e6 ? Math.round(given * 1e6) / 1e6 : given}ms`;
}

/** `path` is what leads there in the options, `keyPath` in the document. */
function table(
  given: object,
  path: string,
  isWanted: (key: string) => boolean,
  keyPath = '',
): Record<string, unknown> {
  // Without a prototype, an option named `__proto__` is one that the core does not know.
  const document = Object.create(null) as Record<string, unknown>;
  for (const [name, entry] of Object.entries(given)) {
    if (entry === undefined || !isWanted(name)) continue;
    // A document's key would be read with an option's unit.
    if (name.includes('_')) throw notAnOption(path + name, name, entry);
    const key = /^[a-z]/.test(name) ? snake(name) : name;
    document[key] = value(keyPath + key, path + name, entry);
  }
  return document;
}

/** A table whose keys are names, which stay as they are. */
function tableOfNames(given: object, path: string, key: string): Record<string, unknown> {
  const document = Object.create(null) as Record<string, unknown>;
  for (const [name, entry] of Object.entries(given)) {
    if (entry !== undefined) document[name] = value(`${key}.*`, `${path}.${name}`, entry);
  }
  return document;
}

function notAnOption(path: string, name: string, entry: unknown): ConfigError {
  const hint = keys.has(name) ? `; write \`${camel(name)}\`` : '';
  const [shown, allowed] = [inspect(entry), `no such option${hint}`];
  return new ConfigError(path, shown, allowed, `configuration: \`${path}\` is ${shown}; allowed: ${allowed}`);
}

/** The core's document. @internal */
export function documentOf(options: DocumentOptions | CircuitBreakerOptions): string {
  // A function is the caller's own; a list of rungs is the document's.
  const isWanted = (key: string): boolean =>
    key === 'fallback' ? typeof options.fallback !== 'function' : !OWN.has(key);
  return JSON.stringify(table(options, '', isWanted));
}

/** A document that somebody wrote, as text. @internal */
export function documentText(document: string | object): string {
  if (typeof document === 'string') return document;
  if (typeof document === 'object' && document !== null) return JSON.stringify(document);
  throw invalid('document', 'a JSON text or an object', document);
}

/** Checks what the core does not see. @internal */
export function checkOptions(options: unknown): asserts options is CircuitBreakerOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalid('options', 'an object such as { failureThreshold: 5, recoveryTimeout: 30_000 }', options);
  }
  for (const key of FUNCTIONS) {
    const given = (options as Record<string, unknown>)[key];
    if (given !== undefined && typeof given !== 'function') throw invalid(`options.${key}`, 'a function', given);
  }
  const { clock, fallback, fallbacks } = options as CircuitBreakerOptions;
  if (fallback !== undefined && typeof fallback !== 'function' && !Array.isArray(fallback)) {
    throw invalid('options.fallback', "a function, or a list such as ['cache', 'nothing found']", fallback);
  }
  checkNamed(fallback);
  if (fallbacks !== undefined && (typeof fallbacks !== 'object' || fallbacks === null)) {
    throw invalid('options.fallbacks', "an object such as { 'nothing found': [] }", fallbacks);
  }
  if (clock !== undefined && !((clock?.native as unknown) instanceof native.NativeClock)) {
    throw invalid('options.clock', 'a ManualClock of this copy of the package', clock);
  }
}

/** A rung is a name: what answers under it stands elsewhere. */
function checkNamed(fallback: unknown): void {
  if (!Array.isArray(fallback) || fallback.every((rung) => typeof rung === 'string')) return;
  const shown = inspect(fallback);
  const allowed = "a list of names; what answers under a name stands in `fallbacks`: { fallback: ['mine'], fallbacks: { mine: … } }";
  throw new ConfigError('fallback', shown, allowed, `configuration: \`fallback\` is ${shown}; allowed: ${allowed}`);
}

/** Checks options that stand beside a document. @internal */
export function checkCallOptions(options: unknown): asserts options is CallOptions {
  checkOptions(options);
  const isList = Array.isArray(options.fallback);
  const key = Object.keys(options).find((key) => !OWN.has(key) || (key === 'fallback' && isList));
  if (key !== undefined) throw invalid(`options.${key}`, 'in the document', (options as Record<string, unknown>)[key]);
}

/** Checks a signal, which may be one of another realm. @internal */
export function checkSignal(given: unknown): asserts given is AbortSignal {
  const signal = given as Partial<AbortSignal> | null;
  if (typeof signal?.aborted !== 'boolean' || typeof signal.addEventListener !== 'function') {
    throw invalid('signal', 'an AbortSignal', given);
  }
}

/** An argument of the wrong type. @internal */
export function invalid(what: string, wanted: string, given: unknown): TypeError {
  const isShort = given === null || ['string', 'number', 'boolean', 'undefined'].includes(typeof given);
  const shown = isShort ? inspect(given) : typeof given;
  return Object.assign(new TypeError(`${what} must be ${wanted}, not ${shown}`), { code: 'ERR_INVALID_ARG_TYPE' });
}
