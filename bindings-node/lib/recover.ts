// Calls of breakers that have policies around the call: what is cached, what is made together, what is attempted.

import type { ExecuteOptions } from './breaker';
import { OPEN_SPACE, together, valuesOf } from './cached';
import type { Stepped } from './course';
import { Firsts } from './first';
import { type Detailed, type Manner, Recovery, valueOf } from './recovering';
import { askingNow, whileAsking } from './rungs';
import type { Calling } from './trial';
import { spaceOf } from './wrapped';

/** Makes a call with its attempts. @internal */
export async function recover<T>(
  breaker: Stepped,
  fn: Calling<T>,
  options: ExecuteOptions,
  manner?: Manner<T>,
): Promise<Detailed<T>> {
  const { key, signal = null } = options;
  if (signal?.aborted) throw signal.reason;
  if (key === undefined) return new Recovery(breaker, fn, options, signal, null, manner).run();
  const request = { ...options, key: (spaceOf(fn) ?? OPEN_SPACE) + key };
  const values = valuesOf(breaker);
  const kept = values.fresh(request.key);
  if (kept !== undefined) {
    return { value: kept.value as T, degraded: false, rung: null, error: undefined, attempts: 0 };
  }
  const store = (value: T): void => values.store(request.key, value);
  const asking = askingNow();
  const call = (): Promise<Detailed<T>> =>
    whileAsking(asking, () => new Recovery(breaker, fn, request, signal, store, manner).run());
  const { answer, isOwn } = await together(breaker, request, signal, call);
  return isOwn ? answer : { ...answer, attempts: 0 };
}

/** As `recover`, for a value alone, and without a detour for the call that is usual: one without a key and a signal. @internal */
export function recoverValue<T>(breaker: Stepped, fn: Calling<T>, options: ExecuteOptions): Promise<T> {
  const { key, signal } = options;
  if (key !== undefined || (signal !== undefined && signal !== null) || askingNow().length !== 0) {
    return recover(breaker, fn, options).then(valueOf);
  }
  return (breaker.firsts ??= new Firsts(breaker)).call(fn, options);
}
