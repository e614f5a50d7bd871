// A call with its attempts, as the native part keeps it: what is to be done next, and what is told of it.

import type { Alarm } from './clock';
import { defect, keptSlot } from './crossing';
import { numberOf } from './error-types';
import { type CircuitOpenError, told } from './errors';
import { deliverIfAny, deliverWaiting } from './events';
import type { Firsts } from './first';
import { tellRequest } from './gated';
import {
  At,
  DONE,
  OUTCOMES,
  PANICKED,
  PAUSE,
  QUEUED,
  RUNG,
  WRONG,
  doubles as hostDoubles,
  isolate,
  nativeBegin as hostBegin,
  nativeSettleAttempt as hostSettleAttempt,
  words as hostWords,
} from './host';
import type { CircuitBreakerOptions } from './options';
import type { Outcome } from './permit';
import { refusalOf } from './refusal';
import type { CallRequest } from './request';

// As constants of this module: an import is looked up each time.
const words = hostWords;
const doubles = hostDoubles;
const nativeBegin = hostBegin;
const nativeSettleAttempt = hostSettleAttempt;

/** What a call with attempts needs of its breaker. @internal */
export interface Stepped {
  readonly name: string;
  readonly slot: number;
  readonly options: CircuitBreakerOptions;
  readonly alarm: Alarm;
  /** Its lane. */
  readonly cell: Uint32Array;
  readonly at: number;
  readonly counters: Float64Array;
  readonly lane: number;
  firsts: Firsts | null;
  now(): number;
  noteWays(): void;
  tellRefusal(error: CircuitOpenError): void;
}

/** How an attempt ended. @internal */
export interface Ending {
  outcome: Outcome;
  errorType?: string | undefined;
  /** The HTTP status of the answer. */
  status?: number | undefined;
  /** Milliseconds that the error asks to wait. */
  retryAfter?: number | undefined;
  /** Milliseconds, if the caller has measured it. */
  duration?: number | undefined;
  /** No rung answers in its place. */
  stands?: boolean;
  /** It goes on although nobody waits for it: it keeps its slot. */
  goesOn?: boolean;
}

/** What is to be done: make an attempt, wait in a queue, wait, answer from a rung, or nothing any more. @internal */
export const enum Do {
  Call = 0,
  Queue = QUEUED,
  Wait = PAUSE,
  Use = RUNG,
  Nothing = DONE,
}

/** In place of an outcome: nothing ran. @internal */
export const REJECTED = 3;
const NANOS = 1e6;

const inNanos = (milliseconds: number | undefined): number =>
  milliseconds === undefined ? NaN : Math.max(0, Math.round(milliseconds * NANOS));

/** Has a call begin; with `quietly` its first attempt may be told of by its permit alone. @internal */
export function askToBegin(breaker: Stepped, request: CallRequest, waits: boolean, quietly: boolean): void {
  const { firsts } = breaker;
  tellRequest(breaker.slot, request, waits);
  words[At.Quietly] = Number(quietly);
  words[At.GrantCalls] = firsts === null ? 0 : firsts.giveBack();
  nativeBegin();
  if (quietly) firsts!.granted();
  if (words[At.Code] === WRONG) told(() => isolate.wrong());
  breaker.noteWays();
}

/** A call with its attempts. Nobody may hold it after it is over or was given up. @internal */
export class Course {
  private readonly place: number;
  /** What is to be done. */
  next: Do = Do.Nothing;
  /** How often the breaker was asked. */
  attempt = 0;
  /** Of an attempt its timeout in milliseconds, `NaN` for none; of a wait how long it is. */
  length = NaN;
  /** How many milliseconds after the attempt another begins beside it; `NaN`: none does. */
  hedge = NaN;
  /** Which wait in a queue it is. */
  ticket = 0;
  /** At the end: the code of the outcome, or `REJECTED`. */
  outcome: number = REJECTED;
  /** At the end: whether the last attempt was turned away. */
  isRejected = false;
  /** Why the breaker has turned an attempt away, the last time. */
  rejection: CircuitOpenError | null = null;

  private constructor(private readonly breaker: Stepped) {
    this.place = words[At.Course];
  }

  /** Begins a call; with `waits` its attempts wait in a queue for a slot. */
  static begin(breaker: Stepped, request: CallRequest, waits: boolean): Course {
    askToBegin(breaker, request, waits, false);
    return Course.begun(breaker);
  }

  /** The call that the native part has just begun. */
  static begun(breaker: Stepped): Course {
    const course = new Course(breaker);
    course.note();
    return course;
  }

  /** The call that the native part has just taken up, in its first attempt. */
  static takenUp(breaker: Stepped): Course {
    const course = new Course(breaker);
    course.next = Do.Call;
    course.attempt = 1;
    return course;
  }

