// Resident bytes of one breaker: a fresh process for each package builds many.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const CASE = 'bytes_per_breaker';
const BREAKERS = 100_000;

function resident() {
  for (let i = 0; i < 3; i++) globalThis.gc();
  return process.memoryUsage.rss();
}

/** In the child: what many breakers add, built, and after each was called once. */
async function weigh(peer) {
  const { DEFAULTS } = await import('./peers.mjs');
  const breakers = new Array(BREAKERS).fill(null);
  const [, warm] = DEFAULTS[peer](-1);
  for (let i = 0; i < 10_000; i++) await warm();
  const before = resident();
  for (let i = 0; i < BREAKERS; i++) breakers[i] = DEFAULTS[peer](i)[0];
  const built = resident();
  const calls = { fusewire: (b) => b.execute(nothing), cockatiel: (b) => b.execute(nothing), opossum: (b) => b.fire(1), mollitia: (b) => b.execute(1) };
  for (const breaker of breakers) await calls[peer](breaker);
  globalThis.kept = breakers;
  const used = resident();
  const each = (bytes) => Math.round((bytes - before) / BREAKERS);
  console.log(JSON.stringify({ built: each(built), used: each(used) }));
  process.exit(0);
}

const nothing = async () => 1;

/** Bytes of a breaker, by package: of three children the one in the middle. */
export function weights(peers) {
  const file = fileURLToPath(import.meta.url);
  return peers.map((peer) => {
    console.error(`measuring ${CASE} of ${peer}`);
    const options = { encoding: 'utf8', maxBuffer: 1 << 20, stdio: ['ignore', 'pipe', 'inherit'] };
    const runs = [1, 2, 3].map(() => JSON.parse(execFileSync(process.execPath, ['--expose-gc', file, peer], options)));
    const middle = (figure) => runs.map((run) => run[figure]).sort((a, b) => a - b)[1];
    return { peer, built: middle('built'), used: middle('used') };
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await weigh(process.argv[2]);
