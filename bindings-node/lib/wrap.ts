// Functions and methods under a breaker.

import { CircuitBreaker as Breaker } from './breaker';
import type { CircuitOpenError } from './errors';
import { type CircuitBreakerOptions, type PriorityRules, invalid } from './options';
import type { Given, WrappedOptions } from './wrapped';

/** Options of a function under a breaker of its own. */
export interface WrapOptions<This = any, Args extends unknown[] = any[]>
  extends Omit<CircuitBreakerOptions, 'fallback' | 'priority'>,
    Omit<WrappedOptions<This, Args>, 'priority'> {
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

/** Puts a function of that name under a breaker. */
function guard<This, Args extends unknown[], R>(
  fn: (this: This, ...args: Args) => R,
  name: string,
  options: WrapOptions<This, Given<Args>> | Breaker,
): Guarded<This, Args, R> {
  if (typeof fn !== 'function') throw invalid('fn', 'a function', fn);
  if (typeof options !== 'object' || options === null) throw invalid('options', 'an object or a CircuitBreaker', options);
  if (options instanceof Breaker) return withBreaker(options.wrap(fn), options);
  if ('breaker' in options) {
    const instead = 'left out: write circuitBreaker(fn, breaker), or breaker.wrap(fn, options)';
    throw invalid('options.breaker', instead, options.breaker);
  }
  const { name: given = name || 'anonymous', priority, ...both } = options;
  const { signal, cost, deadline, feature, method, idempotent, once, key, withSignal, ...rest } = both;
  const isRules = typeof priority === 'object';
  const breaker = new Breaker(given, isRules ? { ...rest, priority } : rest);
  const ofCalls = {
    ...{ signal, priority: isRules ? undefined : priority, cost, deadline, feature, method, idempotent, once, key },
    withSignal,
  };
  return withBreaker(breaker.wrap(fn, ofCalls), breaker);
}

function withBreaker<This, Args extends unknown[], R>(
  fn: (this: This, ...args: Args) => Promise<Awaited<R>>,
  breaker: Breaker,
): Guarded<This, Args, R> {
  return Object.defineProperty(fn, 'breaker', { value: breaker }) as Guarded<This, Args, R>;
}

/** A function that calls `fn` under a breaker of its own, or under the one that is given. */
export function circuitBreaker<This, Args extends unknown[], R>(
  fn: (this: This, ...args: Args) => R,
  options: WrapOptions<This, Given<Args>> | Breaker = {},
): Guarded<This, Args, R> {
  return guard(fn, (fn as { name?: string } | undefined)?.name ?? '', options);
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
    return guard(method, String(context.name), options) as typeof method;
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

// What `constructor` says of a breaker is what the package shows.
Object.defineProperty(Breaker.prototype, 'constructor', { value: CircuitBreaker, configurable: true, writable: true });
