// Breakers by name, shared by all isolates of the process.

import { adopt, slotOf } from './adoption';
import { CircuitBreaker } from './breaker';
import { vacate } from './cached';
import { told } from './errors';
import { deliverWaiting } from './events';
import { isolate } from './host';
import { type By, partsOf } from './operated';
import { type CircuitBreakerOptions, type DocumentOptions, checkOptions, documentOf, invalid } from './options';
import { checkRungs, findBreakersBy } from './rungs';

/** The breakers that this isolate has, by registry and name: one object each, whichever registry object is asked. */
const KNOWN = new Map<string, Map<string, CircuitBreaker>>();

/** In which registry a breaker is. */
const homes = new WeakMap<object, Registry>();

function knownOf(registry: string): Map<string, CircuitBreaker> {
  const known = KNOWN.get(registry) ?? new Map<string, CircuitBreaker>();
  KNOWN.set(registry, known);
  return known;
}

/**
 * Breakers by name. Registries of the same name are the same in every worker thread: a breaker that opens in one is open
 * in all.
 */
export class Registry {
  /** The registry's own name. */
  readonly name: string;
  private readonly known: Map<string, CircuitBreaker>;

  constructor(name = 'default') {
    if (typeof name !== 'string') throw invalid('name', 'a string', name);
    this.name = name;
    this.known = knownOf(name);
  }

  /**
   * The breaker of that name, built if there is none.
   *
   * Throws a `ConflictError` when it exists with another configuration. What classifies is each isolate's own, and the
   * first to ask gives it.
   */
  getOrCreate(name: string, options: CircuitBreakerOptions = {}): CircuitBreaker {
    checkOptions(options);
    if (typeof name !== 'string') throw invalid('name', 'a string', name);
    if (Array.isArray(options.fallback)) checkRungs(options.fallback, options);
    const slot = told(() => isolate.create(name, documentOf(options), options.clock?.native, this.name));
    return this.keep(slot, name, options);
  }

  /** The breaker of that name, whichever isolate has made it. */
  get(name: string): CircuitBreaker | undefined {
    if (typeof name !== 'string') throw invalid('name', 'a string', name);
    const slot = isolate.find(this.name, name);
    if (slot !== null && slot !== undefined) return this.keep(slot, name, {});
    this.known.delete(name);
    return undefined;
  }

  /** Whether there is a breaker of that name, whichever isolate has made it. */
  has(name: string): boolean {
    if (typeof name !== 'string') throw invalid('name', 'a string', name);
    return isolate.has(this.name, name);
  }

  /**
   * Swaps the rules of the breaker of that name atomically; `false` when they are the same. What classifies stays. From
   * then on the new options are those to ask for.
   *
   * Throws a `RangeError` with code `ERR_CIRCUIT_UNKNOWN` when there is no such breaker.
   */
  reconfigure(name: string, options: DocumentOptions, by: By = {}): boolean {
    if (typeof name !== 'string') throw invalid('name', 'a string', name);
    checkOptions(options);
    const { actor, reason } = partsOf(by);
    const changed = told(() => isolate.reconfigureByName(this.name, name, documentOf(options), actor, reason));
    const known = this.known.get(name);
    if (changed && known !== undefined) vacate(known);
    deliverWaiting();
    return changed;
  }

  /** Takes the breaker out, and out of the metrics. Calls in flight settle harmlessly. */
  remove(name: string): boolean {
    if (typeof name !== 'string') throw invalid('name', 'a string', name);
    this.known.delete(name);
    return isolate.remove(this.name, name);
  }

  /** How many breakers there are, whichever isolate has made them. */
  get size(): number {
    return isolate.size(this.name);
  }

  /** The names of all breakers, in the order of their bytes in UTF-8. */
  names(): string[] {
    return isolate.names(this.name);
  }

  /** The breakers that are there when it begins, in the order of their names, but for those removed meanwhile. */
  *[Symbol.iterator](): IterableIterator<CircuitBreaker> {
    for (const name of this.names()) {
      const breaker = this.get(name);
      if (breaker !== undefined) yield breaker;
    }
  }

  /** The metrics of all breakers as OpenMetrics 1.0 text. */
  metrics(): string {
    return isolate.registryMetrics(this.name);
  }

  /** The object of the breaker in `slot`. Another isolate may have put another breaker in the place of a known one. */
  private keep(slot: number, name: string, options: CircuitBreakerOptions): CircuitBreaker {
    const known = this.known.get(name);
    if (known !== undefined && isolate.isSame(slotOf(known), slot)) {
      isolate.release(slot);
      return known;
    }
    const breaker = adopt(CircuitBreaker, slot, name, options);
    this.known.set(name, breaker);
    homes.set(breaker, this);
    return breaker;
  }
}

/** The registry that is used when no other is named. */
export const registry = new Registry();

findBreakersBy((breaker, name) => (homes.get(breaker) ?? registry).get(name));
