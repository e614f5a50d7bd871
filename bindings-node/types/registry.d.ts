import { CircuitBreaker } from './breaker';
import { type By } from './operated';
import { type CircuitBreakerOptions, type DocumentOptions } from './options';
/**
 * Breakers by name. Registries of the same name are the same in every worker thread: a breaker that opens in one is open
 * in all.
 */
export declare class Registry {
    /** The registry's own name. */
    readonly name: string;
    private readonly known;
    constructor(name?: string);
    /**
     * The breaker of that name, built if there is none.
     *
     * Throws a `ConflictError` when it exists with another configuration. What classifies is each isolate's own, and the
     * first to ask gives it.
     */
    getOrCreate(name: string, options?: CircuitBreakerOptions): CircuitBreaker;
    /** The breaker of that name, whichever isolate has made it. */
    get(name: string): CircuitBreaker | undefined;
    /** Whether there is a breaker of that name, whichever isolate has made it. */
    has(name: string): boolean;
    /**
     * Swaps the rules of the breaker of that name atomically; `false` when they are the same. What classifies stays. From
     * then on the new options are those to ask for.
     *
     * Throws a `RangeError` with code `ERR_CIRCUIT_UNKNOWN` when there is no such breaker.
     */
    reconfigure(name: string, options: DocumentOptions, by?: By): boolean;
    /** Takes the breaker out, and out of the metrics. Calls in flight settle harmlessly. */
    remove(name: string): boolean;
    /** How many breakers there are, whichever isolate has made them. */
    get size(): number;
    /** The names of all breakers, in the order of their bytes in UTF-8. */
    names(): string[];
    /** The breakers that are there when it begins, in the order of their names, but for those removed meanwhile. */
    [Symbol.iterator](): IterableIterator<CircuitBreaker>;
    /** The metrics of all breakers as OpenMetrics 1.0 text. */
    metrics(): string;
    /** The object of the breaker in `slot`. Another isolate may have put another breaker in the place of a known one. */
    private keep;
}
/** The registry that is used when no other is named. */
export declare const registry: Registry;
