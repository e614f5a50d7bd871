// A circuit breaker. The happy path is `execute`; what JavaScript may decide alone there is written in
// `core/src/side.rs` of the crate, and nowhere else.

import { channel } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import { inspect } from 'node:util';
import {
  At,
  COUNT_MASK as HOST_COUNT_MASK,
  Code,
  NO_LANE,
  UNLIMITED,
  doubles as hostDoubles,
  isolate,
  laneOf,
  nativeAcquire as hostAcquire,
  nativeSettle as hostSettle,
  reasonOf,
  releaseWith,
  words as hostWords,
  type Reason,
} from './host';
import { type CircuitOpenError, openError, told, toldOfDocument } from './errors';
import { deliverIfAny, deliverWaiting, listen, unlisten, type Receiver, type TransitionEvent } from './events';
import { EventQueue } from './queue';
import {
  type CallOptions,
  type CircuitBreakerOptions,
  type DocumentOptions,
  type Duration,
  type Mode,
  checkCallOptions,
  checkOptions,
  checkSignal,
  documentOf,
  documentText,
  durationText,
  invalid,
} from './options';
import { Permit, Slip, laneSlip, putBack, takeSlip, type Outcome, type Settled, type Settling } from './permit';
import { snapshotOf, type Snapshot, type State } from './snapshot';
import { native } from './native';

// As constants of this module: an import is looked up each time.
const words = hostWords;
const doubles = hostDoubles;
const nativeAcquire = hostAcquire;
const nativeSettle = hostSettle;
const COUNT_MASK = HOST_COUNT_MASK;

/** Who does something by hand, and why. */
export interface By {
  actor?: string;
  reason?: string;
}

/** What a call may be given. */
export interface ExecuteOptions {
  /** Ends the call: it rejects with the signal's reason at once. As with `fetch`, `null` is none. */
  signal?: AbortSignal | null;
}

/** The events of a breaker. */
export interface CircuitBreakerEvents {
  /** It came to be open. */
  open: [event: TransitionEvent];
  /** It came to be half-open. */
  halfOpen: [event: TransitionEvent];
  /** It came to be closed. */
  close: [event: TransitionEvent];
  /** Any transition: also one from a state to itself, such as a reconfiguration. */
  stateChange: [event: TransitionEvent];
  /** A call was turned away. */
  reject: [error: CircuitOpenError];
}

const OUTCOMES = { success: Code.Success, failure: Code.Failure, ignored: Code.Ignored, abandoned: Code.Abandoned } as const;
const EVENT_OF = { open: 'open', half_open: 'halfOpen', closed: 'close' } as const;

/** Kept, as `await` keeps it, whatever others put in its place. */
const promiseThen = Promise.prototype.then;
const SOON = Promise.resolve();

const NO_OPTIONS: CircuitBreakerOptions = Object.freeze({});

/** Hears of every rejection of this isolate, whichever breaker's, where the call was made. */
const rejections = channel('fusewire:reject');

/** The error of the call that was turned away last. */
let refusal: CircuitOpenError;

function defect(): Error {
  return new Error('fusewire: the core panicked; please report it');
}

/** A type under which an error is counted: its `code`, or its name. */
function defaultType(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  try {
    const { code, name } = error as { code?: unknown; name?: unknown };
    return typeof code === 'string' ? code : typeof name === 'string' ? name : undefined;
  } catch {
    return undefined;
  }
}

/** Checks who does something by hand. */
function partsOf(by: By): By {
  if (typeof by !== 'object' || by === null) {
    throw invalid('by', "an object such as { actor: 'me', reason: 'a test' }", by);
  }
  for (const key of ['actor', 'reason'] as const) {
    const given: unknown = by[key] ?? undefined;
    if (given !== undefined && typeof given !== 'string') throw invalid(`by.${key}`, 'a string', given);
  }
  return by;
}

