// Answers of undici that are held until it is known whether they are the caller's: another attempt may take their place.

import type { Dispatcher } from 'undici';
import type { Reading } from './attempted';
import { type Abort, type Controller, type Dispatch, type Handler, isNew } from './undici';

/** Of a body that nobody reads, what is let through so that its connection can be used again. */
const MOST_DROPPED = 65_536;

/** An answer whose headers are there. @internal */
export interface Arrived {
  readonly status: number;
  readonly headers: unknown;
  /** Hands it to the caller. */
  accept(): void;
  /** Nobody wants it. */
  discard(): void;
}

/** @internal */
export const ARRIVALS: Reading<Arrived> = {
  answerOf: (came) => (came.kind === 'value' ? came.value : null),
  discard(came) {
    if (came.kind === 'value') came.value.discard();
  },
};

interface Controlling extends Controller {
  abort(reason?: unknown): void;
  pause(): void;
  resume(): void;
}

interface Ends {
  resolve(arrived: Arrived): void;
  reject(error: unknown): void;
}

/** Sends a request once; rejects when there is no answer. @internal */
export function arrive(
  dispatch: Dispatch,
  request: Dispatcher.DispatchOptions,
  handler: Handler,
  signal: AbortSignal,
): Promise<Arrived> {
  return new Promise((resolve, reject) => {
    const Style = isNew(handler) ? NewHeld : OldHeld;
    dispatch(request, new Style(handler, signal, { resolve, reject }));
  });
}

/** What both styles share: what comes meanwhile is kept, and then handed on or dropped. */
abstract class Held {
  private state: 'held' | 'handed on' | 'dropped' = 'held';
  private readonly kept: (() => void)[] = [];
  private dropped = 0;
  private hasArrived = false;

  constructor(
    protected readonly inner: Handler,
    protected readonly signal: AbortSignal,
    private readonly ends: Ends,
  ) {}

  protected abstract resume(): void;
  protected abstract abort(reason: unknown): void;

  protected begins(): void {
    if (this.signal.aborted) return this.abort(this.signal.reason);
    this.signal.addEventListener('abort', () => this.abort(this.signal.reason), { once: true });
  }

  /** The headers are there; `start` hands them on. */
  protected arrives(status: number, headers: unknown, start: () => void): void {
    this.hasArrived = true;
    this.kept.push(start);
    this.ends.resolve({
      status,
      headers,
      accept: () => {
        this.state = 'handed on';
        for (const hand of this.kept.splice(0)) hand();
        this.resume();
      },
      discard: () => {
        this.state = 'dropped';
        this.kept.length = 0;
        this.resume();
      },
    });
  }

  /** Something of the body, or its end. */
  protected comes(hand: () => void, size = 0): void {
    if (this.state === 'handed on') return hand();
    if (this.state === 'held') return void this.kept.push(hand);
    this.dropped += size;
    if (this.dropped > MOST_DROPPED) this.abort(new Error('nobody reads the body'));
  }

  protected fails(error: unknown, hand: () => void): void {
    if (this.hasArrived) this.comes(hand);
    else this.ends.reject(error);
  }
}

const sizeOf = (chunk: unknown): number => (chunk as { length?: number } | null)?.length ?? 0;

/** In the style of undici 7. */
class NewHeld extends Held implements Handler {
  private controller!: Controlling;

  protected resume(): void {
    this.controller.resume();
  }

  protected abort(reason: unknown): void {
    this.controller.abort(reason);
  }

  onRequestStart(controller: Controlling, context: unknown): void {
    this.controller = controller;
    this.inner.onRequestStart?.(controller, context);
    this.begins();
  }

  onRequestUpgrade(controller: Controlling, status: number, headers: unknown, socket: unknown): void {
    this.arrives(status, headers, () => this.inner.onRequestUpgrade?.(controller, status, headers, socket));
  }

  onResponseStart(controller: Controlling, status: number, headers: unknown, message?: string): void {
    const hand = (): void => this.inner.onResponseStart?.(controller, status, headers, message);
    if (status < 200) return hand();
    controller.pause();
    this.arrives(status, headers, hand);
  }

  onResponseData(controller: Controlling, chunk: unknown): void {
    this.comes(() => this.inner.onResponseData?.(controller, chunk), sizeOf(chunk));
  }

  onResponseEnd(controller: Controlling, trailers: unknown): void {
    this.comes(() => this.inner.onResponseEnd?.(controller, trailers));
  }

  onResponseError(controller: Controlling, error: unknown): void {
    this.fails(error, () => this.inner.onResponseError?.(controller, error));
  }
}

/** In the style of undici 6. */
class OldHeld extends Held implements Handler {
  private goOn: () => void = () => {};
  private give: Abort = () => {};
  private isPaused = false;

  /** Whether the caller's handler has asked to wait: it goes on by itself then. */
  private isInnerPaused = false;

  protected resume(): void {
    if (this.isInnerPaused) return;
    this.isPaused = false;
    this.goOn();
  }

  protected abort(reason: unknown): void {
    this.give(reason as Error);
  }

  onConnect(abort: Abort, context: unknown): void {
    this.give = abort;
    this.inner.onConnect?.(abort, context);
    this.begins();
  }

  onUpgrade(status: number, headers: unknown, socket: unknown): void {
    this.arrives(status, headers, () => this.inner.onUpgrade?.(status, headers, socket));
  }

  onResponseStarted(): void {
    this.inner.onResponseStarted?.();
  }

  onHeaders(status: number, headers: unknown, resume: () => void, message: unknown): boolean {
    const { inner } = this;
    if (status < 200) return inner.onHeaders?.(status, headers, resume, message) ?? true;
    this.goOn = resume;
    this.isPaused = true;
    this.arrives(status, named(headers), () => {
      this.isInnerPaused = inner.onHeaders?.(status, headers, resume, message) === false;
    });
    return !this.isPaused;
  }

  onData(chunk: unknown): boolean {
    let goesOn = true;
    this.comes(() => void (goesOn = this.inner.onData?.(chunk) ?? true), sizeOf(chunk));
    return goesOn;
  }

  onComplete(trailers: unknown): void {
    this.comes(() => this.inner.onComplete?.(trailers));
  }

  onError(error: unknown): void {
    this.fails(error, () => this.inner.onError?.(error));
  }

  onBodySent(size: number, total: number): void {
    this.inner.onBodySent?.(size, total);
  }
}

/** Names and values by turns, as undici 6 has them, as a table. */
function named(headers: unknown): unknown {
  if (!Array.isArray(headers)) return headers;
  const texts = headers.map(String);
  return Object.fromEntries(texts.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), texts[i + 1]]] : [])));
}
