export { CircuitBreaker, circuitBreaker, type GuardMethod, type Guarded, type WrapOptions } from './wrap';
export type { PermitPromise } from './acquiring';
export type { BreakerClass } from './adoption';
export type { ExecuteOptions } from './breaker';
export { CircuitBreakerError, CircuitOpenError, ConfigError, ConflictError, RequestError, TimeoutError, captureStacks, isCircuitBreakerError, isCircuitOpenError, isConfigError, isConflictError, isRequestError, isTimeoutError, recoveryOf, type Recovered, } from './errors';
export type { AttemptDetails, Attempts, Finished, Step } from './attempts';
export type { Detailed } from './recovering';
export type { CircuitBreakerEvents } from './emitter';
export type { FeatureEvent, PolicyEvent, SlotTable, TransitionEvent } from './events';
export type { Reason } from './host';
export type { AdaptiveRate, AdaptiveWindow, Backoff, Bulkhead, CallOptions, CircuitBreakerOptions, Classification, ConcurrencyLimit, CountWindow, DocumentOptions, Duration, LeakyBucket, Mode, PriorityRules, QueueOptions, Ramp, TimeWindow, TokenBucket, WindowLimit, } from './options';
export type { Cache, Feature, Hedge, LearnedTimeout, Retry, RetryBackoff, RetryBudget } from './policies';
export type { By, SlotsOptions } from './operated';
export type { Outcome, Permit, Settled } from './permit';
export { Registry, registry } from './registry';
export { requestPriority } from './adapters/priority';
export type { AcquireOptions, CallRequest, Priority, PriorityLevel } from './request';
export type { Category, Distribution, FeatureSnapshot, FeatureState, LastFailure, Snapshot, State } from './snapshot';
export { ManualClock } from './clock';
export type { WrappedOptions } from './wrapped';
/** The version of the package. */
export declare const version: string;
/** The media type of the metrics text. */
export declare const contentType: string;
/** The JSON schema of the configuration document. */
export declare function schema(): object;
