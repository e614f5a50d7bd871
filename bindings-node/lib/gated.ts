// Asking a breaker that has gates: what a call asks for, through the scratch.

import { slipGiven } from './crossing';
import { told } from './errors';
import {
  At,
  QUEUED,
  WRONG,
  doubles as hostDoubles,
  isolate,
  nativeEnter as hostEnter,
  words as hostWords,
} from './host';
import { type CallRequest, levelOf } from './request';
import type { Slip } from './slip';

// As constants of this module: an import is looked up each time.
const words = hostWords;
const doubles = hostDoubles;
const nativeEnter = hostEnter;

/** Asks for a call of the breaker in that slot; answers the code. Throws when the request cannot be. @internal */
export function enter(slot: number, { priority, cost = 1, deadline }: CallRequest, waits: boolean): number {
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

/** The permit that the native part has just given, and when its turn comes. @internal */
export function pacedSlip(): Slip {
  const slip = slipGiven();
  slip.turn = doubles[At.Turn] / 1e6;
  return slip;
}

/** The wait that has just begun: its ticket, and the milliseconds that it may last; `null` when none has. @internal */
export function waitGiven(): { ticket: number; left: number } | null {
  return words[At.Code] === QUEUED ? { ticket: words[At.Ticket], left: doubles[At.Nanos] / 1e6 } : null;
}

/** Whether the breaker had gates when it was asked. @internal */
export function hadGates(): boolean {
  return words[At.Gated] !== 0;
}
