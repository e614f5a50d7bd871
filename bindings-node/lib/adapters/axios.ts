// axios under one breaker for each origin.

import type { AxiosAdapter, AxiosInstance, AxiosResponse, AxiosStatic, InternalAxiosRequestConfig } from 'axios';
import { Readable } from 'node:stream';
import { invalid } from '../options';
import type { Came } from '../trial';
import { Attempted, type Reading } from './attempted';
import { watchReadable, watchedStream } from './body';
import { Origins, urlOf, type AdapterOptions, type Guarded } from './origins';
import { peer } from './peer';
import type { Call } from './status';

export type { AdapterOptions, BreakerOptions, Guarded, Target } from './origins';

/** What `axios.create()` gives, or `axios` itself; its types in ES modules and in CommonJS are not each other's. */
export type Instance = Pick<AxiosInstance, 'interceptors' | 'getUri'>;

/** Takes the breakers off the instance again. */
export type Detach = (() => void) & Guarded;

const axios = peer<AxiosStatic>('axios', 'fusewire/axios', () => require('axios') as AxiosStatic);

/**
 * What the instance itself would resolve its adapters with. CommonJS and ES modules get different copies of axios, and
 * each makes errors of its own class.
 */
async function copyOf(instance: Instance): Promise<AxiosStatic> {
  if ('getAdapter' in instance) return instance as unknown as AxiosStatic;
  const { constructor } = instance.interceptors.request;
  const sameCopy = (copy: AxiosStatic): boolean => copy.interceptors.request.constructor === constructor;
  if (sameCopy(axios)) return axios;
  const other = await import('axios').then((module) => module.default as AxiosStatic, () => axios);
  return sameCopy(other) ? other : axios;
}

function urlIn(instance: Instance, config: InternalAxiosRequestConfig): URL | null {
  try {
    return urlOf(instance.getUri(config));
  } catch {
    return null;
  }
}

/** A call that had to wait; `null` when it was called off meanwhile. */
async function unlessAborted(begun: Promise<Call>, signal: AbortSignal | undefined): Promise<Call | null> {
  try {
    return await begun;
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return null;
    throw error;
  }
}

/** How axios tells of an answer: it rejects with one whose status it was told to refuse. */
function readingOf(config: InternalAxiosRequestConfig): Reading<AxiosResponse<unknown>> {
  const responseOf = (came: Came<AxiosResponse<unknown>>): AxiosResponse<unknown> | undefined =>
    came.kind === 'value' ? came.value : (came.error as { response?: AxiosResponse<unknown> } | null)?.response;
  return {
    answerOf(came) {
      const response = responseOf(came);
      if (typeof response?.status !== 'number') return null;
      // With a status that is valid it is the body that broke.
      const isBroken = came.kind === 'error' && config.validateStatus?.(response.status) !== false;
      return isBroken ? null : { status: response.status, headers: response.headers };
    },
    discard(came) {
      const body = responseOf(came)?.data;
      if (body instanceof Readable) body.destroy();
      else if (body instanceof ReadableStream) body.cancel().catch(() => {});
    },
  };
}

function watchBody(response: AxiosResponse<unknown>, call: Call, signal: AbortSignal | undefined): void {
  if (response.data instanceof Readable) watchReadable(response.data, call, signal);
  else if (response.data instanceof ReadableStream) response.data = watchedStream(response.data, call, signal);
  else call.ended();
}

/**
 * Puts an instance's calls under breakers: they reject with a `CircuitOpenError` when nothing was sent. An adapter that
 * a request names is guarded, too.
 *
 * @returns what takes them off again.
 */
export function attach(instance: Instance, options: AdapterOptions = {}): Detach {
  if (typeof instance?.interceptors?.request?.use !== 'function') {
    throw invalid('instance', 'an axios instance', instance);
  }
  const origins = new Origins(options);
  const copy = copyOf(instance);
  /** A config that is sent again, by a retry for example, has its guard already. */
  const guards = new WeakSet<AxiosAdapter>();

  function guard(inner: InternalAxiosRequestConfig['adapter']): AxiosAdapter {
    const adapter: AxiosAdapter = async (config) => {
      const { CanceledError, defaults, getAdapter } = await copy;
      const send = getAdapter(inner ?? defaults.adapter, config);
      const signal = config.signal as AbortSignal | undefined;
      const { method, headers } = config;
      const outgoing = { method, headers, signal, body: config.data as unknown };
      const url = signal?.aborted ? null : urlIn(instance, config);
      const begun = url === null ? null : origins.begin(url, outgoing);
      if (begun instanceof Attempted) {
        const answer = begun.make((own) => send({ ...config, signal: own }), readingOf(config));
        // axios itself has an error for what was called off.
        return answer.catch((error: unknown) => {
          if (signal?.aborted && error === signal.reason) throw new CanceledError(undefined, config);
          throw error;
        });
      }
      const call = begun instanceof Promise ? await unlessAborted(begun, signal) : begun;
      // axios itself has an error for what was called off.
      if (call === null) return send(config);
      let response: AxiosResponse<unknown>;
      try {
        response = await send(config);
      } catch (error) {
        const status = (error as { response?: { status?: unknown } } | null)?.response?.status;
        // With a status that is valid it is the body that broke.
        if (typeof status === 'number' && config.validateStatus?.(status) === false) call.answered(status, false);
        else if (axios.isCancel(error)) call.aborted(signal?.reason);
        else call.failed(error);
        throw error;
      }
      if (call.answered(response.status, true)) watchBody(response, call, signal);
      return response;
    };
    guards.add(adapter);
    return adapter;
  }

  const id = instance.interceptors.request.use(
    (config) => {
      const { adapter } = config;
      if (typeof adapter !== 'function' || !guards.has(adapter)) config.adapter = guard(adapter);
      return config;
    },
    undefined,
    { synchronous: true },
  );
  return Object.assign(() => instance.interceptors.request.eject(id), { breakers: origins.breakers });
}
