// Benchmarks of fusewire beside its peers: one process, interleaved, one table. See `--help`.

import { HELP, effort, parse } from './args.mjs';

let args;
try {
  args = parse(process.argv.slice(2));
} catch (error) {
  console.error(`bench-node: ${error.message}`);
  process.exit(2);
}
if (args.help) console.log(HELP);
else await bench();

async function bench() {
  const [cases, gates, recovering, { failingCalls, timed }, memory, { PEERS }, { compared, row, write }, table, targets] = await Promise.all(
    ['cases', 'gates', 'recovering', 'measure', 'memory', 'peers', 'rows', 'table', 'targets'].map((name) => import(`./${name}.mjs`)),
  );
  const wants = (name) => name.includes(args.text);
  const all = [...cases.groups(), ...gates.groups(), ...recovering.groups()];
  const groups = all.filter(({ name, subjects }) => wants(name) || subjects.some((s) => s.case && wants(s.case)));
  const rows = (await timed(groups, effort(args))).flatMap((samples, g) => compared(groups[g].subjects, samples, groups[g].name));
  if (cases.WINDOWS.some((size) => wants(`${cases.FAILING}_${size}`))) {
    const subjects = cases.failing();
    const samples = await failingCalls(subjects, effort(args));
    cases.WINDOWS.forEach((size, w) => rows.push(...compared(subjects, samples[w], `${cases.FAILING}_${size}`)));
  }
  if (wants(memory.CASE)) {
    for (const { peer, built, used } of memory.weights(Object.keys(PEERS))) {
      rows.push(row(peer, memory.CASE, { bytes: used, note: 'RSS, called once' }));
      rows.push(row(peer, memory.CASE, { bytes: built, note: 'RSS, built and never called', line: `${memory.CASE}, built` }));
    }
  }
  if (rows.length === 0) {
    console.error('bench-node: no case has that text in its name');
    process.exit(1);
  }
  table.print(rows);
  targets.print(rows);
  write(rows);
}
