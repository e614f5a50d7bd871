// Transitions, delivered in the order of their generations.

import { isolate, words, At } from './host';
import type { State } from './snapshot';

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

/** Takes the events of one breaker. @internal */
export interface Receiver {
  receive(event: TransitionEvent): void;
}

/** Held while somebody listens: a breaker that is listened to stays. */
const receivers = new Map<number, Receiver>();
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
      for (const { slot, ...event } of JSON.parse(isolate.drain()) as (TransitionEvent & { slot: number })[]) {
        event.at /= 1e6;
        receivers.get(slot)?.receive(event);
      }
    }
  } finally {
    isDelivering = false;
  }
}

/** Delivers if there is something, after a native call. @internal */
export function deliverIfAny(): void {
  if (words[At.Events] !== 0 && receivers.size > 0) deliver();
}

/** Delivers if there is something, after what leaves no word of it in the scratch. @internal */
export function deliverWaiting(): void {
  if (receivers.size > 0 && isolate.waiting() > 0) deliver();
}

/** Begins to listen. @internal */
export function listen(slot: number, receiver: Receiver): void {
  if (!receivers.has(slot)) isolate.listen(slot, wake);
  receivers.set(slot, receiver);
}

/** Stops listening. @internal */
export function unlisten(slot: number): void {
  if (receivers.delete(slot)) isolate.unlisten(slot);
}
