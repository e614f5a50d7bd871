// A call by the package's own loop, seen from outside: when the function and the rungs are called, and what comes of it.

import { createRequire } from 'node:module';
import { isCircuitOpenError } from '../fusewire.mjs';
import { Broken } from './bench.mjs';

const require = createRequire(new URL('../../../bindings-node/package.json', import.meta.url));
const { TimeoutError, recoveryOf } = require('fusewire');

/** The guarded function: it takes its time on the clock. */
async function work(bench) {
  bench.see('call');
  const act = bench.next();
  const n = bench.made;
  if (act.takes > 0) await new Promise((resolve) => bench.clock.alarm(act.takes, resolve));
  if (act.outcome !== 'success') throw new Broken(n, act);
  return String(n);
}

function shown(error) {
  if (isCircuitOpenError(error)) return `rejected: ${error.reason}`;
  if (error instanceof TimeoutError) return `timeout of ${Math.round(error.timeout * 1e6)}`;
  return error.message;
}

function failed(bench, error) {
  const found = recoveryOf(error);
  // Where there are no policies around a call, nothing is noted of it.
  const told = found && { attempts: found.attempts, rejected: found.rejection?.reason ?? null };
  bench.see('over', { value: null, error: shown(error), ...told });
}

export async function executed(bench) {
  const promise = bench.breaker.execute(() => work(bench), bench.request());
  await bench.settled(promise);
  await promise.then((value) => bench.see('over', { value }), (error) => failed(bench, error));
}

export async function executedInDetail(bench) {
  const promise = bench.breaker.executeDetailed(() => work(bench), bench.request());
  await bench.settled(promise);
  await promise.then(
    ({ value, degraded, rung, error, attempts }) => {
      // Who has answered is told twice; the cache answers with what it has.
      const isNamed = rung === null || rung === 'cache' || value === rung;
      if (degraded !== (rung !== null) || !isNamed) throw new Error(`${rung} has answered ${value}`);
      bench.see('over', { value, attempts, error: degraded ? shown(error) : null });
    },
    (error) => failed(bench, error),
  );
}
