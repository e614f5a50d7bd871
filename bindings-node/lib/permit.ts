// Leave to make one call, until it is settled.

import type { CircuitBreaker } from './breaker';
import { outcomeOf, outcomeOfError, typeOf } from './classify';
import { isBypass, settleKeeping, settleSlip, shadowOf } from './crossing';
import { giveBackWhenCollected } from './held';
import type { Reason } from './host';
import { native } from './native';
import { type Classification, invalid } from './options';
import { type Slip, laneSlip } from './slip';

/** What became of a settling. */
export type Settled = 'ok' | 'late' | 'already_settled';

/** How a call ended. */
export type Outcome = 'success' | 'failure' | 'ignored';

/** What a permit needs of its breaker. @internal */
export interface Guard {
  readonly slot: number;
  readonly options: Classification;
  settleLane(low: number): Settled;
}

/**
 * Leave to make one call. Settle it once with what came of the call. `using` settles what was not: as ignored, or as a
 * failure when it lasted at least `cancelledAfter`. So does its collection as garbage, where it holds something that
 * others wait for, such as a slot; but nobody knows when that is.
 */
export class Permit {
  /** The breaker that gave it. */
  readonly breaker: CircuitBreaker;
  /**
   * Milliseconds until the call's turn comes, as a leaky bucket paces calls; 0 for all others. Whoever has the permit lets
   * them pass before the call; its duration begins then. `execute` does so by itself.
   */
  readonly wait: number;
  /**
   * Milliseconds that the call may take from its turn on: the lesser of the options' `timeout` and what was left until the
   * request's `deadline`; `null` without both. Whoever has the permit ends the call then and settles it as a failure of
   * type `'timeout'`. `execute` does so by itself.
   */
  readonly timeout: number | null;
  private readonly guard: Guard;
  private readonly slip: Slip | null;
  private readonly low: number;
  private isSettled = false;

  /** @internal */
  constructor(breaker: CircuitBreaker, slip: Slip | null, low: number, wait: number, timeout = NaN) {
    this.breaker = breaker;
    this.wait = wait;
    this.timeout = Number.isNaN(timeout) ? null : timeout;
    this.guard = breaker as unknown as Guard;
    this.slip = slip;
    this.low = low;
    if (slip !== null) giveBackWhenCollected(this, slip);
  }

  /** In mode `shadow`: why the call would have been rejected. */
  get wouldReject(): Reason | null {
    return this.slip === null ? null : shadowOf(this.guard.slot, this.slip);
  }

  /** Whether the breaker would have rejected the call, and `priority.openBypass` let it pass. */
  get bypassed(): boolean {
    return this.slip !== null && isBypass(this.guard.slot, this.slip);
  }

  /** The dependency did what it should. */
  success(): Settled {
    if (this.isSettled) return 'already_settled';
    if (this.slip !== null) return this.settle('success');
    this.isSettled = true;
    return this.guard.settleLane(this.low);
  }

  /** The dependency failed; the error's type is counted in the metrics. */
  failure(error?: unknown): Settled {
    return this.settle('failure', { errorType: typeOf(this.guard.options, this.breaker.name, error) });
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

  /** The call came to a value: what the options say of it. @internal */
  answered(value: unknown): Settled {
    const outcome = outcomeOf(this.guard.options, this.breaker.name, value);
    return outcome === 'success' ? this.success() : this.end(outcome);
  }

  /** The call came to an error: what the options say of it. @internal */
  threw(error: unknown): Settled {
    const { options } = this.guard;
    const { name } = this.breaker;
    const outcome = outcomeOfError(options, name, error);
    return this.end(outcome, undefined, outcome === 'failure' ? typeOf(options, name, error) : undefined);
  }

  /**
   * The caller gave up, and why; a timeout of its own is the service's fault. Answers what gives back the slot that its
   * function keeps while it goes on. @internal
   */
  aborted(reason: unknown): (() => void) | null {
    if (this.isSettled) return null;
    this.isSettled = true;
    const isTimeout = (reason as { name?: unknown } | null | undefined)?.name === 'TimeoutError';
    return settleKeeping(this.guard, this.slip ?? laneSlip(this.low), isTimeout ? native.TIMEOUT : undefined);
  }

  /** Lets go of a permit that was not settled. */
  [Symbol.dispose](): void {
    this.end('abandoned');
  }

  private end(outcome: Outcome | 'abandoned', duration?: number, errorType?: string): Settled {
    if (this.isSettled) return 'already_settled';
    this.isSettled = true;
    return settleSlip(this.guard.slot, this.slip ?? laneSlip(this.low), outcome, duration, errorType);
  }
}
