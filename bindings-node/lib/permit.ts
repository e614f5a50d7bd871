// Leave to make one call, until it is settled.

import type { CircuitBreaker } from './breaker';
import type { Reason } from './host';
import { invalid } from './options';

/** What became of a settling. */
export type Settled = 'ok' | 'late' | 'already_settled';

/** How a call ended. */
export type Outcome = 'success' | 'failure' | 'ignored';

/** A permit's words, as the core gave them. @internal */
export class Slip {
  low = 0;
  lease = 0;
  extra = 0;
  engine = 0;
  startLow = 0;
  startHigh = 0;
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
  slip.lease = slip.extra = slip.engine = slip.startLow = slip.startHigh = 0;
  return slip;
}

/** What a permit needs of its breaker. @internal */
export interface Settling {
  settleSlip(slip: Slip, outcome: Outcome | 'abandoned', duration?: number, errorType?: string): Settled;
  settleLane(low: number): Settled;
  settleValue(slip: Slip | null, low: number, value: unknown): void;
  settleError(slip: Slip | null, low: number, error: unknown): void;
  shadowOf(slip: Slip): Reason | null;
  typeOf(error: unknown): string | undefined;
}

/**
 * Leave to make one call. Settle it once with what came of the call. `using` settles what was not: as ignored, or as a
 * failure when it lasted at least `cancelledAfter`.
 */
export class Permit {
  /** The breaker that gave it. */
  readonly breaker: CircuitBreaker;
  private settling: Settling;
  private slip: Slip | null;
  private readonly low: number;
  private isSettled = false;

  /** @internal */
  constructor(breaker: CircuitBreaker, settling: Settling, slip: Slip | null, low: number) {
    this.breaker = breaker;
    this.settling = settling;
    this.slip = slip;
    this.low = low;
  }

  /** In mode `shadow`: why the call would have been rejected. */
  get wouldReject(): Reason | null {
    return this.slip === null ? null : this.settling.shadowOf(this.slip);
  }

  /** The dependency did what it should. */
  success(): Settled {
    if (this.isSettled) return 'already_settled';
    if (this.slip !== null) return this.settle('success');
    this.isSettled = true;
    return this.settling.settleLane(this.low);
  }

  /** The dependency failed; the error's type is counted in the metrics. */
  failure(error?: unknown): Settled {
    return this.settle('failure', { errorType: this.settling.typeOf(error) });
  }

  /** The call says nothing about the dependency. */
  ignore(): Settled {
    return this.settle('ignored');
  }

  /** Any outcome, with the duration in milliseconds that the caller measured and, for a failure, its type. */
  settle(outcome: Outcome, details: { duration?: number; errorType?: string } = {}): Settled {
    const { duration, errorType } = details;
    if (outcome !== 'success' && outcome !== 'failure' && outcome !== 'ignored') {
      throw invalid('outcome', "'success', 'failure' or 'ignored'", outcome);
    }
    if (duration !== undefined && (typeof duration !== 'number' || Number.isNaN(duration))) {
      throw invalid('duration', 'a number of milliseconds', duration);
    }
    if (errorType !== undefined && typeof errorType !== 'string') throw invalid('errorType', 'a string', errorType);
    return this.end(outcome, duration, errorType);
  }

  /** Lets go of a permit that was not settled. */
  [Symbol.dispose](): void {
    this.end('abandoned');
  }

  private end(outcome: Outcome | 'abandoned', duration?: number, errorType?: string): Settled {
    if (this.isSettled) return 'already_settled';
    this.isSettled = true;
    return this.settling.settleSlip(this.slip ?? laneSlip(this.low), outcome, duration, errorType);
  }
}
