// A service under steady load lives through an outage, once without and once with a circuit breaker.

import { parseArgs } from 'node:util';
import { Ledger } from './ledger.mjs';
import { table, verify } from './report.mjs';
import { LOOPS, RATE, run } from './run.mjs';
import { FAILURE_THRESHOLD, TIMEOUT, guard, serve } from './service.mjs';
import { startUpstream } from './upstream.mjs';

const USAGE = `usage: node src/demo.mjs [--seconds N] [--check] [--shadow]
  --seconds N  how long both runs last together, 9 to 900; 40 without it
  --check      verify what the breaker promises from what the upstream received; exit with 1 if it does not hold
  --shadow     let the breaker only watch: it rejects nothing, and --check finds that out`;
const LEGEND = `upstream/s: calls that reached the upstream, by its own account. failures/s: calls that failed for their
users. rejected/s: those of them that the breaker turned away at once.`;
/** What both runs of the upstream's script take together when it is not scaled. */
const UNSCALED = 90;

function options() {
  const flag = { type: 'boolean', default: false };
  const { values } = parseArgs({
    options: { seconds: { type: 'string', default: '40' }, check: flag, shadow: flag, help: flag },
  });
  const seconds = Number(values.seconds);
  if (!(seconds >= 9 && seconds <= 900)) throw new Error(`--seconds ${values.seconds}: allowed are 9 to 900`);
  return { ...values, scale: seconds / UNSCALED };
}

async function unprotected(upstream, tick) {
  const service = await serve({ send: (signal) => upstream.work('unprotected', signal) });
  const done = await run({ upstream, url: service.url, tick });
  await service.stop();
  return done;
}

async function guarded(upstream, tick, { scale, shadow }) {
  const { registry, breaker } = guard({ recoveryTimeout: Math.round(2000 * scale), shadow });
  const ledger = new Ledger();
  const began = performance.now();
  breaker.on('stateChange', (event) => {
    const { inFlight } = ledger.turn(event);
    const time = ((performance.now() - began) / 1000).toFixed(1).padStart(6);
    console.log(`${time}  ${event.from} -> ${event.to} (${event.cause}), ${inFlight} calls in flight`);
  });
  const send = (signal) => ledger.follow((tag) => upstream.work(tag, signal));
  const service = await serve({ breaker, registry, send });
  const done = await run({ upstream, url: service.url, breaker, tick });
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  await service.stop();
  return { ...done, metrics, ledger, totals: breaker.snapshot().totals };
}

/** Whether what it checked holds. */
async function demo({ scale, check, shadow }) {
  const upstream = await startUpstream(scale);
  try {
    console.log(
      `Two runs of ${(45 * scale).toFixed(1)} s against ${upstream.url}: ${RATE} calls per second from ` +
        `${LOOPS} loops, each with a timeout of ${TIMEOUT} ms.\nThe breaker opens after ${FAILURE_THRESHOLD} ` +
        `failures in a row and probes ${(2 * scale).toFixed(1)} s later.\n${LEGEND}`,
    );
    console.log('\nFirst run: every call goes to the upstream');
    const bare = await unprotected(upstream, 1000 * scale);
    console.log('\nSecond run: the same load through a breaker');
    const second = await guarded(upstream, 1000 * scale, { scale, shadow });
    console.log(`\n${table(bare, second)}\n\nMetrics of the second run, from /metrics\n\n${second.metrics}`);
    if (!check) return true;
    const findings = verify(bare, second, second.ledger, second.totals);
    for (const { kept, text } of findings) console.log(`check: ${kept ? 'ok' : 'BROKEN'}: ${text}`);
    return findings.every((finding) => finding.kept);
  } finally {
    await upstream.stop();
  }
}

try {
  const given = options();
  if (given.help) console.log(USAGE);
  else process.exitCode = (await demo(given)) ? 0 : 1;
} catch (error) {
  console.error(`demo: ${error.message}`);
  if (error.code?.startsWith('ERR_PARSE_ARGS')) console.error(USAGE);
  process.exitCode = 2;
}
