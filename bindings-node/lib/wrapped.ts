// A function that is called under a breaker as it would be without one.

import type { CircuitBreaker } from './breaker';
import type { ExecuteOptions } from './breaker';
import { invalid } from './options';
import type { CallRequest, Priority } from './request';

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

/** On what `execute` is given: the arguments with which somebody has called the wrapped function. */
const ARGUMENTS = Symbol('arguments');

/** The arguments of a call of a wrapped function; none of any other call. @internal */
export function argumentsOf(fn: object): unknown[] {
  return (fn as { [ARGUMENTS]?: unknown[] })[ARGUMENTS] ?? [];
}

/** What each option may be beside a function. */
const CONSTANTS: Record<string, readonly string[]> = {
  signal: [],
  priority: ['string', 'number'],
  cost: ['number'],
  deadline: [],
};
const KEYS = Object.keys(CONSTANTS) as (keyof WrappedOptions)[];

/** Checks options of a wrapped function. */
function check(options: unknown): asserts options is WrappedOptions {
  if (typeof options !== 'object' || options === null) throw invalid('options', 'an object such as { signal }', options);
  for (const [key, given] of Object.entries(options)) {
    if (!Object.hasOwn(CONSTANTS, key)) {
      throw invalid(`options.${key}`, `left out; the options of a wrapped function are ${KEYS.join(', ')}`, options);
    }
    if (given === undefined || typeof given === 'function' || CONSTANTS[key].includes(typeof given)) continue;
    const constant = CONSTANTS[key].map((type) => `a ${type}, or `).join('');
    throw invalid(`options.${key}`, `${constant}a function of the call's arguments that answers it`, given);
  }
}

/** What is said of a call, from its `this` and its arguments; `undefined` when it is nothing. */
function optionsOf(options: WrappedOptions, that: unknown, args: unknown[]): ExecuteOptions | undefined {
  let said: Record<string, unknown> | undefined;
  for (const key of KEYS) {
    const option = options[key] as unknown;
    const value = typeof option === 'function' ? (option.apply(that, args) as unknown) : option;
    if (value !== undefined && value !== null) (said ??= {})[key] = value;
  }
  return said as (ExecuteOptions & CallRequest) | undefined;
}

/** `fn` under the breaker; `wantsArguments` says whether that has a fallback which is given them. @internal */
export function wrapped<This, Args extends unknown[], R>(
  breaker: CircuitBreaker,
  wantsArguments: boolean,
  fn: (this: This, ...args: Args) => R,
  options: WrappedOptions<This, Given<Args>>,
): (this: This, ...args: Args) => Promise<Awaited<R>> {
  if (typeof fn !== 'function') throw invalid('fn', 'a function', fn);
  check(options);
  const isBare = KEYS.every((key) => options[key] === undefined);
  const guarded = function (this: This, ...args: Args): Promise<Awaited<R>> {
    const call = (): R => fn.apply(this, args);
    if (wantsArguments) (call as { [ARGUMENTS]?: unknown[] })[ARGUMENTS] = args;
    if (isBare) return breaker.execute(call) as Promise<Awaited<R>>;
    let given: ExecuteOptions | undefined;
    try {
      given = optionsOf(options as WrappedOptions, this, args);
    } catch (error) {
      return Promise.reject(error);
    }
    return breaker.execute(call, given) as Promise<Awaited<R>>;
  };
  Object.defineProperty(guarded, 'name', { value: fn.name, configurable: true });
  Object.defineProperty(guarded, 'length', { value: fn.length, configurable: true });
  return guarded;
}
