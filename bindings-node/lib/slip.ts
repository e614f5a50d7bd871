// A permit's words, kept between acquire and settle.

/** What settles calls. @internal */
export interface Settling {
  settleValue(slip: Slip | null, low: number, value: unknown): void;
  settleError(slip: Slip | null, low: number, error: unknown): void;
}

/** A permit's words, as the core gave them. @internal */
export class Slip {
  low = 0;
  lease = 0;
  extra = 0;
  engine = 0;
  startLow = 0;
  startHigh = 0;
  restLow = 0;
  restHigh = 0;
  /** Milliseconds until the call's turn comes; of calls that were asked for at gates. */
  turn = 0;
  /** Milliseconds that the call may take; `NaN` for any. Of calls that were asked for at gates. */
  timeout = NaN;
  /** Whose call `onValue` and `onError` settle. */
  owner: Settling | null = null;
  onValue: ((value: unknown) => unknown) | null = null;
  onError: ((error: unknown) => never) | null = null;

  /** What settles the call: made once, for all the calls that this slip serves. */
  handlers(): void {
    this.onValue = (value) => {
      this.owner!.settleValue(this, 0, value);
      return value;
    };
    this.onError = (error) => {
      this.owner!.settleError(this, 0, error);
      throw error;
    };
  }
}

/** Slips of calls that were settled: making new ones, with their functions, costs more. */
const spare: Slip[] = [];
const SPARE = 256;

/** A slip to fill in. @internal */
export function takeSlip(): Slip {
  return spare.length > 0 ? spare.pop()! : new Slip();
}

/** Nobody looks at that slip any more. @internal */
export function putBack(slip: Slip): void {
  slip.owner = null;
  if (spare.length < SPARE) spare.push(slip);
}

/** The slip of a call that the lane admitted. @internal */
export function laneSlip(low: number): Slip {
  const slip = takeSlip();
  slip.low = low;
  slip.lease = slip.extra = slip.engine = slip.startLow = slip.startHigh = slip.restLow = slip.restHigh = 0;
  return slip;
}
