import type { CircuitBreaker } from './breaker';
import { type CircuitBreakerOptions } from './options';
/** A class of breakers that are made as `CircuitBreaker` is. */
export type BreakerClass<B extends CircuitBreaker> = new (name: string, options?: CircuitBreakerOptions) => B;
