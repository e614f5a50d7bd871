// Asking a breaker that has gates: what a call asks for, through the scratch, and what it is given.

import { type Alarm, systemAlarm } from './clock';
import { defect, slipGiven } from './crossing';
import { type CircuitOpenError, told } from './errors';
import { deliverIfAny } from './events';
import {
  At,
  PANICKED,
  QUEUED,
  WRONG,
  doubles as hostDoubles,
  isolate,
  nativeEnter as hostEnter,
  words as hostWords,
} from './host';
import { OperatedBreaker } from './operated';
import type { CallOptions } from './options';
import { keepRefusal, refusalOf, rejections } from './refusal';
import { type AcquireOptions, type CallRequest, checkRequest, levelOf } from './request';
import type { Slip } from './slip';
import { Wait, type Waiter } from './waits';

// As constants of this module: an import is looked up each time.
const words = hostWords;
const doubles = hostDoubles;
const nativeEnter = hostEnter;

/** Asks for a call of the breaker in that slot; answers the code. Throws when the request cannot be. */
function askGates(slot: number, { priority, cost = 1, deadline }: CallRequest, waits: boolean): number {
  words[At.Priority] = levelOf(priority ?? 'normal');
  doubles[At.Cost] = cost;
  doubles[At.Deadline] = deadline === undefined ? NaN : Math.round(deadline * 1e6);
  words[At.Waits] = Number(waits);
  words[At.Slot] = slot;
  nativeEnter();
  const code = words[At.Code];
  if (code === WRONG) told(() => isolate.wrong());
  return code;
}

/** The permit that the native part has just given, and when its turn comes. */
function pacedSlip(): Slip {
  const slip = slipGiven();
  slip.turn = doubles[At.Turn] / 1e6;
  return slip;
}

/** What is asked at its gates, once it is known to have some. */
export abstract class GatedBreaker extends OperatedBreaker {
  protected abstract readonly options: CallOptions;
  /** Whether it had gates when it was asked last. @internal */
  protected isGated = false;

  /** Milliseconds on the breaker's clock, on which a request's `deadline` is an instant. */
  now(): number {
    return isolate.now(this.slot) / 1e6;
  }

  /** Checks what a call asks for; at its gates a breaker does so by itself. @internal */
  protected checkAsked(request: unknown, more: readonly string[] = []): asserts request is AcquireOptions {
    checkRequest(request, more);
    const { cost } = request;
    if (cost !== undefined && !this.isGated) told(() => isolate.checkCost(this.slot, cost));
  }

  /** Asks at the gates; as `ask`. @internal */
  protected enterGates(request: CallRequest, waits: boolean): Slip | Wait | null {
    const code = askGates(this.slot, request, waits);
    this.isGated = words[At.Gated] !== 0;
    if (code === 0) {
      const slip = pacedSlip();
      if (words[At.Events] !== 0) deliverIfAny();
      return slip;
    }
    if (code === QUEUED) return new Wait(this as unknown as Waiter, words[At.Ticket], doubles[At.Nanos] / 1e6);
    this.turnAway(code);
    return null;
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

  private tellRefusal(error: CircuitOpenError): void {
    if (this.listenerCount('reject') > 0) this.tell('reject', error);
    if (rejections.hasSubscribers) rejections.publish(error);
  }

  /** @internal */
  protected get alarm(): Alarm {
    return this.options.clock?.alarm ?? systemAlarm;
  }
}
