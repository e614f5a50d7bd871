// Which subjects stand side by side in which case; the first is what the others are compared with.

import { PEERS } from './peers.mjs';
import { loop, work, workSync } from './work.mjs';

const CASES = [
  ['async_closed_default', 'default', 'success'],
  ['async_closed_consecutive', 'consecutive', 'success'],
  ['async_closed_consecutive_timed', 'timed', 'success'],
  ['async_closed_count_100', 'count', 'success'],
  ['async_closed_time', 'time', 'success'],
  ['async_failures_1pct', 'consecutive', 'failures'],
  ['async_failures_1pct_count_100', 'count', 'failures'],
  ['async_failures_1pct_time', 'time', 'failures'],
  ['async_open_rejected', 'consecutive', 'rejected'],
];

const plain = (guard, scenario) => async () => ({ run: loop(scenario, guard), end() {} });

const noop = async (fn) => await fn();
const noopSync = (fn) => fn();
const bare = (scenario) => plain(scenario === 'sync' ? (i) => workSync(i) : (i) => work(i), scenario);

const subject = (peer, make, note = '', column = peer) => ({ peer, make, note, column });

/** A peer's subject for a policy in a scenario, if it has that rule. */
function offered(peer, style, policy, scenario, column = peer) {
  const offer = PEERS[peer][style];
  const tried = offer?.(policy);
  if (!tried) return [];
  tried.end();
  const make = async () => {
    const { guard, open, end } = offer(policy);
    if (scenario === 'rejected') await open();
    return { run: loop(scenario, guard), end };
  };
  return [subject(peer, make, tried.note, column)];
}

function calls([name, policy, scenario]) {
  const reference = scenario === 'rejected' ? 'success' : scenario;
  const subjects = [subject('bare', bare(reference))];
  for (const peer of Object.keys(PEERS)) subjects.push(...offered(peer, 'execute', policy, scenario));
  return { name, subjects };
}

/** The bare call twice, to see how far two equal figures differ, and an empty wrapper. */
function references(prefix, scenario, wrapper) {
  const named = (line, subject) => ({ ...subject, case: line.replace(' (again)', ''), line });
  return {
    name: `${prefix}noop`,
    subjects: [
      named(`${prefix}bare`, subject('bare', bare(scenario))),
      named(`${prefix}bare (again)`, subject('bare', bare(scenario), 'the same once more')),
      named(scenario === 'sync' ? 'noop_sync' : 'noop_async', subject('noop', plain(wrapper, scenario), 'an empty wrapper', 'bare')),
    ],
  };
}

export function groups() {
  const consecutive = (name, style, scenario) => ({
    name,
    subjects: [subject('bare', bare(scenario)), ...offered('fusewire', style, 'consecutive', scenario)],
  });
  return [
    calls(CASES[0]),
    references('async_', 'success', (i) => noop(() => work(i))),
    ...CASES.slice(1).map(calls),
    consecutive('async_wrapped', 'wrap', 'success'),
    references('', 'sync', (i) => noopSync(() => workSync(i))),
    consecutive('closed_consecutive', 'sync', 'sync'),
  ];
}

/** Calls in the window before the failing ones. */
export const WINDOWS = [100, 10_000, 100_000];
export const FAILING = 'async_failing_call_window';

/** A peer whose time window holds so many successes, about to fail. */
export function failing() {
  return ['bare', ...Object.keys(PEERS)].map((peer) => ({
    peer,
    note: peer === 'bare' ? '' : (offered(peer, 'execute', 'failing', 'failing')[0].note ?? ''),
    async make(calls) {
      const made = peer === 'bare' ? { guard: (i) => work(i), end() {} } : PEERS[peer].execute('failing');
      await loop('success', made.guard)(calls);
      return { run: loop('failing', made.guard), end: made.end };
    },
  }));
}
