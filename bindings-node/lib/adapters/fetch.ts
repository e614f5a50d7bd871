// `fetch` under one breaker for each origin.

import { invalid } from '../options';
import { Attempted, type Reading } from './attempted';
import { watchedResponse } from './body';
import { Origins, urlOf, type AdapterOptions, type Guarded } from './origins';

export type { AdapterOptions, BreakerOptions, Guarded, Target } from './origins';

/** Options of `circuitBreakerFetch`. */
export interface FetchOptions extends AdapterOptions {
  /** What makes the calls; without it the global `fetch`, looked up at each call. */
  fetch?: typeof fetch;
}

/** `fetch`, and its breakers. */
export type CircuitBreakerFetch = typeof fetch & Guarded;

const RESPONSES: Reading<Response> = {
  answerOf: (came) => (came.kind === 'value' ? came.value : null),
  discard(came) {
    // Its connection is free again then.
    if (came.kind === 'value') came.value.body?.cancel().catch(() => {});
  },
};

/** `fetch` under a breaker: it does what `fetch` does, or rejects with a `CircuitOpenError` when nothing was sent. */
export function circuitBreakerFetch(options: FetchOptions = {}): CircuitBreakerFetch {
  const origins = new Origins(options, ['fetch']);
  if (options.fetch !== undefined && typeof options.fetch !== 'function') {
    throw invalid('options.fetch', 'a function', options.fetch);
  }

  async function guarded(input: Parameters<typeof fetch>[0], init?: RequestInit): Promise<Response> {
    const send = options.fetch ?? globalThis.fetch;
    const request = typeof input === 'object' && !(input instanceof URL) ? input : undefined;
    const signal = init?.signal === undefined ? request?.signal : init.signal;
    // What was called off before is no call.
    if (signal?.aborted) return send(input, init);
    const url = urlOf(request?.url ?? String(input));
    const outgoing = {
      method: init?.method ?? request?.method,
      headers: init?.headers ?? request?.headers,
      signal,
      body: init?.body ?? request?.body ?? undefined,
    };
    const begun = origins.begin(url, outgoing);
    if (begun instanceof Attempted) return begun.make((own) => send(input, { ...init, signal: own }), RESPONSES);
    const call = begun instanceof Promise ? await begun : begun;
    if (call === null) return send(input, init);
    let response: Response;
    try {
      response = await send(input, init);
    } catch (error) {
      call.broke(error, signal);
      throw error;
    }
    const hasBody = typeof response.body?.getReader === 'function';
    return call.answered(response.status, hasBody) ? watchedResponse(response, call, signal) : response;
  }
  return Object.assign(guarded, { breakers: origins.breakers }) as CircuitBreakerFetch;
}
