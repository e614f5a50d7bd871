// A listener lives on while another thread makes transitions without end.

import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Registry } from 'fusewire';

const workerData = { task: 'flood', registry: 'flooded', name: 'shared' };
const breaker = new Registry(workerData.registry).getOrCreate(workerData.name);
const heard = once(breaker, 'open');
breaker.on('stateChange', () => {});
const worker = new Worker(new URL('./worker.mjs', import.meta.url), { workerData });
await heard;
for (let turn = 0; turn < 20; turn++) await setImmediate();
await worker.terminate();
console.log('has turned');
