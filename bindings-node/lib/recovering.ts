// A call with its attempts, by a promise: it does what the core says next, and tells it how that came out.

import { whenAborted } from './aborts';
import { outcomeOf, outcomeOfError } from './classify';
import { Course, Do, type Ending, type Stepped } from './course';
import { type Deadlines, deadlinesOf } from './deadlines';
import { TimeoutError, noteRecovery } from './errors';
import { categoryType, hintOf, mayFallBack, statusOf } from './failures';
import { native } from './native';
import { type Primary, Race, type Result } from './race';
import { type Answered, answerFrom, askingNow, whileAsking } from './rungs';
import type { CallRequest } from './request';
import { argumentsOf } from './wrapped';
import { Wait, turnComes } from './waits';
import type { Calling, Came, Trying } from './trial';

/** A call's result, and how it was come by. */
export interface Detailed<T> {
  value: T;
  /** Whether a rung has answered in the place of the function. */
  degraded: boolean;
  /** Which one; `null` when none of a list has. */
  rung: string | null;
  /** Then: the error that it answered for, or the value that was a failure; else `undefined`. */
  error: unknown;
  /** How often the breaker was asked; 0 for a value that was cached, or made by another call of the same key. */
  attempts: number;
}

/** @internal */
export function valueOf<T>({ value }: Detailed<T>): T {
  return value;
}

/** What a kind of call knows of its own attempts. @internal */
export interface Manner<T> {
  /** What an attempt means to the breaker; without it the options say so. */
  judge?(came: Exclude<Came<T>, { kind: 'timeout' }>): Ending;
  /** Nobody wants what an attempt came to: another is made. */
  discard?(came: Came<T>): void;
}

/** A call under way. @internal */
export class Recovery<T> implements Trying<T> {
  readonly name: string;
  readonly wantsSignal: boolean;
  /** How the last attempt came out that ran. */
  private last: Came<T> | null = null;
  private degraded: Answered | null = null;
  private readonly rungErrors: { rung: string; error: unknown }[] = [];
  private race: Race<T> | null = null;
  private readonly asking = askingNow();
  private lapsed: TimeoutError | null = null;

  /**
   * @param store is told the value of a function that succeeded.
   * @param course the call, if it has begun.
   */
  constructor(
    readonly breaker: Stepped,
    readonly call: Calling<T>,
    private readonly request: CallRequest,
    private readonly signal: AbortSignal | null,
    private readonly store: ((value: T) => void) | null,
    private readonly manner: Manner<T> = {},
    private readonly course = Course.begin(breaker, request, true),
  ) {
    this.name = breaker.name;
    this.wantsSignal = call.length > 0;
  }

  get alarm(): Stepped['alarm'] {
    return this.breaker.alarm;
  }

  /** One of the breaker's own is a whole number of milliseconds, but for those that are learned. */
  deadlinesFor(timeout: number): Deadlines | null {
    const isOwn = this.request.deadline === undefined && Number.isInteger(timeout);
    return isOwn ? deadlinesOf(this.breaker.options.clock?.timing, timeout) : null;
  }

  /** Goes on after its first attempt has come to that. */
  goOn(came: Came<T>, trial: Primary): Promise<Detailed<T>> {
    this.settle({ came, ending: this.endingOf(came) }, trial);
    return this.run();
  }

  /** Makes the call. Whatever happens, nothing is held afterwards. */
  async run(): Promise<Detailed<T>> {
    const { course, signal } = this;
    try {
      while (!course.isOver) {
        // Between a word of the breaker's and what it is about nothing else may happen: no permit lies about.
        signal?.throwIfAborted();
        if (course.next === Do.Call) this.settle(await this.attempt(), this.race!.primary!);
        else if (course.next === Do.Queue) await this.queue();
        else if (course.next === Do.Use) await this.use(course.rung());
        else {
          await turnComes(this.alarm, course.length, signal);
          signal?.throwIfAborted();
          course.goOn();
        }
      }
      return await this.end();
    } finally {
      this.leave();
    }
  }

  /** Nobody waits for what is under way, if anything is. A function that goes on keeps its slot. */
  private leave(): void {
    const { course, signal, race } = this;
    const primary = race?.primary ?? null;
    race?.abort(signal?.aborted ? signal.reason : undefined);
    const giveBack = primary === null || primary.isSettled ? null : course.keepSlot();
    course.giveUp(signal?.aborted === true && isTimeout(signal.reason));
    if (giveBack !== null) primary!.whenReturned(giveBack);
  }

