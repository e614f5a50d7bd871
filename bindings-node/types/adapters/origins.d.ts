import { CircuitBreaker } from '../breaker';
import { type CircuitBreakerOptions } from '../options';
import { Registry } from '../registry';
import { type Priority } from '../request';
import { Attempted } from './attempted';
import { Call } from './status';
/** Where a request goes. */
export interface Target {
    readonly url: URL;
    /** In upper case. */
    readonly method: string;
}
/** Options of a breaker that guards HTTP calls. What a status means is said by `isFailureStatus`. */
export type BreakerOptions = Omit<CircuitBreakerOptions, 'fallback' | 'isFailureResult'>;
/** What all adapters of HTTP clients take. */
export interface AdapterOptions {
    /** Options of each breaker, or a function that gives them for a key. */
    breaker?: BreakerOptions | ((key: string) => BreakerOptions);
    /**
     * Requests of the same key share a breaker, whose name it is; without it the URL's origin. It should have few values:
     * of more than 1,000 breakers the one that was used least recently is forgotten.
     */
    key?: (target: Target) => string;
    /** Where the breakers live, so that its metrics show them; without it they are in none. */
    registry?: Registry;
    /** Whether an answer is a failure; without it those of status 500 and above, 429, and 408. */
    isFailureStatus?: (status: number) => boolean;
    /**
     * How much the calls matter, or what tells it of one. Without it, or where it answers `undefined`, the request's header
     * `x-request-priority` says so, and without that a call is `'normal'`.
     */
    priority?: Priority | ((target: Target) => Priority | undefined);
    /**
     * Whether a request may be sent more than once although its method does not say so: `breaker.retry.perMethod` tells of
     * methods. One whose body is a stream is sent once, whatever is said here.
     */
    idempotent?: boolean | ((target: Target) => boolean);
    /** Of which of the breaker's `features` a request is, or what tells it. */
    feature?: string | ((target: Target) => string | undefined);
    /**
     * Settles a call when its body has ended, not when its headers are there. Not for breakers with `timeout`, `retry` or
     * `hedge`: a body that was begun to be read is not asked for again.
     */
    wholeBody?: boolean;
}
/** An adapter's breakers. */
export interface Guarded {
    /** The breakers by key, the one that was used last at the end. */
    readonly breakers: ReadonlyMap<string, CircuitBreaker>;
}
/** The breakers of one adapter. */
export declare class Origins implements Guarded {
    private readonly options;
    readonly breakers: Map<string, CircuitBreaker>;
    readonly wholeBody: boolean;
    private readonly isFailure;
    private lastKey;
    private last;
    /** @param own names of options that only this adapter has. */
    constructor(options: AdapterOptions, own?: readonly string[]);
    /**
     * Asks leave to make a call, for which it may have to wait; `null` for one that has no origin, which nobody guards. Where
     * the breaker has policies around the call nobody is asked yet: what makes it asks for each attempt.
     *
     * Throws a `CircuitOpenError` when the call is turned away, or rejects with it.
     */
    begin(url: URL | null, request: Outgoing): Call | Promise<Call> | Attempted | null;
    private attempted;
    private askedOf;
    private priorityOf;
    private call;
    private of;
    private make;
    private forgetOldest;
}
/** The URL behind a text, or `null`: the client itself says what is wrong with it. */
export declare function urlOf(text: string | URL): URL | null;
