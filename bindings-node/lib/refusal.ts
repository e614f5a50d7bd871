// What becomes of a call that is turned away.

import { channel } from 'node:diagnostics_channel';
import type { CircuitOpenError } from './errors';
import type { CallOptions } from './options';

/** Hears of every rejection of this isolate, whichever breaker's, where the call was made. @internal */
export const rejections = channel('fusewire:reject');

const promiseThen = Promise.prototype.then;
const SOON = Promise.resolve();

/** Answers a call that was turned away: by the fallback if there is one. @internal */
export function refuse(error: CircuitOpenError, { fallback }: CallOptions): unknown {
  if (fallback !== undefined) return fallback(error);
  throw error;
}

/** As `refuse`, by a promise. @internal */
export function refuseLater(error: CircuitOpenError, { fallback }: CallOptions): Promise<unknown> {
  if (fallback !== undefined) return new Promise((resolve) => resolve(fallback(error)));
  // A promise that is born rejected has Node note it as unhandled and strike it off again: twice what this costs.
  return new Promise((_, reject) => {
    promiseThen.call(SOON, () => reject(error));
  });
}
