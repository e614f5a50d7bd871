import { Attempts } from './attempts';
import { PermitPromise } from './acquiring';
import { type BreakerClass } from './adoption';
import { GatedBreaker } from './gated';
import { type CallOptions, type CircuitBreakerOptions } from './options';
import { Permit } from './permit';
import type { Detailed } from './recovering';
import { type AcquireOptions, type CallRequest } from './request';
import { type Given, type WrappedOptions } from './wrapped';
/** What a call may be given. */
export interface ExecuteOptions extends CallRequest {
    /** Ends the call, or its wait: it rejects with the signal's reason at once. As with `fetch`, `null` is none. */
    signal?: AbortSignal | null;
}
/** Guards one dependency. */
export declare class CircuitBreaker extends GatedBreaker {
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
    protected readonly options: CircuitBreakerOptions;
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
     * Calls `fn` under the breaker: a value is a success, an error a failure, unless the options say otherwise. A call waits
     * for a slot where there is a queue, and for its turn where calls are paced.
     *
     * Rejects with the function's own error, or with a `CircuitOpenError` when it was not called.
     */
    execute<T>(fn: (signal?: AbortSignal) => T | PromiseLike<T>, options?: ExecuteOptions): Promise<T>;
    /**
     * As `execute`, for a function that answers at once. It never waits for a slot, and blocks the thread until its turn
     * where calls are paced, unless the clock is a `ManualClock`, which nobody could move meanwhile.
     */
    executeSync<T>(fn: () => T, options?: CallRequest): T;
    /** A function that calls `fn` under the breaker; it keeps `this`, name and length. */
    wrap<This, Args extends unknown[], R>(fn: (this: This, ...args: Args) => R, options?: WrappedOptions<This, Given<Args>>): (this: This, ...args: Args) => Promise<Awaited<R>>;
    /**
     * As `execute`, and tells how the value was come by: whether a rung has answered in the place of `fn`, for which error,
     * and how often the breaker was asked.
     */
    executeDetailed<T>(fn: (signal?: AbortSignal) => T | PromiseLike<T>, options?: ExecuteOptions): Promise<Detailed<Awaited<T>>>;
    /**
     * Begins a call that is made step by step, by a caller who waits, calls and answers in a way of its own. It never waits
     * for a slot.
     */
    attempts(request?: CallRequest): Attempts;
    /**
     * Asks for a permit to call; settle it once. Without a request the answer is there at once, and nobody waits for a slot.
     *
     * Throws a `CircuitOpenError` when the call is turned away.
     */
    acquire(): Permit;
    /**
     * As `acquire()`, by a promise, which waits for a slot where there is a queue, for as long as the queue's timeout, the
     * request's deadline and its signal let it. A pending wait keeps the process alive.
     */
    acquire(request: AcquireOptions): PermitPromise;
    /** As `acquire()`, but `null` when the call is turned away. It never waits. */
    tryAcquire(request?: CallRequest): Permit | null;
    private permit;
    private executeWith;
    /** Makes a call that the lane has admitted. */
    private callLane;
    /** The same of a function with its arguments: a closure over them would cost half the price of a call. */
    private callLaneWith;
    /** What the caller of the lane gets, and who settles. */
    private followLane;
    /** Makes a call that has a slip. */
    private callWith;
    /** Asks for a call, and makes it. */
    private executeAsked;
    private callLater;
    private readyLater;
    /** Whether a call is made step by step: it may be tried again, or cut off. */
    private goesByStep;
    /** Whether the lane admits a call alone, under the grant of that low half; it is one call less then. */
    private passes;
    /** Asks for a call that cannot wait for a slot; as `ask`. */
    private askNow;
    /**
     * Asks for a permit; `null` when the call is turned away, and `takeRefusal` says why. When there is no refusal, the
     * breaker has gates, and was not asked.
     */
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
