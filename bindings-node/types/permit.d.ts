import type { CircuitBreaker } from './breaker';
import type { Reason } from './host';
/** What became of a settling. */
export type Settled = 'ok' | 'late' | 'already_settled';
/** How a call ended. */
export type Outcome = 'success' | 'failure' | 'ignored';
/**
 * Leave to make one call. Settle it once with what came of the call. `using` settles what was not: as ignored, or as a
 * failure when it lasted at least `cancelledAfter`. So does its collection as garbage, where it holds something that
 * others wait for, such as a slot; but nobody knows when that is.
 */
export declare class Permit {
    /** The breaker that gave it. */
    readonly breaker: CircuitBreaker;
    /**
     * Milliseconds until the call's turn comes, as a leaky bucket paces calls; 0 for all others. Whoever has the permit lets
     * them pass before the call; its duration begins then. `execute` does so by itself.
     */
    readonly wait: number;
    /**
     * Milliseconds that the call may take from its turn on: the lesser of the options' `timeout` and what was left until the
     * request's `deadline`; `null` without both. Whoever has the permit ends the call then and settles it as a failure of
     * type `'timeout'`. `execute` does so by itself.
     */
    readonly timeout: number | null;
    private readonly guard;
    private readonly slip;
    private readonly low;
    private isSettled;
    /** In mode `shadow`: why the call would have been rejected. */
    get wouldReject(): Reason | null;
    /** Whether the breaker would have rejected the call, and `priority.openBypass` let it pass. */
    get bypassed(): boolean;
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
