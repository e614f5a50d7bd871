import type { CircuitBreaker } from './breaker';
import type { Reason } from './host';
/** What became of a settling. */
export type Settled = 'ok' | 'late' | 'already_settled';
/** How a call ended. */
export type Outcome = 'success' | 'failure' | 'ignored';
/**
 * Leave to make one call. Settle it once with what came of the call. `using` settles what was not: as ignored, or as a
 * failure when it lasted at least `cancelledAfter`.
 */
export declare class Permit {
    /** The breaker that gave it. */
    readonly breaker: CircuitBreaker;
    private readonly guard;
    private readonly slip;
    private readonly low;
    private isSettled;
    /** In mode `shadow`: why the call would have been rejected. */
    get wouldReject(): Reason | null;
    /** The dependency did what it should. */
    success(): Settled;
    /** The dependency failed; the error's type is counted in the metrics. */
    failure(error?: unknown): Settled;
    /** The call says nothing about the dependency. */
    ignore(): Settled;
    /** Any outcome, with the duration in milliseconds that the caller measured and, for a failure, its type. */
    settle(outcome: Outcome, details?: {
        duration?: number;
        errorType?: string;
    }): Settled;
    /** Lets go of a permit that was not settled. */
    [Symbol.dispose](): void;
    private end;
}
