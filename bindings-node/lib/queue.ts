// Transitions for a reader who comes when it likes.

import type { CircuitBreaker } from './breaker';
import type { TransitionEvent } from './events';

const CAPACITY = 1024;

/** @internal */
export class EventQueue implements AsyncIterableIterator<TransitionEvent> {
  private readonly waiting: TransitionEvent[] = [];
  private reader: ((result: IteratorResult<TransitionEvent>) => void) | null = null;
  private missed = 0;
  private isOver = false;
  private readonly push: (event: TransitionEvent) => void;
  private readonly stop = (): void => void this.return();

  constructor(
    private readonly breaker: CircuitBreaker,
    private readonly signal?: AbortSignal,
  ) {
    this.push = (event) => {
      const value = { ...event, missed: event.missed + this.missed };
      if (this.reader !== null) {
        this.missed = 0;
        const reader = this.reader;
        this.reader = null;
        reader({ value, done: false });
      } else if (this.waiting.length < CAPACITY) {
        this.missed = 0;
        this.waiting.push(value);
      } else {
        this.missed += 1 + event.missed;
      }
    };
    if (signal?.aborted) this.isOver = true;
    else {
      breaker.on('stateChange', this.push);
      signal?.addEventListener('abort', this.stop, { once: true });
    }
  }

  next(): Promise<IteratorResult<TransitionEvent>> {
    const value = this.waiting.shift();
    if (value !== undefined) return Promise.resolve({ value, done: false });
    if (this.isOver) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => {
      this.reader = resolve;
    });
  }

  return(): Promise<IteratorResult<TransitionEvent>> {
    this.isOver = true;
    this.breaker.off('stateChange', this.push);
    this.signal?.removeEventListener('abort', this.stop);
    this.reader?.({ value: undefined, done: true });
    this.reader = null;
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
