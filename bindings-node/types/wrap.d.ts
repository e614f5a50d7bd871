import { CircuitBreaker as Breaker } from './breaker';
import { type CircuitBreakerOptions } from './options';
/** Options of a function's breaker. */
export interface WrapOptions extends CircuitBreakerOptions {
    /** The breaker's name; without it the function's. */
    name?: string;
}
/** A function under a breaker. */
export type Guarded<This, Args extends unknown[], R> = ((this: This, ...args: Args) => Promise<Awaited<R>>) & {
    /** The breaker that guards it. */
    readonly breaker: Breaker;
};
/** A function that calls `fn` under a breaker of its own, or under the one that is given. */
export declare function circuitBreaker<This, Args extends unknown[], R>(fn: (this: This, ...args: Args) => R, options?: WrapOptions | Breaker): Guarded<This, Args, R>;
/** A method, as a standard decorator takes and gives it. */
export type GuardMethod = <This, Args extends any[], R>(method: (this: This, ...args: Args) => Promise<R>, context: ClassMethodDecoratorContext<This, (this: This, ...args: Args) => Promise<R>>) => (this: This, ...args: Args) => Promise<R>;
/** `new CircuitBreaker(name, options)`, or `@CircuitBreaker(options)` on a method. */
export declare const CircuitBreaker: typeof Breaker & {
    (options?: WrapOptions | Breaker): GuardMethod;
};
export type CircuitBreaker = Breaker;
