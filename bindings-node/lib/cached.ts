// Values of calls that say their key, and calls of one key that are made once. Which values answer, which are dropped and
// who makes the call is said by the core.

import { threadId } from 'node:worker_threads';
import { whenAborted } from './aborts';
import type { Alarm } from './clock';
import { At, doubles, isolate } from './host';
import type { CallRequest } from './request';
import { levelOf } from './request';

interface Kept {
  version: number;
  value: unknown;
}

/** Who caches. */
interface Caching {
  readonly slot: number;
  readonly alarm: Alarm;
  now(): number;
}

/** There is no value that may answer. @internal */
export class NoValue extends Error {
  override readonly name = 'NoValue';
}

/** The values of one breaker in this isolate, by the places that the core gives them. @internal */
export class Values {
  private readonly kept: (Kept | undefined)[] = [];
  /** When it was last seen which places are vacant. */
  private epoch = 0;

  constructor(private readonly breaker: Caching) {}

  /** A value that answers before anything is called. */
  fresh(key: string): Kept | undefined {
    return this.at(isolate.cacheFresh(this.breaker.slot, key));
  }

  /** A value that answers for a call that failed. */
  stale(key: string | undefined): unknown {
    const found = key === undefined ? undefined : this.at(isolate.cacheAny(this.breaker.slot, key));
    if (found === undefined) throw new NoValue('there is no value of that key that is young enough');
    return found.value;
  }

  store(key: string, value: unknown): void {
    const at = isolate.cacheStore(this.breaker.slot, key);
    if (at < 0) return;
    const [version, epoch] = [doubles[At.Step], doubles[At.Hedge]];
    if (epoch !== this.epoch) this.vacate();
    this.kept[at] = { version, value };
  }

  /** Lets go of the values that are of no use under the present rules. */
  vacate(): void {
    const [epoch = 0, end = 0, ...places] = isolate.cacheVacant(this.breaker.slot);
    this.epoch = epoch;
    if (end < this.kept.length) this.kept.length = end;
    for (const at of places) if (at < end) this.kept[at] = undefined;
  }

  /** Another version was stored there since, or by another isolate. */
  private at(at: number): Kept | undefined {
    const version = doubles[At.Step];
    const kept = at < 0 ? undefined : this.kept[at];
    return kept?.version === version ? kept : undefined;
  }
}

const values = new WeakMap<object, Values>();

/** @internal */
export function valuesOf(breaker: Caching): Values {
  let found = values.get(breaker);
  if (found === undefined) values.set(breaker, (found = new Values(breaker)));
  return found;
}

/** Its rules were changed. @internal */
export function vacate(breaker: object): void {
  values.get(breaker)?.vacate();
}

let spaces = 0;

/** A space for the keys of one function: those of two functions are not the same, and neither are those of two isolates. @internal */
export function newSpace(): string {
  spaces++;
  return `${threadId}.${spaces}:`;
}

/** For calls of no wrapped function. @internal */
export const OPEN_SPACE = `${threadId}:`;

/** What becomes of a call that follows another of its key. */
type Followed<R> = { answer: Promise<R> } | 'lead' | 'late';

/** Those that wait for a leader, by breaker and ticket. */
const followers = new WeakMap<object, Map<number, (how: Followed<unknown>) => void>>();

function followersOf(breaker: object): Map<number, (how: Followed<unknown>) => void> {
  let found = followers.get(breaker);
  if (found === undefined) followers.set(breaker, (found = new Map()));
  return found;
}

/** Makes the call, or waits for one of the same key that is under way. @internal */
export async function together<R>(
  breaker: Caching,
  { key, priority, deadline }: CallRequest,
  signal: AbortSignal | null,
  call: () => Promise<R>,
): Promise<{ answer: R; isOwn: boolean }> {
  const joined = isolate.flightJoin(breaker.slot, key!, levelOf(priority ?? 'normal'));
  if (joined === 0) return { answer: await call(), isOwn: true };
  const ticket = Math.abs(joined);
  if (joined < 0) {
    const how = await follow<R>(breaker, ticket, signal, deadline);
    // A call of its own, which its deadline leaves no attempt.
    if (how === 'late') return { answer: await call(), isOwn: true };
    if (how !== 'lead') return { answer: await how.answer, isOwn: false };
    if (signal?.aborted) {
      leave(breaker, ticket);
      throw signal.reason;
    }
  }
  return { answer: await lead(breaker, ticket, signal, call), isOwn: true };
}

async function lead<R>(breaker: Caching, ticket: number, signal: AbortSignal | null, call: () => Promise<R>): Promise<R> {
  const answer = call();
  const isCancelled = (error: unknown): boolean => signal?.aborted === true && error === signal.reason;
  if (await answer.then(() => false, isCancelled)) leave(breaker, ticket);
  else {
    // A promise that nobody takes does not end the process: its leader takes it.
    for (const other of isolate.flightLand(breaker.slot, ticket)) tell(breaker, other, { answer });
  }
  return answer;
}

function leave(breaker: Caching, ticket: number): void {
  for (const heir of isolate.flightLeave(breaker.slot, ticket)) tell(breaker, heir, 'lead');
}

function tell(breaker: object, ticket: number, how: Followed<unknown>): void {
  const waiting = followersOf(breaker);
  const resolve = waiting.get(ticket);
  waiting.delete(ticket);
  resolve?.(how);
}

function follow<R>(
  breaker: Caching,
  ticket: number,
  signal: AbortSignal | null,
  deadline: number | undefined,
): Promise<Followed<R>> {
  return new Promise((resolve, reject) => {
    const quit = (): void => {
      followersOf(breaker).delete(ticket);
      leave(breaker, ticket);
    };
    const unwatch = signal?.aborted === false ? whenAborted(signal, abort) : undefined;
    const stop = deadline === undefined ? undefined : atDeadline(breaker, deadline, late);
    function abort(): void {
      stop?.();
      quit();
      reject(signal!.reason as Error);
    }
    function late(): void {
      unwatch?.();
      quit();
      resolve('late');
    }
    followersOf(breaker).set(ticket, (how) => {
      unwatch?.();
      stop?.();
      resolve(how as Followed<R>);
    });
  });
}

/** Does that when the deadline has come; what this answers says that it is not to be done any more. */
function atDeadline(breaker: Caching, deadline: number, act: () => void): () => void {
  let stop = (): void => undefined;
  const look = (): void => {
    const left = deadline - breaker.now();
    // A timer may ring early, and the breaker's clock may be another than the system's.
    if (left > 0) stop = breaker.alarm(left, look);
    else act();
  };
  // Never at once: what is to be done needs to know how to stop it.
  stop = breaker.alarm(Math.max(0, deadline - breaker.now()), look);
  return () => stop();
}
