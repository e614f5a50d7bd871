// First attempts that most likely are the last: made without a word to the native part while the lane may, and else with
// one. What JavaScript may decide alone there is written in `core/src/side.rs` of the crate, and nowhere else.

import { Course, Do, type Ending, type Stepped, askToBegin } from './course';
import { settleSlip, slipGiven, tellSlip } from './crossing';
import { type Deadlines, deadlinesOf } from './deadlines';
import { deliverIfAny } from './events';
import { tellRequest } from './gated';
import {
  At,
  COUNT_MASK as HOST_COUNT_MASK,
  FIRST,
  LANES_IN_CHUNK,
  UNLIMITED,
  doubles as hostDoubles,
  isolate,
  words as hostWords,
} from './host';
import { type Primary, RETURNED } from './race';
import { Recovery, valueOf } from './recovering';
import { type CallRequest, PLAIN as REQUEST_PLAIN } from './request';
import { type Slip, laneSlip, putBack } from './slip';
import { type Calling, type Came, Trial } from './trial';
import { Asked as HostAsked, Trip } from './trip';
import { touch } from './turn';
import { boundTo } from './wrapped';

// As constants of this module: an import is looked up each time.
const words = hostWords;
const doubles = hostDoubles;
const COUNT_MASK = HOST_COUNT_MASK;
const PLAIN = REQUEST_PLAIN;
const Asked = HostAsked;

const promiseThen = Promise.prototype.then;
const NANOS = 1e6;

const SUCCESS: Ending = Object.freeze({ outcome: 'success' });

/** A small integer to the engine. */
const MANY = 2 ** 30 - 1;

/** How many attempts that are over a breaker keeps for later ones. */
const SPARE = 64;

/** Whether a request says nothing that a lane has to ask for. */
function isPlain({ priority, cost, deadline, feature }: CallRequest): boolean {
  return priority === undefined && cost === undefined && deadline === undefined && feature === undefined;
}

/** Whether it is a promise of JavaScript's own, and of no class that extends it. To look may throw what the function's author likes. */
function isNative(made: unknown): boolean {
  return made instanceof Promise && made.constructor === Promise;
}

/** The calls with attempts of one breaker, and the lane's grant of first ones. @internal */
export class Firsts {
  /** What the last grant says; at first what no cell can say. */
  private low = -1;
  private left = 0;
  private isLimited = true;
  /** Of those that it grants. @internal */
  list: Deadlines;
  private readonly spare: Trip[] = [];
  private hasBudget = false;
  private isTouched = false;
  private readonly cell: Uint32Array;
  private readonly at: number;
  private readonly counters: Float64Array;
  /** Which of the counters are the lane's: of successes, and of what it has admitted. */
  private readonly lane: number;
  private readonly admitted: number;
  /** Whether a value is a success whatever it is. */
  private readonly anyValue: boolean;

  constructor(readonly breaker: Stepped) {
    const { cell, at, counters, lane, options } = breaker;
    this.cell = cell;
    this.at = at;
    this.counters = counters;
    this.lane = lane;
    this.admitted = LANES_IN_CHUNK + lane;
    this.anyValue = options.isFailureResult === undefined;
    this.list = deadlinesOf(options.clock?.timing);
  }

  /** Whether the lane admits a call alone; it is one call less then. */
  passes(): boolean {
    if (this.left === 0 || this.cell[this.at] !== this.low) return false;
    this.left--;
    return true;
  }

  /** Makes a call that the lane has admitted. */
  callLane<T>(fn: Calling<T>, request = PLAIN): Promise<T> {
    this.admit();
    return this.make(fn, request, this.low, null, this.list);
  }

  /** The same of a wrapped function, which gets its arguments as they are, and no signal. */
  callWrapped<T>(fn: Function, that: unknown, args: unknown[]): Promise<T> {
    this.admit();
    const trip = this.begin(new Asked(fn, that, args), this.low, this.list);
    let made: T | PromiseLike<T>;
    let isPromise: boolean;
    try {
      made = Reflect.apply(fn, that, args) as T | PromiseLike<T>;
      isPromise = isNative(made);
    } catch (error) {
      return this.threw(trip, error);
    }
    return isPromise ? this.follow<T>(trip, made as Promise<T>) : this.cameOddly<T>(trip, made);
  }

