// Worker threads that share a breaker by name: one breaker, whichever of them acts, and also when one is cut off.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Registry } from 'fusewire';
import { countedByLanes } from 'fusewire/testing';
import { turn } from './support.mjs';

const REGISTRY = 'workers';
const OPTIONS = { failureThreshold: 1_000 };
const registry = new Registry(REGISTRY);
const started = new Set();
let names = 0;

after(() => Promise.all([...started].map((worker) => worker.terminate())));

/** A breaker of its own for each test. */
const shared = () => registry.getOrCreate(`shared-${++names}`, OPTIONS);

function start(breaker, task, more = {}) {
  const workerData = { task, registry: REGISTRY, name: breaker.name, options: OPTIONS, ...more };
  const worker = new Worker(new URL('./support/worker.mjs', import.meta.url), { workerData });
  started.add(worker);
  worker.once('exit', () => started.delete(worker));
  return worker;
}

/** A breaker with so many slots and a queue, of a test's own. */
const gated = (maxConcurrent) => {
  const bulkhead = { maxConcurrent, maxQueue: 1_000, queueTimeout: '1h' };
  return registry.getOrCreate(`gated-${++names}`, { ...OPTIONS, bulkhead });
};

const message = async (worker) => (await once(worker, 'message'))[0];

for (const thenHangs of [false, true]) {
  test(`totals are exact when workers ${thenHangs ? 'were cut off' : 'have ended'}`, async () => {
    const breaker = shared();
    const workers = Array.from({ length: 4 }, () => start(breaker, 'calls', { calls: 5_000, thenHangs }));
    const own = (async () => {
      const before = countedByLanes();
      for (let i = 0; i < 5_000; i++) await breaker.execute(async () => {});
      return { counts: { success: 5_000, failure: 0, ignored: 0 }, alone: countedByLanes() - before };
    })();
    const ended = workers.map((worker) => once(worker, 'exit'));
    const told = await Promise.all([own, ...workers.map(message)]);
    const sum = (kind) => told.reduce((n, { counts }) => n + counts[kind], 0);
    const expected = { success: sum('success'), failure: sum('failure') + sum('ignored'), ignored: 0 };
    // A permit that was told to ignore is ignored; what was thrown is a failure.
    const totals = () => {
      const { success, failure, ignored } = breaker.snapshot().totals;
      return { success, failure: failure + ignored, ignored: 0 };
    };
    assert.deepEqual(totals(), expected, 'while they live');
    if (thenHangs) await Promise.all(workers.map((worker) => worker.terminate()));
    await Promise.all(ended);
    assert.deepEqual(totals(), expected, 'when they are gone');
    assert.ok(told.every(({ alone }) => alone > 1_000), JSON.stringify(told));
  });
}

test('a slot that another thread gives back goes to who waits here, and the other way round', async () => {
  const breaker = gated(1);
  const worker = start(breaker, 'holds', { options: undefined });
  assert.equal(await message(worker), 'has');
  const here = breaker.acquire({});
  assert.equal(breaker.snapshot().bulkhead.queued, 1);
  worker.postMessage('settle');
  const permit = await here;
  const answer = message(worker);
  worker.postMessage('wait');
  while (breaker.snapshot().bulkhead.queued === 0) await turn();
  permit.success();
  assert.equal(await answer, 'has again');
  (await breaker.acquire({})).success();
  assert.deepEqual(breaker.snapshot().bulkhead.queued, 0);
});

test('threads that share slots and a queue lose no call, and never run more at once than there are slots', async () => {
  const breaker = gated(3);
  const cells = new Int32Array(new SharedArrayBuffer(8));
  const workers = Array.from({ length: 3 }, () => start(breaker, 'share', { shared: cells.buffer, calls: 2_000 }));
  const own = Array.from({ length: 500 }, () => breaker.execute(async () => turn()));
  const told = await Promise.all(workers.map(message));
  await Promise.all(own);
  assert.deepEqual(told, ['done', 'done', 'done']);
  const { bulkhead, totals } = breaker.snapshot();
  assert.deepEqual([bulkhead.inFlight, bulkhead.queued, totals.success], [0, 0, 6_500]);
  assert.ok(cells[1] >= 1 && cells[1] <= 3, `${cells[1]} at once`);
});

