import { type CircuitBreaker } from './breaker';
import { type CircuitBreakerOptions } from './options';
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
    /** Takes the breaker out, and out of the metrics. Calls in flight settle harmlessly. */
    remove(name: string): boolean;
    /** The names of all breakers, sorted. */
    names(): string[];
    /** The metrics of all breakers as OpenMetrics 1.0 text. */
    metrics(): string;
    /** The object of the breaker in `slot`. Another isolate may have put another breaker in the place of a known one. */
    private keep;
}
/** The registry that is used when no other is named. */
export declare const registry: Registry;