  private admit(): void {
    this.counters[this.admitted]++;
    if (!this.hasBudget || this.isTouched) return;
    this.isTouched = true;
    touch(this);
  }

  /** Makes a call without a key and a signal. */
  call<T>(fn: Calling<T>, request: CallRequest): Promise<T> {
    return isPlain(request) && this.passes() ? this.callLane(fn, request) : this.ask(fn, request);
  }

  /** The turn is over: what the lane has admitted in it was admitted now. */
  endTurn(): void {
    this.isTouched = false;
    isolate.foldLane(this.breaker.slot);
  }

  /** What is left of the grant, to be told before anything else is asked. */
  giveBack(): number {
    const left = this.isLimited ? this.left : 0;
    this.left = 0;
    return left;
  }

  /** Takes up the grant that the native part has just given. */
  granted(): void {
    const calls = words[At.GrantCalls];
    // Of one without limit so many are made before it is asked for again, and nothing is given back.
    this.isLimited = calls !== UNLIMITED;
    this.left = this.isLimited ? calls : MANY;
    if (calls === 0) return;
    this.low = words[At.GrantLow];
    this.hasBudget = words[At.HasBudget] !== 0;
    this.list = this.listFor(doubles[At.GrantTimeout]);
  }

  /** The list of calls that may take so many nanoseconds, `NaN` for any time. */
  private listFor(nanos: number): Deadlines {
    const timeout = Number.isNaN(nanos) ? Infinity : nanos / NANOS;
    return timeout === this.list.timeout ? this.list : deadlinesOf(this.breaker.options.clock?.timing, timeout);
  }

  private ask<T>(fn: Calling<T>, request: CallRequest): Promise<T> {
    const { breaker } = this;
    try {
      askToBegin(breaker, request, true, request.deadline === undefined);
      if (words[At.Code] !== FIRST) return this.makeByCourse(fn, request, Course.begun(breaker));
    } catch (error) {
      return Promise.reject(error);
    }
    const slip = slipGiven();
    const list = this.listFor(doubles[At.Step]);
    if (words[At.Events] !== 0) deliverIfAny();
    return this.make(fn, request, 0, slip, list);
  }

  /** Makes a call that the native part keeps; without a detour when its first attempt is made at once, and succeeds. */
  private makeByCourse<T>(fn: Calling<T>, request: CallRequest, course: Course): Promise<T> {
    const recovery = new Recovery(this.breaker, fn, request, null, null, undefined, course);
    if (course.next !== Do.Call || !Number.isNaN(course.hedge)) return recovery.run().then(valueOf);
    return new Promise((resolve, reject) => {
      const trial: Trial<T> = new Trial<T>(recovery, course.length, (came) => {
        if (came.kind === 'value' && this.anyValue) {
          course.settle(SUCCESS);
          if (course.isOver) return resolve(came.value);
        }
        // A function that throws at once does so before there is a trial.
        const primary = came.kind === 'timeout' ? trial : RETURNED;
        recovery.goOn(came, primary).then(valueOf).then(resolve, reject);
      });
    });
  }

  /** A first attempt begins. */
  private begin(asked: HostAsked, low: number, list: Deadlines): Trip {
    const { spare } = this;
    const trip = spare.length > 0 ? spare.pop()! : new Trip(this);
    trip.asked = asked;
    trip.low = low;
    trip.list = list;
    list.enter(trip);
    return trip;
  }

  /** Makes it. In one piece, as far as what is usual goes: the compiler puts no more than so many pieces together. */
  private make<T>(fn: Calling<T>, request: CallRequest, low: number, slip: Slip | null, list: Deadlines): Promise<T> {
    const trip = this.begin(new Asked(fn, null, null), low, list);
    if (request !== PLAIN) trip.request = request;
    if (slip !== null) trip.slip = slip;
    let made: T | PromiseLike<T>;
    try {
      made = fn.length === 0 ? fn() : fn(trip.signal());
      if (!(made instanceof Promise && made.constructor === Promise)) return this.cameOddly<T>(trip, made);
    } catch (error) {
      return this.threw(trip, error);
    }
    if (!list.isTimed) return promiseThen.call(made, trip.onValue, trip.onError) as Promise<T>;
    return this.followTimed<T>(trip, made as Promise<T>);
  }

