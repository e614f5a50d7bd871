// Calls that may all take equally long: a list in the order of their deadlines, and one timer for the first of them.
//
// No clock is read when a call begins. All that began in one turn of the event loop begin when it is over, so that none is
// cut off early; a call that ends in the turn in which it began costs no more than a place in the list.

import { type Bell, type Timing, systemTiming } from './clock';
import { touch } from './turn';

/** A call that is under way. @internal */
export abstract class Pending {
  /** Its neighbours while it is in a list. */
  before: Pending | null = null;
  after: Pending | null = null;
  /** Whether it is known when it began: not in the turn in which it did. */
  hasBegun = false;
  /** When it did, in nanoseconds of its list's clock. */
  begun = NaN;
  /** From when on its time is counted, and whether that is known. */
  from = NaN;
  isTimed = false;
  /** Whether its time may end: not while its function is being called. */
  isReady = false;

  /** Its time is over; it is in no list any more. */
  abstract timeOut(): void;
}

/** Both ends of a list. */
class Ends extends Pending {
  override timeOut(): void {}
}

const NANOS = 1e6;
/** So many lists are kept although they are empty. */
const MANY = 256;

/** The calls of one clock that may take equally long. @internal */
export class Deadlines {
  private readonly ends: Pending = new Ends();
  private bell: Bell | null = null;
  private isTouched = false;
  /** Whether it ever ends a call. */
  readonly isTimed: boolean;
  private readonly nanos: number;

  /** @param timeout milliseconds; `Infinity`: they are only told when they began. */
  constructor(
    private readonly timing: Timing,
    readonly timeout: number,
  ) {
    this.nanos = Math.round(timeout * NANOS);
    this.isTimed = timeout !== Infinity;
    this.ends.before = this.ends.after = this.ends;
  }

  /** How many calls are in it. */
  get size(): number {
    let size = 0;
    for (let at = this.ends.after!; at !== this.ends; at = at.after!) size++;
    return size;
  }

  /** A call begins. */
  enter(call: Pending): void {
    const { ends } = this;
    const last = ends.before!;
    call.before = last;
    call.after = ends;
    last.after = ends.before = call;
    if (this.isTouched) return;
    this.isTouched = true;
    touch(this);
  }

  /** A call is over, or no end of it is to be told. Its beginning stays known. */
  leave(call: Pending): void {
    const { before, after } = call;
    if (before === null) return;
    before.after = after;
    after!.before = before;
    call.before = call.after = null;
    call.isTimed = false;
    if (this.bell !== null && this.ends.after === this.ends) this.rest();
  }

  /** Nanoseconds since it began; 0 in the turn in which it did. */
  lasted(call: Pending): number {
    return call.hasBegun ? Math.max(0, this.timing.now() - call.begun) : 0;
  }

  /** Whether it has taken as long as it may. */
  isOver(call: Pending): boolean {
    return this.isTimed && this.lasted(call) >= this.nanos;
  }

  /** The turn is over in which some began: they begin now. @internal */
  endTurn(): void {
    this.isTouched = false;
    const { ends } = this;
    if (ends.after === ends) return;
    const now = this.timing.now();
    for (let at = ends.before!; at !== ends && !at.isTimed; at = at.before!) {
      at.from = now;
      at.isTimed = true;
      if (at.hasBegun) continue;
      at.hasBegun = true;
      at.begun = now;
    }
    if (this.isTimed) this.arm(now);
    else while (ends.after !== ends) this.leave(ends.after!);
  }

  /** Has the bell ring for the first call. One that is set rings before: it was set for a call that began earlier. */
  private arm(now: number): void {
    if (this.bell?.wake() === true) return;
    const left = this.ends.after!.from + this.nanos - now;
    this.bell = this.timing.bell(Math.max(0, left) / NANOS, () => this.ring());
  }

  private rest(): void {
    if (this.bell!.rest()) return;
    this.bell = null;
  }

  private ring(): void {
    this.bell = null;
    const { ends, nanos } = this;
    const now = this.timing.now();
    try {
      for (let first = ends.after!; first.isTimed && first.from + nanos <= now; first = ends.after!) {
        this.leave(first);
        if (first.isReady) first.timeOut();
        else this.enter(first);
      }
    } finally {
      // Timeouts that are learned may be many. Who comes later makes a new one.
      if (ends.after === ends && this.timing.lists.size > MANY) this.timing.lists.delete(this.timeout);
      if (this.bell === null && ends.after !== ends && ends.after!.isTimed) this.arm(now);
    }
  }
}

/** The list of a clock for calls that may take so many milliseconds. @internal */
export function deadlinesOf(timing: Timing = systemTiming, timeout = Infinity): Deadlines {
  let found = timing.lists.get(timeout) as Deadlines | undefined;
  if (found === undefined) timing.lists.set(timeout, (found = new Deadlines(timing, timeout)));
  return found;
}
