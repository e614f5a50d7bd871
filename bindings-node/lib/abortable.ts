// A call that a signal may end before its function does.

import { whenAborted } from './aborts';
import type { Permit } from './permit';

/** Makes the call under its permit; rejects with the signal's reason at once when that is aborted. @internal */
export async function callUntil<T>(
  signal: AbortSignal,
  permit: Permit,
  fn: (signal: AbortSignal) => T | PromiseLike<T>,
): Promise<T> {
  let stop!: () => void;
  let giveBack: (() => void) | null = null;
  const aborted = new Promise<never>((_, reject) => {
    stop = whenAborted(signal, () => {
      // The function may go on, and keeps its slot until it ends.
      giveBack = permit.aborted(signal.reason);
      reject(signal.reason as Error);
    });
  });
  const returned = (): void => giveBack?.();
  const made = new Promise<T>((resolve) => resolve(fn(signal)));
  made.then(returned, returned);
  try {
    const value = await Promise.race([made, aborted]);
    permit.answered(value);
    return value;
  } catch (error) {
    if (!signal.aborted) permit.threw(error);
    throw error;
  } finally {
    stop();
  }
}