/** Guards one dependency. */
export class CircuitBreaker extends EventEmitter<CircuitBreakerEvents> {
  /** The name. */
  readonly name: string;
  private readonly slot: number;
  private cell = NO_LANE.cell;
  private at = NO_LANE.at;
  private counters = NO_LANE.counters;
  private lane = NO_LANE.index;
  /** What the lane's last grant says; at first what no cell can say. */
  private low = -1;
  private left = 0;
  /** Settle calls that are admitted under that grant: made for the first of them, then the same for all. */
  private onValue: ((value: unknown) => unknown) | null = null;
  private onError: ((error: unknown) => never) | null = null;
  private readonly options: CircuitBreakerOptions;
  /** Whether a value decides nothing: the usual. */
  private readonly anyValue: boolean;

  /**
   * @param name 1 to 255 bytes, for people and metrics.
   * @param options camelCase, lengths of time in milliseconds; what is left out takes its default.
   */
  constructor(name: string, options: CircuitBreakerOptions = NO_OPTIONS) {
    super();
    // Made anew when somebody listens: a fifth of what a breaker weighs.
    (this as { _events?: object })._events = undefined;
    if (typeof name !== 'string') throw invalid('name', 'a string', name);
    checkOptions(options);
    this.name = name;
    this.options = options;
    this.anyValue = options.isFailureResult === undefined;
    this.slot = adopted ?? told(() => isolate.create(name, documentOf(options), options.clock?.native, undefined));
    adopted = undefined;
    const lane = laneOf(this.slot);
    this.cell = lane.cell;
    this.at = lane.at;
    this.counters = lane.counters;
    this.lane = lane.index;
    releaseWith(this, this.slot);
  }

  /**
   * A breaker from a configuration document as every language reads it: `snake_case`, durations as `"30s"` or seconds.
   */
  static fromDocument(name: string, document: string | object, options: CallOptions = {}): CircuitBreaker {
    if (typeof name !== 'string') throw invalid('name', 'a string', name);
    checkCallOptions(options);
    const text = documentText(document);
    return adopt(toldOfDocument(() => isolate.create(name, text, options.clock?.native, undefined)), name, options);
  }

  // ---- calls ----

  /**
   * Calls `fn` under the breaker: a value is a success, an error a failure, unless the options say otherwise.
   *
   * Rejects with the function's own error, or with a `CircuitOpenError` when it was not called.
   */
  execute<T>(fn: (signal?: AbortSignal) => T | PromiseLike<T>, options?: ExecuteOptions): Promise<T> {
    if (options !== undefined || typeof fn !== 'function') return this.executeWith(fn, options);
    const low = this.low;
    let slip: Slip | null = null;
    if (this.left > 0 && this.cell[this.at] === low) {
      this.left--;
      if (this.onValue === null) this.handlers(low);
    } else {
      try {
        slip = this.ask();
      } catch (error) {
        return Promise.reject(error);
      }
      if (slip === null) return this.refuseLater() as Promise<T>;
    }
    // As they are now: what `fn` does may begin another grant.
    const { onValue, onError } = this;
    let made: T | PromiseLike<T>;
    try {
      made = fn();
    } catch (error) {
      return this.threw(slip, low, error);
    }
    if (made instanceof Promise && made.constructor === Promise) {
      if (slip === null) return promiseThen.call(made, onValue, onError) as Promise<T>;
      slip.owner = this as unknown as Settling;
      if (slip.onValue === null) slip.handlers();
      return promiseThen.call(made, slip.onValue, slip.onError) as Promise<T>;
    }
    return this.follow<T>(slip, low, made as T | PromiseLike<T>);
  }

  /** As `execute`, for a function that answers at once. */
  executeSync<T>(fn: () => T): T {
    if (typeof fn !== 'function') throw invalid('fn', 'a function', fn);
    const low = this.low;
    let slip: Slip | null = null;
    if (this.left > 0 && this.cell[this.at] === low) this.left--;
    else if ((slip = this.ask()) === null) return this.refuse() as T;
    let value: T;
    try {
      value = fn();
    } catch (error) {
      this.settleError(slip, low, error);
      throw error;
    }
    if (slip === null && this.anyValue && this.cell[this.at] === low && (this.cell[this.at + 1] & COUNT_MASK) === 0) {
      this.counters[this.lane]++;
    } else {
      this.settleValue(slip, low, value);
    }
    return value;
  }

