// What a retry looks at of an error: the type by which the core knows its category, its HTTP status, and how long it asks
// to wait.

import { warn } from './classify';
import { isCircuitOpenError } from './errors';
import type { Classification } from './options';

/** Error types of Node.js, undici and axios by the names that the core has a category for. */
const NAMES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_reset',
  EPIPE: 'connection_reset',
  UND_ERR_SOCKET: 'connection_error',
  UND_ERR_CLOSED: 'connection_error',
  EHOSTUNREACH: 'connection_error',
  EHOSTDOWN: 'connection_error',
  ENETUNREACH: 'connection_error',
  ENETDOWN: 'connection_error',
  ERR_NETWORK: 'network_error',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  ETIMEDOUT: 'timeout',
  ESOCKETTIMEDOUT: 'timeout',
  // What axios calls its own timeouts.
  ECONNABORTED: 'timeout',
  TimeoutError: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  EMFILE: 'resource_exhausted',
  ENFILE: 'resource_exhausted',
  ENOMEM: 'resource_exhausted',
  ENOBUFS: 'resource_exhausted',
};

interface Erring {
  code?: unknown;
  name?: unknown;
  cause?: unknown;
  status?: unknown;
  statusCode?: unknown;
  headers?: unknown;
  response?: unknown;
}

const partsOf = (error: unknown): Erring => (typeof error === 'object' && error !== null ? (error as Erring) : {});

/** The core's name for an error type, where it has one of its own. @internal */
export function coreName(type: string | undefined): string | undefined {
  return type !== undefined && Object.hasOwn(NAMES, type) ? NAMES[type] : type;
}

/** An error's type: its code, that of what it wraps, or its name; the first of them that the core knows, if there is one. */
function defaultType(error: unknown): string | undefined {
  const { code, name, cause } = partsOf(error);
  const types = [code, partsOf(cause).code, name].filter((type): type is string => typeof type === 'string');
  return coreName(types.find((type) => Object.hasOwn(NAMES, type)) ?? types[0]);
}

/** The type of an error, for its category. @internal */
export function categoryType({ errorType }: Classification, breaker: string, error: unknown): string | undefined {
  const own = errorType === undefined ? undefined : guarded(breaker, error, () => errorType(error) as unknown);
  if (own === '') return undefined;
  if (typeof own === 'number') return String(own);
  return typeof own === 'string' ? coreName(own) : guarded(breaker, error, () => defaultType(error));
}

/** The HTTP status that an error tells of. @internal */
export function statusOf(error: unknown): number | undefined {
  try {
    const { status, statusCode, response } = partsOf(error);
    const found = [status, statusCode, partsOf(response).status].find((given) => typeof given === 'number');
    return Number.isInteger(found) && (found as number) >= 100 && (found as number) <= 999 ? (found as number) : undefined;
  } catch {
    return undefined;
  }
}

/** How many milliseconds an error asks to wait. @internal */
export function hintOf({ retryAfter }: Classification, breaker: string, error: unknown): number | undefined {
  return guarded(breaker, error, () => {
    if (retryAfter !== undefined) {
      const told: unknown = retryAfter(error);
      return typeof told === 'number' && told >= 0 ? told : undefined;
    }
    if (isCircuitOpenError(error)) return error.retryAfter ?? undefined;
    const { headers, response } = partsOf(error);
    return retryAfterOf(headers ?? partsOf(response).headers);
  });
}

/** Whether a rung may answer in the place of an error. @internal */
export function mayFallBack({ fallsBack }: Classification, breaker: string, error: unknown): boolean {
  return fallsBack === undefined || guarded(breaker, error, () => Boolean(fallsBack(error))) !== false;
}

/** What a user's function answers; one that throws is reported, and has answered nothing. */
function guarded<R>(breaker: string, _: unknown, act: () => R): R | undefined {
  try {
    return act();
  } catch (thrown) {
    warn(breaker, 'a function that classifies errors', thrown);
    return undefined;
  }
}

/** What the header `retry-after` says, in milliseconds: whole seconds, or an HTTP date. @internal */
export function retryAfterOf(headers: unknown): number | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined;
  const { get } = headers as { get?: unknown };
  const table = headers as Record<string, unknown>;
  const found: unknown =
    typeof get === 'function' ? get.call(headers, 'retry-after') : (table['retry-after'] ?? table['Retry-After']);
  const text = Array.isArray(found) ? String(found[0]) : typeof found === 'number' ? String(found) : found;
  if (typeof text !== 'string') return undefined;
  if (/^\s*\d+\s*$/.test(text)) return Number(text) * 1000;
  const at = /[a-z]/i.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}
