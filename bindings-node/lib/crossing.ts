// A permit's way through the scratch: what the native part has answered, and what it is told at the end of a call.

import {
  At,
  OUTCOMES,
  PANICKED,
  doubles as hostDoubles,
  isolate,
  nativeSettle as hostSettle,
  reasonOf,
  words as hostWords,
  type Reason,
} from './host';
import { numberOf } from './error-types';
import { deliverIfAny, deliverWaiting } from './events';
import type { Outcome, Settled } from './permit';
import { type Slip, takeSlip } from './slip';

// As constants of this module: an import is looked up each time.
const words = hostWords;
const doubles = hostDoubles;
const nativeSettle = hostSettle;

/** The permit that the native part has just given. @internal */
export function slipGiven(): Slip {
  return read(takeSlip());
}

function read(slip: Slip): Slip {
  slip.low = words[At.Low];
  slip.lease = words[At.Lease];
  slip.extra = words[At.Extra];
  slip.engine = words[At.Engine];
  slip.startLow = words[At.StartLow];
  slip.startHigh = words[At.StartHigh];
  slip.restLow = words[At.RestLow];
  slip.restHigh = words[At.RestHigh];
  return slip;
}

/** Tells the native part which permit is meant. @internal */
export function tellSlip(slip: Slip): void {
  words[At.Low] = slip.low;
  words[At.Lease] = slip.lease;
  words[At.Extra] = slip.extra;
  words[At.Engine] = slip.engine;
  words[At.StartLow] = slip.startLow;
  words[At.StartHigh] = slip.startHigh;
  words[At.RestLow] = slip.restLow;
  words[At.RestHigh] = slip.restHigh;
}

/** Settles a permit of the breaker in that slot. Lengths of time are in milliseconds. @internal */
export function settleSlip(
  slot: number,
  slip: Slip,
  outcome: Outcome | 'abandoned',
  duration?: number,
  errorType?: string,
): Settled {
  words[At.Slot] = slot;
  tellSlip(slip);
  words[At.Outcome] = OUTCOMES[outcome];
  doubles[At.Nanos] = duration === undefined ? NaN : Math.max(0, Math.round(duration * 1e6));
  const type = errorType === undefined ? 0 : numberOf(errorType);
  words[At.ErrorType] = type;
  if (errorType === undefined || type !== 0) nativeSettle();
  else isolate.settleFailed(errorType);
  if (words[At.Code] === PANICKED) throw defect();
  const settled = words[At.Settled] === 0 ? 'ok' : 'late';
  if (words[At.Events] !== 0) deliverIfAny();
  return settled;
}

/** What gives back a slot that stays taken, of which the native part has told 1 + the code; `null` for none. @internal */
export function keptSlot(breaker: { readonly slot: number }, kept: number): (() => void) | null {
  if (kept === 0) return null;
  return () => {
    isolate.giveBack(breaker.slot, kept - 1);
    deliverWaiting();
  };
}

/**
 * Lets go of a permit whose function goes on although nobody waits for it: it keeps its slot until what this answers is
 * called; `null` when it has none. With an error type it is a failure. @internal
 */
export function settleKeeping(
  breaker: { readonly slot: number },
  slip: Slip,
  errorType?: string,
): (() => void) | null {
  tellSlip(slip);
  const giveBack = keptSlot(breaker, isolate.keepSlotOf(breaker.slot));
  read(slip);
  settleSlip(breaker.slot, slip, errorType === undefined ? 'abandoned' : 'failure', undefined, errorType);
  return giveBack;
}

/** In mode `shadow`: why a call would have been turned away. @internal */
export function shadowOf(slot: number, slip: Slip): Reason | null {
  words[At.Low] = slip.low;
  words[At.Extra] = slip.extra;
  const code = isolate.wouldReject(slot);
  return code === 0 ? null : reasonOf(code);
}

/** Whether a call passed a breaker that would have rejected it. @internal */
export function isBypass(slot: number, slip: Slip): boolean {
  words[At.Low] = slip.low;
  words[At.Extra] = slip.extra;
  return isolate.isBypassed(slot);
}

/** What a panic of the core becomes. @internal */
export function defect(): Error {
  return new Error('fusewire: the core panicked; please report it');
}
