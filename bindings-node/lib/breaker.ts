// A circuit breaker. The happy path is `execute`; what JavaScript may decide alone there is written in
// `core/src/side.rs` of the crate, and nowhere else.

import { callUntil } from './abortable';
import { Attempts } from './attempts';
import { PermitPromise } from './acquiring';
import { type BreakerClass, adopt, slotFor } from './adoption';
import { outcomeOf, outcomeOfError, typeOf } from './classify';
import type { Stepped } from './course';
import { settleSlip, slipGiven } from './crossing';
import { type CircuitOpenError, toldOfDocument } from './errors';
import { deliverIfAny } from './events';
import { GatedBreaker } from './gated';
import {
  At,
  COUNT_MASK as HOST_COUNT_MASK,
  HAS_GATES,
  NO_LANE,
  UNLIMITED,
  isolate,
  laneOf,
  nativeAcquire as hostAcquire,
  releaseWith,
  words as hostWords,
} from './host';
import {
  type CallOptions,
  type CircuitBreakerOptions,
  checkCallOptions,
  documentText,
  invalid,
} from './options';
import { Permit, type Settled } from './permit';
import { recover, recoverValue } from './recover';
import type { Detailed } from './recovering';
import { hasRefusal, refuse, refuseLater, takeRefusal } from './refusal';
import { type AcquireOptions, type CallRequest, PLAIN } from './request';
import { checkRungs } from './rungs';
import { type Settling, Slip, laneSlip, putBack } from './slip';
import type { Calling } from './trial';
import { Wait, blockUntilTurn, turnComes } from './waits';
import { type Given, type WrappedOptions, wrapped } from './wrapped';

// As constants of this module: an import is looked up each time.
const words = hostWords;
const nativeAcquire = hostAcquire;
const COUNT_MASK = HOST_COUNT_MASK;

/** What a call may be given. */
export interface ExecuteOptions extends CallRequest {
  /** Ends the call, or its wait: it rejects with the signal's reason at once. As with `fetch`, `null` is none. */
  signal?: AbortSignal | null;
}

/** Kept, as `await` keeps it, whatever others put in its place. */
const promiseThen = Promise.prototype.then;
type OnValue = ((value: unknown) => unknown) | null;
type OnError = ((error: unknown) => never) | null;
const NO_OPTIONS: CircuitBreakerOptions = Object.freeze({});

/** Guards one dependency. */
export class CircuitBreaker extends GatedBreaker {
  private cell = NO_LANE.cell;
  private at = NO_LANE.at;
  private counters = NO_LANE.counters;
  private lane = NO_LANE.index;
  /** What the lane's last grant says; at first what no cell can say. */
  private low = -1;
  private left = 0;
  /** Settle calls that are admitted under that grant: made for the first of them, then the same for all. */
  private onValue: OnValue = null;
  private onError: OnError = null;
  protected readonly options: CircuitBreakerOptions;
  /** Whether a value decides nothing: the usual. */
  private readonly anyValue: boolean;

  /**
   * @param name 1 to 255 bytes, for people and metrics.
   * @param options camelCase, lengths of time in milliseconds; what is left out takes its default.
   */
  constructor(name: string, options: CircuitBreakerOptions = NO_OPTIONS) {
    super(name, slotFor(name, options));
    this.options = options;
    this.noteWays(isolate.ways(this.slot));
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
    try {
      checkRungs(isolate.rungs(slot), options);
    } catch (error) {
      isolate.release(slot);
      throw error;
    }
    return adopt(this, slot, name, options);
  }

  /**
   * Calls `fn` under the breaker: a value is a success, an error a failure, unless the options say otherwise. A call waits
   * for a slot where there is a queue, and for its turn where calls are paced.
   *
   * Rejects with the function's own error, or with a `CircuitOpenError` when it was not called.
   */
  execute<T>(fn: (signal?: AbortSignal) => T | PromiseLike<T>, options?: ExecuteOptions): Promise<T> {
    if (options !== undefined || typeof fn !== 'function') return this.executeWith(fn, options);
    const { low, firsts } = this;
    if (this.passes(low)) return this.callLane(low, fn);
    return firsts !== null && firsts.passes() ? firsts.callLane(fn) : this.executeAsked(fn, PLAIN);
  }

