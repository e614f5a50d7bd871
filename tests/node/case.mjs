// One case: a document that must be refused, or a breaker that is led through steps.

import { CircuitBreaker, ManualClock } from './fusewire.mjs';
import { Unexpected } from './expect.mjs';
import { refused } from './hand.mjs';
import { CLASSIFICATION, run as runStep } from './steps.mjs';
import { Waits } from './waits.mjs';

/** Collected breakers take what their lanes have counted along. */
const kept = [];

/** Runs a case; answers what is wrong, or `null`. */
export async function run(given) {
  try {
    if (given.invalid_config !== undefined) mustFail(given);
    else await lead(given);
    return null;
  } catch (error) {
    return error instanceof Unexpected ? error.message : `${error?.stack ?? error}`.replaceAll('\n', ' ');
  }
}

function build(given, document) {
  const clock = new ManualClock();
  const breaker = CircuitBreaker.fromDocument(given.service ?? 'case', document, {
    clock,
    ...CLASSIFICATION,
    fallbacks: fallbacksOf(document),
  });
  kept.push(breaker);
  return { breaker, clock };
}

/** Something under every name: no vector calls it, but a list must not name what is not there. */
function fallbacksOf(document) {
  const rungs = Array.isArray(document?.fallback) ? document.fallback : [];
  return Object.fromEntries(rungs.map((rung) => [String(rung), () => {}]));
}

function mustFail(given) {
  try {
    build(given, given.invalid_config);
  } catch (error) {
    return refused(error, given.error);
  }
  throw new Unexpected('the document was accepted');
}

async function lead(given) {
  const { breaker, clock } = build(given, given.config);
  const bench = {
    breaker,
    clock,
    permits: new Map(),
    attempts: new Map(),
    waits: new Waits(),
    events: [],
    policyEvents: [],
    calls: 0,
    /** When the last rejection said that the answer can differ, in nanoseconds. */
    retryAt: null,
  };
  const keep = (event) => bench.events.push(event);
  const keepPolicy = (event) => bench.policyEvents.push(event);
  breaker.on('stateChange', keep);
  breaker.on('policy', keepPolicy);
  try {
    for (const [i, step] of given.steps.entries()) {
      try {
        await runStep(bench, step);
      } catch (error) {
        if (error instanceof Unexpected) error.message = `step ${i + 1}: ${error.message}`;
        throw error;
      }
    }
  } finally {
    breaker.off('stateChange', keep);
    breaker.off('policy', keepPolicy);
  }
}
