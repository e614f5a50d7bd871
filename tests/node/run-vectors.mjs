// Runs the conformance vectors against the npm package.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { allowLanes, countedByLanes } from './fusewire.mjs';
import { run } from './case.mjs';

const OWN = fileURLToPath(new URL('../vectors', import.meta.url));
const USAGE = `usage: node tests/node/run-vectors.mjs [--vectors DIR] [--filter TEXT] [--lane on|off|both]

--lane both, the default, runs every case twice: with lanes, where JavaScript decides alone while nothing happens, and
without. A case is counted once, and passes if it passes in each run.`;

const LANES = { on: [true], off: [false], both: [true, false] };
const nameOf = (lane) => (lane ? 'on' : 'off');

function options(args) {
  const found = { vectors: OWN, filter: '', lane: 'both' };
  while (args.length > 0) {
    const arg = args.shift();
    if (arg === '-h' || arg === '--help') {
      console.log(USAGE);
      process.exit(0);
    }
    const key = arg.replace(/^--/, '');
    if (!arg.startsWith('--') || !(key in found)) throw new Error(`unknown argument ${arg}; ${USAGE}`);
    if (args.length === 0) throw new Error(`${arg} needs a value`);
    found[key] = args.shift();
  }
  if (!Object.hasOwn(LANES, found.lane)) throw new Error(`--lane is on, off or both, not ${found.lane}`);
  return found;
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`${file}: ${error.message}`);
  }
}

/** The files of a folder: those of its index, or all `.json` files when it has none. */
function filesOf(folder) {
  const index = join(folder, 'index.json');
  if (existsSync(index)) {
    const listed = read(index);
    return listed.files ?? listed;
  }
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json') && name !== 'schema.json')
    .sort();
}

const counts = { passed: 0, failed: 0, skipped: 0 };
const alone = { on: 0, off: 0 };

async function runWith(lane, given) {
  allowLanes(lane);
  const before = countedByLanes();
  const wrong = await run(given);
  alone[nameOf(lane)] += countedByLanes() - before;
  return wrong;
}

async function runCase(file, given, lanes) {
  const name = given.name ?? 'unnamed';
  const reason = given.skip?.node;
  if (reason !== undefined) {
    counts.skipped++;
    return console.log(`skipped ${file}: ${name}: ${reason}`);
  }
  for (const lane of lanes) {
    const wrong = await runWith(lane, given);
    if (wrong !== null) {
      counts.failed++;
      return console.log(`FAILED ${file}: ${name}: ${wrong} (lane ${nameOf(lane)})`);
    }
  }
  counts.passed++;
}

async function runAll({ vectors, filter, lane }) {
  for (const file of filesOf(vectors)) {
    const { topic = '', cases } = read(join(vectors, file));
    if (!Array.isArray(cases)) throw new Error(`${file}: no cases`);
    for (const given of cases) {
      if ([file, topic, given.name ?? 'unnamed'].some((text) => text.includes(filter))) {
        await runCase(file, given, LANES[lane]);
      }
    }
  }
}

/** Our own vectors, all of them, have calls that a lane decides; others need not. */
function laneFailure({ vectors, filter, lane }) {
  if (alone.off > 0) return 'a lane decided although there was none';
  const isAll = resolve(vectors) === resolve(OWN) && filter === '';
  return isAll && lane !== 'off' && alone.on === 0 ? 'no lane decided anything' : null;
}

async function main() {
  const wanted = options(process.argv.slice(2));
  await runAll(wanted);
  const said = LANES[wanted.lane].map((lane) => `${alone[nameOf(lane)]} with lane ${nameOf(lane)}`);
  console.log(`decided by JavaScript alone: ${said.join(', ')}`);
  const wrong = laneFailure(wanted);
  if (wrong !== null) console.log(`FAILED lanes: ${wrong}`);
  const { passed, failed, skipped } = counts;
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || passed + skipped === 0 || wrong !== null ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`run-vectors: ${error.message}`);
  process.exitCode = 2;
}
