// The events of a breaker, as its listeners and readers have them.

import { EventEmitter } from 'node:events';
import { warn } from './classify';
import type { CircuitOpenError } from './errors';
import { type PolicyEvent, type Receiver, type TransitionEvent, listen } from './events';
import { EventQueue } from './queue';

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

const EVENT_OF = { open: 'open', half_open: 'halfOpen', closed: 'close' } as const;
const TRANSITIONS = [...Object.values(EVENT_OF), 'stateChange'] as const;

/** What tells of a breaker. */
export abstract class BreakerEmitter extends EventEmitter<CircuitBreakerEvents> {
  /** The name: 1 to 255 bytes. */
  readonly name: string;
  /** Where this isolate's native part keeps it. */
  protected readonly slot: number;

  /** @internal */
  constructor(name: string, slot: number) {
    super();
    // Made anew when somebody listens: a fifth of what a breaker weighs.
    (this as { _events?: object })._events = undefined;
    this.name = name;
    this.slot = slot;
  }

  // The types stay those of the emitter: an unknown name is an error.
  static {
    for (const name of ['on', 'addListener', 'prependListener', 'off', 'removeListener', 'removeAllListeners'] as const) {
      const inherited = EventEmitter.prototype[name] as (...given: unknown[]) => unknown;
      const attending = function (this: BreakerEmitter, ...given: unknown[]): BreakerEmitter {
        inherited.apply(this, given);
        return this.attend();
      };
      Object.defineProperty(BreakerEmitter.prototype, name, { value: attending, configurable: true, writable: true });
    }
  }

  /**
   * Transitions from now on, in order. Up to 1,024 wait for a reader who is slow; more are counted in `missed`. Without
   * a signal it goes on until its reader stops.
   */
  events(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<TransitionEvent> {
    return new EventQueue(this, options.signal);
  }

  /** As `events()`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<TransitionEvent> {
    return this.events();
  }

  /** Listens to the core while somebody listens here. */
  private attend(): this {
    const transitions = TRANSITIONS.some((name) => this.listenerCount(name) > 0);
    const policies = this.listenerCount('policy') > 0;
    listen(this.slot, this as unknown as Receiver, { transitions, policies });
    return this;
  }

  /** @internal */
  private receive(event: TransitionEvent): void {
    this.tell('stateChange', event);
    if (event.from !== event.to) this.tell(EVENT_OF[event.to], event);
  }

  /** @internal */
  private receivePolicy(event: PolicyEvent): void {
    this.tell('policy', event);
  }

  /** A listener that throws is reported and disturbs nobody. */
  protected tell(name: keyof CircuitBreakerEvents, what: unknown): void {
    const report = (error: unknown): void => warn(this.name, `a listener of '${name}'`, error);
    for (const listener of this.rawListeners(name) as ((what: unknown) => unknown)[]) {
      try {
        const answer = listener.call(this, what) as PromiseLike<unknown> | null | undefined;
        // A rejection that nobody takes would end the process.
        if (typeof answer?.then === 'function') answer.then(undefined, report);
      } catch (error) {
        report(error);
      }
    }
  }
}
