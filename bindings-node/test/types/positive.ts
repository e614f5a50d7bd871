// What has to compile. The same file is compiled as an ES module and as CommonJS.

import fusewireByDefault, {
  CircuitBreaker,
  CircuitOpenError,
  ManualClock,
  Registry,
  TimeoutError,
  circuitBreaker,
  isCircuitBreakerError,
  isCircuitOpenError,
  isConfigError,
  isRequestError,
  isTimeoutError,
  recoveryOf,
  registry,
  requestPriority,
  version,
  type Attempts,
  type CircuitBreakerOptions,
  type Detailed,
  type DocumentOptions,
  type CallRequest,
  type FeatureState,
  type LastFailure,
  type Outcome,
  type Permit,
  type PermitPromise,
  type PolicyEvent,
  type Priority,
  type Reason,
  type Recovered,
  type SlotTable,
  type Settled,
  type Snapshot,
  type State,
  type Step,
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
  { rateLimit: { rate: 100, burst: 20, reserve: { critical: 5 }, adaptive: { max: 500, cooldown: '30s' } } },
  { rateLimit: { algorithm: 'leaky_bucket', rate: 10, maxWait: '2s' }, priority: { min: 'low', openBypass: 100 } },
  { rateLimit: { algorithm: 'sliding_window', limit: 100, window: 60_000 } },
  { bulkhead: { maxConcurrent: 10, maxQueue: 100, queueTimeout: { critical: '5s' }, reserved: { high: 2 } } },
  { concurrencyLimit: { kind: 'gradient', initial: 20, tolerance: 2, queueTimeout: 500 } },
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

// What a call asks for.
export async function requests(): Promise<Settled> {
  const request: CallRequest = { priority: 'high', cost: 2, deadline: breaker.now() + 200 };
  const waiting: PermitPromise = breaker.acquire({ ...request, signal: AbortSignal.timeout(500) });
  waiting.raise('critical');
  using permit: Permit = await waiting;
  const wait: number = permit.wait;
  const bypassed: boolean = permit.bypassed;
  same<typeof permit.wouldReject, Reason | null>(true);
  const a: string = await breaker.execute(async () => 'text', { priority: 75, signal: null });
  const b: number = breaker.executeSync(() => 5, { cost: 3 });
  const c: Permit | null = breaker.tryAcquire(request);
  void [wait, bypassed, a, b, c];
  return permit.success();
}
export const asked = breaker.wrap(async (level: Priority, rows: string[]) => rows.length, {
  priority: (level) => level,
  cost: (_, rows) => rows.length,
  deadline: () => breaker.now() + 10,
});
same<Parameters<typeof asked>, [level: Priority, rows: string[]]>(true);
export const askedConstantly = circuitBreaker(load, { priority: 'bulk', cost: 2 });
export const withRules = circuitBreaker(load, { priority: { min: 'low' }, deadline: (path) => path.length });
export const said: Priority | undefined = requestPriority(new Headers());
export const saidInNode: Priority | undefined = requestPriority({ 'x-request-priority': 'high', host: undefined });

export function policies(): boolean[] {
  breaker.on('policy', (event) => {
    same<typeof event, PolicyEvent>(true);
    if (event.kind === 'slots') same<typeof event.to, SlotTable>(true);
    if (event.kind === 'rate') same<typeof event.from, number>(true);
  });
  return [
    breaker.setMinPriority('high', { actor: 'me', reason: 'test' }),
    breaker.setSlots({ maxConcurrent: 5, reserved: { critical: 1 } }),
    breaker.setLimit(10, { actor: 'me' }),
    breaker.setRate(0.5),
    breaker.close({ reason: 'over' }),
  ];
}

export function errors(error: unknown): string {
  if (isCircuitOpenError(error)) {
    const { breaker, reason, retryAfter } = error;
    same<typeof retryAfter, number | null>(true);
    same<typeof error.lastFailure, LastFailure | null>(true);
    same<typeof error.lastFailure, Snapshot['lastFailure']>(true);
    same<typeof reason, Reason>(true);
    const known: Reason[] = ['open', 'half_open_full', 'ramp', 'forced_open', 'shed', 'rate_limited', 'bulkhead_full'];
    const more: Reason[] = ['queue_timeout', 'limit_reached', 'closed'];
    void [known, more];
    same<(typeof error)['code'], 'ERR_CIRCUIT_OPEN'>(true);
    return breaker;
  }
  if (isConfigError(error)) return error.key + error.allowed;
  if (isRequestError(error)) return error.field + error.value + error.allowed;
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

export async function recovering(): Promise<void> {
  const ask = circuitBreaker(async (id: number, options?: { signal?: AbortSignal }) => ({ id, options }), {
    name: 'ask',
    timeout: { kind: 'hybrid', min: 10 },
    retry: { maxAttempts: 3, backoff: { kind: 'adaptive', base: '5ms' }, on: ['timeout'], perMethod: { GET: 2 }, budget: false },
    fallback: ['cache', 'none'],
    fallbacks: { none: null },
    cache: { mode: 'read_through', coalesce: true },
    hedge: { after: 'p95' },
    features: { read: { requires: [], minHealth: 0.5 } },
    key: (id) => String(id.toFixed()),
    method: 'GET',
    idempotent: (id) => id > 0,
    feature: () => undefined,
    withSignal: (signal, id, options) => [id, { ...options, signal }],
    fallsBack: (error) => !isTimeoutError(error),
    retryAfter: () => 5,
  });
  const answer: { id: number } = await ask(1);
  const detailed: Detailed<number> = await breaker.executeDetailed(async () => 1, { key: 'a' });
  const limit: number | undefined = new TimeoutError('a', 5).timeout;
  const told: Recovered | undefined = recoveryOf(new Error('x'));
  const attempts: Attempts = breaker.attempts({ method: 'GET', feature: 'read' });
  const step: Step = attempts.next();
  if (step.kind === 'call') attempts.settle('failure', { status: 503, retryAfter: 5, fallback: false });
  else if (step.kind === 'wait') await new Promise((resolve) => setTimeout(resolve, step.milliseconds));
  else if (step.kind === 'use') attempts.answered(step.rung === 'cache');
  else void [step.outcome, step.attempts];
  const left: number | null = breaker.acquire().timeout;
  const state: FeatureState | undefined = breaker.snapshot().features?.['read']?.state;
  breaker.on('policy', (event) => {
    if (event.kind === 'feature') void [event.feature satisfies string, event.health satisfies number | null];
  });
  breaker.setUtilisation(0.5);
  void [answer, detailed, limit, told, left, state];
}
