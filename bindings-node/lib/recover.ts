// Calls of breakers that have policies around the call: what is cached, what is made together, what is attempted.

import type { ExecuteOptions } from './breaker';
import { OPEN_SPACE, together, valuesOf } from './cached';
import { Course, Do, type Ending, type Stepped } from './course';
import { RETURNED } from './race';
import { type Detailed, type Manner, Recovery } from './recovering';
import { askingNow, whileAsking } from './rungs';
import { type Calling, Trial } from './trial';
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

const SUCCESS: Ending = Object.freeze({ outcome: 'success' });

/**
 * As `recover`, for a value alone, and without a detour for the call that is usual: one without a key and a signal whose
 * first attempt succeeds. @internal
 */
export function recoverValue<T>(breaker: Stepped, fn: Calling<T>, options: ExecuteOptions): Promise<T> {
  const { key, signal } = options;
  if (key !== undefined || (signal !== undefined && signal !== null) || askingNow().length !== 0) {
    return recover(breaker, fn, options).then(valueOf);
  }
  let course: Course;
  try {
    course = new Course(breaker, options, true);
  } catch (error) {
    return Promise.reject(error);
  }
  const others = (): Recovery<T> => new Recovery(breaker, fn, options, null, null, undefined, course);
  if (course.next !== Do.Call || !Number.isNaN(course.hedge)) return others().run().then(valueOf);
  return new Promise((resolve, reject) => {
    const trying = { name: breaker.name, alarm: breaker.alarm, call: fn, wantsSignal: fn.length > 0 };
    const isPlain = breaker.options.isFailureResult === undefined;
    const trial: Trial<T> = new Trial<T>(trying, course.length, (came) => {
      if (came.kind === 'value' && isPlain) {
        course.settle(SUCCESS);
        if (course.isOver) return resolve(came.value);
      }
      // A function that throws at once does so before there is a trial.
      const primary = came.kind === 'timeout' ? trial : RETURNED;
      others().goOn(came, primary).then(valueOf).then(resolve, reject);
    });
  });
}

/** @internal */
export function valueOf<T>({ value }: Detailed<T>): T {
  return value;
}
