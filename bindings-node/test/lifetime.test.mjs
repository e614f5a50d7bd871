// Breakers go when nobody has them, and nothing keeps a process alive. Each test is a process of its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from './support.mjs';

// What every script begins with.
const preface = `
  import { createRequire } from 'node:module';
  import { CircuitBreaker, ManualClock, Registry } from 'fusewire';
  const { slotOf } = createRequire(process.cwd() + '/x')('./dist/adoption.js');
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  // Collects until the slots that \`makeSlots\` gives are some that were there before, or gives up.
  async function collect(isDone) {
    for (let i = 0; i < 100; i++) {
      globalThis.gc();
      await turn();
      if (isDone()) return true;
    }
    return false;
  }
`;
const runs = (script, ...flags) => run(preface + script, '--expose-gc', ...flags);

test('a breaker that nobody has is collected, and its slot is used again', async () => {
  const answer = await runs(`
    const COUNT = 3000;
    let breakers = Array.from({ length: COUNT }, (_, i) => new CircuitBreaker('b' + i));
    for (const breaker of breakers) breaker.executeSync(() => breaker.executeSync(() => 1));
    const highest = Math.max(...breakers.map(slotOf));
    breakers = null;
    const reused = await collect(() => slotOf(new CircuitBreaker('probe')) < highest);
    const again = Array.from({ length: 1000 }, (_, i) => new CircuitBreaker('c' + i));
    for (const breaker of again) for (let i = 0; i < 3; i++) breaker.executeSync(() => 1);
    console.log(JSON.stringify({
      reused,
      stays: Math.max(...again.map(slotOf)) <= highest,
      exact: again.every((breaker) => breaker.snapshot().totals.success === 3 && breaker.state === 'closed'),
    }));
  `);
  assert.deepEqual(JSON.parse(answer), { reused: true, stays: true, exact: true });
});

test('a breaker stays while a call, a permit or a listener has it', async () => {
  const answer = await runs(`
    const told = [];
    const collected = new Set();
    const registry = new FinalizationRegistry((name) => collected.add(name));
    const make = (name, use) => {
      const breaker = new CircuitBreaker(name, { failureThreshold: 1 });
      registry.register(breaker, name);
      return use(breaker);
    };
    let finish;
    const call = make('call', (b) => b.execute(() => new Promise((resolve) => (finish = () => resolve(b.state)))));
    const permit = make('permit', (b) => b.acquire());
    make('listener', (b) => b.on('open', () => told.push('open')) && undefined);
    make('gone', (b) => void b.on('open', () => told.push('never')).removeAllListeners());
    make('unused', () => undefined);
    await collect(() => collected.has('gone') && collected.has('unused'));
    finish();
    console.log(JSON.stringify({ state: await call, settled: permit.failure(), open: permit.breaker.state, collected: [...collected].sort() }));
  `);
  const { collected, ...rest } = JSON.parse(answer);
  assert.deepEqual(rest, { state: 'closed', settled: 'ok', open: 'open' });
  assert.deepEqual(collected, ['gone', 'unused']);
});

test('a breaker that turned a call away is not kept by that, but by the error as long as it may be asked', async () => {
  const answer = await runs(`
    const collected = new Set();
    const registry = new FinalizationRegistry((name) => collected.add(name));
    function reject(name, call) {
      const breaker = new CircuitBreaker(name, { failureThreshold: 1 });
      registry.register(breaker, name);
      breaker.acquire().settle('failure', { errorType: 'io' });
      try { call(breaker) } catch (error) { return error }
    }
    const kept = reject('kept', (b) => b.acquire());
    reject('sync', (b) => b.executeSync(() => 1));
    await reject('async', (b) => b.execute(() => 1).catch(() => {}));
    reject('null', (b) => void b.tryAcquire());
    const gone = await collect(() => collected.size === 3);
    const { errorType } = kept.lastFailure;
    const all = await collect(() => collected.size === 4);
    console.log(JSON.stringify({ gone, errorType, all, again: kept.lastFailure.errorType }));
  `);
  assert.deepEqual(JSON.parse(answer), { gone: true, errorType: 'io', all: true, again: 'io' });
});

test('a registry keeps its breakers until they are removed', async () => {
  const answer = await runs(`
    const mine = new Registry('mine');
    mine.getOrCreate('kept').trip();
    mine.getOrCreate('removed');
    let removed = false;
    const registry = new FinalizationRegistry(() => (removed = true));
    (() => {
      registry.register(mine.get('removed'), 0);
      mine.remove('removed');
    })();
    const collected = await collect(() => removed);
    console.log(JSON.stringify([collected, mine.get('kept').state]));
  `);
  assert.deepEqual(JSON.parse(answer), [true, 'open']);
});

test('what waited for a breaker that is gone is not told to the one that has its slot', async () => {
  const answer = await runs(`
    const told = [];
    function first() {
      const breaker = new CircuitBreaker('first');
      breaker.once('stateChange', () => { breaker.trip(); breaker.removeAllListeners(); });
      breaker.trip();
      return slotOf(breaker);
    }
    const slot = first();
    let second;
    await collect(() => slotOf((second = new CircuitBreaker('second'))) === slot);
    second.on('stateChange', ({ breaker, generation }) => told.push([breaker, generation]));
    second.trip();
    console.log(JSON.stringify([slotOf(second) === slot, told]));
  `);
  assert.deepEqual(JSON.parse(answer), [true, [['second', 1]]]);
});

for (const [what, script] of Object.entries({
  'an open breaker': `new CircuitBreaker('a').trip();`,
  'a breaker with listeners': `new CircuitBreaker('a').on('open', () => {}).on('reject', () => {}).trip();`,
  'an iteration that waits': `
    const breaker = new CircuitBreaker('a');
    (async () => { for await (const _ of breaker); })();
  `,
  'a call that never ends': `void new CircuitBreaker('a').execute(() => new Promise(() => {}));`,
  'a call with a signal': `void new CircuitBreaker('a').execute(() => new Promise(() => {}), { signal: new AbortController().signal });`,
  'a permit that nobody settled': `globalThis.permit = new CircuitBreaker('a').acquire();`,
  'very many breakers': `
    const registry = new Registry('many');
    for (let i = 0; i < 20_000; i++) registry.getOrCreate('b' + i).executeSync(() => 1);
  `,
})) {
  test(`the process ends with ${what}`, async () => {
    assert.equal(await run(`${preface}${script}\nconsole.log('end');`), 'end');
  });
}

test('process.exit in a listener and in a call', async () => {
  assert.equal(
    await runs(`new CircuitBreaker('a').on('open', () => process.exit(0)).trip(); console.log('not reached');`),
    '',
  );
  assert.equal(
    await runs(`new CircuitBreaker('a').executeSync(() => process.exit(0)); console.log('not reached');`),
    '',
  );
});
