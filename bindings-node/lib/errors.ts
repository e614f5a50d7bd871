// Errors. Their texts come from the core. Each guard knows errors of other copies of the package, too.

import { native } from './native';
import type { Reason } from './host';
import { camel } from './names';
import { keys, tables } from './schema';
import type { LastFailure } from './snapshot';

const MARK = Symbol.for('fusewire.error');
type Mark = 'open' | 'config' | 'conflict' | 'request' | 'timeout';

/** What every error of this package is. */
export abstract class CircuitBreakerError extends Error {
  /** What to branch on. */
  abstract readonly code: string;
}

let capturesStacks = false;

/** Whether a `CircuitOpenError` has a stack. Off by default: capturing one costs more than everything else of it. */
export function captureStacks(on: boolean): void {
  capturesStacks = on;
}

/** Tells later what the last failure was. @internal */
export interface FailureNote {
  read(): LastFailure | null;
}

/** A call was turned away; nothing ran. */
export class CircuitOpenError extends CircuitBreakerError {
  override readonly code = 'ERR_CIRCUIT_OPEN';
  /** The breaker's name. */
  readonly breaker: string;
  /** Why. */
  readonly reason: Reason;
  /** Milliseconds until the answer can differ; `null` when that is unknown. */
  readonly retryAfter: number | null;
  #lastFailure: LastFailure | FailureNote | null;

  /** For tests of code that catches it. */
  constructor(breaker: string, reason: Reason, retryAfter: number | null, lastFailure: LastFailure | null = null) {
    super();
    this.breaker = breaker;
    this.reason = reason;
    this.retryAfter = retryAfter;
    this.#lastFailure = lastFailure;
  }

  /**
   * The breaker's last failure when the call was turned away: why it opened, unless that was done by hand. `null` when
   * there was none. What fails later does not change it. Until it is read, the error keeps its breaker in memory.
   */
  get lastFailure(): LastFailure | null {
    const known = this.#lastFailure;
    if (known === null || !('read' in known)) return known;
    return (this.#lastFailure = known.read());
  }

  /** The fields, for who logs it. */
  toJSON(): object {
    return { ...this, lastFailure: this.lastFailure };
  }

  /** Written when somebody reads it. */
  override get message(): string {
    return native.rejectionMessage(this.breaker, this.reason, this.retryAfter === null ? null : this.retryAfter * 1e6);
  }

  override set message(text: string) {
    Object.defineProperty(this, 'message', { value: text, writable: true, configurable: true });
  }
}

/** The configuration is wrong; nothing was made or changed. */
export class ConfigError extends CircuitBreakerError {
  override readonly code = 'ERR_CIRCUIT_CONFIG';
  /** The option, as a dotted path. */
  readonly key: string;
  /** What it was. */
  readonly value: string;
  /** What it may be. */
  readonly allowed: string;

  /** For tests of code that catches it. */
  constructor(key: string, value: string, allowed: string, message: string) {
    super(message);
    this.key = key;
    this.value = value;
    this.allowed = allowed;
  }
}

/** What a call asks for cannot be; nothing was asked, and nothing counts. */
export class RequestError extends CircuitBreakerError {
  override readonly code = 'ERR_CIRCUIT_REQUEST';
  /** `priority`, `cost` or `feature`. */
  readonly field: string;
  /** What it was. */
  readonly value: string;
  /** What it may be. */
  readonly allowed: string;

  /** For tests of code that catches it. */
  constructor(field: string, value: string, allowed: string, message: string) {
    super(message);
    this.field = field;
    this.value = value;
    this.allowed = allowed;
  }
}

/** An attempt took longer than it may. It goes on unless it looks at its signal, but nobody waits for it. */
export class TimeoutError extends CircuitBreakerError {
  override readonly code = 'ERR_CIRCUIT_TIMEOUT';
  /** The breaker's name. */
  readonly breaker: string;
  /** The limit, in milliseconds; 0: the deadline had passed before an attempt could begin. */
  readonly timeout: number;

  /** For tests of code that catches it. */
  constructor(breaker: string, timeout: number) {
    super(native.timeoutMessage(breaker, Math.round(timeout * 1e6)));
    this.breaker = breaker;
    this.timeout = timeout;
  }
}

/** What led to the error of a call with attempts. */
export interface Recovered {
  /** How often the breaker was asked. */
  attempts: number;
  /** Why the last attempt was turned away, when an earlier one has failed with the error; else `null`. */
  rejection: CircuitOpenError | null;
  /** Why the rungs could not answer, in their order. */
  rungs: readonly { rung: string; error: unknown }[];
}

/** Beside the errors: those are the user's own, and stay as they are. */
const recovered = new WeakMap<object, Recovered>();

/** @internal */
export function noteRecovery(error: unknown, told: Recovered): void {
  if ((typeof error === 'object' && error !== null) || typeof error === 'function') recovered.set(error, told);
}

/**
 * What led to an error that a call with attempts rejected with: how many there were, why the last one was turned away, and
 * why the rungs could not answer. `undefined` of any other error. Of one object that several calls have failed with it tells
 * of the last.
 */
export function recoveryOf(error: unknown): Recovered | undefined {
  return typeof error === 'object' && error !== null ? recovered.get(error) : undefined;
}

/** The name is taken by a breaker with another configuration. */
export class ConflictError extends CircuitBreakerError {
  override readonly code = 'ERR_CIRCUIT_CONFLICT';
  /** The document of the breaker that exists. */
  readonly existing: string;
  /** The document that was asked for. */
  readonly requested: string;

