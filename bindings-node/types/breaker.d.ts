import { EventEmitter } from 'node:events';
import { type CircuitOpenError } from './errors';
import { type TransitionEvent } from './events';
import { type CallOptions, type CircuitBreakerOptions, type DocumentOptions, type Duration, type Mode } from './options';
import { Permit } from './permit';
import { type Snapshot, type State } from './snapshot';
/** Who does something by hand, and why. */
export interface By {
    actor?: string;
    reason?: string;
}
/** What a call may be given. */
export interface ExecuteOptions {
    /** Ends the call: it rejects with the signal's reason at once. As with `fetch`, `null` is none. */
    signal?: AbortSignal | null;
}
/** The events of a breaker. */
export interface CircuitBreakerEvents {
    /** It came to be open. */
    open: [event: TransitionEvent];
    /** It came to be half-open. */
    halfOpen: [event: TransitionEvent];
    /** It came to be closed. */
    close: [event: TransitionEvent];
    /** Any transition: also one from a state to itself, such as a reconfiguration. */
    stateChange: [event: TransitionEvent];
    /** A call was turned away. */
    reject: [error: CircuitOpenError];
}
/** Guards one dependency. */
export declare class CircuitBreaker extends EventEmitter<CircuitBreakerEvents> {
    /** The name. */
    readonly name: string;
    private readonly slot;
    private cell;
    private at;
    private counters;
    private lane;
    /** What the lane's last grant says; at first what no cell can say. */
    private low;
    private left;
    /** Settle calls that are admitted under that grant: made once for all of them. */
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
     */
    static fromDocument(name: string, document: string | object, options?: CallOptions): CircuitBreaker;
    /**
     * Calls `fn` under the breaker: a value is a success, an error a failure, unless the options say otherwise.
     *
     * Rejects with the function's own error, or with a `CircuitOpenError` when it was not called.
     */
    execute<T>(fn: (signal?: AbortSignal) => T | PromiseLike<T>, options?: ExecuteOptions): Promise<T>;
    /** As `execute`, for a function that answers at once. */
    executeSync<T>(fn: () => T): T;
    /** A function that calls `fn` under the breaker; it keeps `this`, name and length. */
    wrap<This, Args extends unknown[], R>(fn: (this: This, ...args: Args) => R): (this: This, ...args: Args) => Promise<Awaited<R>>;
    /**
     * Asks for a permit to call; settle it once.
     *
     * Throws a `CircuitOpenError` when the call is turned away.
     */
    acquire(): Permit;
    /** As `acquire`, but `null` when the call is turned away. */
    tryAcquire(): Permit | null;
    private executeWith;
    private settlePermit;
    /** Asks for a permit; `null` when the call is turned away, and `refusal` says why. */
    private ask;
    /** Takes up a grant of another generation. A call keeps what was there when it was admitted. */
    private begin;
    /** Settles a call when what it made is there. */
    private follow;
    /** A call that failed before there was a promise. */
    private threw;
    private refuseLater;
    /** Answers a call that was turned away. */
    private refuse;
    private outcomeOf;
    private outcomeOfError;
    /** A predicate that throws is reported, and the call counts as it would without one. */
    private asks;
    /** Opens the breaker from any state, for `duration` or, without one, for as long as an opening lasts now. */
    trip(duration?: Duration | null, by?: By): void;
    /** Lets the next calls probe, from any state. */
    halfOpen(by?: By): void;
    /** Closes the breaker, from any state, and ends the row of openings. */
    reset(by?: By): void;
    /** Sets the mode; setting the one that is set does nothing. */
    setMode(mode: Mode, by?: By): void;
    /** Carries out what is due without asking for a permit. */
    poll(): void;
    /** Swaps the rules atomically; `false` when they are the same. What classifies stays. */
    reconfigure(options: DocumentOptions, by?: By): boolean;
    /** As `reconfigure`, with a document as every language reads it. */
    reconfigureDocument(document: string | object, by?: By): boolean;
    private act;
    /** The effective state: open past its deadline reads half-open. */
    get state(): State;
    /** The mode. */
    get mode(): Mode;
    /** Everything there is to know. */
    snapshot(): Snapshot;
    /** The configuration with its defaults filled in, as every language reads it. */
    document(): string;
    /** Its metrics as OpenMetrics 1.0 text. */
    metrics(): string;
    /** Transitions from now on, in order. Up to 1,024 wait for a reader who is slow; more are counted in `missed`. */
    events(options?: {
        signal?: AbortSignal;
    }): AsyncIterableIterator<TransitionEvent>;
    /** As `events()`. */
    [Symbol.asyncIterator](): AsyncIterableIterator<TransitionEvent>;
    /** Listens to the core while somebody listens here. */
    private attend;
    /** A listener that throws is reported and disturbs nobody. */
    private tell;
    /** The snapshot, for who logs a breaker. */
    toJSON(): Snapshot;
}
