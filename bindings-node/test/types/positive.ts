// What has to compile. The same file is compiled as an ES module and as CommonJS.

import fusewireByDefault, {
  CircuitBreaker,
  CircuitOpenError,
  ManualClock,
  Registry,
  circuitBreaker,
  isCircuitBreakerError,
  isCircuitOpenError,
  isConfigError,
  registry,
  version,
  type CircuitBreakerOptions,
  type DocumentOptions,
  type LastFailure,
  type Outcome,
  type Permit,
  type Settled,
  type Snapshot,
  type State,
  type TransitionEvent,
} from 'fusewire';
import { ManualClock as SameClock, allowLanes, countedByLanes } from 'fusewire/testing';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Equal<A, B>): void => {};

const breaker = new CircuitBreaker('a', { failureThreshold: 3, recoveryTimeout: '30s', window: undefined });
const named: CircuitBreaker = breaker;
export const bare = new CircuitBreaker('a');
export const classes: (typeof CircuitBreaker)[] = [fusewireByDefault.CircuitBreaker];

export const options: CircuitBreakerOptions[] = [
  {},
  { window: { kind: 'count', size: 10, minCalls: 5, failureRate: 0.5 } },
  { window: { kind: 'time', period: 60_000, buckets: 6, slowCallRate: 0.5 }, slowCallDuration: 500 },
  { window: { kind: 'adaptive', period: '60s', failureRate: 0.5, floor: 0.1, memoryCalls: 100, minFailures: 3 } },
  { backoff: { kind: 'exponential', multiplier: 2, max: '1h', jitter: 0.1, resetAfter: 5000 } },
  { ramp: {}, mode: 'shadow' },
  { ramp: { initial: 0.1, step: 0.1, windowCalls: 10, maxFailureRate: 0.1, stepTimeout: '1m' } },
  { ignore: (error) => error instanceof TypeError, isFailure: (error) => (error as { status: number }).status >= 500 },
  { isFailureResult: (response: Response) => response.status >= 500, errorType: () => 503 },
  { fallback: (error) => error.retryAfter, clock: new ManualClock() },
];

// Calls answer what the function answers.
export async function calls(): Promise<void> {
  same<Promise<number>, ReturnType<typeof breaker.execute<number>>>(true);
  const a: string = await breaker.execute(async () => 'text');
  const b: number = await breaker.execute(() => 5);
  const c: string = await breaker.execute(async (signal) => String(signal?.aborted), {
    signal: AbortSignal.timeout(5),
  });
  const d: Response = await breaker.execute((signal) => fetch('https://example.org', { signal: signal ?? null }));
  const e: number = breaker.executeSync(() => 5);
  void [a, b, c, d, e];
}

// Wrapping keeps this, arguments and the result.
async function load(this: { base: string }, path: string, depth?: number): Promise<string[]> {
  return [this.base + path, String(depth)];
}
const wrapped = breaker.wrap(load);
same<typeof wrapped, (this: { base: string }, path: string, depth?: number) => Promise<string[]>>(true);
const wrappedSync = breaker.wrap((n: number) => n * 2);
same<ReturnType<typeof wrappedSync>, Promise<number>>(true);
const guarded = circuitBreaker(load, { name: 'load', failureThreshold: 2 });
same<Awaited<ReturnType<typeof guarded>>, string[]>(true);
export const itsBreaker: CircuitBreaker = guarded.breaker;
export const shared = circuitBreaker(async () => 1, breaker);

// A fallback and a signal get what the function gets.
export const withFallback = circuitBreaker(load, {
  fallback(error, path, depth) {
    same<typeof error, CircuitOpenError>(true);
    same<[typeof path, typeof depth], [string, number | undefined]>(true);
    return [path];
  },
  signal(path, depth) {
    same<[typeof path, typeof depth], [string, number | undefined]>(true);
    return this.base === path ? AbortSignal.timeout(5) : null;
  },
});
same<Parameters<typeof withFallback>, [path: string, depth?: number]>(true);
same<ThisParameterType<typeof withFallback>, { base: string }>(true);
same<Awaited<ReturnType<typeof withFallback>>, string[]>(true);
export const withOne = circuitBreaker(async (id: number) => id, { fallback: (_: CircuitOpenError, id: number) => -id });
same<Awaited<ReturnType<typeof withOne>>, number>(true);
export const withSignal = breaker.wrap(async (url: string, init?: RequestInit) => fetch(url, init), {
  signal: (_, init) => init?.signal,
});
same<Parameters<typeof withSignal>, [url: string, init?: RequestInit]>(true);
same<Awaited<ReturnType<typeof withSignal>>, Response>(true);