for (const isCutOff of [true, false]) {
  test(`a worker that ${isCutOff ? 'is cut off' : 'ends'} gives back its slots and its places in the queue`, async () => {
    const breaker = gated(2);
    const worker = start(breaker, 'keeps', { options: undefined, thenHangs: isCutOff });
    const ended = once(worker, 'exit');
    assert.equal(await message(worker), 'has two, waits for three');
    const here = [breaker.acquire({}), breaker.acquire({})];
    if (isCutOff) await worker.terminate();
    else worker.postMessage('end');
    await ended;
    for (const permit of await Promise.all(here)) permit.success();
    const { bulkhead, totals } = breaker.snapshot();
    assert.deepEqual([bulkhead.inFlight, bulkhead.queued, totals.success], [0, 0, 2]);
  });
}

test('a worker that is cut off in the midst of its calls loses none that has ended', async () => {
  for (let round = 0; round < 5; round++) {
    const breaker = shared();
    const cells = new Int32Array(new SharedArrayBuffer(8));
    const worker = start(breaker, 'spin', { shared: cells.buffer });
    while (Atomics.load(cells, 1) < 20_000) await Atomics.waitAsync(cells, 1, Atomics.load(cells, 1)).value;
    await worker.terminate();
    const [begun, ended] = cells;
    const { success } = breaker.snapshot().totals;
    assert.ok(ended <= success && success <= begun && begun - ended <= 1, `${ended} <= ${success} <= ${begun}`);
  }
});

test('a trip on one thread is seen by the very next call of another', async () => {
  const breaker = shared();
  const cells = new Int32Array(new SharedArrayBuffer(12));
  const worker = start(breaker, 'obey', { shared: cells.buffer });
  let turn = 0;
  const callThere = () => {
    Atomics.store(cells, 0, ++turn);
    Atomics.notify(cells, 0);
    while (Atomics.load(cells, 1) < turn) Atomics.wait(cells, 1, turn - 1);
    return Atomics.load(cells, 2) === 1;
  };
  await once(worker, 'online');
  for (let i = 0; i < 200; i++) {
    for (let n = 0; n < 1 + (i % 20); n++) assert.ok(callThere(), 'closed');
    assert.ok(breaker.tryAcquire()?.success());
    breaker.trip();
    assert.ok(!callThere(), 'open');
    assert.equal(breaker.tryAcquire(), null);
    breaker.reset();
  }
  const { rejected } = breaker.snapshot().totals;
  assert.equal(rejected.open, 400);
  await worker.terminate();
});

test('what another thread did reaches a listener, in order and without gaps', async () => {
  const breaker = shared();
  const events = [];
  const all = new Promise((resolve) => {
    breaker.on('stateChange', (event) => {
      events.push(event);
      if (event.generation === 400) resolve();
    });
  });
  const worker = start(breaker, 'transitions', { pairs: 200 });
  assert.equal(await message(worker), 400);
  await all;
  assert.deepEqual(
    events.map(({ generation, to, missed, reason }) => [generation, to, missed, reason]),
    Array.from({ length: 400 }, (_, i) => [i + 1, i % 2 ? 'closed' : 'open', 0, i % 2 ? null : String(i / 2)]),
  );
  breaker.removeAllListeners();
  await worker.terminate();
});

