// A circuit breaker. The happy path is `execute`; what JavaScript may decide alone there is written in
// `core/src/side.rs` of the crate, and nowhere else.

import { callUntil } from './abortable';
import { type BreakerClass, adopt, slotFor } from './adoption';
import { outcomeOf, outcomeOfError, typeOf } from './classify';
import { defect, settleSlip, slipGiven } from './crossing';
import { toldOfDocument } from './errors';
import { deliverIfAny } from './events';
import {
  At,
  COUNT_MASK as HOST_COUNT_MASK,
  NO_LANE,
  PANICKED,
  UNLIMITED,
  isolate,
  laneOf,
  nativeAcquire as hostAcquire,
  releaseWith,
  words as hostWords,
} from './host';
import { OperatedBreaker } from './operated';
import {
  type CallOptions,
  type CircuitBreakerOptions,
  checkCallOptions,
  checkExecuteOptions,
  checkSignal,
  documentText,
  invalid,
} from './options';
import { Permit, type Settled } from './permit';
import { keepRefusal, refusalOf, refuse, refuseLater, rejections, takeRefusal } from './refusal';
import { type Settling, type Slip, laneSlip, putBack } from './slip';
import { type Given, type WrappedOptions, wrapped } from './wrapped';

// As constants of this module: an import is looked up each time.
const words = hostWords;
const nativeAcquire = hostAcquire;
const COUNT_MASK = HOST_COUNT_MASK;

/** What a call may be given. */
export interface ExecuteOptions {
  /** Ends the call: it rejects with the signal's reason at once. As with `fetch`, `null` is none. */
  signal?: AbortSignal | null;
}

/** Kept, as `await` keeps it, whatever others put in its place. */
const promiseThen = Promise.prototype.then;
const NO_OPTIONS: CircuitBreakerOptions = Object.freeze({});

