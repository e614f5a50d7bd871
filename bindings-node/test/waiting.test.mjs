// What calls that wait keep alive, and for how long; and what is left when nobody has them. Each test is a process of its
// own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from './support.mjs';

const preface = `
  import { CircuitBreaker, ManualClock } from 'fusewire';
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  async function collect(isDone) {
    for (let i = 0; i < 200 && !isDone(); i++) {
      globalThis.gc();
      await turn();
    }
    return isDone();
  }
  const bulkhead = (more) => ({ bulkhead: { maxConcurrent: 1, maxQueue: 100_000, queueTimeout: 30, ...more } });
`;
const runs = (script) => run(preface + script, '--expose-gc');

test('a process stays until a wait has ended', async () => {
  const answer = await runs(`
    const breaker = new CircuitBreaker('a', bulkhead());
    globalThis.permit = breaker.acquire();
    await breaker.acquire({}).catch(({ reason }) => console.log(reason));
  `);
  assert.equal(answer, 'queue_timeout');
});

test('a process stays until a paced call has had its turn', async () => {
  const answer = await runs(`
    const breaker = new CircuitBreaker('a', { rateLimit: { algorithm: 'leaky_bucket', rate: 50 } });
    breaker.acquire().success();
    await breaker.execute(() => console.log('called'));
  `);
  assert.equal(answer, 'called');
});

test('a process ends when its last wait was granted or cancelled, however long its timeout', async () => {
  const answer = await runs(`
    const breaker = new CircuitBreaker('a', bulkhead({ queueTimeout: '1h' }));
    const holder = breaker.acquire();
    const controller = new AbortController();
    breaker.acquire({ signal: controller.signal }).catch(({ name }) => console.log(name));
    breaker.execute(() => console.log('called'));
    controller.abort();
    holder.success();
  `);
  assert.deepEqual(answer.split('\n').sort(), ['AbortError', 'called']);
});

test('a breaker stays while a call waits, and goes when it has ended', async () => {
  const answer = await runs(`
    const collected = [];
    const registry = new FinalizationRegistry((name) => collected.push(name));
    const clock = new ManualClock();
    let told;
    (() => {
      const breaker = new CircuitBreaker('a', { clock, ...bulkhead() });
      registry.register(breaker, 'a');
      const holder = breaker.acquire();
      breaker.acquire({}).catch(({ reason }) => (told = reason));
      holder.wait;
      globalThis.holder = holder;
    })();
    for (let i = 0; i < 10; i++) { globalThis.gc(); await turn() }
    const before = [...collected];
    clock.advance(30);
    await turn();
    globalThis.holder = undefined;
    console.log(JSON.stringify({ before, told, gone: await collect(() => collected.length === 1) }));
  `);
  assert.deepEqual(JSON.parse(answer), { before: [], told: 'queue_timeout', gone: true });
});

test('a permit that is collected before it was settled gives its slot to who waits', async () => {
  const answer = await runs(`
    const breaker = new CircuitBreaker('a', bulkhead({ queueTimeout: '1h' }));
    (() => void breaker.acquire())();
    (() => void breaker.tryAcquire())();
    let got;
    breaker.acquire({}).then((permit) => (got = permit));
    const granted = await collect(() => got !== undefined);
    got.success();
    // Settled ones are collected without a trace.
    for (let i = 0; i < 1000; i++) breaker.acquire().success();
    for (let i = 0; i < 10; i++) { globalThis.gc(); await turn() }
    const { bulkhead: { inFlight }, totals: { success, ignored } } = breaker.snapshot();
    console.log(JSON.stringify({ granted, inFlight, success, ignored }));
    process.exit();
  `);
  assert.deepEqual(JSON.parse(answer), { granted: true, inFlight: 0, success: 1001, ignored: 1 });
});

test('calls that never end are let go with their breaker, and the next breaker in its place is whole', async () => {
  const answer = await runs(`
    for (let i = 0; i < 200; i++) {
      const breaker = new CircuitBreaker('b' + i, bulkhead());
      breaker.execute(() => new Promise(() => {}));
    }
    for (let i = 0; i < 10; i++) { globalThis.gc(); await turn() }
    const breakers = Array.from({ length: 300 }, (_, i) => new CircuitBreaker('c' + i, bulkhead()));
    const permits = breakers.map((breaker) => breaker.acquire());
    for (let i = 0; i < 10; i++) { globalThis.gc(); await turn() }
    const isFull = breakers.every((breaker) => breaker.tryAcquire() === null);
    permits.forEach((permit) => permit.success());
    console.log(JSON.stringify([isFull, breakers.every((breaker) => breaker.snapshot().bulkhead.inFlight === 0)]));
  `);
  assert.deepEqual(JSON.parse(answer), [true, true]);
});

test('waits that were granted, cancelled, refused and timed out leave no memory behind', async () => {
  const answer = await runs(`
    const clock = new ManualClock();
    const breaker = new CircuitBreaker('a', { clock, ...bulkhead() });
    const signals = new AbortController();
    async function round() {
      const holder = breaker.acquire();
      const waits = Array.from({ length: 500 }, (_, i) => {
        if (i % 4 === 3) return breaker.execute(() => i);
        const controller = new AbortController();
        if (i % 4 === 0) setImmediate(() => controller.abort());
        // One signal for many calls must not gather their listeners.
        return breaker.acquire({ signal: i % 4 === 1 ? signals.signal : controller.signal, deadline: clock.now() + 5 });
      });
      const all = Promise.allSettled(waits);
      await turn();
      clock.advance(5);
      holder.success();
      await all;
    }
    const heap = async () => { for (let i = 0; i < 5; i++) { globalThis.gc(); await turn() } return process.memoryUsage().heapUsed };
    for (let i = 0; i < 20; i++) await round();
    const before = await heap();
    for (let i = 0; i < 200; i++) await round();
    console.log(JSON.stringify({ grown: (await heap()) - before, queued: breaker.snapshot().bulkhead.queued }));
  `);
  const { grown, queued } = JSON.parse(answer);
  assert.equal(queued, 0);
  // 100,000 waits; a wait that stayed would be 500 bytes and more.
  assert.ok(grown < 1_000_000, `${grown} bytes`);
});
