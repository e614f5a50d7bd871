// Waits until calls are settled. A breaker tells of its transitions; what settles a call is its permit.

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { CircuitBreaker } from 'fusewire';

const permits = new EventEmitter();
const Permit = Object.getPrototypeOf(new CircuitBreaker('settled').acquire());
// Whichever of its methods it is that settles.
for (const [name, { value: method }] of Object.entries(Object.getOwnPropertyDescriptors(Permit))) hear(name, method);
hear(Symbol.dispose, Permit[Symbol.dispose]);

function hear(name, method) {
  if (typeof method !== 'function' || name === 'constructor') return;
  Permit[name] = function (...args) {
    const answer = method.apply(this, args);
    permits.emit('settled');
    return answer;
  };
}

/** An outcome, once it is there: the end of a body may be told after the reader has seen it. */
export async function settled(breaker, outcome, count = 1) {
  const totals = () => {
    const { success, failure, ignored } = breaker.snapshot().totals;
    return { success, failure, ignored };
  };
  while (totals()[outcome] < count) {
    await once(permits, 'settled', { signal: AbortSignal.timeout(10_000) }).catch(() =>
      assert.fail(`${count} ${outcome} awaited for ten seconds, there are ${JSON.stringify(totals())}`),
    );
  }
  assert.deepEqual(totals(), { success: 0, failure: 0, ignored: 0, [outcome]: count });
}
