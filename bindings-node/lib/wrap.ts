// Functions and methods under a breaker.

import { CircuitBreaker as Breaker } from './breaker';
import { type CircuitBreakerOptions, invalid } from './options';

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

function breakerFor(name: string, options: WrapOptions | Breaker): Breaker {
  if (options instanceof Breaker) return options;
  if (typeof options !== 'object' || options === null) throw invalid('options', 'an object or a CircuitBreaker', options);
  const { name: given = name || 'anonymous', ...rest } = options;
  return new Breaker(given, rest);
}

/** A function that calls `fn` under a breaker of its own, or under the one that is given. */
export function circuitBreaker<This, Args extends unknown[], R>(
  fn: (this: This, ...args: Args) => R,
  options: WrapOptions | Breaker = {},
): Guarded<This, Args, R> {
  if (typeof fn !== 'function') throw invalid('fn', 'a function', fn);
  const breaker = breakerFor(fn.name, options);
  return Object.defineProperty(breaker.wrap(fn), 'breaker', { value: breaker }) as Guarded<This, Args, R>;
}

/** A method, as a standard decorator takes and gives it. */
export type GuardMethod = <This, Args extends any[], R>(
  method: (this: This, ...args: Args) => Promise<R>,
  context: ClassMethodDecoratorContext<This, (this: This, ...args: Args) => Promise<R>>,
) => (this: This, ...args: Args) => Promise<R>;

/** Puts a method under a breaker that all instances share. */
function decorator(options: WrapOptions | Breaker = {}): GuardMethod {
  return (method, context) => {
    if (context?.kind !== 'method') {
      throw invalid('@CircuitBreaker()', 'on a method, as a standard decorator', context?.kind);
    }
    return breakerFor(String(context.name), options).wrap(method) as typeof method;
  };
}

/** `new CircuitBreaker(name, options)`, or `@CircuitBreaker(options)` on a method. */
export const CircuitBreaker = new Proxy(Breaker, {
  apply: (_, __, [options]: [(WrapOptions | Breaker)?]) => {
    if (typeof options === 'string') throw new TypeError("write `new CircuitBreaker('name', options)`");
    if (typeof options === 'function') throw new TypeError('write `@CircuitBreaker()`, with parentheses');
    return decorator(options);
  },
  // V8 gives every object whose `new.target` is a proxy hidden classes of its own: 1.5 kB each, and slow calls.
  construct: (_, args, target) => Reflect.construct(Breaker, args, target === CircuitBreaker ? Breaker : target) as Breaker,
}) as typeof Breaker & { (options?: WrapOptions | Breaker): GuardMethod };
export type CircuitBreaker = Breaker;