test('of several threads that act at once, a listener hears in order, and of what it missed', async () => {
  const breaker = shared();
  const events = [];
  const keep = (event) => events.push(event);
  breaker.on('stateChange', keep);
  const workers = [1, 2, 3].map(() => start(breaker, 'transitions', { pairs: 200 }));
  await Promise.all(workers.map(message));
  breaker.trip();
  breaker.reset();
  const { generation } = breaker.snapshot();
  let last = 0;
  for (const event of events) {
    assert.equal(event.generation, last + 1 + event.missed);
    last = event.generation;
  }
  assert.equal(last, generation);
  breaker.off('stateChange', keep);
  await Promise.all(workers.map((worker) => worker.terminate()));
});

test('who does not listen hears nothing', async () => {
  const breaker = shared();
  const events = [];
  const keep = (event) => events.push(event.generation);
  const first = start(breaker, 'transitions', { pairs: 20 });
  const generation = await message(first);
  breaker.on('stateChange', keep);
  breaker.trip();
  assert.deepEqual(events, [generation + 1]);
  breaker.off('stateChange', keep);
  const second = start(breaker, 'transitions', { pairs: 20 });
  await message(second);
  breaker.poll();
  assert.deepEqual(events, [generation + 1]);
  await Promise.all([first.terminate(), second.terminate()]);
});

/** How many events wait for this isolate; the package gives no way to say so, hence its inside. */
const { isolate } = createRequire(import.meta.url)('../dist/host.js');

/**
 * Transitions that threads make, one for each breaker, in a single turn of this one's loop: nothing of them is delivered.
 * Answers the generations that the breakers have then.
 */
async function transitionsMeanwhile(pairs, ...breakers) {
  const all = breakers.map((breaker) => {
    const cells = new Int32Array(new SharedArrayBuffer(8));
    return { cells, worker: start(breaker, 'transitions', { pairs, shared: cells.buffer }) };
  });
  await Promise.all(all.map(({ worker }) => once(worker, 'online')));
  return all.map(({ cells }) => {
    Atomics.store(cells, 1, 1);
    Atomics.notify(cells, 1);
    Atomics.wait(cells, 0, 0);
    return cells[0];
  });
}

test('what another thread did for listeners that are gone is told to nobody, and counted as missed by nobody', async () => {
  const breaker = shared();
  const told = [];
  breaker.on('stateChange', () => told.push('gone'));
  const [generation] = await transitionsMeanwhile(20, breaker);
  assert.equal(isolate.waiting(), 40);
  breaker.removeAllListeners();
  assert.equal(isolate.waiting(), 0);
  breaker.on('stateChange', (event) => told.push([event.generation, event.missed]));
  // What the other thread woke this one for comes with the turns of the loop.
  for (let i = 0; i < 3; i++) await turn();
  breaker.trip();
  assert.deepEqual(told, [[generation + 1, 0]]);
  breaker.removeAllListeners();
});

