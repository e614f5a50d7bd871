// This isolate's side of the boundary: the scratch through which a call passes its words, slabs and lane counters.

import { native } from './native';

/** Places in the scratch; `src/scratch.rs` has the same. @internal */
export const enum At {
  Slot = 0,
  Code = 1,
  Low = 2,
  Lease = 3,
  Extra = 4,
  Engine = 5,
  StartLow = 6,
  StartHigh = 7,
  GrantLow = 8,
  GrantCalls = 9,
  Outcome = 10,
  Settled = 11,
  /** An index of doubles. */
  Nanos = 6,
  Events = 14,
  ErrorType = 15,
  FailureLow = 16,
  FailureHigh = 17,
  Priority = 18,
  Waits = 19,
  /** An index of doubles, as the next. */
  Cost = 10,
  Deadline = 11,
  Ticket = 24,
  Gated = 25,
  /** An index of doubles. */
  Turn = 13,
  RestLow = 28,
  RestHigh = 29,
  Course = 30,
  Attempt = 31,
  /** An index of doubles, as the next. */
  Step = 16,
  Hedge = 17,
  IsRejected = 36,
  Refused = 37,
  /** An index of doubles. */
  Hint = 19,
  Status = 40,
  Stands = 41,
  Keeps = 42,
  Kept = 43,
  IsNamed = 44,
  IsKeyed = 45,
  Repeats = 46,
  Quietly = 47,
  HasBudget = 48,
  /** An index of doubles. */
  GrantTimeout = 25,
}

/** By which ways a breaker's calls go, as the native part tells it; 0 for what JavaScript may decide alone. @internal */
export const enum Ways {
  Gated = 1,
  /** Step by step. */
  Steps = 2,
}

/** What a settling says came of the call; an abandoned one is a permit that was dropped. @internal */
export const OUTCOMES = { success: 0, failure: 1, ignored: 2, abandoned: 3 } as const;

/** In place of a code, after a panic. @internal */
export const PANICKED = 255;
/** In place of a code: the breaker has gates, and was not asked. @internal */
export const HAS_GATES = 254;
/** In place of a code: the request cannot be. @internal */
export const WRONG = 253;
/** In place of a code: the call waits for a slot. @internal */
export const QUEUED = 252;

/** In place of a code, of a call with attempts: it waits. @internal */
export const PAUSE = 251;
/** In place of a code: a rung answers. @internal */
export const RUNG = 250;
/** In place of a code: it is over. @internal */
export const DONE = 249;
/** In place of a code: an attempt whose permit is all that is kept of the call. @internal */
export const FIRST = 248;

const scratch = new ArrayBuffer(256);
/** @internal */
export const words = new Uint32Array(scratch);
/** @internal */
export const doubles = new Float64Array(scratch);

/** @internal */
export const isolate = new native.Isolate(scratch);
/** @internal */
export const nativeAcquire = isolate.acquire;
/** @internal */
export const nativeEnter = isolate.enter;
/** @internal */
export const nativeSettle = isolate.settle;
/** @internal */
export const nativeBegin = isolate.begin;
/** @internal */
export const nativeSettleAttempt = isolate.settleAttempt;
/** @internal */
export const COUNT_MASK = native.COUNT_MASK;

/** Calls of a grant that has no limit. @internal */
export const UNLIMITED = 0xffffffff;

/** Lanes whose counters are in one chunk: those of successes, then those of first attempts. @internal */
export const LANES_IN_CHUNK = 1024;
const TWO_32 = 4294967296;
const chunks: Float64Array[] = [];
const slabs = new Map<number, Uint32Array>();

/** Where a lane reads and counts. @internal */
export interface Lane {
  readonly cell: Uint32Array;
  readonly at: number;
  readonly counters: Float64Array;
  readonly index: number;
}

/** Reads nothing that a grant names: the lowest byte of what it does is 0. */
const NO_CELL = new Uint32Array(2).fill(0xffffffff);
const NO_COUNTERS = new Float64Array(1);
/** @internal */
export const NO_LANE: Lane = { cell: NO_CELL, at: 0, counters: NO_COUNTERS, index: 0 };

let mayLane = process.env.FUSEWIRE_LANE !== 'off';

/** For tests: breakers that are made from now on have a lane, or none. */
export function allowLanes(allowed: boolean): void {
  mayLane = allowed;
}

function slab(number: number): Uint32Array | undefined {
  let view = slabs.get(number);
  if (view === undefined) {
    const buffer = isolate.slab(number);
    // Electron allows no memory but its own: everything is asked natively then.
    if (buffer === null) {
      mayLane = false;
      return undefined;
    }
    view = new Uint32Array(buffer);
    slabs.set(number, view);
  }
  return view;
}

/** The lane of the breaker in that slot. @internal */
export function laneOf(slot: number): Lane {
  // Whether memory may be seen here comes first: a lane that is open is granted calls.
  if (!mayLane || slab(0) === undefined) return NO_LANE;
  while (slot >= chunks.length * LANES_IN_CHUNK) {
    const chunk = new Float64Array(2 * LANES_IN_CHUNK);
    isolate.addChunk(chunk.buffer as ArrayBuffer);
    chunks.push(chunk);
  }
  const place = isolate.openLane(slot);
  if (place === null) return NO_LANE;
  const cell = slab(Math.floor(place / TWO_32));
  if (cell === undefined) return NO_LANE;
  return {
    cell,
    at: ((place % TWO_32) * 2) | 0,
    counters: chunks[Math.floor(slot / LANES_IN_CHUNK)],
    index: slot % LANES_IN_CHUNK,
  };
}

/** For tests: successes that this isolate's lanes have counted alone. */
export function countedByLanes(): number {
  const successes = (chunk: Float64Array): number => chunk.subarray(0, LANES_IN_CHUNK).reduce((a, b) => a + b, 0);
  return chunks.reduce((sum, chunk) => sum + successes(chunk), countedByReleased);
}

const REASONS = [
  'open',
  'half_open_full',
  'ramp',
  'forced_open',
  'shed',
  'rate_limited',
  'bulkhead_full',
  'queue_timeout',
  'limit_reached',
  'closed',
  'feature_disabled',
] as const;

/** Why a call is turned away. */
export type Reason = (typeof REASONS)[number];

/** The reason behind a code, 1 and up. @internal */
export function reasonOf(code: number): Reason {
  return REASONS[code - 1];
}

/** What the lanes of released slots had counted. */
let countedByReleased = 0;

const breakers = new FinalizationRegistry<number>((slot) => {
  countedByReleased += chunks[Math.floor(slot / LANES_IN_CHUNK)]?.[slot % LANES_IN_CHUNK] ?? 0;
  isolate.release(slot);
});

/** Lets the slot go when the breaker is collected. @internal */
export function releaseWith(breaker: object, slot: number): void {
  breakers.register(breaker, slot);
}
