// Options as JavaScript writes them: camelCase and milliseconds. They only build the core's document; no default and no
// range is known here, and which keys are durations is read from the core's schema.

import { native } from './native';
import { snake } from './names';
import type { CircuitOpenError } from './errors';
import type { ManualClock } from './clock';

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

/** Judges by a share of failures that it learns. */
export interface AdaptiveWindow {
  kind: 'adaptive';
  period?: Duration;
  buckets?: number;
  minCalls?: number;
  minFailures?: number;
  baseline?: number;
  floor?: number;
  ceiling?: number;
  sensitivity?: number;
  slowCallRate?: number;
  [key: string]: unknown;
}

/** How repeated openings lengthen `recoveryTimeout`. */
export interface Backoff {
  kind?: 'fixed' | 'linear' | 'exponential' | 'fibonacci' | 'decorrelated_jitter';
  multiplier?: number;
  max?: Duration;
  jitter?: number;
  resetAfter?: Duration;
}

/** A growing share of the calls between the probes and closing. */
export interface Ramp {
  initial?: number;
  step?: number;
  windowCalls?: number;
  windowTimeout?: Duration;
  maxFailureRate?: number;
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
}

/** What decides how a call ended, in this order. */
export interface Classification {
  /** An error that says nothing about the dependency: the call is ignored. */
  ignore?: (error: unknown) => boolean;
  /** Whether an error is a failure; without it every error is. What is none counts as a success. */
  isFailure?: (error: unknown) => boolean;
  /** Whether a value is a failure; without it none is. */
  isFailureResult?: (value: any) => boolean;
  /** The type under which an error is counted; without it its `code`, or its name. */
  errorType?: (error: unknown) => string | undefined;
}

/** Options of a breaker. */
export interface CircuitBreakerOptions extends DocumentOptions, Classification {
  /** Answers calls that are turned away. */
  fallback?: (error: CircuitOpenError) => unknown;
  /** Moves only when it is told to; for tests. */
  clock?: ManualClock;
}

const OWN = new Set(['ignore', 'isFailure', 'isFailureResult', 'errorType', 'fallback', 'clock', 'name', 'registry']);
const FUNCTIONS = ['ignore', 'isFailure', 'isFailureResult', 'errorType', 'fallback'] as const;

interface Schema {
  properties?: Record<string, Schema>;
  oneOf?: Schema[];
  anyOf?: Schema[];
  pattern?: string;
}

/** Keys whose value is a length of time, wherever they stand. */
const durations = new Set<string>();
(function collect(schema: Schema): void {
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    if (value.anyOf?.some((form) => form.pattern !== undefined)) durations.add(key);
    collect(value);
  }
  for (const form of [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])]) collect(form);
})(JSON.parse(native.schema()) as Schema);

/** The document's value: milliseconds become a text with their unit. */
function value(key: string, given: unknown): unknown {
  if (typeof given === 'number' && durations.has(key) && Number.isFinite(given)) return `${plain(given)}ms`;
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return table(given, () => true);
  // What JSON has no word for would otherwise become `null` or vanish, and the error tell of something else.
  if (typeof given === 'number' && !Number.isFinite(given)) return String(given);
  if (typeof given === 'bigint' || typeof given === 'symbol' || typeof given === 'function') return String(given);
  return given;
}

/** A length of time as the document has it. */
export function durationText(duration: Duration): string {
  return typeof duration === 'number' ? `${plain(duration)}ms` : String(duration);
}

/** Without an exponent, which the grammar of durations does not know. */
function plain(milliseconds: number): string {
  const text = String(milliseconds);
  return text.includes('e') ? milliseconds.toFixed(6).replace(/\.?0+$/, '') : text;
}

function table(given: object, wanted: (key: string) => boolean): Record<string, unknown> {
  const document: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(given)) {
    if (entry === undefined || !wanted(name)) continue;
    const key = snake(name);
    document[key] = value(key, entry);
  }
  return document;
}

/** The core's document. */
export function documentOf(options: DocumentOptions): string {
  return JSON.stringify(table(options, (key) => !OWN.has(key)));
}

/** Checks what the core does not see. */
export function checkOptions(options: unknown): asserts options is CircuitBreakerOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalid('options', 'an object such as { failureThreshold: 5, recoveryTimeout: 30_000 }', options);
  }
  for (const key of FUNCTIONS) {
    const given = (options as Record<string, unknown>)[key];
    if (given !== undefined && typeof given !== 'function') throw invalid(`options.${key}`, 'a function', given);
  }
}

/** An argument of the wrong type. */
export function invalid(what: string, wanted: string, given: unknown): TypeError {
  const shown = given === null ? 'null' : typeof given === 'string' ? `'${given}'` : typeof given;
  return Object.assign(new TypeError(`${what} must be ${wanted}, not ${shown}`), { code: 'ERR_INVALID_ARG_TYPE' });
}