test('what waits for one breaker stays when the listeners of another go', async () => {
  const [one, other] = [shared(), shared()];
  const told = [];
  one.on('stateChange', () => told.push('gone'));
  const all = new Promise((resolve) => {
    other.on('stateChange', ({ generation }) => {
      told.push(generation);
      if (generation === 10) resolve();
    });
  });
  await transitionsMeanwhile(5, one, other, one);
  assert.equal(isolate.waiting(), 30);
  one.removeAllListeners();
  assert.equal(isolate.waiting(), 10);
  await all;
  assert.deepEqual(told, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  other.removeAllListeners();
  assert.equal(isolate.waiting(), 0);
});

test('what did not fit into the queue is missed by who listened then, not by who listens next', async () => {
  const breaker = shared();
  const told = [];
  const keep = ({ generation, missed }) => told.push([generation, missed]);
  breaker.on('stateChange', () => {});
  const [generation] = await transitionsMeanwhile(2_100, breaker);
  assert.equal(isolate.waiting(), 4_096);
  breaker.removeAllListeners();
  breaker.on('stateChange', keep);
  breaker.trip();
  assert.deepEqual(told.splice(0), [[generation + 1, 0]]);
  // The same, but for a listener that stays.
  const [last] = await transitionsMeanwhile(2_100, breaker);
  // For this one there is no room either; then all that waits is delivered.
  breaker.trip();
  breaker.reset();
  assert.deepEqual(told.slice(-2), [[generation + 1 + 4_096, 0], [last + 2, last - generation - 4_096]]);
  breaker.removeAllListeners();
});

test('a breaker that another thread took out of the registry is not found again', async () => {
  const breaker = shared();
  const worker = new Worker(
    `const { workerData } = require('node:worker_threads');
     const { Registry } = require(workerData.entry);
     new Registry(workerData.registry).remove(workerData.name);
     new Registry(workerData.registry).getOrCreate(workerData.name, { failureThreshold: 3 });`,
    {
      eval: true,
      workerData: {
        entry: fileURLToPath(new URL('../dist/index.js', import.meta.url)),
        registry: REGISTRY,
        name: breaker.name,
      },
    },
  );
  await once(worker, 'exit');
  const found = registry.get(breaker.name);
  assert.notEqual(found, breaker);
  assert.match(found.document(), /"failure_threshold":3/);
  assert.equal(registry.getOrCreate(breaker.name, { failureThreshold: 3 }), found);
  assert.equal(breaker.executeSync(() => 1), 1);
});

/** Runs a script in a process of its own; the time limit only ends what would hang. */
function run(...args) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    encoding: 'utf8',
    timeout: 120_000,
  });
  return { status, signal, stdout: stdout.trim(), stderr };
}

const ended = (stdout) => ({ status: 0, signal: null, stdout, stderr: '' });

test('workers that come and go, by themselves or cut off, crash nothing', () => {
  assert.deepEqual(run('support/guests.mjs', '25'), ended('all gone'));
});

test('a listener is not kept busy for ever by a thread that never stops', () => {
  assert.deepEqual(run('support/flooded.mjs'), ended('has turned'));
});

test('a process ends by itself while listeners and readers are there', () => {
  const body = `
    const { CircuitBreaker, Registry } = require('fusewire');
    const breaker = new Registry('exits').getOrCreate('a', { failureThreshold: 1 });
    const heard = [];
    breaker.on('open', () => heard.push('open')).on('reject', () => heard.push('reject'));
    (async () => { for await (const event of breaker.events()) heard.push(event.to); })();
    try { breaker.executeSync(() => { throw new Error('x'); }) } catch {}
    breaker.tryAcquire();
    new CircuitBreaker('b').on('stateChange', () => {}).trip();
    process.on('exit', () => console.log(heard.join(' ')));`;
  assert.deepEqual(run('-e', body), ended('open reject open'));
});

test('a process ends by itself after a worker that listened', () => {
  const body = `
    const { Worker } = require('node:worker_threads');
    const { Registry } = require('fusewire');
    const breaker = new Registry('exits').getOrCreate('a');
    breaker.on('stateChange', () => {});
    const inside = "const { Registry } = require('fusewire');" +
      "const breaker = new Registry('exits').getOrCreate('a');" +
      "breaker.on('stateChange', () => {}); breaker.trip();";
    new Worker(inside, { eval: true }).on('exit', (code) => console.log('worker', code, breaker.state));`;
  assert.deepEqual(run('-e', body), ended('worker 0 open'));
});

test('the package may be loaded twice in one isolate', () => {
  const body = `
    const first = require('fusewire');
    const a = new first.Registry('twice').getOrCreate('a', { failureThreshold: 2 });
    a.executeSync(() => {});
    for (const key of Object.keys(require.cache)) if (!key.endsWith('.node')) delete require.cache[key];
    const second = require('fusewire');
    const b = new second.Registry('twice').getOrCreate('a', { failureThreshold: 2 });
    for (let i = 0; i < 100; i++) { a.executeSync(() => {}); b.executeSync(() => {}); }
    b.trip();
    console.log(first === second, a === b, a.state, a.tryAcquire(), b.snapshot().totals.success);`;
  assert.deepEqual(run('-e', body), ended('false false open null 201'));
});
