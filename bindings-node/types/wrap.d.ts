import { CircuitBreaker as Breaker } from './breaker';
import type { CircuitOpenError } from './errors';
import { type CircuitBreakerOptions, type PriorityRules } from './options';
import type { Given, WrappedOptions } from './wrapped';
/** Options of a function under a breaker of its own. */
export interface WrapOptions<This = any, Args extends unknown[] = any[]> extends Omit<CircuitBreakerOptions, 'fallback' | 'priority'>, Omit<WrappedOptions<This, Args>, 'priority'> {
    /** The breaker's name; without it the function's, or `anonymous`. */
    name?: string;
    /**
     * A function: answers calls that are turned away, from the error and the call's arguments. A list: what answers when a
     * call fails, is turned away or takes too long, after its retries; `fallbacks` has what its names stand for.
     */
    fallback?: ((error: CircuitOpenError, ...args: Args) => unknown) | readonly string[];
    /**
     * A table: the breaker's rules. Anything else: how much a call matters, or what tells it from `this` and the arguments.
     * For both, give the breaker that has the rules, and `breaker.wrap(fn, { priority })`.
     */
    priority?: PriorityRules | WrappedOptions<This, Args>['priority'];
}
/** A function under a breaker. */
export type Guarded<This, Args extends unknown[], R> = ((this: This, ...args: Args) => Promise<Awaited<R>>) & {
    /** The breaker that guards it. */
    readonly breaker: Breaker;
};
/** A function that calls `fn` under a breaker of its own, or under the one that is given. */
export declare function circuitBreaker<This, Args extends unknown[], R>(fn: (this: This, ...args: Args) => R, options?: WrapOptions<This, Given<Args>> | Breaker): Guarded<This, Args, R>;
/** A method, as a standard decorator takes and gives it. */
export type GuardMethod = <This, Args extends any[], R>(method: (this: This, ...args: Args) => Promise<R>, context: ClassMethodDecoratorContext<This, (this: This, ...args: Args) => Promise<R>>) => (this: This, ...args: Args) => Promise<R>;
/** `new CircuitBreaker(name, options)`, or `@CircuitBreaker(options)` on a method. */
export declare const CircuitBreaker: typeof Breaker & {
    (options?: WrapOptions | Breaker): GuardMethod;
};
export type CircuitBreaker = Breaker;
