/** For tests: breakers that are made from now on have a lane, or none. */
export declare function allowLanes(allowed: boolean): void;
/** For tests: successes that this isolate's lanes have counted alone. */
export declare function countedByLanes(): number;
declare const REASONS: readonly ["open", "half_open_full", "ramp", "forced_open", "shed", "rate_limited", "bulkhead_full", "queue_timeout", "limit_reached", "closed", "feature_disabled"];
/** Why a call is turned away. */
export type Reason = (typeof REASONS)[number];
export {};
