// The targets, each with the figure that was measured.

import { FAILING, WINDOWS } from './cases.mjs';
import { CASE as MEMORY } from './memory.mjs';
import * as recovering from './recovering.mjs';

export function print(rows) {
  const find = (name, peer = 'fusewire') => rows.find((row) => row.line === name && row.column === peer);
  /** A figure by medians, and by minima, which a busy machine disturbs less. */
  const both = (of) => [of('ns'), of('ns_min')];
  const ns = (name) => both((figure) => find(name)?.[figure]);
  const share = (name, peer) => both((figure) => find(name)?.[figure] / find(name, peer)?.[figure]);
  const spread = both((figure) => {
    const costs = WINDOWS.map((size) => find(`${FAILING}_${size}`)?.[figure] + find(`${FAILING}_${size}`, 'bare')?.[figure]);
    return Math.max(...costs) / Math.min(...costs);
  });
  const targets = [
    ["consecutive, of cockatiel's ConsecutiveBreaker", 0.6, share('async_closed_consecutive', 'cockatiel')],
    ["consecutive, of opossum's", 0.25, share('async_closed_consecutive', 'opossum')],
    ["count window, of cockatiel's CountBreaker", 1, share('async_closed_count_100', 'cockatiel')],
    ["time window, of cockatiel's SamplingBreaker", 1, share('async_closed_time', 'cockatiel')],
    ["1 % failures, consecutive, of cockatiel's", 1, share('async_failures_1pct', 'cockatiel')],
    ["rejection thrown and caught, of cockatiel's", 0.5, share('async_open_rejected', 'cockatiel')],
    ['bytes of each of 100,000 breakers (RSS)', 1500, [find(MEMORY)?.bytes]],
    ['failing call, window of 100,000 over one of 100', 1.5, spread],
    ['executeSync, ns', 30, ns('closed_consecutive')],
    ...recovering.targets(find),
  ];
  console.log('\nTargets, by medians (by minima)');
  for (const [what, limit, [figure, min]] of targets) {
    const known = Number.isFinite(figure);
    const verdict = known ? (figure <= limit ? 'met' : 'missed') : 'not measured';
    const text = known ? figure.toFixed(2) + (min === undefined ? '' : ` (${min.toFixed(2)})`) : '-';
    console.log(`  ${what.padEnd(48)}${`at most ${limit}`.padStart(14)}${text.padStart(16)}  ${verdict}`);
  }
}
