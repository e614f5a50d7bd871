// One run: the script from its start to its end under a steady load, with a line for every tick.

import { setTimeout as sleep } from 'node:timers/promises';

export const RATE = 100;
export const LOOPS = 4;

const ENDINGS = { 200: 'answered', 502: 'failed', 503: 'rejected', 504: 'failed' };
const HEAD = '  time  phase      state      calls/s  upstream/s  failures/s  rejected/s       p50       p99';

export const millis = (latency) => (latency === undefined ? '-' : `${latency.toFixed(1)} ms`);

/** The smallest latency that at least this share of the calls do not exceed. */
export function percentile(calls, percent) {
  const latencies = calls.map((call) => call.latency).sort((a, b) => a - b);
  return latencies[Math.max(1, Math.ceil((latencies.length * percent) / 100)) - 1];
}

export const count = (calls, ending) => calls.filter((call) => call.ending === ending).length;

/** One request of a user. Its latency counts from when the plan began it: who began late kept the user waiting. */
async function one(url, began, planned, ended) {
  const response = await fetch(url);
  await response.arrayBuffer();
  ended.push({ planned, latency: performance.now() - began - planned, ending: ENDINGS[response.status] });
}

/** Calls begin when the plan says so, however long the others take. */
async function loop(first, url, began, duration, ended) {
  const calls = [];
  for (let planned = (first * 1000) / RATE; planned < duration; planned += (LOOPS * 1000) / RATE) {
    await sleep(Math.max(0, began + planned - performance.now()));
    calls.push(one(url, began, planned, ended));
  }
  await Promise.all(calls);
}

function line(at, phase, state, seconds, received, calls) {
  const perSecond = (number) => (number / seconds).toFixed(0);
  const failed = count(calls, 'failed') + count(calls, 'rejected');
  return [
    (at / 1000).toFixed(1).padStart(6),
    phase.padEnd(9),
    state.padEnd(9),
    perSecond(calls.length).padStart(7),
    perSecond(received).padStart(10),
    perSecond(failed).padStart(10),
    perSecond(count(calls, 'rejected')).padStart(10),
    millis(percentile(calls, 50)).padStart(8),
    millis(percentile(calls, 99)).padStart(8),
  ].join('  ');
}

/** What a run leaves behind: its calls, each with the phase in which it was planned, and what the upstream received. */
export async function run({ upstream, url, breaker, tick }) {
  const duration = await upstream.start();
  const began = performance.now();
  const ended = [];
  const load = Promise.all(Array.from({ length: LOOPS }, (_, first) => loop(first, url, began, duration, ended)));
  let isOver = false;
  const over = load.finally(() => (isOver = true));

  console.log(HEAD);
  const phases = new Map();
  let [before, seen, received] = [0, 0, 0];
  for (let next = tick; !isOver; next += tick) {
    await Promise.race([over, sleep(Math.max(0, began + next - performance.now()))]);
    const [now, { total }] = await Promise.all([upstream.phase(), upstream.stats()]);
    const at = performance.now() - began;
    if (!phases.has(now.phase)) phases.set(now.phase, at - now.elapsed_ms);
    if (isOver) break;
    const calls = ended.slice(seen);
    console.log(line(at, now.phase, breaker?.state ?? '-', (at - before) / 1000, total - received, calls));
    [before, seen, received] = [at, seen + calls.length, total];
  }
  await over;

  // On a machine with other work the script may be over before the last probes are: the upstream is well now, so a few
  // more calls bring the breaker back.
  for (const patience = performance.now() + 10_000; breaker && breaker.state !== 'closed'; ) {
    if (performance.now() > patience) break;
    await one(url, began, performance.now() - began, ended);
    await sleep(20);
  }
  const phaseAt = (time) => [...phases].findLast(([, from]) => from <= time)?.[0];
  const names = [...phases.keys()];
  for (const call of ended) call.phase = phaseAt(call.planned) ?? names[0];
  return { calls: ended, phases: names, received: await upstream.stats() };
}
