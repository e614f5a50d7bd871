// One of two breakers that are led through the same script: it carries steps out and tells what came of them.

import { CircuitBreaker, ManualClock, isCircuitOpenError } from 'fusewire';

const BAD = 'bad value';

class Thrown extends Error {
  constructor(outcome) {
    super(outcome);
    this.code = `E_${outcome}`;
  }
}

const CLASSIFICATION = {
  ignore: (error) => error.message === 'ignored',
  isFailure: (error) => error.message !== 'no failure',
};

/** What a call of that outcome answers or throws. */
function come(outcome) {
  if (outcome === 'failure' || outcome === 'ignored') throw new Thrown(outcome);
  return outcome;
}

function told(act) {
  try {
    return act();
  } catch (error) {
    return tellOf(error);
  }
}

function tellOf(error) {
  if (isCircuitOpenError(error)) return [error.reason, error.retryAfter];
  if (error instanceof Thrown || error?.name === 'AbortError' || error?.name === 'TimeoutError') return String(error);
  throw error;
}

export class Actor {
  constructor(document, { judgesValues, listens }) {
    this.document = document;
    this.clock = new ManualClock();
    const options = { clock: this.clock, ...CLASSIFICATION };
    // With it, no value may be settled by the lane: half of the scripts go without.
    if (judgesValues) options.isFailureResult = (value) => value === BAD;
    this.breaker = CircuitBreaker.fromDocument('same', document, options);
    this.permits = [];
    this.begun = [];
    this.events = [];
    if (listens) this.breaker.on('stateChange', (event) => this.events.push(event));
  }

  /** Takes a step; answers what is to be compared. */
  take(step) {
    return this[step.do](step);
  }

  /** Everything that can be read. */
  read() {
    return [this.breaker.snapshot(), this.breaker.metrics(), this.breaker.document(), this.events.splice(0)];
  }

  executeSync({ outcome, takes, within }) {
    const answers = [];
    const answer = told(() =>
      this.breaker.executeSync(() => {
        this.clock.advance(takes);
        answers.push(within.map((step) => this.take(step)));
        return come(outcome);
      }),
    );
    return [answer, answers];
  }

  burst({ times, takes, way }) {
    return Array.from({ length: times }, () =>
      told(() => {
        if (way === 'executeSync') return this.breaker.executeSync(() => this.clock.advance(takes));
        const permit = this.breaker.acquire();
        this.clock.advance(takes);
        return permit.success();
      }),
    );
  }

  begin({ withSignal }) {
    const call = { controller: new AbortController() };
    const body = () => new Promise((resolve, reject) => Object.assign(call, { resolve, reject }));
    call.answer = this.breaker
      .execute(body, withSignal ? { signal: call.controller.signal } : undefined)
      .catch(tellOf);
    this.begun.push(call);
    return call.resolve !== undefined;
  }

  async end({ which, outcome }) {
    const call = this.choose(this.begun, which);
    if (call === undefined) return null;
    try {
      call.resolve?.(come(outcome));
    } catch (error) {
      call.reject?.(error);
    }
    return call.answer;
  }

  /** Without a signal it does nothing. */
  async abort({ which, isTimeout }) {
    const call = this.choose(this.begun, which);
    if (call === undefined) return null;
    call.controller.abort(isTimeout ? new DOMException('late', 'TimeoutError') : undefined);
    call.resolve?.('after all');
    return call.answer;
  }

  acquire() {
    return told(() => {
      const permit = this.breaker.acquire();
      this.permits.push(permit);
      return ['admitted', permit.wouldReject];
    });
  }

  settle({ which, how }) {
    const permit = this.permit(which);
    if (how === 'dispose') return permit?.[Symbol.dispose]() ?? null;
    return permit?.[how](how === 'failure' ? new Thrown(how) : undefined) ?? null;
  }

  report({ which, outcome, takes }) {
    return this.permit(which)?.settle(outcome, { duration: takes, errorType: 'reported' }) ?? null;
  }

  advance({ by }) {
    this.clock.advance(by);
  }

  trip({ duration, by }) {
    this.breaker.trip(duration, by);
  }

  halfOpen({ by }) {
    this.breaker.halfOpen(by);
  }

  reset({ by }) {
    this.breaker.reset(by);
  }

  mode({ to, by }) {
    this.breaker.setMode(to, by);
  }

  poll() {
    this.breaker.poll();
  }

  reconfigure({ document, by }) {
    this.document = document;
    return this.breaker.reconfigureDocument(document, by);
  }

  /** The same document with other calls timed, which keeps the layout. */
  resample({ keys, by }) {
    const { sample_durations_every, slow_call_duration, cancelled_after, ...rest } = this.document;
    return this.reconfigure({ document: { ...rest, ...keys }, by });
  }

  /** One of the permits; most are settled only once, and some twice. */
  permit(which) {
    return which % 5 === 0 ? this.permits[which % (this.permits.length || 1)] : this.choose(this.permits, which);
  }

  choose(list, which) {
    return list.length === 0 ? undefined : list.splice(which % list.length, 1)[0];
  }
}
