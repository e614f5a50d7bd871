import { EventEmitter } from 'node:events';
import type { CircuitOpenError } from './errors';
import { type PolicyEvent, type TransitionEvent } from './events';
/** The events of a breaker. */
export interface CircuitBreakerEvents {
    /** It came to be open. */
    open: [event: TransitionEvent];
    /** It came to be half-open. */
    halfOpen: [event: TransitionEvent];
    /** It came to be closed. */
    close: [event: TransitionEvent];
    /** Any transition: also one from a state to itself, such as a reconfiguration. */
    stateChange: [event: TransitionEvent];
    /** A call was turned away, at once or while it waited. */
    reject: [error: CircuitOpenError];
    /** The floor of priorities, slots, a limit or a rate changed, or the breaker was closed for good. */
    policy: [event: PolicyEvent];
}
/** What tells of a breaker. */
export declare abstract class BreakerEmitter extends EventEmitter<CircuitBreakerEvents> {
    /** The name: 1 to 255 bytes. */
    readonly name: string;
    /** Where this isolate's native part keeps it. */
    protected readonly slot: number;
    /**
     * Transitions from now on, in order. Up to 1,024 wait for a reader who is slow; more are counted in `missed`. Without
     * a signal it goes on until its reader stops.
     */
    events(options?: {
        signal?: AbortSignal;
    }): AsyncIterableIterator<TransitionEvent>;
    /** As `events()`. */
    [Symbol.asyncIterator](): AsyncIterableIterator<TransitionEvent>;
    /** Listens to the core while somebody listens here. */
    private attend;
    /** A listener that throws is reported and disturbs nobody. */
    protected tell(name: keyof CircuitBreakerEvents, what: unknown): void;
}
