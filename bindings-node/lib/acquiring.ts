// A permit that may have to be waited for.

import type { CircuitBreaker } from './breaker';
import { Permit } from './permit';
import { takeRefusal } from './refusal';
import { type AcquireOptions, type Priority, levelOf } from './request';
import { Slip } from './slip';
import { Wait } from './waits';

/** What asks for permits. @internal */
export interface Asked {
  checkAsked(request: unknown, more: readonly string[]): asserts request is AcquireOptions;
  permit(request: AcquireOptions, waits: boolean): Permit | Wait | null;
}

/** A permit that is there, or comes. It rejects with a `CircuitOpenError` when the call is turned away. */
export class PermitPromise extends Promise<Permit> {
  /** What comes of it is a plain promise. @internal */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  private waiting: Wait | null = null;

  /**
   * Lets the call wait at the end of a higher level, with the deadline that it has. A level that is not higher changes
   * nothing, and neither does it once the wait has ended.
   */
  raise(to: Priority): void {
    this.waiting?.raise(levelOf(to));
  }

  /** @internal */
  static of(breaker: CircuitBreaker, request: AcquireOptions): PermitPromise {
    let waiting: Wait | null = null;
    const promise = new PermitPromise((resolve, reject) => {
      const asked: Asked = breaker as unknown as Asked;
      asked.checkAsked(request, ['signal']);
      const { signal } = request;
      if (signal?.aborted) throw signal.reason;
      const given = asked.permit(request, true);
      if (given === null) throw takeRefusal();
      if (given instanceof Permit) return resolve(given);
      waiting = given;
      given.watch(signal, {
        ended: (how) => (how instanceof Slip ? resolve(new Permit(breaker, how, 0, how.turn, how.timeout)) : reject(how)),
        aborted: reject,
      });
    });
    promise.waiting = waiting;
    return promise;
  }
}
