// Transitions, delivered in the order of their generations; changes of policies, in that of their sequence; and the ends
// of waits, in the order in which the core ended them.

import { isolate, words, At } from './host';
import type { PriorityLevel } from './request';
import type { FeatureState, State } from './snapshot';

/** A transition. */
export interface TransitionEvent {
  /** The breaker's name. */
  breaker: string;
  /** The generation that began. */
  generation: number;
  from: State;
  to: State;
  /** What led to it. */
  cause: string;
  /** When, on the breaker's clock, in milliseconds. */
  at: number;
  /** Who did it, if it was done by hand. */
  actor: string | null;
  /** Why, if it was done by hand. */
  reason: string | null;
  counts: { total: number; failures: number; slow: number };
  /** How many events this isolate missed since the one before. */
  missed: number;
}

/** Slots in all, and how many of them are kept for calls of a level. */
export interface SlotTable {
  maxConcurrent: number;
  reserved: Partial<Record<PriorityLevel, number>>;
}

interface PolicyEventOf<Kind extends string, Value> {
  /** The breaker's name. */
  breaker: string;
  /** What changed. */
  kind: Kind;
  from: Value;
  to: Value;
  /** The generation it happened in. */
  generation: number;
  /** 1 for a breaker's first, and one more for each. */
  sequence: number;
  /** When, on the breaker's clock, in milliseconds. */
  at: number;
  /** Who did it; `null` when it happened by itself, as a rate changes that is adaptive. */
  actor: string | null;
  /** Why, if it was done by hand. */
  reason: string | null;
  /** How many of these events this isolate missed since the one before. */
  missed: number;
}

/** A feature came to be in another state. */
export interface FeatureEvent extends PolicyEventOf<'feature', FeatureState> {
  feature: string;
  /** `opened`, `recovery`, `passed`, `failed`, `rolled_back`, `unhealthy`, `requirement`, `reset` or `mode`. */
  cause: string;
  /** Share of successes in the state that ended; `null` when it had no outcome. */
  health: number | null;
}

/** A change around the machine: by `setMinPriority`, `setSlots`, `setLimit`, `setRate` (or by itself) or `close`, or of a feature. */
export type PolicyEvent =
  | PolicyEventOf<'min_priority', PriorityLevel>
  | PolicyEventOf<'slots', SlotTable>
  | PolicyEventOf<'limit' | 'rate', number>
  | PolicyEventOf<'close', null>
  | FeatureEvent;

/** Takes the events of one breaker. @internal */
export interface Receiver {
  receive(event: TransitionEvent): void;
  receivePolicy(event: PolicyEvent): void;
}

/** Held while somebody listens: a breaker that is listened to stays. */
const receivers = new Map<number, Receiver>();
/** Breakers whose transitions somebody listens to, and those whose policies. */
const listening = { transitions: new Set<number>(), policies: new Set<number>() };
/** What waits, by ticket. @internal */
export const endings = new Map<number, { end(): void }>();
let isAttended = false;
let isDelivering = false;
let isAskedAgain = false;
let isWoken = false;

/**
 * Another thread has something to tell. Not delivered here: Node goes on calling as long as that thread goes on telling,
 * and the loop would never turn.
 */
function wake(): void {
  if (isWoken) return;
  isWoken = true;
  setImmediate(() => {
    isWoken = false;
    deliver();
  });
}

type Told = (TransitionEvent | PolicyEvent) & { slot: number };

function hand(receiver: Receiver | undefined, event: TransitionEvent | PolicyEvent): void {
  event.at /= 1e6;
  if (!('kind' in event)) return receiver?.receive(event);
  if (event.kind === 'slots') [event.from, event.to] = [tableOf(event.from), tableOf(event.to)];
  receiver?.receivePolicy(event);
}

/** The core's table of slots as JavaScript reads it. */
function tableOf(table: object): SlotTable {
  const { max_concurrent: maxConcurrent, reserved } = table as { max_concurrent: number } & SlotTable;
  return { maxConcurrent, reserved };
}

/** Has other threads wake this isolate. @internal */
export function attend(): void {
  if (!isAttended) isolate.attend(wake);
  isAttended = true;
}

/**
 * Hands out what waits. A listener may use breakers: what comes of that is delivered after it, not inside it. What
 * other threads do meanwhile wakes us again: nobody is kept here by them. @internal
 */
export function deliver(): void {
  words[At.Events] = 0;
  isAskedAgain = true;
  if (isDelivering) return;
  isDelivering = true;
  try {
    while (isAskedAgain) {
      isAskedAgain = false;
      for (let ended = isolate.nextEnded(); ended >= 0; ended = isolate.nextEnded()) endings.get(ended)?.end();
      if (receivers.size === 0) continue;
      for (const { slot, ...event } of JSON.parse(isolate.drain()) as Told[]) hand(receivers.get(slot), event);
    }
  } finally {
    isDelivering = false;
  }
}

/** Delivers if there is something, after a native call. @internal */
export function deliverIfAny(): void {
  if (words[At.Events] !== 0 && isAttended) deliver();
}

/** Delivers if there is something, after what leaves no word of it in the scratch. @internal */
export function deliverWaiting(): void {
  if (isAttended && isolate.waiting() > 0) deliver();
}

/** Listens to what is wanted of a breaker, and to nothing else. @internal */
export function listen(slot: number, receiver: Receiver, wants: { transitions: boolean; policies: boolean }): void {
  if (wants.transitions || wants.policies) {
    attend();
    receivers.set(slot, receiver);
  } else receivers.delete(slot);
  if (turns(listening.transitions, slot, wants.transitions)) {
    if (wants.transitions) isolate.listen(slot);
    else isolate.unlisten(slot);
  }
  if (turns(listening.policies, slot, wants.policies)) {
    if (wants.policies) isolate.listenToPolicies(slot);
    else isolate.unlistenToPolicies(slot);
  }
}

/** Puts a slot into a set or takes it out; whether that changes anything. */
function turns(set: Set<number>, slot: number, wanted: boolean): boolean {
  if (set.has(slot) === wanted) return false;
  if (wanted) set.add(slot);
  else set.delete(slot);
  return true;
}
