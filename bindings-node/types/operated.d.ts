import { BreakerEmitter } from './emitter';
import { type DocumentOptions, type Duration, type Mode } from './options';
import { type Snapshot, type State } from './snapshot';
/** Who does something by hand, and why. */
export interface By {
    /** At most 64 bytes; a longer one is cut. Without it nobody is named. */
    actor?: string;
    /** At most 256 bytes; a longer one is cut. Without it there is none. */
    reason?: string;
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
