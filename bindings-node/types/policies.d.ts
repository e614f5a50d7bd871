import type { Duration } from './options';
import type { Category } from './snapshot';
/** A timeout that follows how long calls take. */
export interface LearnedTimeout {
    kind?: 'percentile' | 'adaptive' | 'hybrid';
    /** Which share of calls it lets end; not for `adaptive`. */
    percentile?: number;
    /** Times what was learned. */
    factor?: number;
    min?: Duration;
    max?: Duration;
    /** Over how many calls it learns. */
    window?: number;
    /** Until 10 calls are known. */
    initial?: Duration;
}
/** How the waits before retries grow. */
export interface RetryBackoff {
    kind?: 'fixed' | 'linear' | 'exponential' | 'fibonacci' | 'decorrelated_jitter' | 'resource_sensitive' | 'pattern_based' | 'adaptive';
    /** The first wait. */
    base?: Duration;
    /** The longest; not for `fixed`. */
    max?: Duration;
    /** Factor from one wait to the next. */
    multiplier?: number;
    /** Share by which a random factor changes the result. */
    jitter?: number;
}
/** Which calls are tried once more, and when. */
export interface Retry {
    /** The first included. */
    maxAttempts?: number;
    backoff?: RetryBackoff;
    /** Which failures are tried once more, by their category. */
    on?: readonly Category[];
    /** In place of `maxAttempts`, for requests that name their method. */
    perMethod?: Record<string, number>;
    /** A wait that would end later than this after the call began is not begun. */
    maxElapsed?: Duration;
    /** How many retries there may be beside how many first attempts; `false`: any number. */
    budget?: RetryBudget | false;
    /** Also tries once more when the breaker turned the call away. */
    rejected?: boolean;
}
/** How many retries there may be. */
export interface RetryBudget {
    /** For each first attempt in the window. */
    ratio?: number;
    /** Beside those, whatever the load. */
    minPerSecond?: number;
    window?: Duration;
}
/** Which values answer, and for how long. */
export interface Cache {
    /** `on_failure`: when the call fails. `read_through`: fresh ones before anything is called, stale ones when it fails. */
    mode?: 'on_failure' | 'read_through';
    /** How long a value is fresh. */
    ttl?: Duration;
    /** How much longer it answers when the call fails. */
    staleTtl?: Duration;
    maxEntries?: number;
    /** Whether calls of one key at the same time are one. */
    coalesce?: boolean;
}
/** When a second attempt starts. */
export interface Hedge {
    /** How long after the one before; `'p95'`: as long as 95 of the last 100 calls took at most. */
    after?: Duration | 'p95';
    /** How many beside the first. */
    max?: number;
}
/** A part of the dependency. */
export interface Feature {
    /** Those of a higher one are tested first. */
    priority?: number;
    /** Features that must be enabled before it. */
    requires?: readonly string[];
    /** Share of successes that passes a test. */
    minHealth?: number;
    testDuration?: Duration;
    /** Calls before it is judged. */
    minCalls?: number;
    /** Whether the breaker opens again when it fails its test. */
    required?: boolean;
}