  /** Whether nothing is to be done any more. */
  get isOver(): boolean {
    return this.next === Do.Nothing;
  }

  /** What the native part has just told. All is read before anybody is called who may ask it something else. */
  private note(): void {
    const code = words[At.Code];
    if (code === PANICKED) throw defect();
    this.next = code as Do;
    if (code === Do.Call) {
      this.attempt = words[At.Attempt];
      this.length = doubles[At.Step] / NANOS;
      this.hedge = doubles[At.Hedge] / NANOS;
    } else if (code === DONE) {
      this.attempt = words[At.Attempt];
      this.outcome = words[At.Outcome];
      this.isRejected = words[At.IsRejected] !== 0;
    } else if (code === PAUSE) this.length = doubles[At.Step] / NANOS;
    else if (code === QUEUED) {
      this.ticket = words[At.Ticket];
      this.length = doubles[At.Nanos] / NANOS;
    }
    const refused = words[At.Refused];
    if (refused !== 0) this.rejection = refusalOf(this.breaker, refused);
    if (words[At.Events] !== 0) deliverIfAny();
    if (refused !== 0) this.breaker.tellRefusal(this.rejection!);
  }

  /** The wait is over, or somebody wants to hear the same once more. */
  goOn(): void {
    words[At.GrantCalls] = this.breaker.firsts === null ? 0 : this.breaker.firsts.giveBack();
    isolate.goOn(this.place);
    this.note();
  }

  /** The wait in the queue has ended, and the native part has just told what follows. */
  waited(): void {
    this.note();
  }

  /** The attempt has ended; answers what became of settling it, `null` when none was under way. */
  settle(ending: Ending): 'ok' | 'late' | null {
    const { outcome, errorType, status = 0, retryAfter, duration, stands = false, goesOn = false } = ending;
    words[At.Course] = this.place;
    words[At.Outcome] = OUTCOMES[outcome];
    words[At.Status] = status;
    doubles[At.Hint] = inNanos(retryAfter);
    doubles[At.Nanos] = inNanos(duration);
    words[At.Stands] = Number(stands);
    words[At.Keeps] = Number(goesOn);
    const type = errorType === undefined ? 0 : numberOf(errorType);
    words[At.ErrorType] = type;
    if (errorType === undefined || type !== 0) nativeSettleAttempt();
    else isolate.settleAttemptFailed(errorType);
    const settled = words[At.Settled];
    this.kept = words[At.Kept];
    this.note();
    return settled === 0 ? 'ok' : settled === 1 ? 'late' : null;
  }

  /** 1 + the code of the slot that the attempt keeps which was settled last; 0 for none. */
  private kept = 0;

  /** What gives back the slot that the attempt keeps which was just settled. */
  takeKept(): (() => void) | null {
    const { kept, breaker } = this;
    this.kept = 0;
    return keptSlot(breaker, kept);
  }

  /** The attempt that is under way keeps its slot, whatever becomes of its permit; what gives it back, `null` for none. */
  keepSlot(): (() => void) | null {
    return this.next === Do.Call ? keptSlot(this.breaker, isolate.keepSlot(this.place)) : null;
  }

  /** The rung has answered, or could not. */
  answered(hasAnswered: boolean): void {
    isolate.answered(this.place, hasAnswered);
    this.note();
  }

  /** Which rung is to answer; asked at once. */
  rung(): string {
    return isolate.rung();
  }

  /** Begins an attempt beside the one that is under way; its permit is in the scratch then. */
  beginHedge(): boolean {
    return isolate.hedge(this.place);
  }

  /** The attempt has failed while hedges of it go on: settles it. It is told once more if they fail, too. */
  primaryFailed({ errorType, goesOn = false }: Ending): void {
    this.kept = isolate.primaryFailed(this.place, errorType, goesOn);
    if (words[At.Events] !== 0) deliverIfAny();
  }

  /** The hedge whose permit was put into the scratch is the attempt from here on. */
  hedgeWon(): void {
    isolate.hedgeWon(this.place);
  }

  /** Gives it up: the permit of an attempt that is under way is dropped, or settled as timed out. */
  giveUp(timedOut = false): void {
    if (this.next === Do.Nothing) return;
    this.next = Do.Nothing;
    isolate.giveUp(this.place, timedOut);
    deliverWaiting();
  }

  /** What gives it up when nobody holds it any more. It must not hold the call itself. */
  abandoner(): () => void {
    const { place } = this;
    const turn = isolate.courseTurn(place);
    return () => {
      isolate.giveUp(place, false, turn);
      deliverWaiting();
    };
  }
}
