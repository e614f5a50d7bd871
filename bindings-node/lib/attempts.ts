// A call with its attempts, step by step, for who makes the calls and the waits in a way of its own.

import { Course, Do, type Stepped } from './course';
import { type Reason, isolate } from './host';
import { invalid } from './options';
import type { Outcome, Settled } from './permit';
import type { CallRequest } from './request';

/** How a call with its attempts ended. */
export interface Finished {
  kind: 'done';
  /** Of the last attempt that ran, or `'success'` when a rung has answered; `'rejected'`: nothing ran. */
  outcome: Outcome | 'rejected';
  /** The rung that has answered: the answer is degraded. */
  rung: string | null;
  /** How often the breaker was asked. */
  attempts: number;
  /** Why the last attempt was turned away, if it was. */
  rejected: Reason | null;
  /** Then: milliseconds until the answer can differ; `null` when that is unknown. */
  retryAfter: number | null;
  /** Of the last attempt that failed. */
  errorType: string | null;
}

/** What is to be done next. */
export type Step =
  /** Make the call, then `settle`. It may take `timeout` milliseconds: end it then, and settle it as a failure of type `timeout`. */
  | { kind: 'call'; attempt: number; timeout: number | null }
  /** Wait so many milliseconds, then ask again. */
  | { kind: 'wait'; milliseconds: number }
  /** Answer from that rung, then tell whether it has `answered`. */
  | { kind: 'use'; rung: string }
  /** It is over. */
  | Finished;

/** What is told of an attempt beside its outcome. */
export interface AttemptDetails {
  /** The type of a failure: `docs/configuration.md` says which category each is of, and so whether it is tried once more. */
  errorType?: string;
  /** The HTTP status of the answer: it tells the category where the type does not. */
  status?: number;
  /** Milliseconds that the dependency asks to wait: a retry waits at least as long. */
  retryAfter?: number;
  /** Milliseconds that it took, as the caller has measured it; else the breaker's clock tells, if the call is one that is timed. */
  duration?: number;
  /** `false`: the failure stands, and no rung answers in its place. */
  fallback?: boolean;
}

/** It keeps its breaker, and so the breaker's slot, until then. */
const lost = new FinalizationRegistry<{ breaker: object; abandon: () => void }>(({ abandon }) => abandon());
const OUTCOMES = ['success', 'failure', 'ignored', 'rejected'] as const;

/**
 * A call with its attempts: retries with their waits and budget, timeouts, and the rungs that answer when it fails. It says
 * what is to be done, one step after the other, and does none of it but asking the breaker for permits. It never waits for
 * a slot. `using` drops the permit of an attempt that was not settled.
 */
export class Attempts {
  private readonly course: Course;
  private isOver = false;
  private finished: Finished | null = null;

  /** @internal */
  constructor(breaker: Stepped, request: CallRequest) {
    this.course = Course.begin(breaker, request, false);
    this.note();
    if (!this.isOver) lost.register(this, { breaker, abandon: this.course.abandoner() }, this);
  }

  /** What is to be done now. */
  next(): Step {
    const { course } = this;
    if (!this.isOver) {
      course.goOn();
      this.note();
    }
    if (this.finished !== null) return this.finished;
    if (course.next === Do.Call) {
      return { kind: 'call', attempt: course.attempt, timeout: Number.isNaN(course.length) ? null : course.length };
    }
    return course.next === Do.Wait ? { kind: 'wait', milliseconds: course.length } : { kind: 'use', rung: course.rung() };
  }

  /** The attempt has ended; answers what became of settling it, or `null` when none was under way. */
  settle(outcome: Outcome, details: AttemptDetails = {}): Exclude<Settled, 'already_settled'> | null {
    if (outcome !== 'success' && outcome !== 'failure' && outcome !== 'ignored') {
      throw invalid('outcome', "'success', 'failure' or 'ignored'", outcome);
    }
    checkDetails(details);
    if (this.isOver || this.course.next !== Do.Call) return null;
    const { errorType, status, retryAfter, duration, fallback } = details;
    const settled = this.course.settle({ outcome, errorType, status, retryAfter, duration, stands: fallback === false });
    this.note();
    return settled;
  }

  /** The rung that was to be used has answered, or could not. */
  answered(hasAnswered: boolean): void {
    if (this.isOver || this.course.next !== Do.Use) return;
    this.course.answered(Boolean(hasAnswered));
    this.note();
  }

  /** Gives the call up: an attempt that is under way is as if its permit was dropped. */
  [Symbol.dispose](): void {
    if (this.isOver) return;
    this.isOver = true;
    lost.unregister(this);
    this.finished ??= { ...NOTHING, attempts: this.course.attempt };
    this.course.giveUp();
  }

  private note(): void {
    if (this.isOver || this.course.next !== Do.Nothing) return;
    this.isOver = true;
    lost.unregister(this);
    const { outcome, attempt } = this.course;
    const told = JSON.parse(isolate.finished() ?? '{}') as Record<string, never>;
    const after: number | null = told['retry_after'];
    this.finished = {
      kind: 'done',
      outcome: OUTCOMES[outcome],
      rung: told['rung'],
      attempts: attempt,
      rejected: told['rejected'],
      retryAfter: after === null ? null : after / 1e6,
      errorType: told['error_type'],
    };
  }
}

const NOTHING: Finished = {
  kind: 'done',
  outcome: 'ignored',
  rung: null,
  attempts: 0,
  rejected: null,
  retryAfter: null,
  errorType: null,
};

function checkDetails({ errorType, status, retryAfter, duration }: AttemptDetails): void {
  if (errorType !== undefined && typeof errorType !== 'string') throw invalid('errorType', 'a string', errorType);
  if (status !== undefined && !(Number.isInteger(status) && status >= 100 && status <= 999)) {
    throw invalid('status', 'an HTTP status', status);
  }
  for (const [name, given] of [['retryAfter', retryAfter], ['duration', duration]] as const) {
    if (given !== undefined && (typeof given !== 'number' || Number.isNaN(given))) {
      throw invalid(name, 'a number of milliseconds', given);
    }
  }
}
