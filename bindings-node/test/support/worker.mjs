// What the worker threads of `workers.test.mjs` do: `workerData.task` says which of these.

import { parentPort, workerData } from 'node:worker_threads';
import { CircuitBreaker, Registry } from 'fusewire';
import { countedByLanes } from 'fusewire/testing';

const { task, registry, name, options, shared } = workerData;
const mine = new Registry(registry);
const breaker = mine.get(name) ?? mine.getOrCreate(name, options);
const cells = shared === undefined ? undefined : new Int32Array(shared);

/** Never returns: only `terminate` ends this thread. */
function hang() {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

/** A call of each way by turns; every 50th fails, every 70th says nothing. */
export async function call(breaker, i) {
  const outcome = i % 50 === 49 ? 'failure' : i % 70 === 69 ? 'ignored' : 'success';
  const body = () => {
    if (outcome !== 'success') throw new Error(outcome);
  };
  try {
    if (i % 4 === 0) await breaker.execute(async () => body());
    else if (i % 4 === 1) breaker.acquire()[outcome === 'ignored' ? 'ignore' : outcome]();
    else breaker.executeSync(body);
  } catch (error) {
    if (error.message !== outcome) throw error;
  }
  return outcome;
}

const TASKS = {
  async calls({ calls, thenHangs }) {
    const counts = { success: 0, failure: 0, ignored: 0 };
    for (let i = 0; i < calls; i++) counts[await call(breaker, i)]++;
    parentPort.postMessage({ counts, alone: countedByLanes() });
    if (thenHangs) hang();
  },

  /** Calls until it is cut off: `cells[0]` counts those begun, `cells[1]` those ended. */
  spin() {
    for (;;) {
      Atomics.add(cells, 0, 1);
      breaker.executeSync(() => {});
      Atomics.add(cells, 1, 1);
      Atomics.notify(cells, 1);
    }
  },

  /** Makes a call whenever `cells[0]` goes up; `cells[1]` says of how many it has told, `cells[2]` what came of it. */
  obey() {
    for (let turn = 0; ; turn++) {
      while (Atomics.load(cells, 0) === turn) Atomics.wait(cells, 0, turn);
      Atomics.store(cells, 2, breaker.tryAcquire()?.success() === 'ok' ? 1 : -1);
      Atomics.store(cells, 1, turn + 1);
      Atomics.notify(cells, 1);
    }
  },

  /** With cells: for a thread that waits without a turn of its loop. It lets this one go by `cells[1]`. */
  transitions({ pairs }) {
    if (cells !== undefined) Atomics.wait(cells, 1, 0);
    for (let i = 0; i < pairs; i++) {
      breaker.trip(null, { actor: 'worker', reason: String(i) });
      breaker.reset();
    }
    const { generation } = breaker.snapshot();
    if (cells !== undefined) {
      Atomics.store(cells, 0, generation);
      Atomics.notify(cells, 0);
    }
    parentPort.postMessage(generation);
    hang();
  },

  /** Comes and goes with everything that an isolate can have. */
  guest({ thenHangs }) {
    const own = Array.from({ length: 20 }, (_, i) => new CircuitBreaker(`own-${i}`));
    for (const one of [breaker, ...own]) {
      one.on('stateChange', () => {});
      for (let i = 0; i < 40; i++) one.tryAcquire()?.success();
      one.trip();
    }
    breaker.reset();
    parentPort.postMessage('here');
    if (thenHangs) hang();
  },

  /** Holds a slot, settles when it is told, waits for one when it is told. */
  async holds() {
    let permit = breaker.acquire();
    parentPort.on('message', async (what) => {
      if (what === 'settle') permit.success();
      else {
        permit = await breaker.acquire({});
        parentPort.postMessage('has again');
        parentPort.close();
        permit.success();
      }
    });
    parentPort.postMessage('has');
  },

  /** Calls through the queue: `cells[0]` are there at once, `cells[1]` the most of them. */
  async share({ calls }) {
    const one = async () => {
      const now = Atomics.add(cells, 0, 1) + 1;
      for (let most = Atomics.load(cells, 1); now > most; most = Atomics.load(cells, 1)) {
        Atomics.compareExchange(cells, 1, most, now);
      }
      await new Promise((resolve) => setImmediate(resolve));
      Atomics.sub(cells, 0, 1);
    };
    for (let begun = 0; begun < calls; begun += 50) {
      await Promise.all(Array.from({ length: 50 }, () => breaker.execute(one)));
    }
    parentPort.postMessage('done');
  },

  /** Ends, or is cut off, with what it has. */
  async keeps({ thenHangs }) {
    globalThis.kept = [breaker.acquire(), breaker.acquire()];
    for (let i = 0; i < 3; i++) breaker.acquire({ priority: 'critical' }).catch(() => {});
    if (!thenHangs) parentPort.once('message', () => process.exit());
    parentPort.postMessage('has two, waits for three');
    if (thenHangs) hang();
  },

  flood() {
    for (;;) {
      breaker.trip();
      breaker.reset();
    }
  },

  /** Without end, and with breaths between: else the others would do nothing but read of it. */
  hammer() {
    const never = new Int32Array(new SharedArrayBuffer(4));
    for (let i = 0; ; i++) {
      breaker.trip();
      breaker.reset();
      breaker.tryAcquire()?.success();
      if (i % 4 === 3) Atomics.wait(never, 0, 0, 0.2);
    }
  },
};

await TASKS[task](workerData);
