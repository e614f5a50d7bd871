export { CircuitBreaker, circuitBreaker, type GuardMethod, type Guarded, type WrapOptions } from './wrap';
export type { BreakerClass } from './adoption';
export type { ExecuteOptions } from './breaker';
export { CircuitBreakerError, CircuitOpenError, ConfigError, ConflictError, captureStacks, isCircuitBreakerError, isCircuitOpenError, isConfigError, isConflictError, } from './errors';
export type { CircuitBreakerEvents } from './emitter';
export type { TransitionEvent } from './events';
export type { Reason } from './host';
export type { AdaptiveWindow, Backoff, CallOptions, CircuitBreakerOptions, Classification, CountWindow, DocumentOptions, Duration, Mode, Ramp, TimeWindow, } from './options';
export type { By } from './operated';
export type { Outcome, Permit, Settled } from './permit';
export { Registry, registry } from './registry';
export type { Distribution, LastFailure, Snapshot, State } from './snapshot';
export { ManualClock } from './clock';
export type { WrappedOptions } from './wrapped';
/** The version of the package. */
export declare const version: string;
/** The media type of the metrics text. */
export declare const contentType: string;
/** The JSON schema of the configuration document. */
export declare function schema(): object;
