// Time that passes on a manual clock, with turns in which what came due is done.

import { turn } from '../support.mjs';

/** Lets so many milliseconds pass, one after the other. */
export async function pass(clock, milliseconds) {
  await turn();
  for (let i = 0; i < milliseconds; i++) {
    clock.advance(1);
    await turn();
  }
}

/** Lets time pass until the promise is settled; fails when that takes longer than `most` milliseconds. */
export async function until(clock, promise, most = 5000) {
  let isSettled = false;
  promise.then(
    () => (isSettled = true),
    () => (isSettled = true),
  );
  for (let i = 0; i < most && !isSettled; i++) await pass(clock, 1);
  if (!isSettled) throw new Error(`it goes on for more than ${most} ms`);
  return promise;
}

/** An error as Node.js makes it. */
export const failing = (code, more = {}) => Object.assign(new Error(code), { code }, more);

/** Waits on the clock, or until the signal is aborted. */
export const takes = (clock, milliseconds, value, signal) =>
  new Promise((resolve, reject) => {
    const stop = clock.alarm(milliseconds, () => resolve(value));
    signal?.addEventListener('abort', () => {
      stop();
      reject(signal.reason);
    });
  });

/** How many outcomes were settled. */
export const settled = ({ totals: { success, failure, ignored } }) => success + failure + ignored;
