// What answers when a call does not: the cache, another breaker, or what the options have under a name.

import type { CircuitBreaker } from './breaker';
import { valuesOf } from './cached';
import type { Stepped } from './course';
import { ConfigError, told } from './errors';
import { isolate } from './host';
import type { CallOptions, CircuitBreakerOptions } from './options';
import type { CallRequest } from './request';

/** An answer that is degraded. @internal */
export interface Answered {
  value: unknown;
  rung: string;
}

/** What a rung is given. @internal */
export interface Failed {
  /** What the call failed with. */
  error: unknown;
  /** With what the wrapped function was called. */
  args: unknown[];
  request: CallRequest;
  signal: AbortSignal | null;
  /** The slots of the breakers that were asking already when the call began. */
  asking: readonly number[];
}

const NOBODY: readonly number[] = [];

/** The slots of the breakers that are in the middle of asking a rung in the call whose code runs now, the outermost first. */
let asking = NOBODY;

/** @internal */
export const askingNow = (): readonly number[] => asking;

/** Runs what belongs to a call in which these are asking. @internal */
export function whileAsking<R>(slots: readonly number[], run: () => R): R {
  const before = asking;
  asking = slots;
  try {
    return run();
  } finally {
    asking = before;
  }
}

const CACHE = 'cache';
const BREAKER = 'breaker:';

/** Finds the breaker that an alternative goes through; set by who has the registries. */
let find: (breaker: Stepped, name: string) => CircuitBreaker | undefined = () => undefined;

/** @internal */
export function findBreakersBy(how: typeof find): void {
  find = how;
}

/** Checks that there is something under each name of a list. @internal */
export function checkRungs(rungs: readonly unknown[], { fallbacks = {} }: Pick<CallOptions, 'fallbacks'>): void {
  for (const rung of rungs) {
    if (typeof rung !== 'string' || rung === CACHE) continue;
    const isThere = Object.hasOwn(fallbacks, rung);
    if (isThere && (!rung.startsWith(BREAKER) || typeof fallbacks[rung] === 'function')) continue;
    const allowed = rung.startsWith(BREAKER) ? `a function under '${rung}'` : `a function or a value under '${rung}'`;
    const key = 'fallbacks';
    const shown = `{ ${Object.keys(fallbacks).join(', ')} }`;
    throw new ConfigError(key, shown, allowed, `configuration: \`${key}\` is ${shown}; allowed: ${allowed}`);
  }
}

/** Has a rung answer; rejects when it cannot. @internal */
export async function answerFrom(rung: string, breaker: Stepped, failed: Failed): Promise<Answered> {
  if (rung === CACHE) return { value: valuesOf(breaker).stale(failed.request.key), rung };
  const { fallbacks = {} } = breaker.options as CircuitBreakerOptions;
  if (!Object.hasOwn(fallbacks, rung)) throw new Error(`there is nothing under '${rung}' in the options' \`fallbacks\``);
  const found = fallbacks[rung];
  if (typeof found !== 'function') return { value: found, rung };
  const { error, args, signal } = failed;
  const slots = [...failed.asking, breaker.slot];
  const call = (): unknown => whileAsking(slots, () => (found as (...given: unknown[]) => unknown)(error, ...args));
  if (!rung.startsWith(BREAKER)) return { value: await call(), rung };
  const name = rung.slice(BREAKER.length);
  const other = find(breaker, name);
  if (other === undefined) throw new Error(`there is no breaker '${name}' to fall back to`);
  told(() => isolate.checkDescent(slots, (other as unknown as Stepped).slot));
  return { value: await whileAsking(slots, () => other.execute(call, { signal })), rung };
}
