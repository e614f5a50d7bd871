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
    /** Of which of the options' `features` a call is, or what tells it. */
    feature?: string | ((this: This, ...args: Args) => string | undefined);
    /** The method of a call, such as `'GET'`, or what tells it. */
    method?: string | ((this: This, ...args: Args) => string | undefined);
    /**
     * `true`: a call may be made more than once although its method does not say so; `false`: it may not, whatever its method;
     * or what tells it.
     */
    idempotent?: boolean | ((this: This, ...args: Args) => boolean | undefined);
    /** Whether a call cannot be made more than once, whatever its method, or what tells it. */
    once?: boolean | ((this: This, ...args: Args) => boolean | undefined);
    /**
     * Under what the value of a call is cached, and which calls are the same; `undefined`: it is not cached. Functions share
     * no keys. One that throws is reported by a warning, and the call is made without a key.
     */
    key?: string | ((this: This, ...args: Args) => string | undefined);
    /**
     * The arguments of an attempt, with its signal where the function takes one: that is aborted when the attempt takes too
     * long, when another one has answered first and when the caller's own signal is. Without it the function gets the
     * arguments as they are. `withSignal: (signal, url, init) => [url, { ...init, signal }]` is for `fetch`.
     */
    withSignal?: (this: This, signal: AbortSignal, ...args: Args) => readonly unknown[];
}
/** The same, and nothing that the compiler infers from: what a function takes is said by the function. */
export type Given<Args extends unknown[]> = Args extends infer A extends unknown[] ? A : never;