  /** For tests of code that catches it. */
  constructor(existing: string, requested: string, message: string) {
    super(message);
    this.existing = existing;
    this.requested = requested;
  }
}

for (const [type, mark] of [
  [CircuitOpenError, 'open'],
  [ConfigError, 'config'],
  [ConflictError, 'conflict'],
  [RequestError, 'request'],
  [TimeoutError, 'timeout'],
] as const) {
  Object.defineProperty(type.prototype, 'name', { value: type.name, configurable: true, writable: true });
  Object.defineProperty(type.prototype, MARK, { value: mark satisfies Mark });
}

function bears(error: unknown, mark: Mark): boolean {
  return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[MARK] === mark;
}

/** Whether a call was turned away. */
export function isCircuitOpenError(error: unknown): error is CircuitOpenError {
  return bears(error, 'open');
}

/** Whether a configuration was wrong. */
export function isConfigError(error: unknown): error is ConfigError {
  return bears(error, 'config');
}

/** Whether a name was taken by a breaker with another configuration. */
export function isConflictError(error: unknown): error is ConflictError {
  return bears(error, 'conflict');
}

/** Whether a call asked for what cannot be. */
export function isRequestError(error: unknown): error is RequestError {
  return bears(error, 'request');
}

/** Whether an attempt took longer than it may. */
export function isTimeoutError(error: unknown): error is TimeoutError {
  return bears(error, 'timeout');
}

/** Whether an error is of this package. */
export function isCircuitBreakerError(error: unknown): error is CircuitBreakerError {
  return typeof error === 'object' && error !== null && MARK in error;
}

/** The error of a call that is turned away. @internal */
export function openError(breaker: string, reason: Reason, nanos: number, note: FailureNote | null): CircuitOpenError {
  const retryAfter = Number.isNaN(nanos) ? null : nanos / 1e6;
  const failure = note as unknown as LastFailure | null;
  if (capturesStacks) return new CircuitOpenError(breaker, reason, retryAfter, failure);
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = new CircuitOpenError(breaker, reason, retryAfter, failure);
  Error.stackTraceLimit = limit;
  return error;
}

interface Told {
  kind: 'config' | 'conflict' | 'request' | 'missing' | 'unknown';
  message: string;
  key: string;
  value: string;
  allowed: string;
  existing: string;
  requested: string;
}

/** Runs something native; what the core refuses becomes an error of this package, which tells of options. @internal */
export function told<R>(act: () => R): R {
  try {
    return act();
  } catch (error) {
    throw translated(error, pathOf, asOptions);
  }
}

/** As `told`, of a document. @internal */
export function toldOfDocument<R>(act: () => R): R {
  const same = (text: string): string => text;
  try {
    return act();
  } catch (error) {
    throw translated(error, same, same);
  }
}

/** A key of the document as an option's path: names that somebody has given stay. */
function pathOf(key: string): string {
  const table = [...tables].find((path) => key.startsWith(`${path}.`));
  if (table === undefined) return camel(key);
  const rest = key.slice(table.length + 1);
  const end = rest.lastIndexOf('.') + 1;
  const last = rest.slice(end);
  return `${camel(table)}.${end > 0 && keys.has(last) ? rest.slice(0, end) + camel(last) : rest}`;
}

/** What is allowed, with keys in camelCase; values that look alike, such as `forced_open` or `rate_limit`, stay. */
function asOptions(text: string): string {
  const named = (word: string): string => (keys.has(word) ? camel(word) : word);
  return text
    .replace(/`([a-z_]+)`/g, (_, word: string) => `\`${named(word)}\``)
    .replace(/(?<=^no such key.*; known: ).*$/, (list) => list.replace(/[a-z_]+/g, named))
    .replace('or a number of seconds', 'or a number of milliseconds');
}

/** `wording` is of what is allowed alone: values are the user's. */
function translated(error: unknown, key: (text: string) => string, wording: (text: string) => string): unknown {
  const text = (error as Error).message;
  if (typeof text !== 'string' || !text.startsWith('{')) return error;
  const t = JSON.parse(text) as Told;
  if (t.kind === 'config') {
    const allowed = wording(t.allowed);
    const isLast = t.allowed !== '' && t.message.endsWith(t.allowed);
    const told = isLast ? t.message.slice(0, -t.allowed.length) + allowed : t.message;
    return new ConfigError(key(t.key), t.value, allowed, told.replace(`\`${t.key}\``, () => `\`${key(t.key)}\``));
  }
  if (t.kind === 'conflict') return new ConflictError(t.existing, t.requested, t.message);
  if (t.kind === 'request') return new RequestError(t.key, t.value, t.allowed, t.message);
  const code = t.kind === 'missing' ? 'ERR_CIRCUIT_UNKNOWN' : 'ERR_CIRCUIT_NAME';
  return Object.assign(new RangeError(t.message), { code });
}
