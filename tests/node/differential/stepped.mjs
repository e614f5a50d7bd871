// A call by the stepper, `breaker.attempts()`.

import { nanosOf } from '../expect.mjs';
import { HOSTS, shown } from './bench.mjs';

export function stepped(bench, call) {
  const attempts = bench.breaker.attempts(bench.request());
  let error = null;
  for (;;) {
    const step = attempts.next();
    switch (step.kind) {
      case 'call':
        bench.see('call', { attempt: step.attempt, timeout: nanosOf(step.timeout) });
        error = attempt(bench, attempts, step.timeout);
        break;
      case 'wait':
        bench.see('wait', { for: nanosOf(step.milliseconds) });
        bench.pass(nanosOf(step.milliseconds));
        break;
      case 'use':
        bench.see('use', { rung: step.rung });
        attempts.answered(call.rungs.includes(step.rung));
        break;
      default:
        return end(bench, step, error);
    }
  }
}

/** Makes an attempt, and settles it; answers why it has failed. */
function attempt(bench, attempts, timeout) {
  const act = bench.next();
  const isCut = bench.until === HOSTS.task && timeout !== null && Math.ceil(timeout) < act.takes;
  if (isCut) {
    bench.pass(nanosOf(timeout));
    attempts.settle('failure', { errorType: 'timeout' });
    return `timeout of ${nanosOf(timeout)}`;
  }
  bench.pass(act.takes * 1e6);
  const { outcome, error_type: errorType, status, retry_after: retryAfter } = act;
  attempts.settle(outcome, { errorType, status, retryAfter });
  return outcome === 'success' ? null : shown(bench.made, act);
}

/** The core's own word for the end, and what a loop is to make of it. */
function end(bench, { kind, outcome, rung, attempts, rejected, retryAfter, errorType }, failure) {
  bench.see('done', { outcome, rung, attempts, rejected, retry_after: nanosOf(retryAfter), error_type: errorType });
  const hasRun = bench.made > 0;
  const own = hasRun && failure === null ? String(bench.made) : null;
  const error = hasRun ? failure : rejected === null ? null : `rejected: ${rejected}`;
  bench.see('over', { value: rung ?? own, attempts, error, rejected: hasRun ? rejected : null });
}
