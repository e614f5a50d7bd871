// A function that is called under a breaker as it would be without one.

import type { CircuitBreaker } from './breaker';
import type { ExecuteOptions } from './breaker';
import { newSpace } from './cached';
import { noteMisuse, warn } from './classify';
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

/** On what `execute` is given: the arguments with which somebody has called the wrapped function. */
const ARGUMENTS = Symbol('arguments');

/** On the same: the space of the wrapped function's keys. */
const SPACE = Symbol('space');

/** The space of the keys of a wrapped function. @internal */
export function spaceOf(fn: object): string | undefined {
  return (fn as { [SPACE]?: string })[SPACE];
}

/** The arguments of a call of a wrapped function; none of any other call. @internal */
export function argumentsOf(fn: object): unknown[] {
  return (fn as { [ARGUMENTS]?: unknown[] })[ARGUMENTS] ?? [];
}

/** A call of a wrapped function. @internal */
export function boundTo(fn: Function, that: unknown, args: unknown[]): () => unknown {
  const call = (): unknown => Reflect.apply(fn, that, args);
  (call as { [ARGUMENTS]?: unknown[] })[ARGUMENTS] = args;
  return call;
}

/** What each option may be beside a function. */
const CONSTANTS: Record<string, readonly string[]> = {
  signal: [],
  priority: ['string', 'number'],
  cost: ['number'],
  deadline: [],
  feature: ['string'],
  method: ['string'],
  idempotent: ['boolean'],
  once: ['boolean'],
  key: ['string'],
  withSignal: [],
};
const KEYS = Object.keys(CONSTANTS) as (keyof WrappedOptions)[];
/** Those that are said of a call. */
const OF_CALLS = KEYS.filter((key) => key !== 'withSignal');

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
function optionsOf(breaker: string, options: WrappedOptions, that: unknown, args: unknown[]): ExecuteOptions | undefined {
  let said: Record<string, unknown> | undefined;
  for (const key of OF_CALLS) {
    const option = options[key] as unknown;
    const value = typeof option === 'function' ? answerOf(key, option, breaker, that, args) : option;
    if (value !== undefined && value !== null) (said ??= {})[key] = value;
  }
  return said as (ExecuteOptions & CallRequest) | undefined;
}

/** What an option's function answers. A call whose key cannot be made is one that has none. */
function answerOf(option: string, ask: Function, breaker: string, that: unknown, args: unknown[]): unknown {
  if (option !== 'key') return ask.apply(that, args) as unknown;
  try {
    return ask.apply(that, args) as unknown;
  } catch (thrown) {
    warn(breaker, 'the function `key`', thrown);
    return undefined;
  }
}

/** The arguments of an attempt, with its signal. What goes wrong there says nothing of the dependency. */
function withIts(signal: AbortSignal, make: Function, that: unknown, args: unknown[]): readonly unknown[] {
  try {
    const made = make.call(that, signal, ...args) as unknown;
    if (Array.isArray(made)) return made;
    throw invalid('what options.withSignal answers', "the list of the function's arguments, such as [url, { signal }]", made);
  } catch (error) {
    noteMisuse(error);
    throw error;
  }
}

/** Makes a call of a function as it is; `null`: nothing was done, and there is more to it. @internal */
export type Straight = <T>(this: CircuitBreaker, fn: Function, that: unknown, args: unknown[]) => Promise<T> | null;

/** `fn` under the breaker; `wantsArguments` says whether that has a fallback which is given them. @internal */
export function wrapped<This, Args extends unknown[], R>(
  breaker: CircuitBreaker,
  wantsArguments: boolean,
  fn: (this: This, ...args: Args) => R,
  options: WrappedOptions<This, Given<Args>>,
  straight: Straight,
): (this: This, ...args: Args) => Promise<Awaited<R>> {
  if (typeof fn !== 'function') throw invalid('fn', 'a function', fn);
  check(options);
  const isBare = OF_CALLS.every((key) => options[key] === undefined);
  const withSignal = options.withSignal as WrappedOptions<This>['withSignal'];
  const space = options.key === undefined ? undefined : newSpace();
  const goesStraight = isBare && withSignal === undefined && space === undefined;
  const guarded = function (this: This, ...args: Args): Promise<Awaited<R>> {
    if (goesStraight) {
      const made = straight.call<CircuitBreaker, [Function, unknown, unknown[]], Promise<Awaited<R>> | null>(breaker, fn, this, args);
      if (made !== null) return made;
    }
    const call =
      withSignal === undefined
        ? (): R => Reflect.apply(fn, this, args) as R
        : (signal: AbortSignal | undefined): R =>
            Reflect.apply(fn, this, withIts(signal ?? new AbortController().signal, withSignal, this, args) as Args) as R;
    if (space !== undefined) (call as { [SPACE]?: string })[SPACE] = space;
    if (wantsArguments) (call as { [ARGUMENTS]?: unknown[] })[ARGUMENTS] = args;
    if (isBare) return breaker.execute(call) as Promise<Awaited<R>>;
    let given: ExecuteOptions | undefined;
    try {
      given = optionsOf(breaker.name, options as WrappedOptions, this, args);
    } catch (error) {
      return Promise.reject(error);
    }
    return breaker.execute(call, given) as Promise<Awaited<R>>;
  };
  Object.defineProperty(guarded, 'name', { value: fn.name, configurable: true });
  Object.defineProperty(guarded, 'length', { value: fn.length, configurable: true });
  return guarded;
}
