// Leads the npm package through the scripts of tests/run-differential, by its stepper and by its loops, and prints what
// happened: `node tests/node/differential.mjs SCRIPTS`.

import { readFileSync } from 'node:fs';
import { Bench, HOSTS } from './differential/bench.mjs';
import { executed, executedInDetail } from './differential/loops.mjs';
import { stepped } from './differential/stepped.mjs';

const WAYS = [
  ['stepper', 'thread', stepped],
  ['stepper', 'task', stepped],
  ['execute', 'task', executed],
  ['executeDetailed', 'task', executedInDetail],
];

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error('usage: node tests/node/differential.mjs SCRIPTS');
  process.exit(2);
}
const scripts = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
for (const [number, script] of scripts.entries()) {
  for (const [way, host, lead] of WAYS) {
    const bench = new Bench(script.document, HOSTS[host]);
    for (const call of script.calls) {
      bench.begin(call);
      await lead(bench, call);
      bench.end();
      for (const step of call.then) await bench.take(step);
    }
    const sees = lead === stepped ? 'steps' : 'times';
    console.log(JSON.stringify({ script: number, way, host, sees, steps: bench.steps }));
  }
}
