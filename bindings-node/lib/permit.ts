// Leave to make one call, until it is settled.

import type { CircuitBreaker } from './breaker';
import type { Reason } from './host';

/** What became of a settling. */
export type Settled = 'ok' | 'late' | 'already_settled';

/** How a call ended. */
export type Outcome = 'success' | 'failure' | 'ignored';

/** A permit's words, as the core gave them. */
export class Slip {
  constructor(
    readonly low: number,
    readonly lease: number,
    readonly extra: number,
    readonly engine: number,
    readonly startLow: number,
    readonly startHigh: number,
  ) {}
}

/** What a permit needs of its breaker. */
export interface Settling {
  settleSlip(slip: Slip, outcome: Outcome | 'abandoned', duration?: number, errorType?: string): Settled;
  settleLane(low: number): Settled;
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
    return this.end(outcome, details.duration, details.errorType);
  }

  /** Lets go of a permit that was not settled. */
  [Symbol.dispose](): void {
    this.end('abandoned');
  }

  private end(outcome: Outcome | 'abandoned', duration?: number, errorType?: string): Settled {
    if (this.isSettled) return 'already_settled';
    this.isSettled = true;
    const slip = this.slip ?? new Slip(this.low, 0, 0, 0, 0, 0);
    return this.settling.settleSlip(slip, outcome, duration, errorType);
  }
}