export class Service {
  @CircuitBreaker({ failureThreshold: 3 })
  async get(path: string): Promise<string> {
    return path;
  }

  @CircuitBreaker(breaker)
  static async all(): Promise<number[]> {
    return [];
  }

  @CircuitBreaker()
  async none(): Promise<void> {}
}

export function permits(): Settled {
  using permit: Permit = breaker.acquire();
  const maybe: Permit | null = breaker.tryAcquire();
  const outcome: Outcome = 'ignored';
  maybe?.settle(outcome, { duration: 5 });
  maybe?.settle('failure', { errorType: 'timeout' });
  permit.failure(new Error());
  return permit.success();
}

export function errors(error: unknown): string {
  if (isCircuitOpenError(error)) {
    const { breaker, reason, retryAfter } = error;
    same<typeof retryAfter, number | null>(true);
    same<typeof error.lastFailure, LastFailure | null>(true);
    same<typeof error.lastFailure, Snapshot['lastFailure']>(true);
    same<typeof reason, 'open' | 'half_open_full' | 'ramp' | 'forced_open'>(true);
    same<(typeof error)['code'], 'ERR_CIRCUIT_OPEN'>(true);
    return breaker;
  }
  if (isConfigError(error)) return error.key + error.allowed;
  if (isCircuitBreakerError(error)) return error.code;
  return error instanceof CircuitOpenError ? error.message : version;
}
export const made: Error[] = [
  new CircuitOpenError('a', 'open', 5),
  new CircuitOpenError('a', 'open', null, { errorType: 'timeout', at: 5 }),
];

export async function events(): Promise<void> {
  breaker
    .on('open', (event) => same<typeof event, TransitionEvent>(true))
    .once('reject', (error) => same<typeof error, CircuitOpenError>(true))
    .off('open', (event: TransitionEvent) => event.generation)
    .removeAllListeners('close');
  for await (const { from, counts, actor } of breaker) void [from, counts.failures, actor?.length];
  for await (const event of breaker.events({ signal: AbortSignal.abort() })) same<typeof event, TransitionEvent>(true);
}

export function byHand(): void {
  breaker.trip();
  breaker.trip(5000, { actor: 'me', reason: 'test' });
  breaker.trip('5m');
  breaker.trip(null, { actor: 'me' });
  breaker.halfOpen();
  breaker.reset({ actor: 'me' });
  breaker.setMode('forced_open');
  const rules: DocumentOptions = { failureThreshold: 4 };
  const changed: boolean = breaker.reconfigure(rules);
  const snapshot: Snapshot = breaker.snapshot();
  const state: State = snapshot.state;
  const rate: number | null | undefined = snapshot.window?.failureRate;
  void [changed, state, rate, named];
}

export class Mine extends CircuitBreaker {
  constructor() {
    super('mine', { failureThreshold: 2 });
  }
  override execute<T>(fn: (signal?: AbortSignal) => T | PromiseLike<T>): Promise<T> {
    return super.execute(fn);
  }
}

export const mine: Registry = new Registry('mine');
export const found: CircuitBreaker | undefined = registry.get('a');
export const fromDocument: CircuitBreaker = CircuitBreaker.fromDocument(
  'a',
  { recovery_timeout: '5s' },
  { isFailure: () => true },
);
class Named extends CircuitBreaker {
  readonly tag = 5;
}
export const ofClass: number = Named.fromDocument('a', {}).tag;
export const changedByName: boolean = mine.reconfigure('a', { failureThreshold: 4 }, { actor: 'me' });
export const all: [CircuitBreaker[], string[], number, boolean] = [[...mine], mine.names(), mine.size, mine.has('a')];
export const clock: ManualClock = new SameClock();
allowLanes(true);
export const counted: number = countedByLanes();
