// What becomes of a call that is turned away.

import { channel } from 'node:diagnostics_channel';
import { type CircuitOpenError, type FailureNote, openError } from './errors';
import {
  At,
  doubles as hostDoubles,
  isolate,
  reasonOf,
  words as hostWords,
} from './host';
import type { CircuitBreakerOptions } from './options';
import { type LastFailure, lastFailureOf } from './snapshot';
import { argumentsOf } from './wrapped';

// As constants of this module: an import is looked up each time.
const words = hostWords;
const doubles = hostDoubles;

/** Hears of every rejection of this isolate, whichever breaker's, where the call was made. @internal */
export const rejections = channel('fusewire:reject');

const promiseThen = Promise.prototype.then;
const SOON = Promise.resolve();

/** The last failure at a rejection: the core's word for it, which says the same later. */
class Note implements FailureNote {
  constructor(
    /** Holds the slot while somebody may want to read it. */
    private readonly breaker: { readonly name: string },
    private readonly low: number,
    private readonly high: number,
  ) {}

  read(): LastFailure | null {
    const { slot } = this.breaker as unknown as { slot: number };
    return lastFailureOf(isolate.lastFailure(slot, this.low, this.high));
  }
}

/** The error of a call that the native part has just turned away. @internal */
export function refusalOf(breaker: { readonly name: string }, code: number): CircuitOpenError {
  const low = words[At.FailureLow];
  const high = words[At.FailureHigh];
  const note = low === 0 && high === 0 ? null : new Note(breaker, low, high);
  return openError(breaker.name, reasonOf(code), doubles[At.Nanos], note);
}

/** The error of the call that was turned away last, until it is taken. */
let refusal: CircuitOpenError | undefined;

/** @internal */
export function keepRefusal(error: CircuitOpenError): void {
  refusal = error;
}

/** Whether a call was turned away whose error nobody has taken. @internal */
export function hasRefusal(): boolean {
  return refusal !== undefined;
}

/** @internal */
export function takeRefusal(): CircuitOpenError {
  const error = refusal!;
  // It keeps its breaker in memory.
  refusal = undefined;
  return error;
}

/** A list answers elsewhere: it is the document's. */
type Refusing = Pick<CircuitBreakerOptions, 'fallback'>;

/** Answers a call that was turned away: by the fallback if there is one. @internal */
export function refuse({ fallback }: Refusing, fn: object, error = takeRefusal()): unknown {
  if (typeof fallback === 'function') return fallback(error, ...argumentsOf(fn));
  throw error;
}

/** As `refuse`, by a promise. @internal */
export function refuseLater({ fallback }: Refusing, fn: object): Promise<unknown> {
  const error = takeRefusal();
  if (typeof fallback === 'function') return new Promise((resolve) => resolve(fallback(error, ...argumentsOf(fn))));
  // A promise that is born rejected has Node note it as unhandled and strike it off again: twice what this costs.
  return new Promise((_, reject) => {
    promiseThen.call(SOON, () => reject(error));
  });
}
