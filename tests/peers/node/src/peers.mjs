// The packages, each in its own idiom. A peer without a rule has no figure for it.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { work, workSync } from './work.mjs';

const require = createRequire(import.meta.url);
const modern = Number(process.versions.node.split('.')[0]) >= 22;
/** Where the newest release needs a newer Node, it stands beside the last one that does not. */
const folder = (name) => (modern && (name === 'cockatiel' || name === 'opossum') ? `${name}-newest` : name);

export const cockatiel = await import(folder('cockatiel'));
const mollitia = await import('mollitia');
const Opossum = require(folder('opossum'));
const { CircuitBreaker } = require('fusewire');

export function versionOf(peer) {
  const file = new URL(`../node_modules/${folder(peer)}/package.json`, import.meta.url);
  return peer === 'bare' || peer === 'noop' ? process.version : JSON.parse(readFileSync(file, 'utf8')).version;
}

const MINUTE = 60_000;
const DOCUMENTS = {
  default: {},
  consecutive: { sampleDurationsEvery: 0 },
  timed: { sampleDurationsEvery: 1 },
  count: { window: { kind: 'count', size: 100, minCalls: 20 }, sampleDurationsEvery: 0 },
  time: { window: { kind: 'time', minCalls: 20 }, sampleDurationsEvery: 0 },
  // Opens at nothing that happens here.
  failing: { window: { kind: 'time', period: 600_000, minCalls: 1_000_000 }, sampleDurationsEvery: 0 },
};

function fusewire(style) {
  return (policy) => {
    const breaker = new CircuitBreaker('bench', DOCUMENTS[policy]);
    const guards = {
      execute: (request) => breaker.execute(() => work(request)),
      wrap: breaker.wrap(work),
      sync: (request) => breaker.executeSync(() => workSync(request)),
    };
    return { guard: guards[style], open: () => breaker.trip(), end() {} };
  };
}

const COCKATIEL = {
  default: () => [new cockatiel.ConsecutiveBreaker(5)],
  consecutive: () => [new cockatiel.ConsecutiveBreaker(5)],
  timed: () => {
    const listens = (policy) => policy.onSuccess(() => {});
    return [new cockatiel.ConsecutiveBreaker(5), 'an onSuccess listener, which makes it measure durations', listens];
  },
  count: () => [new cockatiel.CountBreaker({ threshold: 0.5, size: 100, minimumNumberOfCalls: 20 })],
  time: () => [new cockatiel.SamplingBreaker({ threshold: 0.5, duration: MINUTE })],
  failing: () => [new cockatiel.SamplingBreaker({ threshold: 0.99, duration: 600_000, minimumRps: 1_000_000 })],
};

function cockatielOf(policy) {
  const [breaker, note, prepare] = COCKATIEL[policy]();
  const made = cockatiel.circuitBreaker(cockatiel.handleAll, { halfOpenAfter: MINUTE, breaker });
  prepare?.(made);
  return {
    note,
    guard: (request) => made.execute(() => work(request)),
    async open() {
      for (let i = 0; i < 5; i++) await made.execute(() => work(0)).catch(() => {});
    },
    end() {},
  };
}

const WINDOW = 'timeout: false, no percentiles; it always keeps a rolling window, here of 10 s in 10 buckets (rollingCount)';
const OPOSSUM = {
  default: [{}, 'its default has a timeout of 10 s and percentiles'],
  consecutive: [{ rollingPercentilesEnabled: false }, `${WINDOW}; it has no rule for failures in a row`],
  time: [{ rollingPercentilesEnabled: false }, WINDOW],
  failing: [
    { rollingCountTimeout: 600_000, errorThresholdPercentage: 100, volumeThreshold: 1e9 },
    'timeout: false; percentiles, as is its default',
  ],
};

function opossum(policy) {
  if (OPOSSUM[policy] === undefined) return null;
  const [options, note] = OPOSSUM[policy];
  const defaults = policy === 'default' ? {} : { timeout: false, resetTimeout: MINUTE, volumeThreshold: 20 };
  const breaker = new Opossum(work, { ...defaults, ...options });
  return { note, guard: (request) => breaker.fire(request), open: () => breaker.open(), end: () => breaker.shutdown() };
}

const MOLLITIA = {
  default: () => new mollitia.SlidingCountBreaker(),
  count: () => new mollitia.SlidingCountBreaker({ slidingWindowSize: 100, minimumNumberOfCalls: 20 }),
  time: () => new mollitia.SlidingTimeBreaker({ slidingWindowSize: MINUTE, minimumNumberOfCalls: 20 }),
  failing: () => new mollitia.SlidingTimeBreaker({ slidingWindowSize: 600_000, minimumNumberOfCalls: 1e9 }),
};
const MOLLITIA_NOTES = { default: 'a count window of 10', time: 'keeps at most 1,000 calls', failing: 'keeps at most 1,000 calls' };

function mollitiaOf(policy) {
  if (MOLLITIA[policy] === undefined) return null;
  const module = MOLLITIA[policy]();
  const circuit = new mollitia.Circuit({ func: work, options: { modules: [module] } });
  return {
    note: MOLLITIA_NOTES[policy],
    guard: (request) => circuit.execute(request),
    open: () => module.open(),
    end() {
      module.dispose();
      circuit.dispose();
    },
  };
}

/** Peers by package, each with its ways to make a call; the peers have one. */
export const PEERS = {
  fusewire: { execute: fusewire('execute'), wrap: fusewire('wrap'), sync: fusewire('sync') },
  cockatiel: { execute: cockatielOf },
  opossum: { execute: opossum },
  mollitia: { execute: mollitiaOf },
};

/** A breaker as the package's defaults make it, one of many, and one call of it. */
export const DEFAULTS = {
  fusewire: (i) => {
    const breaker = new CircuitBreaker(`service-${i}`);
    return [breaker, () => breaker.execute(() => work(1))];
  },
  cockatiel: () => {
    const breaker = new cockatiel.ConsecutiveBreaker(5);
    const policy = cockatiel.circuitBreaker(cockatiel.handleAll, { halfOpenAfter: MINUTE, breaker });
    return [policy, () => policy.execute(() => work(1))];
  },
  opossum: () => {
    const breaker = new Opossum(work);
    return [breaker, () => breaker.fire(1)];
  },
  mollitia: () => {
    const circuit = new mollitia.Circuit({ func: work, options: { modules: [new mollitia.SlidingCountBreaker()] } });
    return [circuit, () => circuit.execute(1)];
  },
};
