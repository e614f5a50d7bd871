// What an HTTP call means for its breaker, and when that is known.

import { warn } from '../classify';
import type { Permit } from '../permit';

/** Whether a status says that the service is in trouble: 500 and above, 429, and 408. */
export function isFailureStatus(status: number): boolean {
  return status >= 500 || status === 429 || status === 408;
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
    if (isFailing(this.isFailure, this.permit.breaker, status)) {
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
    this.permit.threw(error);
  }

  /** The caller gave up, and why. */
  aborted(reason?: unknown): void {
    this.permit.aborted(reason);
  }

  /** As `failed`, or as `aborted` when the signal is. */
  broke(error: unknown, signal: { readonly aborted: boolean; readonly reason?: unknown } | null | undefined): void {
    if (signal?.aborted) this.aborted(signal.reason);
    else this.failed(error);
  }

}

/** What a user's function says of a status; one that throws is reported. @internal */
export function isFailing(isFailure: (status: number) => boolean, breaker: { name: string }, status: number): boolean {
  try {
    return Boolean(isFailure(status));
  } catch (error) {
    warn(breaker.name, 'isFailureStatus', error);
    return isFailureStatus(status);
  }
}
