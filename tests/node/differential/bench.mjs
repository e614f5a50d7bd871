// One breaker that is led through a script, its clock, and what was seen of it.

import { CircuitBreaker, ManualClock } from '../fusewire.mjs';

const MILLISECOND = 1e6;

/** What the function fails with. */
export class Broken extends Error {
  constructor(n, act) {
    super(shown(n, act));
    this.act = act;
    if (act.status !== undefined) this.status = act.status;
  }
}

/** How an error is shown in reports. */
export const shown = (n, { error_type: type, status, outcome }) => `${n}: ${type ?? status ?? outcome}`;

const CLASSIFICATION = {
  ignore: (error) => error.act?.outcome === 'ignored',
  errorType: (error) => error.act?.error_type ?? '',
  retryAfter: (error) => error.act?.retry_after,
};

/** How far a wait goes: a thread wakes on time, a task's timer rings at whole milliseconds. */
export const HOSTS = {
  thread: (until) => until,
  task: (until) => Math.ceil(until / MILLISECOND) * MILLISECOND,
};

/** What waits on it is known: somebody has to move it there. */
class KnownClock extends ManualClock {
  due = [];

  constructor() {
    super();
    const own = this.alarm;
    this.alarm = (milliseconds, ring) => {
      this.due.push(this.nanos() + Math.round(milliseconds * MILLISECOND));
      return own(milliseconds, ring);
    };
  }

  nanos() {
    return Math.round(this.now() * MILLISECOND);
  }
}

export class Bench {
  steps = [];
  clock = new KnownClock();

  constructor(document, until) {
    this.until = until;
    const rungs = ['first', 'second'].map((rung) => [rung, () => this.answer(rung)]);
    this.breaker = CircuitBreaker.fromDocument('case', document, {
      clock: this.clock,
      ...CLASSIFICATION,
      fallbacks: Object.fromEntries(rungs),
    });
  }

  /** Notes what happened, and when. */
  see(is, what = {}) {
    this.steps.push({ is, at: this.clock.nanos(), ...what });
  }

  /** Lets so many nanoseconds pass. */
  pass(nanos) {
    const now = this.clock.nanos();
    this.clock.advance((this.until(now + nanos) - now) / MILLISECOND);
  }

  /** Lets time pass until the promise is settled, from one instant at which something is due to the next. */
  async settled(promise) {
    let isOver = false;
    const over = () => (isOver = true);
    promise.then(over, over);
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (isOver) return;
      const now = this.clock.nanos();
      this.clock.due = this.clock.due.filter((at) => at > now);
      if (this.clock.due.length === 0) throw new Error('a call goes on and waits for nothing');
      this.pass(Math.min(...this.clock.due) - now);
    }
  }

  begin(call) {
    this.call = call;
    this.made = 0;
  }

  /** What a call asks for now. */
  request() {
    const { deadline, ...rest } = this.call.request;
    return deadline === undefined ? rest : { ...rest, deadline: this.clock.now() + deadline };
  }

  /** What the function does that is called now. */
  next() {
    const { acts } = this.call;
    this.made++;
    return acts[Math.min(this.made, acts.length) - 1];
  }

  answer(rung) {
    this.see('use', { rung });
    if (!this.call.rungs.includes(rung)) throw new Error('empty');
    return rung;
  }

  /** Notes everything that was counted. */
  end() {
    const counted = (line) => line !== '' && !line.startsWith('#') && !line.endsWith(' 0');
    this.see('read', { metrics: this.breaker.metrics().split('\n').filter(counted) });
  }

  /** What an operator does, and time that passes. */
  async take({ do: what, to }) {
    const { breaker } = this;
    const acts = {
      advance: () => this.pass(to * MILLISECOND),
      trip: () => breaker.trip(to),
      reset: () => breaker.reset(),
      half_open: () => breaker.halfOpen(),
      poll: () => breaker.poll(),
      mode: () => breaker.setMode(to),
      utilisation: () => breaker.setUtilisation(to),
    };
    acts[what]();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
