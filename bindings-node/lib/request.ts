// What a call asks for. Which levels and costs there are is said by the core.

import { inspect } from 'node:util';
import { told } from './errors';
import { isolate } from './host';
import { checkSignal, invalid } from './options';

/** How much a call matters, from the least to the most. */
export type PriorityLevel = 'bulk' | 'low' | 'normal' | 'high' | 'critical';

/** A level, or a number from 0 to 100: the next lower level. */
export type Priority = PriorityLevel | number;

/** What a call asks for. A breaker without policies looks at none of it. */
export interface CallRequest {
  /** How much the call matters; `'normal'` when left out. */
  priority?: Priority;
  /** How much of a rate limit it takes, a whole number; 1 when left out. */
  cost?: number;
  /**
   * When the call is of no use any more, on the breaker's clock in milliseconds: `breaker.now() + 200`. It waits no
   * longer than that in a queue, for no turn that comes later and for no retry that would begin later, and an attempt
   * takes no longer. A call that begins after it makes no attempt, and is a timeout that the breaker does not see. Without it
   * only the queue's own timeout ends a wait.
   */
  deadline?: number;
  /** Of which of the options' `features` the call is; of none when left out. */
  feature?: string;
  /** The method, such as `'GET'`, in any case: `retry.perMethod` says how often a call of it may be tried. */
  method?: string;
  /**
   * `true`: the call may be made more than once, although its method alone does not say so. `false`: it may not, whatever its
   * method, and is neither retried nor hedged. Left out, its method says.
   */
  idempotent?: boolean;
  /**
   * Says that the call cannot be made more than once, whatever its method: its body cannot be sent again, say. It is neither
   * retried nor hedged; false when left out.
   */
  once?: boolean;
  /** Under what its value is cached, and which calls are the same; without it nothing is cached. */
  key?: string;
}

/** What a call that may wait is given. */
export interface AcquireOptions extends CallRequest {
  /** Ends the wait, as if it had never begun: it rejects with the signal's reason. `null` is none. */
  signal?: AbortSignal | null;
}

/** What a call that asks for nothing special asks for. @internal */
export const PLAIN: CallRequest = Object.freeze({});

/** Levels by what was written; a header says what it likes, so they are few. */
const levels = new Map<unknown, number>();
const MOST = 256;

/** The code of a level. @internal */
export function levelOf(given: unknown): number {
  const known = levels.get(given);
  if (known !== undefined) return known;
  const text = typeof given === 'string' ? given : inspect(given);
  const level = told(() => (typeof given === 'number' ? isolate.levelOf(given) : isolate.level(text)));
  if (levels.size < MOST) levels.set(given, level);
  return level;
}

const REQUEST = ['priority', 'cost', 'deadline', 'feature', 'method', 'idempotent', 'once', 'key'] as const;

/** Checks what a call is given; `more` are keys that this kind of call takes, too. @internal */
export function checkRequest(options: unknown, more: readonly string[] = []): asserts options is AcquireOptions {
  const known: readonly string[] = [...REQUEST, ...more];
  if (typeof options !== 'object' || options === null) {
    throw invalid('options', `an object such as { ${known.join(', ')} }`, options);
  }
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw invalid(`options.${unknown}`, `left out; the options of such a call are ${known.join(', ')}`, options);
  }
  const { priority, cost, deadline, signal } = options as Record<string, unknown>;
  if (priority !== undefined) levelOf(priority);
  if (cost !== undefined && typeof cost !== 'number') throw invalid('options.cost', 'a number', cost);
  if (deadline !== undefined && !(typeof deadline === 'number' && deadline >= 0)) {
    throw invalid('options.deadline', "milliseconds of the breaker's clock, such as `breaker.now() + 200`", deadline);
  }
  for (const name of ['feature', 'method', 'key'] as const) {
    const given = (options as Record<string, unknown>)[name];
    if (given !== undefined && typeof given !== 'string') throw invalid(`options.${name}`, 'a string', given);
  }
  for (const name of ['idempotent', 'once'] as const) {
    const given = (options as Record<string, unknown>)[name];
    if (given !== undefined && typeof given !== 'boolean') throw invalid(`options.${name}`, 'true or false', given);
  }
  if (signal !== undefined && signal !== null) checkSignal(signal);
}
