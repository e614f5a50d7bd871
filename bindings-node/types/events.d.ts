import type { State } from './snapshot';
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
