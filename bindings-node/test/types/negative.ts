// What must not compile: each line under a comment is an error, and a comment without one is an error, too.

import { CircuitBreaker, ManualClock, Registry, circuitBreaker, registry, type CircuitBreakerOptions } from 'fusewire';
// @ts-expect-error -- nothing of the native part is shown
import { native } from 'fusewire';
// @ts-expect-error -- nor are the files behind the entries
import * as host from 'fusewire/dist/host';

const breaker = new CircuitBreaker('a');

// @ts-expect-error -- a name is needed
new CircuitBreaker();
// @ts-expect-error -- and a string
new CircuitBreaker(5);
// @ts-expect-error -- without `new` it is a decorator
CircuitBreaker('a', {});
// @ts-expect-error -- misspelt
new CircuitBreaker('a', { failureTreshold: 5 });
// @ts-expect-error -- a key of the document
new CircuitBreaker('a', { recovery_timeout: 5 });
// @ts-expect-error -- no unit
new CircuitBreaker('a', { recoveryTimeout: '30' });
// @ts-expect-error -- no such unit
new CircuitBreaker('a', { recoveryTimeout: '3d' });
// @ts-expect-error -- null is no value
new CircuitBreaker('a', { recoveryTimeout: null });
// @ts-expect-error -- a window has a kind
new CircuitBreaker('a', { window: { size: 5 } });
// @ts-expect-error -- of another kind
new CircuitBreaker('a', { window: { kind: 'count', period: 5 } });
// @ts-expect-error -- of another kind
new CircuitBreaker('a', { window: { kind: 'time', memoryCalls: 5 } });
// @ts-expect-error -- misspelt in a table
new CircuitBreaker('a', { window: { kind: 'adaptive', ceiling: 1 } });
// @ts-expect-error -- no such mode
new CircuitBreaker('a', { mode: 'off' });
// @ts-expect-error -- no function
new CircuitBreaker('a', { isFailure: true });
// @ts-expect-error -- a predicate answers at once
new CircuitBreaker('a', { isFailure: async () => true });
// @ts-expect-error -- a clock has to be made
new CircuitBreaker('a', { clock: ManualClock });

// @ts-expect-error -- the result is a promise
breaker.execute(async () => 5).toFixed();
// @ts-expect-error -- of a number
export const text: Promise<string> = breaker.execute(async () => 5);
// @ts-expect-error -- no function
breaker.execute(Promise.resolve(5));
// @ts-expect-error -- no such option of a call
breaker.execute(async () => 5, { timeout: 5 });
// @ts-expect-error -- no signal
breaker.execute(async () => 5, { signal: new AbortController() });
// @ts-expect-error -- nobody waits who could be called off
breaker.executeSync(() => 5, { signal: AbortSignal.abort() });
// @ts-expect-error -- no such level
breaker.execute(async () => 5, { priority: 'urgent' });
// @ts-expect-error -- a number
breaker.tryAcquire({ cost: '5' });
// @ts-expect-error -- it may have to wait
breaker.acquire({ priority: 'low' }).success();
// @ts-expect-error -- a constant deadline would soon be over
breaker.wrap(async () => 5, { deadline: 5 });
// @ts-expect-error -- a level, or nothing
breaker.wrap(async () => 5, { priority: () => 'urgent' });
// @ts-expect-error -- how many is needed
new CircuitBreaker('a', { bulkhead: { maxQueue: 5 } });
// @ts-expect-error -- of another algorithm
new CircuitBreaker('a', { rateLimit: { algorithm: 'fixed_window', burst: 5 } });
// @ts-expect-error -- no such level
new CircuitBreaker('a', { bulkhead: { maxConcurrent: 5, reserved: { urgent: 1 } } });
// @ts-expect-error -- who and why come second
breaker.setMinPriority({ actor: 'me' });

const wrapped = breaker.wrap(async function (this: Date, path: string) {
  return path.length + this.getTime();
});
// @ts-expect-error -- `this` is missing
wrapped('a');
// @ts-expect-error -- an argument of another type
wrapped.call(new Date(), 5);
// @ts-expect-error -- no breaker on it
wrapped.breaker;
// @ts-expect-error -- read-only
circuitBreaker(async () => 5).breaker = breaker;
// @ts-expect-error -- misspelt
circuitBreaker(async () => 5, { nam: 'a' });
// @ts-expect-error -- a function of the arguments
circuitBreaker(async () => 5, { signal: AbortSignal.abort() });
// @ts-expect-error -- an argument of another type
circuitBreaker(async (id: number) => id, { fallback: (_, id: string) => id });
// @ts-expect-error -- no signal
breaker.wrap(async (id: number) => id, { signal: (id) => id });
// @ts-expect-error -- a breaker has no function whose signal it could be
new CircuitBreaker('a', { signal: () => undefined });
// @ts-expect-error -- read-only
registry.size = 5;
// @ts-expect-error -- what classifies stays
registry.reconfigure('a', { fallback: () => 5 });

export class Service {
  // @ts-expect-error -- the method becomes async, so it has to be
  @CircuitBreaker()
  now(): number {
    return 5;
  }

  // @ts-expect-error -- no method
  @CircuitBreaker()
  field = 5;

  // @ts-expect-error -- parentheses
  @CircuitBreaker
  async bare(): Promise<void> {}
}

// @ts-expect-error -- no such outcome
breaker.acquire().settle('abandoned');
// @ts-expect-error -- perhaps there is none
breaker.tryAcquire().success();
// @ts-expect-error -- no such event
breaker.on('opened', () => {});
// @ts-expect-error -- another event's argument
breaker.on('open', (error: import('fusewire').CircuitOpenError) => error.retryAfter);
// @ts-expect-error -- a listener of a transition gets one
breaker.once('close', (a, b) => b);
// @ts-expect-error -- the same for those that prepend
breaker.prependListener('half_open', () => {});

// @ts-expect-error -- no unit
breaker.trip('5');
// @ts-expect-error -- who and why come second
breaker.trip({ actor: 'me' });
// @ts-expect-error -- misspelt
breaker.reset({ actr: 'me' });
// @ts-expect-error -- no such mode
breaker.setMode('open');
// @ts-expect-error -- read-only
breaker.state = 'open';
// @ts-expect-error -- what classifies stays
breaker.reconfigure({ isFailure: () => true });
// @ts-expect-error -- what stands in the document
CircuitBreaker.fromDocument('a', {}, { failureThreshold: 5 });
// @ts-expect-error -- perhaps there is none
registry.get('a').state;
// @ts-expect-error -- private
breaker.slot;
// @ts-expect-error -- internal
breaker.settleSlip;
// @ts-expect-error -- internal
new ManualClock().native;
// @ts-expect-error -- a string
new Registry(5);

export const unused: [CircuitBreakerOptions?, unknown?, unknown?] = [undefined, native, host];
