// Interleaved timing: every subject of a group takes its turn in every round.

import { setImmediate as breathe } from 'node:timers/promises';
import { FAILING, WINDOWS } from './cases.mjs';

const now = () => Number(process.hrtime.bigint());

/** Nanoseconds of one call. */
async function turn(run, calls) {
  // Timers of breakers do their work between the turns.
  await breathe();
  const start = now();
  await run(calls);
  return (now() - start) / calls;
}

/** Long enough for the optimizer to have its say. */
const WARM_MS = 100;

/** Runs it warm, and finds how many calls last so long. */
async function warmUp(run, turnMs) {
  let best = Infinity;
  const start = now();
  for (let calls = 100; now() - start < WARM_MS * 1e6; calls = Math.min(calls * 2, 10_000)) {
    best = Math.min(best, await turn(run, calls));
  }
  return Math.max(1, Math.round((turnMs * 1e6) / best));
}

/** Figures of one group's subjects, by subject and round. */
async function measure(group, { rounds, turnMs }) {
  const made = [];
  for (const subject of group.subjects) made.push(await subject.make());
  const calls = [];
  for (const { run } of made) calls.push(await warmUp(run, turnMs));
  const figures = made.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < made.length; i++) figures[i].push(await turn(made[i].run, calls[i]));
  }
  made.forEach(({ end }) => end());
  globalThis.gc?.();
  return figures;
}

function sample(figures) {
  const sorted = [...figures].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], min: sorted[0] };
}

/** Each group's samples, pooled over the passes: a machine's moods last seconds. */
export async function timed(groups, effort) {
  const pools = groups.map((group) => group.subjects.map(() => []));
  for (let pass = 1; pass <= effort.passes; pass++) {
    for (const [g, group] of groups.entries()) {
      console.error(`measuring ${group.name} (${pass} of ${effort.passes})`);
      const turnMs = Math.min(effort.turnMs, group.longestTurnMs ?? Infinity);
      (await measure(group, { ...effort, turnMs })).forEach((figures, i) => pools[g][i].push(...figures));
    }
  }
  return pools.map((pool) => pool.map(sample));
}

/** Failing calls at a time: few, so that they do not change what the window holds. */
const FEW = 20;

/** Samples of failing calls, by window size and subject; each round has new breakers. */
export async function failingCalls(subjects, { fillings }) {
  const pools = WINDOWS.map(() => subjects.map(() => []));
  for (let round = -1; round < fillings; round++) {
    console.error(round < 0 ? `warming up ${FAILING}` : `measuring ${FAILING} (${round + 1} of ${fillings})`);
    for (const [w, calls] of WINDOWS.entries()) {
      for (const [i, { make }] of subjects.entries()) {
        // Before the first round, many small ones: what runs seldom would still be interpreted.
        for (let again = round < 0 ? 30 : 1; again > 0; again--) {
          const { run, end } = await make(round < 0 ? 100 : calls);
          const ns = await turn(run, FEW);
          if (round >= 0) pools[w][i].push(ns);
          end();
        }
      }
    }
    globalThis.gc?.();
  }
  return pools.map((pool) => pool.map(sample));
}
