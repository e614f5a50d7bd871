// What an operator does with a breaker, and what there is to read.

import { vacate } from './cached';
import { BreakerEmitter } from './emitter';
import { told, toldOfDocument } from './errors';
import { deliverWaiting } from './events';
import { isolate } from './host';
import {
  type DocumentOptions,
  type Duration,
  type Mode,
  checkOptions,
  documentOf,
  documentText,
  durationText,
  invalid,
} from './options';
import { type Priority, type PriorityLevel, levelOf } from './request';
import { type Snapshot, type State, snapshotOf } from './snapshot';

/** Who does something by hand, and why. */
export interface By {
  /** At most 64 bytes; a longer one is cut. Without it nobody is named. */
  actor?: string;
  /** At most 256 bytes; a longer one is cut. Without it there is none. */
  reason?: string;
}

/** Checks who does something by hand. @internal */
export function partsOf(by: By): By {
  if (typeof by !== 'object' || by === null) {
    throw invalid('by', "an object such as { actor: 'me', reason: 'a test' }", by);
  }
  for (const key of ['actor', 'reason'] as const) {
    const given: unknown = by[key] ?? undefined;
    if (given !== undefined && typeof given !== 'string') throw invalid(`by.${key}`, 'a string', given);
  }
  return by;
}

/** Slots of a bulkhead, as `setSlots` takes them. */
export interface SlotsOptions {
  /** How many calls run at the same time; left out it stays. */
  maxConcurrent?: number;
  /** Slots, by level, that calls of other levels leave free; a level that is left out has none. */
  reserved?: Partial<Record<PriorityLevel, number>>;
}

/** The core's table. */
function tableText(table: SlotsOptions): string {
  if (typeof table !== 'object' || table === null) {
    throw invalid('table', 'an object such as { maxConcurrent: 20, reserved: { critical: 5 } }', table);
  }
  const { maxConcurrent: max_concurrent, ...rest } = table;
  return JSON.stringify({ max_concurrent, ...rest });
}

/** What can be done with a breaker without calling through it. */
export abstract class OperatedBreaker extends BreakerEmitter {
  /** Opens the breaker from any state, for `duration` or, without one, for as long as an opening lasts now. */
  trip(duration?: Duration | null, by: By = {}): void {
    const text = duration === undefined || duration === null ? null : durationText(duration);
    const { actor, reason } = partsOf(by);
    this.act(() => told(() => isolate.trip(this.slot, text, actor, reason)));
  }

  /** Lets the next calls probe, from any state. */
  halfOpen(by: By = {}): void {
    const { actor, reason } = partsOf(by);
    this.act(() => isolate.halfOpen(this.slot, actor, reason));
  }

  /** Closes the breaker, from any state, and ends the row of openings. */
  reset(by: By = {}): void {
    const { actor, reason } = partsOf(by);
    this.act(() => isolate.reset(this.slot, actor, reason));
  }

  /** Sets the mode; setting the one that is set does nothing. */
  setMode(mode: Mode, by: By = {}): void {
    const { actor, reason } = partsOf(by);
    if (!this.act(() => isolate.setMode(this.slot, String(mode), actor, reason))) {
      throw invalid('mode', "'auto', 'shadow', 'forced_open' or 'forced_closed'", mode);
    }
  }

  /** Carries out what is due without asking for a permit. */
  poll(): void {
    this.act(() => isolate.poll(this.slot));
  }

  /** Swaps the rules atomically; `false` when they are the same. What classifies stays. */
  reconfigure(options: DocumentOptions, by: By = {}): boolean {
    checkOptions(options);
    const { actor, reason } = partsOf(by);
    return this.vacated(this.act(() => told(() => isolate.reconfigure(this.slot, documentOf(options), actor, reason))));
  }

  /** As `reconfigure`, with a document as every language reads it. */
  reconfigureDocument(document: string | object, by: By = {}): boolean {
    const text = documentText(document);
    const { actor, reason } = partsOf(by);
    return this.vacated(this.act(() => toldOfDocument(() => isolate.reconfigure(this.slot, text, actor, reason))));
  }

