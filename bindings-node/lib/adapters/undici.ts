// An interceptor for undici's dispatchers: one breaker for each origin.

import type { Dispatcher } from 'undici';
import { Attempted } from './attempted';
import { ARRIVALS, type Arrived, arrive } from './arrivals';
import { Origins, urlOf, type AdapterOptions, type Guarded, type Outgoing } from './origins';
import type { Call } from './status';

export type { AdapterOptions, BreakerOptions, Guarded, Target } from './origins';

/** An interceptor for `compose`, and its breakers. */
export type CircuitBreakerInterceptor = Dispatcher.DispatcherComposeInterceptor & Guarded;

/** Whether somebody gave up, and why. @internal */
export interface Abortion {
  readonly aborted: boolean;
  readonly reason?: unknown;
}

/** What undici 7 gives beside every event of a request. @internal */
export type Controller = Abortion;

/** @internal */
export type Abort = (reason?: Error) => void;

/** A handler, in either style; what is handed on is not looked at. @internal */
export interface Handler {
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

/** @internal */
export type Dispatch = (options: Dispatcher.DispatchOptions, handler: Handler) => boolean;

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

/** @internal */
export const isNew = (handler: Handler): boolean => typeof handler.onRequestStart === 'function';

/** Tells a handler that nothing was sent. */
function refuse(handler: Handler, error: unknown): void {
  if (isNew(handler)) handler.onResponseError?.(NOTHING_SENT, error);
  else handler.onError?.(error);
}

/** Leave to send, or what comes to it; `null` when nobody guards the call, `undefined` when it was turned away. */
function begin(
  origins: Origins,
  request: Dispatcher.DispatchOptions,
  handler: Handler,
): Call | Promise<Call> | Attempted | null | undefined {
  try {
    const origin = urlOf(String(request.origin));
    return origins.begin(origin && urlOf(`${origin.origin}${request.path}`), {
      method: request.method,
      headers: request.headers as Outgoing['headers'],
      signal: signalOf(request),
      body: request.body ?? undefined,
    });
  } catch (error) {
    refuse(handler, error);
    return undefined;
  }
}

/** A signal of undici may be an emitter, which ends no wait. */
function signalOf(request: object): AbortSignal | undefined {
  const { signal } = request as { signal?: AbortSignal };
  return typeof signal?.addEventListener === 'function' ? signal : undefined;
}

function send(dispatch: Dispatch, request: Dispatcher.DispatchOptions, handler: Handler, call: Call): boolean {
  try {
    // A body that ends because of the signal aborts without the signal's reason.
    const { signal } = request as { signal?: Abortion };
    const Style = isNew(handler) ? NewHandler : OldHandler;
    return dispatch(request, new Style(handler, call, signal));
  } catch (error) {
    call.failed(error);
    throw error;
  }
}

/** Sends what has waited: nobody is there to whom it could throw. */
function sendLater(dispatch: Dispatch, request: Dispatcher.DispatchOptions, handler: Handler, call: Call): void {
  try {
    send(dispatch, request, handler, call);
  } catch (error) {
    refuse(handler, error);
  }
}

/** For `dispatcher.compose(...)`: the handler is told a `CircuitOpenError` when nothing was sent. */
export function circuitBreaker(options: AdapterOptions = {}): CircuitBreakerInterceptor {
  const origins = new Origins(options);

  function intercept(dispatch: Dispatch): Dispatch {
    return (request, handler) => {
      const begun = begin(origins, request, handler);
      if (begun === undefined) return true;
      if (begun === null) return dispatch(request, handler);
      if (begun instanceof Attempted) {
        const again = (signal: AbortSignal): Promise<Arrived> => arrive(dispatch, request, handler, signal);
        begun.make(again, ARRIVALS).then((arrived) => arrived.accept(), (error) => refuse(handler, error));
        return true;
      }
      if (!(begun instanceof Promise)) return send(dispatch, request, handler, begun);
      begun.then((call) => sendLater(dispatch, request, handler, call), (error) => refuse(handler, error));
      return true;
    };
  }
  return Object.assign(intercept, { breakers: origins.breakers }) as unknown as CircuitBreakerInterceptor;
}
