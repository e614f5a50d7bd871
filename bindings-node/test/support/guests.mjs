// Workers come and go, by themselves and cut off, while another thread makes transitions that they all listen to.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Registry } from 'fusewire';

const rounds = Number(process.argv[2]);
const data = { registry: 'guests', name: 'shared', options: { recoveryTimeout: 60_000 } };
const breaker = new Registry(data.registry).getOrCreate(data.name, data.options);
breaker.on('stateChange', () => {});

const start = (more) => new Worker(new URL('./worker.mjs', import.meta.url), { workerData: { ...data, ...more } });
const hammer = start({ task: 'hammer' });

for (let round = 0; round < rounds; round++) {
  const guests = [true, false, true].map((thenHangs) => ({ thenHangs, worker: start({ task: 'guest', thenHangs }) }));
  await Promise.all(
    guests.map(async ({ worker, thenHangs }) => {
      const ended = once(worker, 'exit');
      await once(worker, 'message');
      if (thenHangs) await worker.terminate();
      await ended;
    }),
  );
  for (let i = 0; i < 100; i++) breaker.tryAcquire()?.success();
}
await hammer.terminate();
breaker.reset();
breaker.acquire().success();
console.log('all gone');
