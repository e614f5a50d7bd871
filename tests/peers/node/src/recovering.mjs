// Calls that recover, whose function succeeds at once: fusewire beside itself without the policies, beside an empty wrapper,
// and beside cockatiel's policies, wrapped around each other.

import { createRequire } from 'node:module';
import { cockatiel } from './peers.mjs';
import { loop, work } from './work.mjs';

const { CircuitBreaker, circuitBreaker } = createRequire(import.meta.url)('fusewire');

export const CASE = 'async_recovering';
const WRAPPED = `${CASE}_wrapped`;
export const COLUMNS = ['fusewire', 'without', 'noop', 'cockatiel', 'bare'];

const MINUTE = 60_000;
const TIMEOUT = 2_000;

const POLICIES = {
  retry: { retry: {} },
  timeout: { timeout: TIMEOUT },
  all: { retry: {}, timeout: TIMEOUT, fallback: ['nothing'], fallbacks: { nothing: null } },
};

const UNTIMED = { sampleDurationsEvery: 0 };

function fusewire(options) {
  const breaker = new CircuitBreaker('bench', { ...UNTIMED, ...options });
  return (request) => breaker.execute(() => work(request));
}

/** The function itself under the breaker: nothing is made for a call. */
const wrapped = (options) => circuitBreaker(work, { ...UNTIMED, ...options });

const noop = async (fn) => await fn();

/** The same four: its timeout gives the function a signal to look at, and cuts nothing off that does not. */
function cockatielOf({ retry, timeout, fallback }) {
  const { circuitBreaker, handleAll, wrap, ConsecutiveBreaker, ExponentialBackoff, TimeoutStrategy } = cockatiel;
  const policies = [circuitBreaker(handleAll, { halfOpenAfter: MINUTE, breaker: new ConsecutiveBreaker(5) })];
  if (retry) policies.unshift(cockatiel.retry(handleAll, { maxAttempts: 2, backoff: new ExponentialBackoff() }));
  if (timeout) policies.push(cockatiel.timeout(TIMEOUT, TimeoutStrategy.Aggressive));
  if (fallback) policies.push(cockatiel.fallback(handleAll, null));
  const made = wrap(...policies);
  return (request) => made.execute(() => work(request));
}

const subject = (peer, guard, { line = CASE, column = peer, note = '' } = {}) => ({
  peer,
  make: async () => ({ run: loop('success', guard()), end() {} }),
  case: line,
  line,
  column,
  note,
});

/** Whether a case is one of these, which have a table of their own. */
export const has = (name) => name.startsWith(CASE);

export function groups() {
  const lines = Object.entries(POLICIES).map(([name, options]) => [name === 'all' ? CASE : `${CASE}_${name}`, options]);
  const subjects = [
    subject('bare', () => (request) => work(request)),
    subject('noop', () => (request) => noop(() => work(request)), { note: 'an empty wrapper' }),
    subject('fusewire', () => fusewire({}), { column: 'without', note: 'the same call without the policies' }),
    subject('fusewire', () => wrapped({}), { line: WRAPPED, column: 'without' }),
    subject('fusewire', () => wrapped(POLICIES.all), { line: WRAPPED, note: 'circuitBreaker(fn, options)' }),
  ];
  for (const [line, options] of lines) {
    subjects.push(
      subject('fusewire', () => fusewire(options), { line }),
      subject('cockatiel', () => cockatielOf(options), { line, note: 'wrap(retry, breaker, timeout, fallback), of these what the line says' }),
    );
  }
  return [{ name: CASE, subjects }];
}

/** Targets: what it is called, the most that it may be, and the figure by medians and by minima. */
export function targets(find) {
  const cost = (figure, line, column) => find(line, column)?.[figure];
  const both = (of) => ['ns', 'ns_min'].map(of);
  const over = (line, without = CASE) => (figure) =>
    (cost(figure, line, 'fusewire') - cost(figure, without, 'without')) / cost(figure, CASE, 'noop');
  const share = (figure) => cost(figure, CASE, 'fusewire') / cost(figure, CASE, 'cockatiel');
  return [
    ['retry, timeout and fallback, of an empty wrapper', 1, both(over(CASE))],
    ['the same of a wrapped function, of an empty wrapper', 1, both(over(WRAPPED, WRAPPED))],
    ['retry alone, of an empty wrapper', 1, both(over(`${CASE}_retry`))],
    ['timeout alone, of an empty wrapper', 1, both(over(`${CASE}_timeout`))],
    ["retry, breaker, timeout, fallback, of cockatiel's", 1, both(share)],
  ];
}
