// Slots of breakers: made for a new object, or taken over by one from a registry or a document.

import type { CircuitBreaker } from './breaker';
import { told } from './errors';
import { isolate } from './host';
import { checkRungs } from './rungs';
import { type CircuitBreakerOptions, checkOptions, documentOf, invalid } from './options';

/** A slot that the breaker takes over which is made next with that name and these very options. */
interface Adoption {
  slot: number;
  name: string;
  options: CircuitBreakerOptions;
  isTaken: boolean;
}

let adoption: Adoption | undefined;

/** The slot for a breaker that is being made. @internal */
export function slotFor(name: string, options: CircuitBreakerOptions): number {
  if (typeof name !== 'string') throw invalid('name', 'a string', name);
  checkOptions(options);
  if (adoption !== undefined && !adoption.isTaken && adoption.name === name && adoption.options === options) {
    adoption.isTaken = true;
    return adoption.slot;
  }
  if (Array.isArray(options.fallback)) checkRungs(options.fallback, options);
  return told(() => isolate.create(name, documentOf(options), options.clock?.native, undefined));
}

/** A class of breakers that are made as `CircuitBreaker` is. */
export type BreakerClass<B extends CircuitBreaker> = new (name: string, options?: CircuitBreakerOptions) => B;

/** The breaker in that slot, as an object. @internal */
export function adopt<B extends CircuitBreaker>(
  type: BreakerClass<B>,
  slot: number,
  name: string,
  options: CircuitBreakerOptions,
): B {
  const [mine, outer] = [{ slot, name, options, isTaken: false }, adoption];
  adoption = mine;
  try {
    const breaker = new type(name, options);
    if (mine.isTaken) return breaker;
    throw new TypeError(`the constructor of ${type.name} must call super() with the name and the options it is given`);
  } finally {
    adoption = outer;
    if (!mine.isTaken) isolate.release(slot);
  }
}

/** Where this isolate's native part keeps it. @internal */
export function slotOf(breaker: CircuitBreaker): number {
  return (breaker as unknown as { slot: number }).slot;
}
