import type { Dispatcher } from 'undici';
import { type AdapterOptions, type Guarded } from './origins';
export type { AdapterOptions, BreakerOptions, Guarded, Target } from './origins';
/** An interceptor for `compose`, and its breakers. */
export type CircuitBreakerInterceptor = Dispatcher.DispatcherComposeInterceptor & Guarded;
/** For `dispatcher.compose(...)`: the handler is told a `CircuitOpenError` when nothing was sent. */
export declare function circuitBreaker(options?: AdapterOptions): CircuitBreakerInterceptor;
