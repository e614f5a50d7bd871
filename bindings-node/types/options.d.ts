import { type CircuitOpenError } from './errors';
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
    errorType?: (error: unknown) => string | number | undefined;
}
/** Options that are no part of the document. */
export interface CallOptions extends Classification {
    /**
     * Answers calls that are turned away; what it throws comes back to the caller. A call of a wrapped function gives it
     * its arguments, too. Without it such calls throw the error.
     */
    fallback?: (error: CircuitOpenError, ...args: any[]) => unknown;
    /** Moves only when it is told to; for tests. */
    clock?: ManualClock;
}
/** Options of a breaker. */
export interface CircuitBreakerOptions extends DocumentOptions, CallOptions {
}
