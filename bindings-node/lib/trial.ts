// One attempt of a call: its signal, its timer, and how it ends.

import type { Alarm } from './clock';
import { type Deadlines, Pending } from './deadlines';
import { TimeoutError } from './errors';

/** How an attempt came out. @internal */
export type Came<T> =
  | { kind: 'value'; value: T }
  | { kind: 'error'; error: unknown }
  | { kind: 'timeout'; error: TimeoutError };

/** What is called: with the attempt's signal, if it wants one. @internal */
export type Calling<T> = (signal?: AbortSignal) => T | PromiseLike<T>;

/** What an attempt needs to know. @internal */
export interface Trying<T> {
  readonly name: string;
  readonly alarm: Alarm;
  readonly call: Calling<T>;
  /** Whether the function looks at its signal. */
  readonly wantsSignal: boolean;
  /** The list of those that may take so many milliseconds; `null` when that is a length of its own. */
  deadlinesFor(timeout: number): Deadlines | null;
}

/** An attempt that has begun. It ends once; what comes of its function after that is dropped. @internal */
export class Trial<T> extends Pending {
  /** Whether the function has come to an end, of whichever kind. */
  isSettled = false;
  private isOver = false;
  private controller: AbortController | null = null;
  private stop: (() => void) | null = null;
  private onReturn: (() => void) | null = null;

  /**
   * @param timeout milliseconds, `NaN` for none.
   * @param ended told how it ended, at once if the function throws.
   */
  constructor(
    private readonly trying: Trying<T>,
    private readonly timeout: number,
    private readonly ended: (came: Came<T>) => void,
  ) {
    super();
    if (trying.wantsSignal) this.controller = new AbortController();
    let made: T | PromiseLike<T>;
    let promise: Promise<T> | null = null;
    try {
      made = trying.call(this.controller?.signal);
      if (typeof (made as PromiseLike<T> | null | undefined)?.then === 'function') promise = Promise.resolve(made);
    } catch (error) {
      this.come({ kind: 'error', error });
      return;
    }
    if (promise === null) {
      this.come({ kind: 'value', value: made as T });
      return;
    }
    if (!Number.isNaN(timeout)) this.begin();
    promise.then(
      (value) => this.come({ kind: 'value', value }),
      (error: unknown) => this.come({ kind: 'error', error }),
    );
  }

  /** Its time begins. */
  private begin(): void {
    const { trying, timeout } = this;
    const list = trying.deadlinesFor(timeout);
    if (list === null) {
      this.stop = trying.alarm(timeout, () => this.timeOut());
      return;
    }
    this.isReady = true;
    list.enter(this);
    this.stop = () => list.leave(this);
  }

  /** Ends it without a result: nobody waits for it any more. */
  abort(reason: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    this.stop?.();
    this.controller?.abort(reason);
  }

  /** Says what to do when the function comes to its end; at once if it has. */
  whenReturned(act: () => void): void {
    if (this.isSettled) act();
    else this.onReturn = act;
  }

  private come(came: Came<T>): void {
    this.isSettled = true;
    this.onReturn?.();
    if (this.isOver) return;
    this.isOver = true;
    this.stop?.();
    this.ended(came);
  }

  override timeOut(): void {
    if (this.isOver) return;
    this.isOver = true;
    const error = new TimeoutError(this.trying.name, this.timeout);
    // What listens to the signal may throw, or end the function: neither changes how this has ended.
    this.controller?.abort(error);
    this.ended({ kind: 'timeout', error });
  }
}
