// A service that can make two calls at a time is sent more, of every level. A breaker with a bulkhead lets those that matter
// go first, and those that matter least give way. `node src/priorities.mjs`

import { once } from 'node:events';
import { createServer } from 'node:http';
import { CircuitBreaker, isCircuitOpenError, requestPriority } from 'fusewire';

const LEVELS = ['critical', 'high', 'normal', 'low', 'bulk'];
/** Requests of each level. */
const EACH = 20;

const breaker = new CircuitBreaker('backend', {
  priority: { min: 'bulk' },
  bulkhead: { maxConcurrent: 2, reserved: { critical: 1 }, maxQueue: EACH * 3, queueTimeout: '30s' },
});
breaker.on('policy', ({ kind, from, to, actor }) => console.log(`${kind}: ${from} -> ${to}, by ${actor}`));

/** Stands for a call to another service. */
const backend = () => new Promise((resolve) => setTimeout(resolve, 5, 'done'));

const server = createServer(async (request, response) => {
  try {
    response.end(await breaker.execute(backend, { priority: requestPriority(request.headers) }));
  } catch (error) {
    if (!isCircuitOpenError(error)) throw error;
    response.writeHead(503).end(error.reason);
  }
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${server.address().port}`;

/** All requests at once, the least important first; answers how many of each level came through, and after how many. */
async function load() {
  const seen = Object.fromEntries(LEVELS.map((level) => [level, { served: 0, refused: 0, last: 0 }]));
  let answered = 0;
  const send = async (level) => {
    const { status } = await fetch(url, { headers: { 'x-request-priority': level } });
    if (status === 200) seen[level].last = ++answered;
    seen[level][status === 200 ? 'served' : 'refused']++;
  };
  await Promise.all([...LEVELS].reverse().flatMap((level) => Array.from({ length: EACH }, () => send(level))));
  return seen;
}

console.log(`${EACH * LEVELS.length} requests at once; ${EACH * 3} may wait:`);
console.table(await load());
breaker.setMinPriority('normal', { actor: 'operator', reason: 'nothing but what matters' });
console.log('and with a floor under them:');
console.table(await load());
server.close();
server.closeAllConnections();