  /** Waits for what the function has promised. */
  private follow<T>(trip: Trip, made: Promise<T>): Promise<T> {
    if (!trip.list.isTimed) return promiseThen.call(made, trip.onValue, trip.onError) as Promise<T>;
    return this.followTimed<T>(trip, made);
  }

  private followTimed<T>(trip: Trip, made: Promise<T>): Promise<T> {
    // From here on: a clock that is moved by hand may ring while the function is being called.
    trip.isReady = true;
    const asked = trip.asked!;
    // Written out, so that the compiler sees through it: nothing is made but the promise and what resolves it.
    const promise = new Promise<unknown>((resolve) => {
      asked.resolve = resolve;
    });
    promiseThen.call(made, trip.onTimedValue, trip.onTimedError);
    return promise as Promise<T>;
  }

  /** The function has answered with no promise of JavaScript's own. */
  private cameOddly<T>(trip: Trip, made: T | PromiseLike<T>): Promise<T> {
    try {
      const isThenable = typeof (made as PromiseLike<T> | null | undefined)?.then === 'function';
      if (isThenable) return this.follow(trip, Promise.resolve(made as PromiseLike<T>));
    } catch (error) {
      return this.threw(trip, error);
    }
    if (!this.succeeds(trip)) return this.becomes(trip, { kind: 'value', value: made }) as Promise<T>;
    this.recycle(trip);
    return Promise.resolve(made as T);
  }

  private threw<T>(trip: Trip, error: unknown): Promise<T> {
    return this.becomes(trip, { kind: 'error', error }) as Promise<T>;
  }

  /** Keeps an attempt that is over for a later one. */
  recycle(trip: Trip): void {
    trip.list.leave(trip);
    trip.clear();
    const { spare } = this;
    if (spare.length < SPARE) spare.push(trip);
  }

  /** Settles an attempt that has succeeded beyond doubt. */
  succeeds(trip: Trip): boolean {
    if (!this.anyValue) return false;
    const { slip, low } = trip;
    if (slip === null) {
      // Of one that ends in the turn in which it began nothing is known, and that is no time.
      if (trip.hasBegun && trip.list.isOver(trip)) return false;
      if (this.cell[this.at] === low && (this.cell[this.at + 1] & COUNT_MASK) === 0) {
        this.counters[this.lane]++;
        return true;
      }
    }
    const settled = slip ?? laneSlip(low);
    settleSlip(this.breaker.slot, settled, 'success');
    putBack(settled);
    return true;
  }

  /** What becomes of a call whose function has come to something else than a success beyond doubt. */
  becomes(trip: Trip, came: Came<unknown>): Promise<unknown> {
    const becomes = this.takeUp(trip, came, RETURNED);
    this.recycle(trip);
    return becomes;
  }

  /** What becomes of a call whose first attempt came to more than a success. */
  takeUp(trip: Trip, came: Came<unknown>, primary: Primary): Promise<unknown> {
    const { list, request } = trip;
    const { fn, that, args } = trip.asked!;
    const call = args === null ? (fn as Calling<unknown>) : boundTo(fn, that, args);
    const lasted = Math.round(list.lasted(trip));
    list.leave(trip);
    try {
      const course = this.courseOf(trip, lasted);
      return new Recovery(this.breaker, call, request, null, null, undefined, course).goOn(came, primary).then(valueOf);
    } catch (defect) {
      return Promise.reject(defect);
    }
  }

  /** Has the native part take a call up that began so many nanoseconds ago. */
  private courseOf(trip: Trip, lasted: number): Course {
    const { list, slip, low, request } = trip;
    tellRequest(this.breaker.slot, request, true);
    if (slip !== null) {
      tellSlip(slip);
      putBack(slip);
      trip.slip = null;
    }
    words[At.Low] = slip === null ? low : slip.low;
    doubles[At.GrantTimeout] = list.isTimed ? list.timeout * NANOS : NaN;
    words[At.Course] = isolate.takeUp(slip === null, lasted);
    return Course.takenUp(this.breaker);
  }
}
