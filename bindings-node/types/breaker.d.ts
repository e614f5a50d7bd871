import { type BreakerClass } from './adoption';
import { OperatedBreaker } from './operated';
import { type CallOptions, type CircuitBreakerOptions } from './options';
import { Permit } from './permit';
import { type Given, type WrappedOptions } from './wrapped';
/** What a call may be given. */
export interface ExecuteOptions {
    /** Ends the call: it rejects with the signal's reason at once. As with `fetch`, `null` is none. */
    signal?: AbortSignal | null;
}
/** Guards one dependency. */
export declare class CircuitBreaker extends OperatedBreaker {
    private cell;
    private at;
    private counters;
    private lane;
    /** What the lane's last grant says; at first what no cell can say. */
    private low;
    private left;
    /** Settle calls that are admitted under that grant: made for the first of them, then the same for all. */
    private onValue;
    private onError;
    private readonly options;
    /** Whether a value decides nothing: the usual. */
    private readonly anyValue;
    /**
     * @param name 1 to 255 bytes, for people and metrics.
     * @param options camelCase, lengths of time in milliseconds; what is left out takes its default.
     */
    constructor(name: string, options?: CircuitBreakerOptions);
    /**
     * A breaker from a configuration document as every language reads it: `snake_case`, durations as `"30s"` or seconds.
     * On a class that extends this one, it makes a breaker of that class, whose constructor gets name and options.
     */
    static fromDocument<B extends CircuitBreaker>(this: BreakerClass<B>, name: string, document: string | object, options?: CallOptions): B;
    /**
     * Calls `fn` under the breaker: a value is a success, an error a failure, unless the options say otherwise.
     *
     * Rejects with the function's own error, or with a `CircuitOpenError` when it was not called.
     */
    execute<T>(fn: (signal?: AbortSignal) => T | PromiseLike<T>, options?: ExecuteOptions): Promise<T>;
    /** As `execute`, for a function that answers at once. */
    executeSync<T>(fn: () => T): T;
    /** A function that calls `fn` under the breaker; it keeps `this`, name and length. */
    wrap<This, Args extends unknown[], R>(fn: (this: This, ...args: Args) => R, options?: WrappedOptions<This, Given<Args>>): (this: This, ...args: Args) => Promise<Awaited<R>>;
    /**
     * Asks for a permit to call; settle it once.
     *
     * Throws a `CircuitOpenError` when the call is turned away.
     */
    acquire(): Permit;
    /** As `acquire`, but `null` when the call is turned away. */
    tryAcquire(): Permit | null;
    private permit;
    private executeWith;
    /** Whether the lane admits a call alone, under the grant of that low half; it is one call less then. */
    private passes;
    /** Asks for a permit; `null` when the call is turned away, and `takeRefusal` says why. */
    private ask;
    /** Takes up a grant of another generation. A call keeps what was there when it was admitted. */
    private begin;
    /** Settles the first call of a grant and makes what settles the others. Many a breaker is never called so often. */
    private followFirst;
    /** Settles a call when what it made is there. */
    private follow;
    /** A call that failed before there was a promise. */
    private threw;
}
