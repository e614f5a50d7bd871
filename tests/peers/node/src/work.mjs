// The guarded function, and the loops that call it: one for each scenario, the same for every peer.

export const BAD = 0;
const FAILURE = new Error('the guarded function failed');

/** Two that the optimizer cannot tell apart beforehand: it does not look into the one that is called. */
const WORKS = [
  (request) => {
    if (request === BAD) throw FAILURE;
    return request + 2;
  },
  (request) => request + 1,
];

export const workSync = (request) => WORKS[request & 1](request);
export const work = async (request) => WORKS[request & 1](request);

const BODIES = {
  success: 'await guard(i)',
  failures: 'try { await guard(i % 100) } catch {}',
  failing: 'try { await guard(0) } catch {}',
  rejected: 'try { await guard(i); throw new Error("it let a call through") } catch (error) { if (error.message === "it let a call through") throw error }',
  caught: 'try { await guard(i) } catch {}',
  sync: 'guard(i)',
};

/** A loop of its own for each subject, so that what the engine learns of one peer does not reach the next. */
export function loop(scenario, guard) {
  const source = `return async (calls) => { for (let i = 1; i <= calls; i++) { ${BODIES[scenario]} } }`;
  return new Function('guard', source)(guard);
}

/** The same of calls that succeed, by guards that take turns: `turn` says whose it is for so many calls. */
export function loopInTurns(turn) {
  const source = `return async (calls) => { const guard = turn(calls); for (let i = 1; i <= calls; i++) { ${BODIES.success} } }`;
  return new Function('turn', source)(turn);
}
