// Asking a breaker that has gates: what a call asks for, through the scratch, and what it is given.

import { type Alarm, systemAlarm } from './clock';
import { defect, settleSlip, slipGiven } from './crossing';
import type { Firsts } from './first';
import { type CircuitOpenError, TimeoutError, told } from './errors';
import { deliverIfAny } from './events';
import {
  At,
  PANICKED,
  QUEUED,
  WRONG,
  Ways,
  doubles as hostDoubles,
  isolate,
  nativeEnter as hostEnter,
  words as hostWords,
} from './host';
import { OperatedBreaker } from './operated';
import type { CircuitBreakerOptions } from './options';
import { keepRefusal, refusalOf, rejections } from './refusal';
import { type AcquireOptions, type CallRequest, checkRequest, levelOf } from './request';
import { type Slip, putBack } from './slip';
import { Wait, type Waiter } from './waits';

// As constants of this module: an import is looked up each time.
const words = hostWords;
const doubles = hostDoubles;
const nativeEnter = hostEnter;

/** Tells the native part what is asked of the breaker in that slot. @internal */
export function tellRequest(slot: number, request: CallRequest, waits: boolean): void {
  const { priority, cost = 1, deadline, feature, method, idempotent, once, key } = request;
  words[At.Priority] = levelOf(priority ?? 'normal');
  doubles[At.Cost] = cost;
  doubles[At.Deadline] = deadline === undefined ? NaN : Math.round(deadline * 1e6);
  words[At.Waits] = Number(waits);
  const isNamed = feature !== undefined || method !== undefined;
  words[At.IsNamed] = Number(isNamed);
  words[At.IsKeyed] = Number(key !== undefined);
  words[At.Repeats] = Number(idempotent === true) | (Number(once === true || idempotent === false) << 1);
  words[At.Slot] = slot;
  if (isNamed) isolate.nameCall(feature, method);
}

/** Asks for a call of the breaker in that slot; answers the code. Throws when the request cannot be. */
function askGates(slot: number, request: CallRequest, waits: boolean): number {
  tellRequest(slot, request, waits);
  nativeEnter();
  const code = words[At.Code];
  if (code === WRONG) told(() => isolate.wrong());
  return code;
}

/** The permit that the native part has just given, and when its turn comes. */
function pacedSlip(): Slip {
  const slip = slipGiven();
  slip.turn = doubles[At.Turn] / 1e6;
  slip.timeout = doubles[At.Step] / 1e6;
  return slip;
}

/** What is asked at its gates, once it is known to have some. */
export abstract class GatedBreaker extends OperatedBreaker {
  protected abstract readonly options: CircuitBreakerOptions;
  /** Whether it had gates when it was asked last, or its calls were made step by step. @internal */
  protected isGated = false;
  /** Whether its calls were made step by step. @internal */
  protected hasSteps = false;
  /** Its calls with attempts, once there was one. @internal */
  protected firsts: Firsts | null = null;

  /** Milliseconds on the breaker's clock, on which a request's `deadline` is an instant. */
  now(): number {
    return isolate.now(this.slot) / 1e6;
  }

  /** Checks what a call asks for; at its gates a breaker does so by itself. @internal */
  protected checkAsked(request: unknown, more: readonly string[] = []): asserts request is AcquireOptions {
    checkRequest(request, more);
    const { cost, feature } = request;
    if ((cost !== undefined || feature !== undefined) && !this.isGated) {
      told(() => isolate.checkRequest(this.slot, cost ?? 1, feature));
    }
  }

  /** Asks at the gates; as `ask`. @internal */
  protected enterGates(request: CallRequest, waits: boolean): Slip | Wait | null {
    words[At.GrantCalls] = this.firsts === null ? 0 : this.firsts.giveBack();
    const code = askGates(this.slot, request, waits);
    this.noteWays();
    if (code === 0) {
      const slip = pacedSlip();
      if (words[At.Events] !== 0) deliverIfAny();
      return slip;
    }
    if (code === QUEUED) return new Wait(this as unknown as Waiter, words[At.Ticket], doubles[At.Nanos] / 1e6);
    this.turnAway(code);
    return null;
  }

  /** Throws when the deadline leaves a permit no time; it is let go then. @internal */
  protected mustHaveTime(slip: Slip): void {
    if (slip.timeout !== 0) return;
    settleSlip(this.slot, slip, 'abandoned');
    putBack(slip);
    throw new TimeoutError(this.name, 0);
  }

  /** Notes by which ways its calls go, as the native part has just told it. @internal */
  protected noteWays(ways = words[At.Gated]): void {
    this.isGated = ways !== 0;
    this.hasSteps = (ways & Ways.Steps) !== 0;
  }

  /** What the native part has told of a wait's end. @internal */
  protected endOfWait(): Slip | CircuitOpenError {
    const code = words[At.Code];
    if (code === 0) return pacedSlip();
    const error = refusalOf(this, code);
    this.tellRefusal(error);
    return error;
  }

  /** Keeps the error of a call that was just turned away, and tells whoever listens. @internal */
  protected turnAway(code: number): void {
    if (code === PANICKED) throw defect();
    const error = refusalOf(this, code);
    if (words[At.Events] !== 0) deliverIfAny();
    this.tellRefusal(error);
    keepRefusal(error);
  }

  /** @internal */
  protected tellRefusal(error: CircuitOpenError): void {
    if (this.listenerCount('reject') > 0) this.tell('reject', error);
    if (rejections.hasSubscribers) rejections.publish(error);
  }

  /** @internal */
  protected get alarm(): Alarm {
    return this.options.clock?.alarm ?? systemAlarm;
  }
}
