import type { Reason } from './host';
import type { LastFailure } from './snapshot';
/** What every error of this package is. */
export declare abstract class CircuitBreakerError extends Error {
    /** What to branch on. */
    abstract readonly code: string;
}
/** Whether a `CircuitOpenError` has a stack. Off by default: capturing one costs more than everything else of it. */
export declare function captureStacks(on: boolean): void;
/** A call was turned away; nothing ran. */
export declare class CircuitOpenError extends CircuitBreakerError {
    #private;
    readonly code = "ERR_CIRCUIT_OPEN";
    /** The breaker's name. */
    readonly breaker: string;
    /** Why. */
    readonly reason: Reason;
    /** Milliseconds until the answer can differ; `null` when that is unknown. */
    readonly retryAfter: number | null;
    /** For tests of code that catches it. */
    constructor(breaker: string, reason: Reason, retryAfter: number | null, lastFailure?: LastFailure | null);
    /**
     * The breaker's last failure when the call was turned away: why it opened, unless that was done by hand. `null` when
     * there was none. What fails later does not change it. Until it is read, the error keeps its breaker in memory.
     */
    get lastFailure(): LastFailure | null;
    /** The fields, for who logs it. */
    toJSON(): object;
    /** Written when somebody reads it. */
    get message(): string;
    set message(text: string);
}
/** The configuration is wrong; nothing was made or changed. */
export declare class ConfigError extends CircuitBreakerError {
    readonly code = "ERR_CIRCUIT_CONFIG";
    /** The option, as a dotted path. */
    readonly key: string;
    /** What it was. */
    readonly value: string;
    /** What it may be. */
    readonly allowed: string;
    /** For tests of code that catches it. */
    constructor(key: string, value: string, allowed: string, message: string);
}
/** What a call asks for cannot be; nothing was asked, and nothing counts. */
export declare class RequestError extends CircuitBreakerError {
    readonly code = "ERR_CIRCUIT_REQUEST";
    /** `priority`, `cost` or `feature`. */
    readonly field: string;
    /** What it was. */
    readonly value: string;
    /** What it may be. */
    readonly allowed: string;
    /** For tests of code that catches it. */
    constructor(field: string, value: string, allowed: string, message: string);
}
/** An attempt took longer than it may. It goes on unless it looks at its signal, but nobody waits for it. */
export declare class TimeoutError extends CircuitBreakerError {
    readonly code = "ERR_CIRCUIT_TIMEOUT";
    /** The breaker's name. */
    readonly breaker: string;
    /** The limit, in milliseconds; 0: the deadline had passed before an attempt could begin. */
    readonly timeout: number;
    /** For tests of code that catches it. */
    constructor(breaker: string, timeout: number);
}
/** What led to the error of a call with attempts. */
export interface Recovered {
    /** How often the breaker was asked. */
    attempts: number;
    /** Why the last attempt was turned away, when an earlier one has failed with the error; else `null`. */
    rejection: CircuitOpenError | null;
    /** Why the rungs could not answer, in their order. */
    rungs: readonly {
        rung: string;
        error: unknown;
    }[];
}
/**
 * What led to an error that a call with attempts rejected with: how many there were, why the last one was turned away, and
 * why the rungs could not answer. `undefined` of any other error. Of one object that several calls have failed with it tells
 * of the last.
 */
export declare function recoveryOf(error: unknown): Recovered | undefined;
/** The name is taken by a breaker with another configuration. */
export declare class ConflictError extends CircuitBreakerError {
    readonly code = "ERR_CIRCUIT_CONFLICT";
    /** The document of the breaker that exists. */
    readonly existing: string;
    /** The document that was asked for. */
    readonly requested: string;
    /** For tests of code that catches it. */
    constructor(existing: string, requested: string, message: string);
}
/** Whether a call was turned away. */
export declare function isCircuitOpenError(error: unknown): error is CircuitOpenError;
/** Whether a configuration was wrong. */
export declare function isConfigError(error: unknown): error is ConfigError;
/** Whether a name was taken by a breaker with another configuration. */
export declare function isConflictError(error: unknown): error is ConflictError;
/** Whether a call asked for what cannot be. */
export declare function isRequestError(error: unknown): error is RequestError;
/** Whether an attempt took longer than it may. */
export declare function isTimeoutError(error: unknown): error is TimeoutError;
/** Whether an error is of this package. */
export declare function isCircuitBreakerError(error: unknown): error is CircuitBreakerError;
