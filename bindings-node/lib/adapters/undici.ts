// An interceptor for undici's dispatchers: one breaker for each origin.

import type { Dispatcher } from 'undici';
import { Origins, urlOf, type AdapterOptions, type Guarded } from './origins';
import type { Call } from './status';

export type { AdapterOptions, BreakerOptions, Guarded, Target } from './origins';

/** An interceptor for `compose`, and its breakers. */
export type CircuitBreakerInterceptor = Dispatcher.DispatcherComposeInterceptor & Guarded;

/** Whether somebody gave up, and why. */
interface Abortion {
  readonly aborted: boolean;
  readonly reason?: unknown;
}

/** What undici 7 gives beside every event of a request. */
type Controller = Abortion;

type Abort = (reason?: Error) => void;

/** A handler, in either style; what is handed on is not looked at. */
interface Handler {
  onRequestStart?(controller: Controller, context: unknown): void;
  onRequestUpgrade?(controller: Controller, status: number, headers: unknown, socket: unknown): void;
  onResponseStart?(controller: Controller, status: number, headers: unknown, message?: string): void;
  onResponseData?(controller: Controller, chunk: unknown): void;
  onResponseEnd?(controller: Controller, trailers: unknown): void;
  onResponseError?(controller: Controller, error: unknown): void;
  onConnect?(abort: Abort, context: unknown): void;
  onUpgrade?(status: number, headers: unknown, socket: unknown): void;
  onResponseStarted?(): void;
  onHeaders?(status: number, headers: unknown, resume: unknown, message: unknown): boolean;
  onData?(chunk: unknown): boolean;
  onComplete?(trailers: unknown): void;
  onError?(error: unknown): void;
  onBodySent?(size: number, total: number): void;
}

type Dispatch = (options: Dispatcher.DispatchOptions, handler: Handler) => boolean;

/** The controller of a request that was never sent. */
const NOTHING_SENT = {
  aborted: false,
  paused: false,
  reason: null,
  rawHeaders: null,
  rawTrailers: null,
  abort() {},
  pause() {},
  resume() {},
};

/** In the style of undici 7. */
class NewHandler implements Handler {
  constructor(
    private readonly inner: Handler,
    private readonly call: Call,
    private readonly signal: Abortion | undefined,
  ) {}

  onRequestStart(controller: Controller, context: unknown): void {
    this.inner.onRequestStart?.(controller, context);
  }

  onRequestUpgrade(controller: Controller, status: number, headers: unknown, socket: unknown): void {
    this.call.ended();
    this.inner.onRequestUpgrade?.(controller, status, headers, socket);
  }

  onResponseStart(controller: Controller, status: number, headers: unknown, message?: string): void {
    if (status >= 200) this.call.answered(status, true);
    this.inner.onResponseStart?.(controller, status, headers, message);
  }

  onResponseData(controller: Controller, chunk: unknown): void {
    this.inner.onResponseData?.(controller, chunk);
  }

  onResponseEnd(controller: Controller, trailers: unknown): void {
    this.call.ended();
    this.inner.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Controller, error: unknown): void {
    this.call.broke(error, this.signal?.aborted ? this.signal : controller);
    this.inner.onResponseError?.(controller, error);
  }
}

/** In the style of undici 6. */
class OldHandler implements Handler {
  private given: Abortion = { aborted: false };

  constructor(
    private readonly inner: Handler,
    private readonly call: Call,
    private readonly signal: Abortion | undefined,
  ) {}

  onConnect(abort: Abort, context: unknown): void {
    this.inner.onConnect?.((reason) => {
      this.given = { aborted: true, reason };
      abort(reason);
    }, context);
  }

  onUpgrade(status: number, headers: unknown, socket: unknown): void {
    this.call.ended();
    this.inner.onUpgrade?.(status, headers, socket);
  }

  onResponseStarted(): void {
    this.inner.onResponseStarted?.();
  }

  onHeaders(status: number, headers: unknown, resume: unknown, message: unknown): boolean {
    if (status >= 200) this.call.answered(status, true);
    return this.inner.onHeaders?.(status, headers, resume, message) ?? true;
  }

  onData(chunk: unknown): boolean {
    return this.inner.onData?.(chunk) ?? true;
  }

  onComplete(trailers: unknown): void {
    this.call.ended();
    this.inner.onComplete?.(trailers);
  }

  onError(error: unknown): void {
    this.call.broke(error, this.signal?.aborted ? this.signal : this.given);
    this.inner.onError?.(error);
  }

  onBodySent(size: number, total: number): void {
    this.inner.onBodySent?.(size, total);
  }
}

/** For `dispatcher.compose(...)`: the handler is told a `CircuitOpenError` when nothing was sent. */
export function circuitBreaker(options: AdapterOptions = {}): CircuitBreakerInterceptor {
  const origins = new Origins(options);

  function intercept(dispatch: Dispatch): Dispatch {
    return (request, handler) => {
      const isNew = typeof handler.onRequestStart === 'function';
      let call: Call | null;
      try {
        const origin = urlOf(String(request.origin));
        call = origins.begin(origin && urlOf(`${origin.origin}${request.path}`), request.method);
      } catch (error) {
        if (isNew) handler.onResponseError?.(NOTHING_SENT, error);
        else handler.onError?.(error);
        return true;
      }
      if (call === null) return dispatch(request, handler);
      try {
        // A body that ends because of the signal aborts without the signal's reason.
        const { signal } = request as { signal?: Abortion };
        return dispatch(request, isNew ? new NewHandler(handler, call, signal) : new OldHandler(handler, call, signal));
      } catch (error) {
        call.failed(error);
        throw error;
      }
    };
  }
  return Object.assign(intercept, { breakers: origins.breakers }) as unknown as CircuitBreakerInterceptor;
}
