// First attempts that are under way.

import { type Deadlines, Pending } from './deadlines';
import { TimeoutError } from './errors';
import type { Primary } from './race';
import { type CallRequest, PLAIN as REQUEST_PLAIN } from './request';
import type { Slip } from './slip';
import type { Came } from './trial';

// As a constant of this module: an import is looked up each time.
const PLAIN = REQUEST_PLAIN;

/** A function that goes on, and holds nothing. */
const GOES_ON: Primary = { isSettled: false, abort: () => undefined, whenReturned: () => undefined };

/** Who makes them. */
interface Maker {
  readonly breaker: { readonly name: string };
  readonly list: Deadlines;
  /** Settles an attempt that has succeeded, if it has beyond doubt. */
  succeeds(trip: Trip): boolean;
  /** It is over, and nothing is told of it. */
  recycle(trip: Trip): void;
  becomes(trip: Trip, came: Came<unknown>): Promise<unknown>;
  takeUp(trip: Trip, came: Came<unknown>, primary: Primary): Promise<unknown>;
}

/**
 * What an attempt was asked for, apart from it: an attempt is old, and whatever is young costs the collector a note to be
 * written there. So that is one thing.
 *
 * @internal
 */
export class Asked {
  /** Where a call may be over before its function is: resolves what the caller has. */
  resolve: ((value: unknown) => void) | null = null;

  /** @param args of a wrapped function what it is called with; `null` of any other. */
  constructor(
    readonly fn: Function,
    readonly that: unknown,
    readonly args: unknown[] | null,
  ) {}
}

/**
 * A first attempt that is under way. They are used again: making a new one, with its functions, costs more.
 *
 * @internal
 */
export class Trip extends Pending {
  list: Deadlines;
  /** `null` while it is not in use. */
  asked: Asked | null = null;
  request: CallRequest = PLAIN;
  /** Of which grant it is, if it has no permit of its own: `slip`. */
  low = 0;
  slip: Slip | null = null;
  private controller: AbortController | null = null;
  /** Whether the call is over, although its function is not. */
  isOver = false;

  constructor(private readonly maker: Maker) {
    super();
    this.list = maker.list;
  }

  /** Where a promise follows the function's own. */
  readonly onValue = (value: unknown): unknown => {
    const { maker } = this;
    if (!maker.succeeds(this)) return maker.becomes(this, { kind: 'value', value });
    maker.recycle(this);
    return value;
  };
  readonly onError = (error: unknown): unknown => this.maker.becomes(this, { kind: 'error', error });

  /** Where a call may be over before its function is. */
  readonly onTimedValue = (value: unknown): void => {
    const { maker } = this;
    if (this.isOver) return maker.recycle(this);
    const resolve = this.asked!.resolve!;
    if (maker.succeeds(this)) {
      maker.recycle(this);
      return resolve(value);
    }
    resolve(maker.becomes(this, { kind: 'value', value }));
  };
  readonly onTimedError = (error: unknown): void => {
    const { maker } = this;
    if (this.isOver) return maker.recycle(this);
    const resolve = this.asked!.resolve!;
    resolve(maker.becomes(this, { kind: 'error', error }));
  };

  /** For a function that looks at one. */
  signal(): AbortSignal {
    return (this.controller = new AbortController()).signal;
  }

  override timeOut(): void {
    this.isOver = true;
    const { maker, list, controller } = this;
    const { resolve } = this.asked!;
    const error = new TimeoutError(maker.breaker.name, list.timeout);
    // What listens to the signal may throw, or end the function: neither changes how this has ended.
    controller?.abort(error);
    resolve!(maker.takeUp(this, { kind: 'timeout', error }, GOES_ON));
  }

  /** Holds nothing any more. */
  clear(): void {
    this.asked = null;
    if (this.slip !== null || this.controller !== null || this.request !== PLAIN) {
      this.slip = this.controller = null;
      this.request = PLAIN;
    }
    this.isOver = this.isReady = this.hasBegun = false;
  }
}
