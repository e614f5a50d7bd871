// A function that is called under a breaker as it would be without one.

import type { CircuitBreaker } from './breaker';
import { invalid } from './options';

/** What belongs to a wrapped function and not to its breaker. */
export interface WrappedOptions<This = any, Args extends unknown[] = any[]> {
  /**
   * The signal of a call, from its `this` and its arguments, as `execute(fn, { signal })` takes it; `null` or
   * `undefined` when it has none. The function itself gets its arguments as they are. What this throws comes back to the
   * caller, and the breaker is not asked. Without it no call has a signal.
   */
  signal?: (this: This, ...args: Args) => AbortSignal | null | undefined;
}

/** The same, and nothing that the compiler infers from: what a function takes is said by the function. */
export type Given<Args extends unknown[]> = Args extends infer A extends unknown[] ? A : never;

/** On what `execute` is given: the arguments with which somebody has called the wrapped function. */
const ARGUMENTS = Symbol('arguments');

/** The arguments of a call of a wrapped function; none of any other call. @internal */
export function argumentsOf(fn: object): unknown[] {
  return (fn as { [ARGUMENTS]?: unknown[] })[ARGUMENTS] ?? [];
}

/** Checks options of a wrapped function. */
function check(options: unknown): asserts options is WrappedOptions {
  if (typeof options !== 'object' || options === null) throw invalid('options', 'an object such as { signal }', options);
  const unknown = Object.keys(options).find((key) => key !== 'signal');
  if (unknown !== undefined) {
    throw invalid(`options.${unknown}`, 'left out; the only option of a wrapped function is `signal`', options);
  }
  const { signal } = options as { signal?: unknown };
  if (signal !== undefined && typeof signal !== 'function') {
    throw invalid('options.signal', "a function of the call's arguments that answers its AbortSignal", signal);
  }
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
  const signalOf = options.signal;
  const guarded = function (this: This, ...args: Args): Promise<Awaited<R>> {
    const call = (): R => fn.apply(this, args);
    if (wantsArguments) (call as { [ARGUMENTS]?: unknown[] })[ARGUMENTS] = args;
    if (signalOf === undefined) return breaker.execute(call) as Promise<Awaited<R>>;
    let signal: AbortSignal | null | undefined;
    try {
      signal = signalOf.apply(this, args);
    } catch (error) {
      return Promise.reject(error);
    }
    const given = signal === undefined || signal === null ? undefined : { signal };
    return breaker.execute(call, given) as Promise<Awaited<R>>;
  };
  Object.defineProperty(guarded, 'name', { value: fn.name, configurable: true });
  Object.defineProperty(guarded, 'length', { value: fn.length, configurable: true });
  return guarded;
}
