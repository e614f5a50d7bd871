import type { PriorityLevel } from './request';
import type { FeatureState, State } from './snapshot';
/** A transition. */
export interface TransitionEvent {
    /** The breaker's name. */
    breaker: string;
    /** The generation that began. */
    generation: number;
    from: State;
    to: State;
    /** What led to it. */
    cause: string;
    /** When, on the breaker's clock, in milliseconds. */
    at: number;
    /** Who did it, if it was done by hand. */
    actor: string | null;
    /** Why, if it was done by hand. */
    reason: string | null;
    counts: {
        total: number;
        failures: number;
        slow: number;
    };
    /** How many events this isolate missed since the one before. */
    missed: number;
}
/** Slots in all, and how many of them are kept for calls of a level. */
export interface SlotTable {
    maxConcurrent: number;
    reserved: Partial<Record<PriorityLevel, number>>;
}
interface PolicyEventOf<Kind extends string, Value> {
    /** The breaker's name. */
    breaker: string;
    /** What changed. */
    kind: Kind;
    from: Value;
    to: Value;
    /** The generation it happened in. */
    generation: number;
    /** 1 for a breaker's first, and one more for each. */
    sequence: number;
    /** When, on the breaker's clock, in milliseconds. */
    at: number;
    /** Who did it; `null` when it happened by itself, as a rate changes that is adaptive. */
    actor: string | null;
    /** Why, if it was done by hand. */
    reason: string | null;
    /** How many of these events this isolate missed since the one before. */
    missed: number;
}
/** A feature came to be in another state. */
export interface FeatureEvent extends PolicyEventOf<'feature', FeatureState> {
    feature: string;
    /** `opened`, `recovery`, `passed`, `failed`, `rolled_back`, `unhealthy`, `requirement`, `reset` or `mode`. */
    cause: string;
    /** Share of successes in the state that ended; `null` when it had no outcome. */
    health: number | null;
}
/** A change around the machine: by `setMinPriority`, `setSlots`, `setLimit`, `setRate` (or by itself) or `close`, or of a feature. */
export type PolicyEvent = PolicyEventOf<'min_priority', PriorityLevel> | PolicyEventOf<'slots', SlotTable> | PolicyEventOf<'limit' | 'rate', number> | PolicyEventOf<'close', null> | FeatureEvent;
export {};
