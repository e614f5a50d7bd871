import type { Priority } from './request';
/** What belongs to a wrapped function and not to its breaker. */
export interface WrappedOptions<This = any, Args extends unknown[] = any[]> {
    /**
     * The signal of a call, from its `this` and its arguments, as `execute(fn, { signal })` takes it; `null` or
     * `undefined` when it has none. The function itself gets its arguments as they are. What this throws comes back to the
     * caller, and the breaker is not asked. Without it no call has a signal.
     */
    signal?: (this: This, ...args: Args) => AbortSignal | null | undefined;
    /** How much a call matters, or what tells it from `this` and the arguments; `undefined` is `'normal'`. */
    priority?: Priority | ((this: This, ...args: Args) => Priority | undefined);
    /** How much of a rate limit a call takes, or what tells it; `undefined` is 1. */
    cost?: number | ((this: This, ...args: Args) => number | undefined);
    /** When a call is of no use any more, on the breaker's clock in milliseconds; `undefined` is never. */
    deadline?: (this: This, ...args: Args) => number | undefined;
}
/** The same, and nothing that the compiler infers from: what a function takes is said by the function. */
export type Given<Args extends unknown[]> = Args extends infer A extends unknown[] ? A : never;
