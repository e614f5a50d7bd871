// HTTP requests of breakers that have policies around the call: attempts that are made again, and cut off.

import type { CircuitBreaker } from '../breaker';
import type { Ending, Stepped } from '../course';
import { categoryType, hintOf, retryAfterOf, statusOf } from '../failures';
import { outcomeOfError } from '../classify';
import { recover } from '../recover';
import { valueOf } from '../recovering';
import type { Manner } from '../recovering';
import type { CallRequest } from '../request';
import type { Came } from '../trial';

type Signal = AbortSignal | null | undefined;

/** What an answer tells of itself. @internal */
export interface Answer {
  readonly status: number;
  readonly headers: unknown;
}

/** How a client's answers are read. @internal */
export interface Reading<T> {
  /** The answer in what an attempt came to, if it has one: some clients reject with it. */
  answerOf(came: Exclude<Came<T>, { kind: 'timeout' }>): Answer | null;
  /** Nobody reads the body of what an attempt came to. */
  discard(came: Came<T>): void;
}

/** A request that may be sent more than once. @internal */
export class Attempted {
  constructor(
    private readonly breaker: CircuitBreaker,
    private readonly request: CallRequest,
    private readonly signal: Signal,
    private readonly isFailing: (status: number) => boolean,
  ) {}

  /** Sends it, as often as the breaker lets it be sent. What `send` gets ends an attempt, or its body. */
  make<T>(send: (signal: AbortSignal) => Promise<T>, reading: Reading<T>): Promise<T> {
    const { breaker, request, signal } = this;
    const manner: Manner<T> = {
      judge: (came) => this.judge(came, reading.answerOf(came)),
      discard: (came) => reading.discard(came),
    };
    const attempt = (own?: AbortSignal): Promise<T> => send(either(own!, signal));
    return recover(breaker as unknown as Stepped, attempt, { ...request, signal: signal ?? null }, manner).then(valueOf);
  }

  private judge(came: { kind: 'value' } | { kind: 'error'; error: unknown }, answer: Answer | null): Ending {
    if (answer !== null) {
      const { status, headers } = answer;
      if (!this.isFailing(status)) return { outcome: 'success' };
      return { outcome: 'failure', errorType: String(status), status, retryAfter: retryAfterOf(headers) };
    }
    if (came.kind === 'value') return { outcome: 'success' };
    const { options } = this.breaker as unknown as Stepped;
    const { name } = this.breaker;
    const { error } = came;
    const outcome = outcomeOfError(options, name, error);
    if (outcome !== 'failure') return { outcome };
    return {
      outcome,
      errorType: categoryType(options, name, error),
      status: statusOf(error),
      retryAfter: hintOf(options, name, error),
    };
  }
}

/** A signal that is aborted when one of the two is: the caller's ends a body, too. */
function either(own: AbortSignal, signal: Signal): AbortSignal {
  if (signal === undefined || signal === null) return own;
  if (typeof AbortSignal.any === 'function') return AbortSignal.any([own, signal]);
  const both = new AbortController();
  for (const one of [own, signal]) {
    if (one.aborted) both.abort(one.reason);
    else one.addEventListener('abort', () => both.abort(one.reason), { once: true, signal: both.signal });
  }
  return both.signal;
}

/** Whether a body is there once it was sent: what is read from a stream is gone. @internal */
export function canBeSentAgain(body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return true;
  const { pipe, getReader } = body as { pipe?: unknown; getReader?: unknown };
  if (typeof pipe === 'function' || typeof getReader === 'function') return false;
  // Texts, bytes, forms and parameters of URLs can be gone through more than once; other iterables need not.
  const isKnown = ArrayBuffer.isView(body) || body instanceof URLSearchParams || body instanceof FormData;
  return isKnown || Array.isArray(body) || !(Symbol.asyncIterator in body || Symbol.iterator in body);
}
