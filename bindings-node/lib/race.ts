// An attempt, and those that are started beside it when it takes long.

import type { Course, Ending } from './course';
import { settleKeeping, settleSlip, slipGiven, tellSlip } from './crossing';
import { At, doubles, words } from './host';
import { deliverIfAny } from './events';
import { type Slip, putBack } from './slip';
import { type Came, Trial, type Trying } from './trial';

/** What ends an attempt that another has overtaken. */
function overtaken(): DOMException {
  return new DOMException('another attempt has answered first', 'AbortError');
}

/** A function that has come to its end. @internal */
export const RETURNED: Primary = { isSettled: true, abort: () => undefined, whenReturned: (act: () => void) => act() };

interface Beside<T> {
  trial: Trial<T> | null;
  slip: Slip;
}

/** The attempt whose permit is settled at the end. @internal */
export type Primary = Pick<Trial<unknown>, 'isSettled' | 'abort' | 'whenReturned'>;

/** How an attempt came out, and what that means to the breaker. @internal */
export interface Result<T> {
  came: Came<T>;
  ending: Ending;
}

/** One attempt with its hedges: the first success is the answer; without one, it is what the first attempt came to. @internal */
export class Race<T> {
  readonly ended: Promise<Result<T>>;
  /** Whose permit is settled at the end. */
  primary: Primary | null = null;
  private end!: (result: Result<T>) => void;
  private stop: (() => void) | null = null;
  private readonly besides = new Set<Beside<T>>();
  /** What the first attempt came to, while others go on. */
  private failed: Result<T> | null = null;
  private isOver = false;

  constructor(
    private readonly trying: Trying<T> & { readonly breaker: { readonly slot: number } },
    private readonly course: Course,
    private readonly endingOf: (came: Came<T>) => Ending,
  ) {
    this.ended = new Promise((resolve) => (this.end = resolve));
    const { length, hedge } = course;
    this.arm(hedge);
    this.primary = new Trial(trying, length, (came) => this.cameFirst(came));
  }

  /** Ends what is under way: nobody waits for it. */
  abort(reason: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    this.stop?.();
    this.primary?.abort(reason);
    this.dropBesides(reason);
  }

  private arm(after: number): void {
    if (Number.isNaN(after)) return;
    this.stop = this.trying.alarm(after, () => this.beginBeside());
  }

  private cameFirst(came: Came<T>): void {
    if (this.isOver) return;
    const result = { came, ending: this.endingOf(came) };
    if (result.ending.outcome !== 'failure' || this.besides.size === 0) return this.over(result);
    this.failed = result;
    this.stop?.();
    const { primary, course } = this;
    course.primaryFailed({ ...result.ending, goesOn: primary?.isSettled === false });
    const giveBack = course.takeKept();
    if (giveBack !== null) primary?.whenReturned(giveBack);
  }

  private beginBeside(): void {
    if (this.isOver || this.failed !== null || !this.course.beginHedge()) return;
    const [timeout, next] = [doubles[At.Step] / 1e6, doubles[At.Hedge] / 1e6];
    const beside: Beside<T> = { trial: null, slip: slipGiven() };
    if (words[At.Events] !== 0) deliverIfAny();
    this.besides.add(beside);
    this.arm(next);
    beside.trial = new Trial(this.trying, timeout, (came) => this.cameBeside(beside, came));
  }

  private cameBeside(beside: Beside<T>, came: Came<T>): void {
    if (this.isOver) return;
    this.besides.delete(beside);
    const ending = this.endingOf(came);
    const { slip } = beside;
    if (ending.outcome === 'success') {
      // What is settled now is the hedge's permit, and what goes on the other's function.
      const slow = this.primary;
      const giveBack = slow === null || slow.isSettled ? null : this.course.keepSlot();
      tellSlip(slip);
      this.course.hedgeWon();
      putBack(slip);
      this.primary = beside.trial ?? RETURNED;
      slow?.abort(overtaken());
      if (giveBack !== null) slow!.whenReturned(giveBack);
      return this.over({ came, ending });
    }
    settleSlip(this.trying.breaker.slot, slip, ending.outcome, undefined, ending.errorType);
    putBack(slip);
    if (this.failed !== null && this.besides.size === 0) this.over(this.failed);
  }

  private over(result: Result<T>): void {
    this.isOver = true;
    this.stop?.();
    this.dropBesides(overtaken());
    this.end(result);
  }

  private dropBesides(reason: unknown): void {
    for (const { trial, slip } of this.besides) {
      trial?.abort(reason);
      const giveBack = settleKeeping(this.trying.breaker, slip);
      if (giveBack !== null) (trial ?? RETURNED).whenReturned(giveBack);
      putBack(slip);
    }
    this.besides.clear();
  }
}
