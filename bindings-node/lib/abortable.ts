// A call that a signal may end before its function does.

import type { Permit } from './permit';

/** Makes the call under its permit; rejects with the signal's reason at once when that is aborted. @internal */
export async function callUntil<T>(
  signal: AbortSignal,
  permit: Permit,
  fn: (signal: AbortSignal) => T | PromiseLike<T>,
): Promise<T> {
  let onAbort!: () => void;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      permit.aborted(signal.reason);
      reject(signal.reason as Error);
    };
  });
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const value = await Promise.race([new Promise<T>((resolve) => resolve(fn(signal))), aborted]);
    permit.answered(value);
    return value;
  } catch (error) {
    if (!signal.aborted) permit.threw(error);
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
