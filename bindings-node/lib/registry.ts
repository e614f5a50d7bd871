// Breakers by name, shared by all isolates of the process.

import { CircuitBreaker, adopt } from './breaker';
import { told } from './errors';
import { isolate } from './host';
import { type CircuitBreakerOptions, checkOptions, documentOf, invalid } from './options';

/**
 * Breakers by name. Registries of the same name are the same in every worker thread: a breaker that opens in one is open
 * in all.
 */
export class Registry {
  /** The registry's own name. */
  readonly name: string;
  private readonly known = new Map<string, CircuitBreaker>();

  constructor(name = 'default') {
    if (typeof name !== 'string') throw invalid('name', 'a string', name);
    this.name = name;
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
    const slot = told(() => isolate.create(name, documentOf(options), options.clock?.native, this.name));
    const known = this.known.get(name);
    if (known !== undefined) {
      isolate.release(slot);
      return known;
    }
    return this.keep(slot, name, options);
  }

  /** The breaker of that name, whichever isolate has made it. */
  get(name: string): CircuitBreaker | undefined {
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const slot = isolate.find(this.name, name);
    return slot === null || slot === undefined ? undefined : this.keep(slot, name, {});
  }

  /** Takes the breaker out, and out of the metrics. Calls in flight settle harmlessly. */
  remove(name: string): boolean {
    this.known.delete(name);
    return isolate.remove(this.name, name);
  }

  /** The names of all breakers, sorted. */
  names(): string[] {
    return isolate.names(this.name);
  }

  /** The metrics of all breakers as OpenMetrics 1.0 text. */
  metrics(): string {
    return isolate.registryMetrics(this.name);
  }

  private keep(slot: number, name: string, options: CircuitBreakerOptions): CircuitBreaker {
    const breaker = adopt(slot, name, options);
    this.known.set(name, breaker);
    return breaker;
  }
}

/** The registry that is used when no other is named. */
export const registry = new Registry();
