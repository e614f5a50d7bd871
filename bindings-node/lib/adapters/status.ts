// What an HTTP call means for its breaker, and when that is known.

import { warn } from '../breaker';
import { native } from '../native';
import type { Outcome, Permit } from '../permit';

/** Whether a status says that the service is in trouble. */
export function isFailureStatus(status: number): boolean {
  return status >= 500 || status === 429;
}

/** What this needs of a breaker: an error means here what it means to `execute`. */
interface Classifying {
  outcomeOfError(error: unknown): Outcome;
  typeOf(error: unknown): string | undefined;
}

/** A call that was admitted, until it is settled. Only the first word about its end counts. */
export class Call {
  constructor(
    private readonly permit: Permit,
    private readonly isFailure: (status: number) => boolean,
    private readonly wholeBody: boolean,
  ) {}

  /** The headers are there. Whether the body decides. */
  answered(status: number, hasBody: boolean): boolean {
    if (this.isFailing(status)) {
      this.permit.settle('failure', { errorType: String(status) });
      return false;
    }
    if (this.wholeBody && hasBody) return true;
    this.permit.success();
    return false;
  }

  /** The body has ended. */
  ended(): void {
    this.permit.success();
  }

  /** There was no answer, or its body broke. */
  failed(error: unknown): void {
    const classifying = this.permit.breaker as unknown as Classifying;
    const outcome = classifying.outcomeOfError(error);
    this.permit.settle(outcome, outcome === 'failure' ? { errorType: classifying.typeOf(error) } : {});
  }

  /** The caller gave up, and why; a timeout of its own is the service's fault. */
  aborted(reason?: unknown): void {
    if ((reason as { name?: unknown } | null | undefined)?.name === 'TimeoutError') {
      this.permit.settle('failure', { errorType: native.TIMEOUT });
    } else {
      this.permit[Symbol.dispose]();
    }
  }

  /** As `failed`, or as `aborted` when the signal is. */
  broke(error: unknown, signal: { readonly aborted: boolean; readonly reason?: unknown } | null | undefined): void {
    if (signal?.aborted) this.aborted(signal.reason);
    else this.failed(error);
  }

  private isFailing(status: number): boolean {
    try {
      return Boolean(this.isFailure(status));
    } catch (error) {
      warn(this.permit.breaker.name, 'isFailureStatus', error);
      return isFailureStatus(status);
    }
  }
}
