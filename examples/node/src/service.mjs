// The service: each of its requests is one call to the upstream, through a breaker or without. All that this demo needs
// of fusewire is here.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { Registry, contentType, isCircuitOpenError, requestPriority } from 'fusewire';

/** How long a call waits for its answer, in milliseconds. It is not scaled, since the upstream's latencies are not. */
export const TIMEOUT = 150;
export const FAILURE_THRESHOLD = 5;

/** The breaker around the calls, and the registry that shows its metrics. */
export function guard({ recoveryTimeout, shadow }) {
  const registry = new Registry();
  const breaker = registry.getOrCreate('upstream', {
    failureThreshold: FAILURE_THRESHOLD,
    recoveryTimeout,
    isFailureResult: (response) => response.status >= 500,
    mode: shadow ? 'shadow' : 'auto',
  });
  return { registry, breaker };
}

/** One call, which ends after `TIMEOUT` at the latest. Where a breaker has gates, its priority decides. */
export function call(breaker, send, priority) {
  const signal = AbortSignal.timeout(TIMEOUT);
  return breaker ? breaker.execute(send, { signal, priority }) : send(signal);
}

async function handle(request, response, { breaker, registry, send }) {
  if (request.url === '/metrics') {
    response.writeHead(200, { 'content-type': contentType }).end(registry.metrics());
    return;
  }
  try {
    const answer = await call(breaker, send, requestPriority(request.headers));
    response.writeHead(answer.ok ? 200 : 502).end();
  } catch (error) {
    if (isCircuitOpenError(error)) {
      const seconds = Math.ceil((error.retryAfter ?? 0) / 1000);
      response.writeHead(503, { 'retry-after': String(seconds) }).end();
    } else {
      response.writeHead(error.name === 'TimeoutError' ? 504 : 502).end();
    }
  }
}

/** Serves on a free port of loopback. */
export async function serve(parts) {
  const server = createServer((request, response) => void handle(request, response, parts));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  return { url: `http://127.0.0.1:${server.address().port}`, stop };
}
