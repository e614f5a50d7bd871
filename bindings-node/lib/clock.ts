import { native } from './native';
import type { NativeClock } from '../native';
import { invalid } from './options';

/** A clock that moves only when it is told to, for tests. */
export class ManualClock {
  /** @internal */
  readonly native: NativeClock = new native.NativeClock();

  /** Moves the clock forward by milliseconds. */
  advance(milliseconds: number): void {
    if (typeof milliseconds !== 'number' || !(milliseconds >= 0)) {
      throw invalid('milliseconds', 'a number of at least 0', milliseconds);
    }
    this.native.advance(Math.round(milliseconds * 1e6));
  }

  /** Milliseconds since the clock's zero. */
  now(): number {
    return this.native.now() / 1e6;
  }
}
