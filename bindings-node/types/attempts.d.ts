import { type Reason } from './host';
import type { Outcome, Settled } from './permit';
/** How a call with its attempts ended. */
export interface Finished {
    kind: 'done';
    /** Of the last attempt that ran, or `'success'` when a rung has answered; `'rejected'`: nothing ran. */
    outcome: Outcome | 'rejected';
    /** The rung that has answered: the answer is degraded. */
    rung: string | null;
    /** How often the breaker was asked. */
    attempts: number;
    /** Why the last attempt was turned away, if it was. */
    rejected: Reason | null;
    /** Then: milliseconds until the answer can differ; `null` when that is unknown. */
    retryAfter: number | null;
    /** Of the last attempt that failed. */
    errorType: string | null;
}
/** What is to be done next. */
export type Step = 
/** Make the call, then `settle`. It may take `timeout` milliseconds: end it then, and settle it as a failure of type `timeout`. */
{
    kind: 'call';
    attempt: number;
    timeout: number | null;
}
/** Wait so many milliseconds, then ask again. */
 | {
    kind: 'wait';
    milliseconds: number;
}
/** Answer from that rung, then tell whether it has `answered`. */
 | {
    kind: 'use';
    rung: string;
}
/** It is over. */
 | Finished;
/** What is told of an attempt beside its outcome. */
export interface AttemptDetails {
    /** The type of a failure: `docs/configuration.md` says which category each is of, and so whether it is tried once more. */
    errorType?: string;
    /** The HTTP status of the answer: it tells the category where the type does not. */
    status?: number;
    /** Milliseconds that the dependency asks to wait: a retry waits at least as long. */
    retryAfter?: number;
    /** Milliseconds that it took, as the caller has measured it; else the breaker's clock tells, if the call is one that is timed. */
    duration?: number;
    /** `false`: the failure stands, and no rung answers in its place. */
    fallback?: boolean;
}
/**
 * A call with its attempts: retries with their waits and budget, timeouts, and the rungs that answer when it fails. It says
 * what is to be done, one step after the other, and does none of it but asking the breaker for permits. It never waits for
 * a slot. `using` drops the permit of an attempt that was not settled.
 */
export declare class Attempts {
    private readonly course;
    private isOver;
    private finished;
    /** What is to be done now. */
    next(): Step;
    /** The attempt has ended; answers what became of settling it, or `null` when none was under way. */
    settle(outcome: Outcome, details?: AttemptDetails): Exclude<Settled, 'already_settled'> | null;
    /** The rung that was to be used has answered, or could not. */
    answered(hasAnswered: boolean): void;
    /** Gives the call up: an attempt that is under way is as if its permit was dropped. */
    [Symbol.dispose](): void;
    private note;
}
