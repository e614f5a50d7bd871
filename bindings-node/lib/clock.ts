// Clocks that tests move by hand, and what rings when a clock comes to an instant.

import { native } from './native';
import type { NativeClock } from '../native';
import { invalid } from './options';
import { endTurn } from './turn';

/** Rings once, so many milliseconds from now; what it answers stops it. @internal */
export type Alarm = (milliseconds: number, ring: () => void) => () => void;

/**
 * By the system's clock. It keeps the process: somebody awaits what it ends, and no other handle may be there that
 * would let the end come.
 *
 * @internal
 */
export const systemAlarm: Alarm = (milliseconds, ring) => {
  const at = performance.now() + milliseconds;
  let timeout: NodeJS.Timeout;
  const arm = (): void => {
    const left = at - performance.now();
    // Timers count by the loop's own time, which may be ahead.
    if (left <= 0) return ring();
    timeout = setTimeout(arm, Math.ceil(left));
  };
  timeout = setTimeout(arm, Math.ceil(milliseconds));
  return () => clearTimeout(timeout);
};

/** What is to ring for the first of many. @internal */
export interface Bell {
  /** Nobody waits for it at present: it does not keep the process. `false`: it is gone. */
  rest(): boolean;
  /** Somebody waits for it again. `false`: it would not ring. */
  wake(): boolean;
}

/** What times calls that are under way. @internal */
export interface Timing {
  /** Nanoseconds. */
  now(): number;
  /** Rings once, so many milliseconds from now or a little earlier. */
  bell(milliseconds: number, ring: () => void): Bell;
  /** What `deadlinesOf` keeps, by length of time. */
  readonly lists: Map<number, object>;
}

/** By the system's clock. A bell that rests is left to ring: most often the next call comes before. @internal */
export const systemTiming: Timing = {
  now: () => performance.now() * 1e6,
  lists: new Map(),
  bell(milliseconds, ring) {
    const made = setTimeout;
    const timeout = made(ring, Math.ceil(milliseconds));
    return {
      rest: () => (timeout.unref(), true),
      wake() {
        // Somebody has put another clock in the place of Node's, or taken it away: this bell is of the one before.
        if (made !== setTimeout) return clearTimeout(timeout), false;
        timeout.ref();
        return true;
      },
    };
  },
};

interface Ringing {
  at: number;
  ring: () => void;
}

/** A clock that moves only when it is told to, for tests. */
export class ManualClock {
  /** @internal */
  readonly native: NativeClock = new native.NativeClock();
  /** What is to ring, soonest first. */
  private readonly ringing: Ringing[] = [];

  /** Moves the clock forward by milliseconds; what is due by then happens: waits end, and paced calls have their turn. */
  advance(milliseconds: number): void {
    if (typeof milliseconds !== 'number' || !(milliseconds >= 0)) {
      throw invalid('milliseconds', 'a number of at least 0', milliseconds);
    }
    endTurn();
    this.native.advance(Math.round(milliseconds * 1e6));
    const now = this.native.now();
    while (this.ringing.length > 0 && this.ringing[0].at <= now) this.ringing.shift()!.ring();
  }

  /** @internal */
  readonly timing: Timing = {
    now: () => this.native.now(),
    lists: new Map(),
    bell: (milliseconds, ring) => {
      const stop = this.alarm(milliseconds, ring);
      return { rest: () => (stop(), false), wake: () => true };
    },
  };

  /** Milliseconds since the clock's zero. */
  now(): number {
    return this.native.now() / 1e6;
  }

  /** @internal */
  readonly alarm: Alarm = (milliseconds, ring) => {
    const ringing = { at: this.native.now() + Math.round(milliseconds * 1e6), ring };
    let place = this.ringing.length;
    while (place > 0 && this.ringing[place - 1].at > ringing.at) place--;
    this.ringing.splice(place, 0, ringing);
    return () => {
      const found = this.ringing.indexOf(ringing);
      if (found >= 0) this.ringing.splice(found, 1);
    };
  };
}
