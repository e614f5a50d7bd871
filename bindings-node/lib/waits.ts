// Calls of this isolate that wait for a slot. The core says who is next; here are the promises and the timers.

import { whenAborted } from './aborts';
import type { Alarm } from './clock';
import type { CircuitOpenError } from './errors';
import { attend, deliverWaiting, endings } from './events';
import { isolate } from './host';
import type { Slip } from './slip';

/** What a wait needs of its breaker. @internal */
export interface Waiter<How = Slip | CircuitOpenError> {
  readonly alarm: Alarm;
  /** What the native part has just told of a wait's end. */
  endOfWait(): How;
}

/** What becomes of a wait. @internal */
export interface Ends<How = Slip | CircuitOpenError> {
  /** It has a slot, or was turned away. */
  ended(how: How): void;
  /** Its signal was aborted: it has never been. */
  aborted(reason: unknown): void;
}

/** A call that waits. @internal */
export class Wait<How = Slip | CircuitOpenError> {
  private stop: () => void;
  private ends!: Ends<How>;
  private signal: AbortSignal | undefined;
  private unwatch: (() => void) | undefined;
  private isOver = false;

  constructor(
    private readonly waiter: Waiter<How>,
    private readonly ticket: number,
    left: number,
  ) {
    attend();
    endings.set(ticket, this);
    this.stop = waiter.alarm(left, () => this.ring());
  }

  /** Says what to do when it ends; called at once. */
  watch(signal: AbortSignal | null | undefined, ends: Ends<How>): void {
    this.ends = ends;
    if (signal !== undefined && signal !== null) {
      this.signal = signal;
      this.unwatch = whenAborted(signal, this.abort);
    }
    // Another thread may have ended it before there was somebody to tell.
    deliverWaiting();
  }

  /** How it ends; rejects with the signal's reason when that is aborted before. */
  whenEnded(signal?: AbortSignal | null): Promise<How> {
    return new Promise((ended, aborted) => this.watch(signal, { ended, aborted }));
  }

  /** Lets it wait at the end of a higher level. */
  raise(level: number): void {
    if (this.isOver) return;
    isolate.raise(this.ticket, level);
    deliverWaiting();
  }

  /** The native part has told how it ended. */
  end(): void {
    let how: How;
    try {
      how = this.waiter.endOfWait();
    } finally {
      this.leave();
    }
    this.ends.ended(how);
  }

  private leave(): void {
    this.isOver = true;
    endings.delete(this.ticket);
    this.stop();
    this.unwatch?.();
  }

  /** Its time is over. */
  private ring(): void {
    const left = isolate.expire(this.ticket);
    // A timer may ring early, and the breaker's clock may be another than the system's.
    if (left > 0) this.stop = this.waiter.alarm(left / 1e6, () => this.ring());
    deliverWaiting();
  }

  private readonly abort = (): void => {
    const { reason } = this.signal!;
    this.leave();
    isolate.cancel(this.ticket);
    this.ends.aborted(reason);
    deliverWaiting();
  };
}

/** Lets the time pass until a paced call's turn comes; rejects with the signal's reason when that is aborted. @internal */
export function turnComes(alarm: Alarm, milliseconds: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const unwatch = signal?.aborted === false ? whenAborted(signal, abort) : undefined;
    const stop = alarm(milliseconds, () => {
      unwatch?.();
      resolve();
    });
    function abort(): void {
      stop();
      reject(signal!.reason as Error);
    }
  });
}

const asleep = new Int32Array(new SharedArrayBuffer(4));

/** Blocks the thread until a paced call's turn comes. @internal */
export function blockUntilTurn(milliseconds: number): void {
  Atomics.wait(asleep, 0, 0, milliseconds);
}
