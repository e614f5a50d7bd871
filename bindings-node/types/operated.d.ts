import { BreakerEmitter } from './emitter';
import { type DocumentOptions, type Duration, type Mode } from './options';
import { type Priority, type PriorityLevel } from './request';
import { type Snapshot, type State } from './snapshot';
/** Who does something by hand, and why. */
export interface By {
    /** At most 64 bytes; a longer one is cut. Without it nobody is named. */
    actor?: string;
    /** At most 256 bytes; a longer one is cut. Without it there is none. */
    reason?: string;
}
/** Slots of a bulkhead, as `setSlots` takes them. */
export interface SlotsOptions {
    /** How many calls run at the same time; left out it stays. */
    maxConcurrent?: number;
    /** Slots, by level, that calls of other levels leave free; a level that is left out has none. */
    reserved?: Partial<Record<PriorityLevel, number>>;
}
/** What can be done with a breaker without calling through it. */
export declare abstract class OperatedBreaker extends BreakerEmitter {
    /** Opens the breaker from any state, for `duration` or, without one, for as long as an opening lasts now. */
    trip(duration?: Duration | null, by?: By): void;
    /** Lets the next calls probe, from any state. */
    halfOpen(by?: By): void;
    /** Closes the breaker, from any state, and ends the row of openings. */
    reset(by?: By): void;
    /** Sets the mode; setting the one that is set does nothing. */
    setMode(mode: Mode, by?: By): void;
    /** Carries out what is due without asking for a permit. */
    poll(): void;
    /** Swaps the rules atomically; `false` when they are the same. What classifies stays. */
    reconfigure(options: DocumentOptions, by?: By): boolean;
    /** As `reconfigure`, with a document as every language reads it. */
    reconfigureDocument(document: string | object, by?: By): boolean;
    /** Cached values for which other rules have no room go. */
    private vacated;
    /**
     * Sets the lowest level that is let in; `false` when it is the same. It holds until other rules say another one.
     *
     * Throws a `ConfigError` when the options have no `priority`.
     */
    setMinPriority(to: Priority, by?: By): boolean;
    /**
     * Replaces the bulkhead's whole table of slots and grants what has become free; nobody in flight is cut off. What
     * `maxConcurrent` leaves out stays. `false` when it is the same.
     *
     * Throws a `ConfigError` when the options have no `bulkhead`, or the table is out of range.
     */
    setSlots(table: SlotsOptions, by?: By): boolean;
    /**
     * Sets the concurrency limit, from which it goes on to find itself; `false` when it is the same.
     *
     * Throws a `ConfigError` when the options have no `concurrencyLimit`, or it is not within `min` and `max`.
     */
    setLimit(to: number, by?: By): boolean;
    /**
     * Sets the rate of a bucket, in calls a second, or the limit of a window; `false` when it is the same.
     *
     * Throws a `ConfigError` when the options have no `rateLimit`, or the rate is out of range.
     */
    setRate(to: number, by?: By): boolean;
    /**
     * Reports how busy this process is, from 0, idle, to 1: `retry.backoff` of kind `'resource_sensitive'` waits up to twice
     * as long by it. 0 until it is reported.
     *
     * Throws a `ConfigError` when it is not within 0 and 1.
     */
    setUtilisation(to: number): void;
    /**
     * Ends the breaker's life: whoever comes or waits is turned away with reason `closed`, and calls in flight settle.
     * `false` when it was closed before.
     */
    close(by?: By): boolean;
    private act;
    /** The effective state: open past its deadline reads half-open. */
    get state(): State;
    /** The mode. */
    get mode(): Mode;
    /** Everything there is to know. */
    snapshot(): Snapshot;
    /** The configuration with its defaults filled in, as every language reads it. */
    document(): string;
    /** Its metrics as OpenMetrics 1.0 text. */
    metrics(): string;
    /** The snapshot, for who logs a breaker. */
    toJSON(): Snapshot;
}