  /** A function that calls `fn` under the breaker; it keeps `this`, name and length. */
  wrap<This, Args extends unknown[], R>(
    fn: (this: This, ...args: Args) => R,
  ): (this: This, ...args: Args) => Promise<Awaited<R>> {
    if (typeof fn !== 'function') throw invalid('fn', 'a function', fn);
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    const breaker = this;
    const wrapped = function (this: This, ...args: Args): Promise<Awaited<R>> {
      return breaker.execute(() => fn.apply(this, args)) as Promise<Awaited<R>>;
    };
    Object.defineProperty(wrapped, 'name', { value: fn.name, configurable: true });
    Object.defineProperty(wrapped, 'length', { value: fn.length, configurable: true });
    return wrapped;
  }

  /**
   * Asks for a permit to call; settle it once.
   *
   * Throws a `CircuitOpenError` when the call is turned away.
   */
  acquire(): Permit {
    const permit = this.tryAcquire();
    if (permit === null) throw refusal;
    return permit;
  }

  /** As `acquire`, but `null` when the call is turned away. */
  tryAcquire(): Permit | null {
    const low = this.low;
    if (this.left > 0 && this.cell[this.at] === low) {
      this.left--;
      return new Permit(this, this as unknown as Settling, null, low);
    }
    const slip = this.ask();
    return slip === null ? null : new Permit(this, this as unknown as Settling, slip, 0);
  }

