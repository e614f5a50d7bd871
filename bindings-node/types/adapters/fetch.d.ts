import { type AdapterOptions, type Guarded } from './origins';
export type { AdapterOptions, BreakerOptions, Guarded, Target } from './origins';
/** Options of `circuitBreakerFetch`. */
export interface FetchOptions extends AdapterOptions {
    /** What makes the calls; without it the global `fetch`, looked up at each call. */
    fetch?: typeof fetch;
}
/** `fetch`, and its breakers. */
export type CircuitBreakerFetch = typeof fetch & Guarded;
/** `fetch` under a breaker: it does what `fetch` does, or rejects with a `CircuitOpenError` when nothing was sent. */
export declare function circuitBreakerFetch(options?: FetchOptions): CircuitBreakerFetch;
