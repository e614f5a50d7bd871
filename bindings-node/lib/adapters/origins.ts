// One breaker for each origin that is called.

import { CircuitBreaker } from '../breaker';
import type { CircuitOpenError } from '../errors';
import { type CircuitBreakerOptions, invalid } from '../options';
import { Permit } from '../permit';
import { Registry } from '../registry';
import { type CallRequest, type Priority, levelOf } from '../request';
import { requestPriority } from './priority';
import { Attempted, canBeSentAgain } from './attempted';
import { Call, isFailing, isFailureStatus } from './status';

/** Where a request goes. */
export interface Target {
  readonly url: URL;
  /** In upper case. */
  readonly method: string;
}

/** What of a request decides about its call. @internal */
export interface Outgoing {
  method?: string | undefined;
  headers?: Parameters<typeof requestPriority>[0];
  signal?: AbortSignal | null | undefined;
  /** What is sent; `undefined` for nothing. */
  body?: unknown;
}

/** What a breaker gives whose call may have to wait. */
interface Ready {
  readonly hasSteps: boolean;
  ready(
    request: CallRequest,
    signal: AbortSignal | null | undefined,
  ): Permit | CircuitOpenError | Promise<Permit | CircuitOpenError>;
}

/** Options of a breaker that guards HTTP calls. What a status means is said by `isFailureStatus`. */
export type BreakerOptions = Omit<CircuitBreakerOptions, 'fallback' | 'isFailureResult'>;

/** What all adapters of HTTP clients take. */
export interface AdapterOptions {
  /** Options of each breaker, or a function that gives them for a key. */
  breaker?: BreakerOptions | ((key: string) => BreakerOptions);
  /**
   * Requests of the same key share a breaker, whose name it is; without it the URL's origin. It should have few values:
   * of more than 1,000 breakers the one that was used least recently is forgotten.
   */
  key?: (target: Target) => string;
  /** Where the breakers live, so that its metrics show them; without it they are in none. */
  registry?: Registry;
  /** Whether an answer is a failure; without it those of status 500 and above, 429, and 408. */
  isFailureStatus?: (status: number) => boolean;
  /**
   * How much the calls matter, or what tells it of one. Without it, or where it answers `undefined`, the request's header
   * `x-request-priority` says so, and without that a call is `'normal'`.
   */
  priority?: Priority | ((target: Target) => Priority | undefined);
  /**
   * Whether a request may be sent more than once although its method does not say so: `breaker.retry.perMethod` tells of
   * methods. One whose body is a stream is sent once, whatever is said here.
   */
  idempotent?: boolean | ((target: Target) => boolean);
  /** Of which of the breaker's `features` a request is, or what tells it. */
  feature?: string | ((target: Target) => string | undefined);
  /**
   * Settles a call when its body has ended, not when its headers are there. Not for breakers with `timeout`, `retry` or
   * `hedge`: a body that was begun to be read is not asked for again.
   */
  wholeBody?: boolean;
}

/** An adapter's breakers. */
export interface Guarded {
  /** The breakers by key, the one that was used last at the end. */
  readonly breakers: ReadonlyMap<string, CircuitBreaker>;
}

const MAX_BREAKERS = 1000;
const OPTIONS = new Set(['breaker', 'key', 'registry', 'isFailureStatus', 'priority', 'idempotent', 'feature', 'wholeBody']);

/** The kind of a network error stands in its `code`, or in that of what it wraps. */
function networkType(error: unknown): string | undefined {
  const { code, cause, name } = (error ?? {}) as { code?: unknown; cause?: { code?: unknown }; name?: unknown };
  return [cause?.code, code, name].find((type): type is string => typeof type === 'string');
}

function check(options: AdapterOptions, own: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw invalid('options', 'an object such as { breaker: { failureThreshold: 5 } }', options);
  }
  for (const key of Object.keys(options)) {
    if (OPTIONS.has(key) || own.includes(key)) continue;
    const known = [...OPTIONS, ...own].join(', ');
    throw new TypeError(`unknown option '${key}'; there are ${known}; those of a breaker belong into 'breaker'`);
  }
  for (const key of ['key', 'isFailureStatus'] as const) {
    const given = options[key];
    if (given !== undefined && typeof given !== 'function') throw invalid(`options.${key}`, 'a function', given);
  }
  if (options.registry !== undefined && !(options.registry instanceof Registry)) {
    throw invalid('options.registry', 'a Registry', options.registry);
  }
  const { priority } = options;
  if (priority !== undefined && typeof priority !== 'function') levelOf(priority);
  // So that a wrong option is told here, not by the first call.
  if (typeof options.breaker === 'function') return;
  const tried = new CircuitBreaker('options', breakerOptions(options.breaker));
  if (options.wholeBody && (tried as unknown as Ready).hasSteps) throw wholeBodyError();
}