  /** Cached values for which other rules have no room go. */
  private vacated(changed: boolean): boolean {
    if (changed) vacate(this);
    return changed;
  }

  /**
   * Sets the lowest level that is let in; `false` when it is the same. It holds until other rules say another one.
   *
   * Throws a `ConfigError` when the options have no `priority`.
   */
  setMinPriority(to: Priority, by: By = {}): boolean {
    const { actor, reason } = partsOf(by);
    const level = levelOf(to);
    return this.act(() => told(() => isolate.setMinPriority(this.slot, level, actor, reason)));
  }

  /**
   * Replaces the bulkhead's whole table of slots and grants what has become free; nobody in flight is cut off. What
   * `maxConcurrent` leaves out stays. `false` when it is the same.
   *
   * Throws a `ConfigError` when the options have no `bulkhead`, or the table is out of range.
   */
  setSlots(table: SlotsOptions, by: By = {}): boolean {
    const { actor, reason } = partsOf(by);
    const text = tableText(table);
    return this.act(() => told(() => isolate.setSlots(this.slot, text, actor, reason)));
  }

  /**
   * Sets the concurrency limit, from which it goes on to find itself; `false` when it is the same.
   *
   * Throws a `ConfigError` when the options have no `concurrencyLimit`, or it is not within `min` and `max`.
   */
  setLimit(to: number, by: By = {}): boolean {
    const { actor, reason } = partsOf(by);
    if (!Number.isSafeInteger(to) || to < 0) throw invalid('limit', 'a whole number', to);
    return this.act(() => told(() => isolate.setLimit(this.slot, to, actor, reason)));
  }

  /**
   * Sets the rate of a bucket, in calls a second, or the limit of a window; `false` when it is the same.
   *
   * Throws a `ConfigError` when the options have no `rateLimit`, or the rate is out of range.
   */
  setRate(to: number, by: By = {}): boolean {
    const { actor, reason } = partsOf(by);
    if (typeof to !== 'number') throw invalid('rate', 'a number', to);
    return this.act(() => told(() => isolate.setRate(this.slot, to, actor, reason)));
  }

  /**
   * Reports how busy this process is, from 0, idle, to 1: `retry.backoff` of kind `'resource_sensitive'` waits up to twice
   * as long by it. 0 until it is reported.
   *
   * Throws a `ConfigError` when it is not within 0 and 1.
   */
  setUtilisation(to: number): void {
    if (typeof to !== 'number') throw invalid('utilisation', 'a number from 0 to 1', to);
    told(() => isolate.setUtilisation(this.slot, to));
  }

  /**
   * Ends the breaker's life: whoever comes or waits is turned away with reason `closed`, and calls in flight settle.
   * `false` when it was closed before.
   */
  close(by: By = {}): boolean {
    const { actor, reason } = partsOf(by);
    return this.act(() => isolate.close(this.slot, actor, reason));
  }

  private act<R>(act: () => R): R {
    const answer = act();
    deliverWaiting();
    return answer;
  }

  /** The effective state: open past its deadline reads half-open. */
  get state(): State {
    return isolate.state(this.slot) as State;
  }

  /** The mode. */
  get mode(): Mode {
    return isolate.mode(this.slot) as Mode;
  }

  /** Everything there is to know. */
  snapshot(): Snapshot {
    return snapshotOf(isolate.snapshot(this.slot));
  }

  /** The configuration with its defaults filled in, as every language reads it. */
  document(): string {
    return isolate.document(this.slot);
  }

  /** Its metrics as OpenMetrics 1.0 text. */
  metrics(): string {
    return isolate.metrics([this.slot]);
  }

  /** The snapshot, for who logs a breaker. */
  toJSON(): Snapshot {
    return this.snapshot();
  }

  /** @internal */
  [Symbol.for('nodejs.util.inspect.custom')](_: number, options: object, inspect: (value: unknown, o: object) => string): string {
    const { name, state, mode } = this;
    return `CircuitBreaker ${inspect({ name, state, mode }, options)}`;
  }
}