/** Guards one dependency. */
export class CircuitBreaker extends OperatedBreaker {
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
    super(name, slotFor(name, options));
    this.options = options;
    this.anyValue = options.isFailureResult === undefined;
    const lane = laneOf(this.slot);
    this.cell = lane.cell;
    this.at = lane.at;
    this.counters = lane.counters;
    this.lane = lane.index;
    releaseWith(this, this.slot);
  }

  /**
   * A breaker from a configuration document as every language reads it: `snake_case`, durations as `"30s"` or seconds.
   * On a class that extends this one, it makes a breaker of that class, whose constructor gets name and options.
   */
  static fromDocument<B extends CircuitBreaker>(
    this: BreakerClass<B>,
    name: string,
    document: string | object,
    options: CallOptions = {},
  ): B {
    if (typeof name !== 'string') throw invalid('name', 'a string', name);
    checkCallOptions(options);
    const text = documentText(document);
    const slot = toldOfDocument(() => isolate.create(name, text, options.clock?.native, undefined));
    return adopt(this, slot, name, options);
  }

  /**
   * Calls `fn` under the breaker: a value is a success, an error a failure, unless the options say otherwise.
   *
   * Rejects with the function's own error, or with a `CircuitOpenError` when it was not called.
   */
  execute<T>(fn: (signal?: AbortSignal) => T | PromiseLike<T>, options?: ExecuteOptions): Promise<T> {
    if (options !== undefined || typeof fn !== 'function') return this.executeWith(fn, options);
    const low = this.low;
    let slip: Slip | null = null;
    if (!this.passes(low)) {
      try {
        slip = this.ask();
      } catch (error) {
        return Promise.reject(error);
      }
      if (slip === null) return refuseLater(this.options, fn) as Promise<T>;
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
      if (slip === null) {
        if (onValue === null) return this.followFirst<T>(low, made);
        return promiseThen.call(made, onValue, onError) as Promise<T>;
      }
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
    if (!this.passes(low) && (slip = this.ask()) === null) return refuse(this.options, fn) as T;
    let value: T;
    try {
      value = fn();
    } catch (error) {
      this.settleError(slip, low, error);
      throw error;
    }
    this.settleValue(slip, low, value);
    return value;
  }

  /** A function that calls `fn` under the breaker; it keeps `this`, name and length. */
  wrap<This, Args extends unknown[], R>(
    fn: (this: This, ...args: Args) => R,
    options: WrappedOptions<This, Given<Args>> = {},
  ): (this: This, ...args: Args) => Promise<Awaited<R>> {
    return wrapped(this, this.options.fallback !== undefined, fn, options);
  }

  /**
   * Asks for a permit to call; settle it once.
   *
   * Throws a `CircuitOpenError` when the call is turned away.
   */
  acquire(): Permit {
    const permit = this.permit();
    if (permit === null) throw takeRefusal();
    return permit;
  }

  /** As `acquire`, but `null` when the call is turned away. */
  tryAcquire(): Permit | null {
    const permit = this.permit();
    if (permit === null) takeRefusal();
    return permit;
  }

  private permit(): Permit | null {
    const low = this.low;
    if (this.passes(low)) return new Permit(this, null, low);
    const slip = this.ask();
    return slip && new Permit(this, slip, 0);
  }

  private async executeWith<T>(
    fn: (signal?: AbortSignal) => T | PromiseLike<T>,
    options: ExecuteOptions | undefined,
  ): Promise<T> {
    if (typeof fn !== 'function') throw invalid('fn', 'a function', fn);
    checkExecuteOptions(options);
    const { signal } = options;
    if (signal === undefined || signal === null) return this.execute(fn);
    checkSignal(signal);
    if (signal.aborted) throw signal.reason;
    const permit = this.permit();
    if (permit === null) return refuse(this.options, fn) as T;
    return callUntil(signal, permit, fn);
  }

  /** Whether the lane admits a call alone, under the grant of that low half; it is one call less then. */
  private passes(low: number): boolean {
    if (this.left === 0 || this.cell[this.at] !== low) return false;
    this.left--;
    return true;
  }

  /** Asks for a permit; `null` when the call is turned away, and `takeRefusal` says why. */
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
      const slip = slipGiven();
      if (words[At.Events] !== 0) deliverIfAny();
      return slip;
    }
    if (code === PANICKED) throw defect();
    const error = refusalOf(this, code);
    if (words[At.Events] !== 0) deliverIfAny();
    if (this.listenerCount('reject') > 0) this.tell('reject', error);
    if (rejections.hasSubscribers) rejections.publish(error);
    keepRefusal(error);
    return null;
  }

  /** Takes up a grant of another generation. A call keeps what was there when it was admitted. */
  private begin(low: number): void {
    this.low = low;
    this.onValue = this.onError = null;
  }

  /** Settles the first call of a grant and makes what settles the others. Many a breaker is never called so often. */
  private followFirst<T>(low: number, made: Promise<T>): Promise<T> {
    // Its function has begun another grant.
    if (this.low !== low) return this.follow(null, low, made);
    this.onValue ??= (value) => {
      this.settleValue(null, low, value);
      return value;
    };
    this.onError ??= (error) => {
      this.settleError(null, low, error);
      throw error;
    };
    return promiseThen.call(made, this.onValue, this.onError) as Promise<T>;
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

  /** A success of a call that the lane admitted. @internal */
  private settleLane(low: number): Settled {
    if (this.cell[this.at] === low && (this.cell[this.at + 1] & COUNT_MASK) === 0) {
      this.counters[this.lane]++;
      return 'ok';
    }
    return settleSlip(this.slot, laneSlip(low), 'success');
  }

  /** @internal */
  private settleValue(slip: Slip | null, low: number, value: unknown): void {
    if (slip === null && this.anyValue) return void this.settleLane(low);
    const settled = slip ?? laneSlip(low);
    settleSlip(this.slot, settled, outcomeOf(this.options, this.name, value));
    putBack(settled);
  }

  /** @internal */
  private settleError(slip: Slip | null, low: number, error: unknown): void {
    const outcome = outcomeOfError(this.options, this.name, error);
    const errorType = outcome === 'failure' ? typeOf(this.options, this.name, error) : undefined;
    const settled = slip ?? laneSlip(low);
    settleSlip(this.slot, settled, outcome, undefined, errorType);
    putBack(settled);
  }
}