  private async queue(): Promise<void> {
    const { course } = this;
    const wait = new Wait<void>({ alarm: this.alarm, endOfWait: () => course.waited() }, course.ticket, course.length);
    await wait.whenEnded(this.signal);
  }

  private attempt(): Promise<Result<T>> {
    if (this.last !== null) this.manner.discard?.(this.last);
    this.race = whileAsking(this.asking, () => new Race<T>(this, this.course, (came) => this.endingOf(came)));
    return this.unlessAborted(this.race.ended);
  }

  private settle({ came, ending }: Result<T>, primary: Primary): void {
    const { course } = this;
    this.race = null;
    this.last = came;
    if (ending.outcome === 'success' && came.kind === 'value') this.store?.(came.value);
    ending.goesOn = !primary.isSettled;
    course.settle(ending);
    const giveBack = course.takeKept();
    if (giveBack !== null) primary.whenReturned(giveBack);
  }

  /** What an attempt means to the breaker. */
  private endingOf(came: Came<T>): Ending {
    const { options } = this.breaker;
    const { name, manner } = this;
    if (came.kind !== 'timeout' && manner.judge !== undefined) return manner.judge(came);
    if (came.kind === 'value') return { outcome: outcomeOf(options, name, came.value) };
    const { error } = came;
    const stands = (outcome: string): boolean => outcome === 'failure' && !mayFallBack(options, name, error);
    if (came.kind === 'timeout') return { outcome: 'failure', errorType: native.TIMEOUT, stands: stands('failure') };
    const outcome = outcomeOfError(options, name, error);
    if (outcome !== 'failure') return { outcome };
    return {
      outcome,
      errorType: categoryType(options, name, error),
      status: statusOf(error),
      retryAfter: hintOf(options, name, error),
      stands: stands(outcome),
    };
  }

  private async use(rung: string): Promise<void> {
    const { course, breaker, call, request, signal } = this;
    const error = this.failure();
    if (this.last === null && !mayFallBack(breaker.options, this.name, error)) {
      return course.giveUp();
    }
    try {
      const answering = answerFrom(rung, breaker, { error, args: argumentsOf(call), request, signal, asking: this.asking });
      this.degraded = await this.unlessAborted(answering);
    } catch (thrown) {
      if (signal?.aborted) throw thrown;
      this.rungErrors.push({ rung, error: thrown });
    }
    course.answered(this.degraded !== null);
  }

  /** What the call failed with so far. */
  private failure(): unknown {
    const { last } = this;
    // Neither made nor turned away: the deadline has left no time for it.
    if (last === null) return this.course.rejection ?? (this.lapsed ??= new TimeoutError(this.name, 0));
    return last.kind === 'value' ? last.value : last.error;
  }

  private async end(): Promise<Detailed<T>> {
    const { course, degraded, last, breaker } = this;
    const attempts = course.attempt;
    if (degraded !== null) {
      return { value: degraded.value as T, degraded: true, rung: degraded.rung, error: this.failure(), attempts };
    }
    if (last?.kind === 'value') return { value: last.value, degraded: false, rung: null, error: undefined, attempts };
    const error = this.failure();
    const { rejection } = course;
    const { fallback } = breaker.options;
    if (last === null && rejection !== null && typeof fallback === 'function') {
      const value = await fallback(rejection, ...argumentsOf(this.call));
      return { value: value as T, degraded: true, rung: null, error, attempts };
    }
    noteRecovery(error, {
      attempts,
      rejection: last !== null && course.isRejected ? rejection : null,
      rungs: this.rungErrors,
    });
    throw error;
  }

  /** Rejects with the signal's reason when that is aborted before. */
  private unlessAborted<R>(promise: Promise<R>): Promise<R> {
    const { signal } = this;
    if (signal === null) return promise;
    return new Promise<R>((resolve, reject) => {
      const abort = (): void => reject(signal.reason as Error);
      if (signal.aborted) abort();
      const stop = signal.aborted ? (): void => undefined : whenAborted(signal, abort);
      promise.then(resolve, reject).finally(stop);
    });
  }
}

/** The caller's own timeout is the service's fault. */
function isTimeout(reason: unknown): boolean {
  return (reason as { name?: unknown } | null | undefined)?.name === 'TimeoutError';
}
