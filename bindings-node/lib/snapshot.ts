// A snapshot as JavaScript reads it: camelCase, times in milliseconds.

import type { Reason } from './host';
import { camel } from './names';
import type { PriorityLevel } from './request';

/** What a breaker is in. */
export type State = 'closed' | 'open' | 'half_open';

/** Calls that were timed. */
export interface Distribution {
  /** How many fell into each bucket; the last counts what exceeds every bound. */
  counts: number[];
  /** Their sum, in milliseconds. */
  sum: number;
}

/** The last failure that was settled. */
export interface LastFailure {
  /** Under which type it was counted; `null` when it had none, `other` when the type came after the breaker's first 20. */
  errorType: string | null;
  /** When it was settled, on the breaker's clock, in milliseconds. */
  at: number;
}

/** What a feature is in. */
export type FeatureState = 'enabled' | 'testing' | 'disabled';

/** What a failure is to a retry. */
export type Category =
  | 'timeout'
  | 'rate_limit'
  | 'resource_exhausted'
  | 'network_error'
  | 'internal_error'
  | 'invalid_request'
  | 'unknown';

/** A feature at one instant. */
export interface FeatureSnapshot {
  state: FeatureState;
  /** Share of successes among its calls in this state, the last 50 at most; `null` before the first. */
  health: number | null;
  admitted: number;
  refused: number;
  successes: number;
  failures: number;
}

/** A breaker at one instant. */
export interface Snapshot {
  name: string;
  /** The effective state: open past its deadline reads half-open. */
  state: State;
  storedState: State;
  mode: 'auto' | 'shadow' | 'forced_open' | 'forced_closed';
  /** Transitions so far. */
  generation: number;
  /** Openings so far. */
  opened: number;
  openingsInARow: number;
  /** Milliseconds until the breaker may probe; `null` unless it is open. */
  retryAfter: number | null;
  /** `null` with a window. */
  consecutiveFailures: number | null;
  /** `null` without a window. */
  window: {
    total: number;
    failures: number;
    slow: number;
    failureRate: number | null;
    slowCallRate: number | null;
    baseline: number | null;
    threshold: number | null;
  } | null;
  halfOpen: { inFlight: number; successes: number; failures: number };
  /** `null` outside a ramp. */
  ramp: { share: number; step: number; settled: number; failures: number } | null;
  /** `null` without `rateLimit`. */
  rateLimit: {
    /** The rate in force, in calls a second; of a window its limit. */
    rate: number;
    /** Whole tokens for a critical call; of a window what is left of the limit; `null` for a leaky bucket. */
    available: number | null;
    /** Milliseconds until a critical call of cost 1 is admitted; `null` when it is admitted now. */
    retryAfter: number | null;
  } | null;
  /** `null` without `bulkhead` and `concurrencyLimit`. */
  bulkhead: {
    /** Slots that are taken. */
    inFlight: number;
    byLevel: Record<PriorityLevel, number>;
    /** Calls that wait for a slot. */
    queued: number;
    /** Slots in all; the limit in force, rounded down. */
    limit: number;
  } | null;
  /** Milliseconds that a call may take now; `null` without `timeout`. */
  timeout: number | null;
  /** `null` without `retry`. */
  retry: {
    /** Retries and hedges that the budget has left; `null` without one. */
    budget: number | null;
    /** Of the kinds that an `adaptive` backoff chooses from; `null` for any other. */
    scores: Record<'exponential' | 'fibonacci' | 'decorrelated_jitter', number> | null;
    /** Retries so far, by the category of what they followed. */
    retries: Record<Category, number>;
    /** Retries so far that followed a rejection. */
    afterRejection: number;
    /** Retries that were not made, by why. */
    denied: Record<string, number>;
  } | null;
  /** How often each rung has answered, and how often it could not. */
  fallbacks: { rung: string; answered: number; failed: number }[];
  /** `null` without `cache`: how many values are kept, and how often one was found that was fresh, or stale, or none. */
  cache: { entries: number; fresh: number; stale: number; absent: number } | null;
  /** `null` without `hedge`: after how many milliseconds one begins (`null` when that is not known yet), and how many did. */
  hedge: { after: number | null; begun: number; won: number } | null;
  /** `null` without `features`; by name. */
  features: Record<string, FeatureSnapshot> | null;
  totals: {
    success: number;
    failure: number;
    ignored: number;
    slow: number;
    late: number;
    expired: number;
    rejected: Record<Reason, number>;
    wouldReject: Record<Reason, number>;
    /** Calls that passed a breaker that would have rejected them. */
    bypassed: number;
  };
  last: { cause: string; from: State; to: State; at: number } | null;
  /** `null` before the first failure. */
  lastFailure: LastFailure | null;
  durations: { bounds: number[]; byOutcome: Record<'success' | 'failure' | 'ignored', Distribution> };
}

/** Keys whose value is nanoseconds in the core. */
const TIMES = new Set(['retry_after', 'at', 'sum', 'bounds', 'timeout', 'after']);
/** Objects whose keys are names and stay as they are. */
const BY_NAME = new Set(['rejected', 'would_reject', 'retries', 'denied', 'scores']);

const milliseconds = (given: unknown): unknown =>
  Array.isArray(given) ? given.map(milliseconds) : typeof given === 'number' ? given / 1e6 : given;

function read(key: string, given: unknown): unknown {
  if (TIMES.has(key)) return milliseconds(given);
  if (typeof given !== 'object' || given === null || Array.isArray(given) || BY_NAME.has(key)) return given;
  const nameOf = key === 'features' ? (name: string): string => name : camel;
  return Object.fromEntries(Object.entries(given).map(([name, entry]) => [nameOf(name), read(name, entry)]));
}

/** The core's last failure as JavaScript reads it. @internal */
export function lastFailureOf(json: string | null): LastFailure | null {
  return json === null ? null : (read('', JSON.parse(json)) as LastFailure);
}

/** The core's snapshot as JavaScript reads it. @internal */
export function snapshotOf(json: string): Snapshot {
  return read('', JSON.parse(json)) as Snapshot;
}
