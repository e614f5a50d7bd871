// Gates before the machine: rate limits, slots, a limit that finds itself; fusewire beside itself without the gate, and
// beside packages that have such a gate.
//
// A gate that turns calls away would be measured at something else, and nothing fills a bucket as fast as a loop empties
// it: so turns are short, and guards take over from each other before one is full.

import { createRequire } from 'node:module';
import { RateLimiter, TokenBucket } from 'limiter';
import * as mollitia from 'mollitia';
import pLimit from 'p-limit';
import { cockatiel } from './peers.mjs';
import { loopInTurns, work } from './work.mjs';

const { CircuitBreaker } = createRequire(import.meta.url)('fusewire');

/** Tokens a second, and tokens that a bucket holds: the most that fusewire allows. */
const RATE = 1_000_000;
const BURST = 1_000_000;
/** Calls in a window of a second. */
const WINDOW_LIMIT = 65_536;
/** Calls that may be made at once. */
const SLOTS = 100;
/** The capacity of a peer's bucket, which may be more. */
const PLENTY = 1_000_000_000;

/** Milliseconds that a turn lasts at most. */
const TURN_MS = 1;
/** How many guards take over from each other, and after how many calls. */
const GUARDS = 48;
const EACH = WINDOW_LIMIT / 2;

export const COLUMNS = ['fusewire', 'without', 'limiter', 'mollitia', 'cockatiel', 'p-limit', 'bare'];

const fusewire = (options) => () => {
  const breaker = new CircuitBreaker('bench', { sampleDurationsEvery: 0, ...options });
  return (request) => breaker.execute(() => work(request));
};

const limiter = () => {
  const bucket = new TokenBucket({ bucketSize: PLENTY, tokensPerInterval: RATE, interval: 'second' });
  bucket.content = PLENTY;
  return (request) => {
    if (!bucket.tryRemoveTokens(1)) throw new Error('rate limited');
    return work(request);
  };
};

const limiterInAnInterval = () => {
  const limit = new RateLimiter({ tokensPerInterval: WINDOW_LIMIT, interval: 'second' });
  return (request) => {
    if (!limit.tryRemoveTokens(1)) throw new Error('rate limited');
    return work(request);
  };
};

const mollitiaWith = (module) => () => {
  const circuit = new mollitia.Circuit({ func: work, options: { modules: [module()] } });
  return (request) => circuit.execute(request);
};

const cockatielBulkhead = () => {
  const bulkhead = cockatiel.bulkhead(SLOTS);
  return (request) => bulkhead.execute(() => work(request));
};

const pLimited = () => {
  const limit = pLimit(SLOTS);
  return (request) => limit(() => work(request));
};

const SLOTS_OF_PEERS = [
  ['cockatiel', cockatielBulkhead, 'bulkhead()'],
  ['p-limit', pLimited, ''],
];

/** Name, the keys of fusewire's gate, and the peers: package, how it guards the function, a remark. */
const CASES = [
  ['async_rate_token', { rateLimit: { algorithm: 'token_bucket', rate: RATE, burst: BURST } }, [['limiter', limiter, 'TokenBucket']]],
  [
    'async_rate_sliding',
    { rateLimit: { algorithm: 'sliding_window', limit: WINDOW_LIMIT, window: '1s' } },
    [
      ['limiter', limiterInAnInterval, 'RateLimiter: a token bucket, and as many in an interval'],
      ['mollitia', mollitiaWith(() => new mollitia.Ratelimit({ limitPeriod: 1000, limitForPeriod: WINDOW_LIMIT })), 'Ratelimit'],
    ],
  ],
  [
    'async_bulkhead',
    { bulkhead: { maxConcurrent: SLOTS } },
    [['mollitia', mollitiaWith(() => new mollitia.Bulkhead({ concurrentSize: SLOTS })), 'Bulkhead'], ...SLOTS_OF_PEERS],
  ],
  ['async_aimd', { concurrencyLimit: { kind: 'aimd' } }, SLOTS_OF_PEERS.map(([peer, make]) => [peer, make, 'a fixed number of slots'])],
];

/** Whether a case is one of these, which have a table of their own. */
export const has = (name) => CASES.some(([known]) => known === name);

export function groups() {
  return CASES.map(([name, keys, peers]) => ({
    name,
    longestTurnMs: TURN_MS,
    subjects: [
      subject('bare', () => (request) => work(request)),
      subject('fusewire', fusewire({}), 'the same call without the gate', 'without'),
      subject('fusewire', fusewire(keys)),
      ...peers.map(([peer, make, note]) => subject(peer, make, note)),
    ],
  }));
}

function subject(peer, guard, note = '', column = peer) {
  const make = async () => {
    const guards = Array.from({ length: GUARDS }, guard);
    let made = 0;
    const turn = (calls) => {
      const chosen = guards[Math.floor(made / EACH) % GUARDS];
      made += calls;
      return chosen;
    };
    return { run: loopInTurns(turn), end() {} };
  };
  return { peer, make, note, column };
}