  private async executeWith<T>(
    fn: (signal?: AbortSignal) => T | PromiseLike<T>,
    options: ExecuteOptions | undefined,
  ): Promise<T> {
    if (typeof fn !== 'function') throw invalid('fn', 'a function', fn);
    if (typeof options !== 'object' || options === null) {
      throw invalid('options', 'an object such as { signal }', options);
    }
    const unknown = Object.keys(options).find((key) => key !== 'signal');
    if (unknown !== undefined) {
      throw invalid(`options.${unknown}`, 'left out; the only option of a call is `signal`', options);
    }
    const { signal } = options;
    if (signal === undefined || signal === null) return this.execute(fn);
    checkSignal(signal);
    if (signal.aborted) throw signal.reason;
    const permit = this.tryAcquire();
    if (permit === null) return this.refuse() as T;
    let onAbort!: () => void;
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => {
        if ((signal.reason as { name?: unknown } | null | undefined)?.name === 'TimeoutError') {
          permit.settle('failure', { errorType: native.TIMEOUT });
        } else {
          permit[Symbol.dispose]();
        }
        reject(signal.reason as Error);
      };
    });
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const value = await Promise.race([new Promise<T>((resolve) => resolve(fn(signal))), aborted]);
      if (this.outcomeOf(value) === 'success') permit.success();
      else permit.settle('failure');
      return value;
    } catch (error) {
      if (!signal.aborted) this.settlePermit(permit, error);
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  private settlePermit(permit: Permit, error: unknown): void {
    const outcome = this.outcomeOfError(error);
    permit.settle(outcome, outcome === 'failure' ? { errorType: this.typeOf(error) } : {});
  }

  // ---- asking the core ----

  /** Asks for a permit; `null` when the call is turned away, and `refusal` says why. */
  private ask(): Slip | null {
    words[At.Slot] = this.slot;
    words[At.GrantCalls] = this.left;
    nativeAcquire();
    const code = words[At.Code];
    // A grant without limit is never used up, and nothing of it is given back: infinity is stored as 0.
    const calls = words[At.GrantCalls];
    this.left = calls === UNLIMITED ? Infinity : calls;
    if (calls > 0 && words[At.GrantLow] !== this.low) this.begin(words[At.GrantLow]);
    if (code === 0) {
      const slip = takeSlip();
      slip.low = words[At.Low];
      slip.lease = words[At.Lease];
      slip.extra = words[At.Extra];
      slip.engine = words[At.Engine];
      slip.startLow = words[At.StartLow];
      slip.startHigh = words[At.StartHigh];
      if (words[At.Events] !== 0) deliverIfAny();
      return slip;
    }
    if (code === Code.Panicked) throw defect();
    const error = openError(this.name, reasonOf(code), doubles[At.Nanos]);
    if (words[At.Events] !== 0) deliverIfAny();
    if (this.listenerCount('reject') > 0) this.tell('reject', error);
    if (rejections.hasSubscribers) rejections.publish(error);
    refusal = error;
    return null;
  }

  /** Takes up a grant of another generation. A call keeps what was there when it was admitted. */
  private begin(low: number): void {
    this.low = low;
    this.onValue = this.onError = null;
  }

  /** Makes what settles the calls of a grant. Many a breaker is never called so often. */
  private handlers(low: number): void {
    this.onValue = (value) => {
      this.settleValue(null, low, value);
      return value;
    };
    this.onError = (error) => {
      this.settleError(null, low, error);
      throw error;
    };
  }

  /** Settles a call when what it made is there. */
  private async follow<T>(slip: Slip | null, low: number, made: T | PromiseLike<T>): Promise<T> {
    let value: T;
    try {
      value = await made;
    } catch (error) {
      this.settleError(slip, low, error);
      throw error;
    }
    this.settleValue(slip, low, value);
    return value;
  }

  /** A call that failed before there was a promise. */
  private threw(slip: Slip | null, low: number, error: unknown): Promise<never> {
    try {
      this.settleError(slip, low, error);
    } catch (defect) {
      return Promise.reject(defect);
    }
    return Promise.reject(error);
  }

  private refuseLater(): Promise<unknown> {
    const error = refusal;
    const { fallback } = this.options;
    if (fallback !== undefined) return new Promise((resolve) => resolve(fallback(error)));
    // A promise that is born rejected has Node note it as unhandled and strike it off again: twice what this costs.
    return new Promise((_, reject) => {
      promiseThen.call(SOON, () => reject(error));
    });
  }

  /** Answers a call that was turned away. */
  private refuse(): unknown {
    const error = refusal;
    if (this.options.fallback !== undefined) return this.options.fallback(error);
    throw error;
  }

  /** @internal */
  private settleSlip(slip: Slip, outcome: Outcome | 'abandoned', duration?: number, errorType?: string): Settled {
    words[At.Slot] = this.slot;
    words[At.Low] = slip.low;
    words[At.Lease] = slip.lease;
    words[At.Extra] = slip.extra;
    words[At.Engine] = slip.engine;
    words[At.StartLow] = slip.startLow;
    words[At.StartHigh] = slip.startHigh;
    words[At.Outcome] = OUTCOMES[outcome];
    doubles[At.Nanos] = duration === undefined ? NaN : Math.max(0, Math.round(duration * 1e6));
    if (errorType === undefined) nativeSettle();
    else isolate.settleFailed(errorType);
    if (words[At.Code] === Code.Panicked) throw defect();
    const settled = words[At.Settled] === 0 ? 'ok' : 'late';
    if (words[At.Events] !== 0) deliverIfAny();
    return settled;
  }

  /** A success of a call that the lane admitted. @internal */
  private settleLane(low: number): Settled {
    if (this.cell[this.at] === low && (this.cell[this.at + 1] & COUNT_MASK) === 0) {
      this.counters[this.lane]++;
      return 'ok';
    }
    return this.settleSlip(laneSlip(low), 'success');
  }

  /** @internal */
  private settleValue(slip: Slip | null, low: number, value: unknown): void {
    if (slip === null && this.anyValue) return void this.settleLane(low);
    const settled = slip ?? laneSlip(low);
    this.settleSlip(settled, this.outcomeOf(value));
    putBack(settled);
  }

  /** @internal */
  private settleError(slip: Slip | null, low: number, error: unknown): void {
    const outcome = this.outcomeOfError(error);
    const errorType = outcome === 'failure' ? this.typeOf(error) : undefined;
    const settled = slip ?? laneSlip(low);
    this.settleSlip(settled, outcome, undefined, errorType);
    putBack(settled);
  }

  // ---- classifying ----

  private outcomeOf(value: unknown): Outcome {
    const { isFailureResult } = this.options;
    return isFailureResult !== undefined && this.asks(isFailureResult, value, false) ? 'failure' : 'success';
  }

  private outcomeOfError(error: unknown): Outcome {
    const { ignore, isFailure } = this.options;
    if (ignore !== undefined && this.asks(ignore, error, false)) return 'ignored';
    return isFailure === undefined || this.asks(isFailure, error, true) ? 'failure' : 'success';
  }

  /** A predicate that throws is reported, and the call counts as it would without one. */
  private asks(predicate: (given: unknown) => boolean, given: unknown, without: boolean): boolean {
    try {
      const answer: unknown = predicate(given);
      if (typeof (answer as PromiseLike<unknown> | null | undefined)?.then !== 'function') return Boolean(answer);
      Promise.resolve(answer).catch(() => {});
      throw new TypeError('it answered a promise, and must answer at once');
    } catch (error) {
      warn(this.name, 'a predicate', error);
      return without;
    }
  }

  /** @internal */
  private typeOf(error: unknown): string | undefined {
    const { errorType } = this.options;
    if (errorType === undefined) return defaultType(error);
    try {
      const type: unknown = errorType(error);
      return typeof type === 'number' ? String(type) : typeof type === 'string' ? type : undefined;
    } catch (thrown) {
      warn(this.name, 'errorType', thrown);
      return defaultType(error);
    }
  }

  /** @internal */
  private shadowOf(slip: Slip): Reason | null {
    words[At.Low] = slip.low;
    words[At.Extra] = slip.extra;
    const code = isolate.wouldReject(this.slot);
    return code === 0 ? null : reasonOf(code);
  }

  // ---- by hand ----

  /** Opens the breaker from any state, for `duration` or, without one, for as long as an opening lasts now. */
  trip(duration?: Duration | null, by: By = {}): void {
    const text = duration === undefined || duration === null ? null : durationText(duration);
    const { actor, reason } = partsOf(by);
    this.act(() => told(() => isolate.trip(this.slot, text, actor, reason)));
  }

  /** Lets the next calls probe, from any state. */
  halfOpen(by: By = {}): void {
    const { actor, reason } = partsOf(by);
    this.act(() => isolate.halfOpen(this.slot, actor, reason));
  }

  /** Closes the breaker, from any state, and ends the row of openings. */
  reset(by: By = {}): void {
    const { actor, reason } = partsOf(by);
    this.act(() => isolate.reset(this.slot, actor, reason));
  }

  /** Sets the mode; setting the one that is set does nothing. */
  setMode(mode: Mode, by: By = {}): void {
    const { actor, reason } = partsOf(by);
    if (!this.act(() => isolate.setMode(this.slot, String(mode), actor, reason))) {
      throw invalid('mode', "'auto', 'shadow', 'forced_open' or 'forced_closed'", mode);
    }
  }

  /** Carries out what is due without asking for a permit. */
  poll(): void {
    this.act(() => isolate.poll(this.slot));
  }

  /** Swaps the rules atomically; `false` when they are the same. What classifies stays. */
  reconfigure(options: DocumentOptions, by: By = {}): boolean {
    checkOptions(options);
    const { actor, reason } = partsOf(by);
    return this.act(() => told(() => isolate.reconfigure(this.slot, documentOf(options), actor, reason)));
  }

  /** As `reconfigure`, with a document as every language reads it. */
  reconfigureDocument(document: string | object, by: By = {}): boolean {
    const text = documentText(document);
    const { actor, reason } = partsOf(by);
    return this.act(() => toldOfDocument(() => isolate.reconfigure(this.slot, text, actor, reason)));
  }

  private act<R>(act: () => R): R {
    const answer = act();
    deliverWaiting();
    return answer;
  }

  // ---- reading ----

  /** The effective state: open past its deadline reads half-open. */
  get state(): State {
    return isolate.state(this.slot) as State;
  }

  /** The mode. */
  get mode(): Mode {
    return isolate.mode(this.slot) as Mode;
  }

  /** Everything there is to know. */
  snapshot(): Snapshot {
    return snapshotOf(isolate.snapshot(this.slot));
  }

  /** The configuration with its defaults filled in, as every language reads it. */
  document(): string {
    return isolate.document(this.slot);
  }

  /** Its metrics as OpenMetrics 1.0 text. */
  metrics(): string {
    return isolate.metrics([this.slot]);
  }

  // ---- events ----

  // The types stay those of the emitter: an unknown name is an error.
  static {
    for (const name of ['on', 'addListener', 'prependListener', 'off', 'removeListener', 'removeAllListeners'] as const) {
      const inherited = EventEmitter.prototype[name] as (...given: unknown[]) => unknown;
      const attending = function (this: CircuitBreaker, ...given: unknown[]): CircuitBreaker {
        inherited.apply(this, given);
        return this.attend();
      };
      Object.defineProperty(CircuitBreaker.prototype, name, { value: attending, configurable: true, writable: true });
    }
  }

  /** Transitions from now on, in order. Up to 1,024 wait for a reader who is slow; more are counted in `missed`. */
  events(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<TransitionEvent> {
    return new EventQueue(this, options.signal);
  }

  /** As `events()`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<TransitionEvent> {
    return this.events();
  }

  /** Listens to the core while somebody listens here. */
  private attend(): this {
    const wanted = Object.values(EVENT_OF).some((name) => this.listenerCount(name) > 0);
    if (wanted || this.listenerCount('stateChange') > 0) listen(this.slot, this as unknown as Receiver);
    else unlisten(this.slot);
    return this;
  }

  /** @internal */
  private receive(event: TransitionEvent): void {
    this.tell('stateChange', event);
    if (event.from !== event.to) this.tell(EVENT_OF[event.to], event);
  }

  /** A listener that throws is reported and disturbs nobody. */
  private tell(name: keyof CircuitBreakerEvents, what: unknown): void {
    const report = (error: unknown): void => warn(this.name, `a listener of '${name}'`, error);
    for (const listener of this.rawListeners(name) as ((what: unknown) => unknown)[]) {
      try {
        const answer = listener.call(this, what) as PromiseLike<unknown> | null | undefined;
        // A rejection that nobody takes would end the process.
        if (typeof answer?.then === 'function') answer.then(undefined, report);
      } catch (error) {
        report(error);
      }
    }
  }

  /** The snapshot, for who logs a breaker. */
  toJSON(): Snapshot {
    return this.snapshot();
  }

  /** @internal */
  [Symbol.for('nodejs.util.inspect.custom')](_: number, options: object, inspect: (value: unknown, o: object) => string): string {
    const { name, state, mode } = this;
    return `CircuitBreaker ${inspect({ name, state, mode }, options)}`;
  }
}

/** The slot that the next breaker takes over. */
let adopted: number | undefined;

/** The breaker in that slot, as an object. @internal */
export function adopt(slot: number, name: string, options: CircuitBreakerOptions): CircuitBreaker {
  adopted = slot;
  try {
    return new CircuitBreaker(name, options);
  } finally {
    adopted = undefined;
  }
}

/** Where this isolate's native part keeps it. @internal */
export function slotOf(breaker: CircuitBreaker): number {
  return (breaker as unknown as { slot: number }).slot;
}

/** Reports what a function of the user's threw. @internal */
export function warn(breaker: string, what: string, error: unknown): void {
  let shown: string;
  try {
    shown = inspect(error);
  } catch {
    shown = 'something that cannot be shown';
  }
  process.emitWarning(`${what} of circuit breaker '${breaker}' threw: ${shown}`, { type: 'CircuitBreakerWarning' });
}