  /**
   * As `execute`, for a function that answers at once. It never waits for a slot, and blocks the thread until its turn
   * where calls are paced, unless the clock is a `ManualClock`, which nobody could move meanwhile.
   */
  executeSync<T>(fn: () => T, options: CallRequest = PLAIN): T {
    if (typeof fn !== 'function') throw invalid('fn', 'a function', fn);
    if (options !== PLAIN) this.checkAsked(options);
    const low = this.low;
    let slip: Slip | null = null;
    const passes = options.deadline === undefined && this.passes(low);
    if (!passes && (slip = this.askNow(options)) === null) return refuse(this.options, fn) as T;
    if (options.deadline !== undefined) this.mustHaveTime(slip!);
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

  /** A call of a wrapped function of which nothing is said, if the lane admits it; else nothing was done. @internal */
  callWrapped<T>(fn: Function, that: unknown, args: unknown[]): Promise<T> | null {
    // Who has put another method in its place is asked for every call.
    if (this.execute !== execute) return null;
    const { low, firsts } = this;
    if (this.passes(low)) return this.callLaneWith(low, fn, that, args);
    return firsts !== null && firsts.passes() ? firsts.callWrapped(fn, that, args) : null;
  }

  /** A function that calls `fn` under the breaker; it keeps `this`, name and length. */
  wrap<This, Args extends unknown[], R>(
    fn: (this: This, ...args: Args) => R,
    options: WrappedOptions<This, Given<Args>> = {},
  ): (this: This, ...args: Args) => Promise<Awaited<R>> {
    const { fallback, fallbacks } = this.options;
    return wrapped(this, fallback !== undefined || fallbacks !== undefined, fn, options, callWrapped);
  }

  /**
   * As `execute`, and tells how the value was come by: whether a rung has answered in the place of `fn`, for which error,
   * and how often the breaker was asked.
   */
  async executeDetailed<T>(
    fn: (signal?: AbortSignal) => T | PromiseLike<T>,
    options: ExecuteOptions = PLAIN,
  ): Promise<Detailed<Awaited<T>>> {
    if (typeof fn !== 'function') throw invalid('fn', 'a function', fn);
    this.checkAsked(options, ['signal']);
    return recover(this as unknown as Stepped, fn, options) as Promise<Detailed<Awaited<T>>>;
  }

  /**
   * Begins a call that is made step by step, by a caller who waits, calls and answers in a way of its own. It never waits
   * for a slot.
   */
  attempts(request: CallRequest = PLAIN): Attempts {
    if (request !== PLAIN) this.checkAsked(request);
    return new Attempts(this as unknown as Stepped, request);
  }

  /**
   * Asks for a permit to call; settle it once. Without a request the answer is there at once, and nobody waits for a slot.
   *
   * Throws a `CircuitOpenError` when the call is turned away.
   */
  acquire(): Permit;
  /**
   * As `acquire()`, by a promise, which waits for a slot where there is a queue, for as long as the queue's timeout, the
   * request's deadline and its signal let it. A pending wait keeps the process alive.
   */
  acquire(request: AcquireOptions): PermitPromise;
  acquire(request?: AcquireOptions): Permit | PermitPromise {
    if (request !== undefined) return PermitPromise.of(this, request);
    const permit = this.permit(PLAIN, false);
    if (permit === null) throw takeRefusal();
    return permit;
  }

  /** As `acquire()`, but `null` when the call is turned away. It never waits. */
  tryAcquire(request: CallRequest = PLAIN): Permit | null {
    if (request !== PLAIN) this.checkAsked(request);
    const permit = this.permit(request, false);
    if (permit === null) takeRefusal();
    return permit;
  }

  private permit(request: CallRequest, waits: false): Permit | null;
  private permit(request: CallRequest, waits: boolean): Permit | Wait | null;
  private permit(request: CallRequest, waits: boolean): Permit | Wait | null {
    let given: Slip | Wait | null = null;
    if (request.deadline === undefined) {
      const low = this.low;
      if (this.passes(low)) return new Permit(this, null, low, 0);
      given = this.ask();
      if (given !== null) return new Permit(this, given, 0, 0);
    }
    if (!hasRefusal()) given = this.enterGates(request, waits);
    return given instanceof Slip ? new Permit(this, given, 0, given.turn, given.timeout) : given;
  }

  private async executeWith<T>(
    fn: (signal?: AbortSignal) => T | PromiseLike<T>,
    options: ExecuteOptions | undefined,
  ): Promise<T> {
    if (typeof fn !== 'function') throw invalid('fn', 'a function', fn);
    this.checkAsked(options, ['signal']);
    const { signal } = options;
    const hasSignal = signal !== undefined && signal !== null;
    if (!hasSignal && options.deadline === undefined) {
      const low = this.low;
      return this.passes(low) ? this.callLane(low, fn) : this.executeAsked(fn, options);
    }
    if (hasSignal && signal.aborted) throw signal.reason;
    if (this.goesByStep(options)) return recoverValue(this as unknown as Stepped, fn, options);
    const given = this.ready(options, signal);
    const permit = given instanceof Promise ? await given : given;
    if (!(permit instanceof Permit)) return refuse(this.options, fn, permit) as T;
    return callUntil(signal!, permit, fn);
  }

  /** Makes a call that the lane has admitted. */
  private callLane<T>(low: number, fn: () => T | PromiseLike<T>): Promise<T> {
    // As they are now: what `fn` does may begin another grant.
    const { onValue, onError } = this;
    let made: T | PromiseLike<T>;
    try {
      made = fn();
    } catch (error) {
      return this.threw(null, low, error);
    }
    return this.followLane(low, made, onValue, onError);
  }

  /** The same of a function with its arguments: a closure over them would cost half the price of a call. */
  private callLaneWith<T>(low: number, fn: Function, that: unknown, args: unknown[]): Promise<T> {
    const { onValue, onError } = this;
    let made: T | PromiseLike<T>;
    try {
      made = Reflect.apply(fn, that, args) as T | PromiseLike<T>;
    } catch (error) {
      return this.threw(null, low, error);
    }
    return this.followLane(low, made, onValue, onError);
  }

  /** What the caller of the lane gets, and who settles. */
  private followLane<T>(low: number, made: T | PromiseLike<T>, onValue: OnValue, onError: OnError): Promise<T> {
    if (made instanceof Promise && made.constructor === Promise) {
      if (onValue === null) return this.followFirst<T>(low, made);
      return promiseThen.call(made, onValue, onError) as Promise<T>;
    }
    return this.follow<T>(null, low, made as T | PromiseLike<T>);
  }

  /** Makes a call that has a slip. */
  private callWith<T>(slip: Slip, fn: () => T | PromiseLike<T>): Promise<T> {
    let made: T | PromiseLike<T>;
    try {
      made = fn();
    } catch (error) {
      return this.threw(slip, 0, error);
    }
    if (made instanceof Promise && made.constructor === Promise) {
      slip.owner = this as unknown as Settling;
      if (slip.onValue === null) slip.handlers();
      return promiseThen.call(made, slip.onValue, slip.onError) as Promise<T>;
    }
    return this.follow<T>(slip, 0, made as T | PromiseLike<T>);
  }

  /** Asks for a call, and makes it. */
  private executeAsked<T>(fn: Calling<T>, request: CallRequest): Promise<T> {
    let given: Slip | Wait | null;
    try {
      given = this.ask();
      if (given !== null) return this.callWith(given, fn);
      if (!hasRefusal()) {
        if (this.goesByStep(request)) return recoverValue(this as unknown as Stepped, fn, request);
        given = this.enterGates(request, true);
      }
    } catch (error) {
      return Promise.reject(error);
    }
    if (given === null) return refuseLater(this.options, fn) as Promise<T>;
    if (given instanceof Wait || given.turn > 0) return this.callLater(given, fn);
    return this.callWith(given, fn);
  }

  private async callLater<T>(given: Slip | Wait, fn: () => T | PromiseLike<T>): Promise<T> {
    const slip = given instanceof Wait ? await given.whenEnded() : given;
    if (!(slip instanceof Slip)) return refuse(this.options, fn, slip) as T;
    if (slip.turn > 0) await turnComes(this.alarm, slip.turn);
    return this.callWith(slip, fn);
  }

  /** A permit whose turn has come, at once if that can be; or why there is none. @internal */
  private ready(
    request: CallRequest,
    signal: AbortSignal | null | undefined,
  ): Permit | CircuitOpenError | Promise<Permit | CircuitOpenError> {
    const given = this.permit(request, true);
    if (given === null) return takeRefusal();
    return given instanceof Permit && given.wait === 0 ? given : this.readyLater(given, signal);
  }

  private async readyLater(
    given: Permit | Wait,
    signal: AbortSignal | null | undefined,
  ): Promise<Permit | CircuitOpenError> {
    let permit = given;
    if (permit instanceof Wait) {
      const how = await permit.whenEnded(signal);
      if (!(how instanceof Slip)) return how;
      permit = new Permit(this, how, 0, how.turn, how.timeout);
    }
    try {
      if (permit.wait > 0) await turnComes(this.alarm, permit.wait, signal);
      // The signal may have been aborted since the wait ended.
      signal?.throwIfAborted();
      return permit;
    } catch (reason) {
      permit[Symbol.dispose]();
      throw reason;
    }
  }

  /** Whether a call is made step by step: it may be tried again, or cut off. */
  private goesByStep({ deadline }: CallRequest): boolean {
    return this.hasSteps || deadline !== undefined;
  }

  /** Whether the lane admits a call alone, under the grant of that low half; it is one call less then. */
  private passes(low: number): boolean {
    if (this.left === 0 || this.cell[this.at] !== low) return false;
    this.left--;
    return true;
  }

  /** Asks for a call that cannot wait for a slot; as `ask`. */
  private askNow(request: CallRequest): Slip | null {
    const slip = request.deadline === undefined ? this.ask() : null;
    if (slip !== null || hasRefusal()) return slip;
    const paced = this.enterGates(request, false) as Slip | null;
    if (paced !== null && paced.turn > 0 && this.options.clock === undefined) blockUntilTurn(paced.turn);
    return paced;
  }

  /**
   * Asks for a permit; `null` when the call is turned away, and `takeRefusal` says why. When there is no refusal, the
   * breaker has gates, and was not asked.
   */
  private ask(): Slip | null {
    if (this.isGated) return null;
    words[At.Slot] = this.slot;
    words[At.GrantCalls] = this.left;
    nativeAcquire();
    const code = words[At.Code];
    if (code === HAS_GATES) {
      this.noteWays();
      return null;
    }
    // A grant without limit is never used up, and nothing of it is given back: infinity is stored as 0.
    const calls = words[At.GrantCalls];
    this.left = calls === UNLIMITED ? Infinity : calls;
    if (calls > 0 && words[At.GrantLow] !== this.low) this.begin(words[At.GrantLow]);
    if (code === 0) {
      const slip = slipGiven();
      if (words[At.Events] !== 0) deliverIfAny();
      return slip;
    }
    this.turnAway(code);
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

/** As it is written here: what others put in its place is for wrapped functions, too. */
const { execute, callWrapped } = CircuitBreaker.prototype;
