// Transitions for a reader who comes when it likes.

import type { BreakerEmitter } from './emitter';
import type { TransitionEvent } from './events';
import { checkSignal } from './options';

const CAPACITY = 1024;

/** @internal */
export class EventQueue implements AsyncIterableIterator<TransitionEvent> {
  private readonly waiting: TransitionEvent[] = [];
  private readonly readers: ((result: IteratorResult<TransitionEvent>) => void)[] = [];
  private missed = 0;
  private isOver = false;
  private readonly push: (event: TransitionEvent) => void;
  private readonly stop = (): void => void this.return();

  constructor(
    private readonly breaker: BreakerEmitter,
    private readonly signal?: AbortSignal,
  ) {
    this.push = (event) => {
      const value = { ...event, missed: event.missed + this.missed };
      const reader = this.readers.shift();
      if (reader !== undefined) {
        this.missed = 0;
        reader({ value, done: false });
      } else if (this.waiting.length < CAPACITY) {
        this.missed = 0;
        this.waiting.push(value);
      } else {
        this.missed += 1 + event.missed;
      }
    };
    if (signal !== undefined) checkSignal(signal);
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
    return new Promise((resolve) => this.readers.push(resolve));
  }

  return(): Promise<IteratorResult<TransitionEvent>> {
    this.isOver = true;
    this.breaker.off('stateChange', this.push);
    this.signal?.removeEventListener('abort', this.stop);
    this.waiting.length = 0;
    for (const reader of this.readers.splice(0)) reader({ value: undefined, done: true });
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
