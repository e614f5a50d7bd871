// Random documents and random steps for two breakers that must not be told apart.

const MILLISECONDS = [0, 0.001, 1, 10, 250, 1_000, 2_500, 60_000];
const OUTCOMES = ['success', 'failure', 'ignored'];
const LENGTHS = ['1ms', '10ms', '0.25s', '1s', '2500ms', '1m'];

/** Left out now and then. */
function some(r, share, keys) {
  return r.chance(share) ? keys : {};
}

function window(r) {
  const rates = { failure_rate: r.pick([0.25, 0.5, 1]), min_calls: 1 + r.below(5) };
  return r.pick([
    { kind: 'count', size: 5 + r.below(20), ...rates },
    { kind: 'time', period: '2s', buckets: r.pick([1, 2, 8]), ...rates },
    { kind: 'adaptive', period: '3s', buckets: 3, min_calls: rates.min_calls, min_failures: 1 },
  ]);
}

function sampling(r) {
  return r.weighted([
    [4, {}],
    [4, { sample_durations_every: r.pick([0, 1, 2, 3, 7, 40]) }],
    [1, { slow_call_duration: r.pick(LENGTHS) }],
    [1, { cancelled_after: r.pick(LENGTHS) }],
  ]);
}

/** A document: mostly one whose calls a lane may decide. */
export function document(r) {
  const probes = 1 + r.below(4);
  return {
    ...(r.chance(0.8) ? { failure_threshold: 1 + r.below(4) } : { window: window(r) }),
    ...sampling(r),
    recovery_timeout: r.pick(LENGTHS),
    half_open_max_calls: probes,
    half_open_concurrency: 1 + r.below(probes),
    ...some(r, 0.5, { success_threshold: 1 + r.below(probes) }),
    ...some(r, 0.3, { half_open_timeout: r.pick(['1ms', '10ms', '1s']) }),
    ...some(r, 0.3, { backoff: { kind: r.pick(['exponential', 'decorrelated_jitter']), max: '10m' } }),
    ...some(r, 0.2, { ramp: { initial: 0.25, step: 0.25, window_calls: 1 + r.below(4) } }),
    ...some(r, 0.1, { mode: r.pick(['shadow', 'forced_open', 'forced_closed']) }),
    seed: 1 + r.below(1_000),
  };
}

const by = (r) => r.pick([{}, { actor: 'somebody', reason: 'to see' }]);
const outcome = (r) =>
  r.weighted([
    [10, 'success'],
    [3, 'failure'],
    [1, 'ignored'],
    [1, 'bad value'],
  ]);

/** A call that answers at once cannot wait for these. */
const WAITING = [
  [4, (r) => ({ do: 'end', which: r.below(100), outcome: outcome(r) })],
  [1, (r) => ({ do: 'abort', which: r.below(100), isTimeout: r.chance(0.5) })],
];
const WAYS = ['executeSync', 'permit'];
const HOW = ['success', 'success', 'success', 'failure', 'ignore', 'dispose'];
const MODES = ['auto', 'auto', 'auto', 'shadow', 'forced_open', 'forced_closed'];
const OTHERS = [
  [8, (r) => ({ do: 'burst', times: 1 + r.below(40), takes: r.pick([0, 0, 1]), way: r.pick(WAYS) })],
  [10, executeSync],
  [4, (r) => ({ do: 'begin', withSignal: r.chance(0.2) })],
  [8, () => ({ do: 'acquire' })],
  [8, (r) => ({ do: 'settle', which: r.below(100), how: r.pick(HOW) })],
  [2, (r) => ({ do: 'report', which: r.below(100), outcome: r.pick(OUTCOMES), takes: r.pick(MILLISECONDS) })],
  [8, (r) => ({ do: 'advance', by: r.pick(MILLISECONDS) })],
  [1, (r) => ({ do: 'trip', duration: r.pick([null, '1ms', 250, '1m']), by: by(r) })],
  [0.5, (r) => ({ do: 'halfOpen', by: by(r) })],
  [1.5, (r) => ({ do: 'reset', by: by(r) })],
  [1, (r) => ({ do: 'mode', to: r.pick(MODES), by: by(r) })],
  [1, () => ({ do: 'poll' })],
  [0.7, (r) => ({ do: 'reconfigure', document: document(r), by: by(r) })],
  [0.7, (r) => ({ do: 'resample', keys: sampling(r), by: by(r) })],
];

function executeSync(r, depth) {
  const within = steps(r, r.below(2), depth + 1);
  return { do: 'executeSync', outcome: outcome(r), takes: r.pick(MILLISECONDS), within };
}
const ALL = [...WAITING, ...OTHERS];

/** Steps; what a call does meanwhile is steps, too. */
export function steps(r, n, depth = 0) {
  if (depth > 2) return [];
  return Array.from({ length: n }, () => r.weighted(depth === 0 ? ALL : OTHERS)(r, depth));
}
