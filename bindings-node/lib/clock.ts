// Clocks that tests move by hand, and what rings when a clock comes to an instant.

import { native } from './native';
import type { NativeClock } from '../native';
import { invalid } from './options';

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
    this.native.advance(Math.round(milliseconds * 1e6));
    const now = this.native.now();
    while (this.ringing.length > 0 && this.ringing[0].at <= now) this.ringing.shift()!.ring();
  }

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
