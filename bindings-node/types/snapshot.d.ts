import type { Reason } from './host';
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
    halfOpen: {
        inFlight: number;
        successes: number;
        failures: number;
    };
    /** `null` outside a ramp. */
    ramp: {
        share: number;
        step: number;
        settled: number;
        failures: number;
    } | null;
    totals: {
        success: number;
        failure: number;
        ignored: number;
        slow: number;
        late: number;
        expired: number;
        rejected: Record<Reason, number>;
        wouldReject: Record<Reason, number>;
    };
    last: {
        cause: string;
        from: State;
        to: State;
        at: number;
    } | null;
    /** `null` before the first failure. */
    lastFailure: LastFailure | null;
    durations: {
        bounds: number[];
        byOutcome: Record<'success' | 'failure' | 'ignored', Distribution>;
    };
}
