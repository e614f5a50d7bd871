// The table of both runs, and what the breaker promises held against what the upstream received.
//
// No bound of the check rests on how fast the machine is: the upstream counts each call under the spell of the breaker
// that admitted it, and the client knows how many it sent and had in flight.

import { tag } from './ledger.mjs';
import { count, millis, percentile } from './run.mjs';

/** The phases in which no call can succeed: in the second one an answer takes longer than a call waits. */
const OUTAGE = ['errors', 'slow'];
/** Probes of one half-open spell: the breaker's default. */
const PROBES = 3;

const HEAD =
  'phase      run          calls  answered  failures  of these rejected  upstream received  wasted       p50       p99';
const FOOT = `
A rejected call is a failure for its user too, but one known at once, which can be answered with something else.
wasted: calls that the upstream received in vain, with an error or no answer in time; their users waited.`;

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

function row(phase, name, calls, received) {
  const [wasted, rejected] = [count(calls, 'failed'), count(calls, 'rejected')];
  return [
    phase.padEnd(9),
    name.padEnd(11),
    String(calls.length).padStart(5),
    String(count(calls, 'answered')).padStart(8),
    String(wasted + rejected).padStart(8),
    String(rejected).padStart(17),
    String(received).padStart(17),
    String(wasted).padStart(6),
    millis(percentile(calls, 50)).padStart(8),
    millis(percentile(calls, 99)).padStart(8),
  ].join('  ');
}

/** Every phase, both runs one below the other, and the sums. */
export function table(bare, guarded) {
  const runs = [['unprotected', bare], ['protected', guarded]];
  const inPhase = (phase) =>
    runs.map(([name, run]) =>
      row(phase, name, run.calls.filter((call) => call.phase === phase), run.received.by_phase[phase] ?? 0),
    );
  const all = runs.map(([name, run]) => row('all', name, run.calls, run.received.total));
  return [HEAD, ...bare.phases.flatMap(inPhase), ...all, FOOT].join('\n');
}

const but = (wrong) => (wrong.length === 0 ? '' : `, but it received ${wrong.join(', ')}`);

/** What was promised, and whether it was kept. */
export function verify(bare, guarded, ledger, totals) {
  const { spells } = ledger;
  const [closed, open, halfOpen] = ['closed', 'open', 'half_open'].map((state) => ledger.of(state));
  const received = (index) => guarded.received.by_tag[tag(index)] ?? 0;
  const beyond = (some, allowed) =>
    some
      .map(({ index, admitted }) => [Math.max(admitted, received(index)), index])
      .filter(([through]) => through > allowed)
      .map(([through, index]) => `${through} in spell ${index}`);

  const [throughOpen, throughHalfOpen] = [beyond(open, 0), beyond(halfOpen, PROBES)];
  const admitted = sum(spells.map((spell) => spell.admitted));
  const users = ['answered', 'failed', 'rejected'].map((ending) => count(guarded.calls, ending));
  const counted = [totals.success, totals.failure, sum(Object.values(totals.rejected))];
  const arrived = (run) => sum(OUTAGE.map((phase) => run.received.by_phase[phase] ?? 0));
  const failed = sum(closed.map((spell) => spell.failed));
  const inFlight = sum(open.filter(({ index }) => spells[index - 1].state === 'closed').map((spell) => spell.inFlight));
  const probes = sum(halfOpen.map((spell) => spell.admitted));

  return [
    [
      spells.every((spell, index) => spell.generation === index),
      `each of the ${spells.length - 1} transitions was told, in order`,
    ],
    [
      open.length > 0 && spells.at(-1).state === 'closed',
      'the breaker opened in the outage and closed after it ' +
        `(${open.length} times open, in the end ${spells.at(-1).state})`,
    ],
    [throughOpen.length === 0, `the upstream received no call that was made while open${but(throughOpen)}`],
    [
      throughHalfOpen.length === 0,
      `the upstream received at most ${PROBES} probes each time it was half open${but(throughHalfOpen)}`,
    ],
    [
      users[0] <= guarded.received.total && guarded.received.total <= admitted,
      `of ${admitted} calls admitted the upstream received ${guarded.received.total}, ` +
        `of which ${users[0]} were answered`,
    ],
    [
      users.every((number, index) => number === counted[index]) && totals.ignored === 0,
      `the breaker counted ${counted[0]} successes, ${counted[1]} failures and ${counted[2]} rejections; ` +
        `users saw ${users[0]}, ${users[1]} and ${users[2]}`,
    ],
    [
      arrived(guarded) <= failed + inFlight + probes,
      `while nothing could succeed the upstream received ${arrived(guarded)} calls instead of ${arrived(bare)}; ` +
        `allowed were ${failed + inFlight + probes} (${failed} failed while closed, ${inFlight} were in flight as it ` +
        `opened, ${probes} were probes)`,
    ],
  ].map(([kept, text]) => ({ kept, text }));
}