function wholeBodyError(): TypeError {
  return new TypeError('wholeBody is not for breakers with timeout, retry or hedge: leave one of them out');
}

function targetOf(url: URL, { method }: Outgoing): Target {
  return { url, method: (method ?? 'GET').toUpperCase() };
}

function breakerOptions(given: BreakerOptions = {}): CircuitBreakerOptions {
  // What is no object at all, the breaker refuses.
  if (typeof given !== 'object' || given === null) return given;
  for (const [key, instead] of [
    ['fallback', 'catch the CircuitOpenError'],
    ['cache', 'a client has caches of its own'],
    ['isFailureResult', "write 'isFailureStatus' beside 'breaker'"],
  ]) {
    if (key in given) throw new TypeError(`breaker.${key} is not for adapters: ${instead}`);
  }
  return { errorType: networkType, ...given };
}

/** The breakers of one adapter. */
export class Origins implements Guarded {
  readonly breakers = new Map<string, CircuitBreaker>();
  readonly wholeBody: boolean;
  private readonly isFailure: (status: number) => boolean;
  private lastKey: string | undefined;
  private last!: CircuitBreaker;

  /** @param own names of options that only this adapter has. */
  constructor(
    private readonly options: AdapterOptions,
    own: readonly string[] = [],
  ) {
    check(options, own);
    this.wholeBody = Boolean(options.wholeBody);
    this.isFailure = options.isFailureStatus ?? isFailureStatus;
  }

  /**
   * Asks leave to make a call, for which it may have to wait; `null` for one that has no origin, which nobody guards. Where
   * the breaker has policies around the call nobody is asked yet: what makes it asks for each attempt.
   *
   * Throws a `CircuitOpenError` when the call is turned away, or rejects with it.
   */
  begin(url: URL | null, request: Outgoing): Call | Promise<Call> | Attempted | null {
    if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return null;
    const target = targetOf(url, request);
    const { key } = this.options;
    const breaker = this.of(key === undefined ? url.origin : key(target));
    const asked = this.askedOf(target, request);
    const guard = breaker as unknown as Ready;
    if (guard.hasSteps) return this.attempted(breaker, target, asked, request);
    const given = guard.ready(asked, request.signal);
    return given instanceof Promise ? given.then((permit) => this.call(permit)) : this.call(given);
  }

  private attempted(breaker: CircuitBreaker, target: Target, asked: CallRequest, request: Outgoing): Attempted {
    const { idempotent } = this.options;
    const repeats = {
      method: target.method,
      // Others are left to their methods.
      idempotent: (typeof idempotent === 'function' ? idempotent(target) : idempotent) ? true : undefined,
      once: !canBeSentAgain(request.body),
    };
    return new Attempted(breaker, { ...asked, ...repeats }, request.signal, (status) =>
      isFailing(this.isFailure, breaker, status),
    );
  }

  private askedOf(target: Target, request: Outgoing): CallRequest {
    const { feature } = this.options;
    const asked: CallRequest = {};
    const priority = this.priorityOf(target, request);
    if (priority !== undefined) asked.priority = priority;
    const named = typeof feature === 'function' ? feature(target) : feature;
    if (named !== undefined) asked.feature = named;
    return asked;
  }

  private priorityOf(target: Target, { headers }: Outgoing): Priority | undefined {
    const { priority } = this.options;
    const said = typeof priority === 'function' ? priority(target) : priority;
    if (said === undefined) return requestPriority(headers);
    levelOf(said);
    return said;
  }

  private call(given: Permit | CircuitOpenError): Call {
    if (!(given instanceof Permit)) throw given;
    return new Call(given, this.isFailure, this.wholeBody);
  }

  private of(key: string): CircuitBreaker {
    if (key === this.lastKey) return this.last;
    let breaker = this.breakers.get(key);
    if (breaker === undefined) breaker = this.make(key);
    else this.breakers.delete(key);
    this.breakers.set(key, breaker);
    if (this.breakers.size > MAX_BREAKERS) this.forgetOldest();
    this.lastKey = key;
    this.last = breaker;
    return breaker;
  }

  private make(key: string): CircuitBreaker {
    const { breaker, registry } = this.options;
    const options = breakerOptions(typeof breaker === 'function' ? breaker(key) : breaker);
    const made = registry === undefined ? new CircuitBreaker(key, options) : registry.getOrCreate(key, options);
    if (this.wholeBody && (made as unknown as Ready).hasSteps) throw wholeBodyError();
    return made;
  }

  private forgetOldest(): void {
    const [oldest] = this.breakers.keys();
    this.breakers.delete(oldest);
    this.options.registry?.remove(oldest);
  }
}

/** The URL behind a text, or `null`: the client itself says what is wrong with it. */
export function urlOf(text: string | URL): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}
