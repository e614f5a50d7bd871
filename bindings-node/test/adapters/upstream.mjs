// Services for the adapters to call: the scripted one of the examples, and one whose bodies do not end well.

import { execFileSync, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { after } from 'node:test';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const cargo = (...args) =>
  execFileSync('cargo', args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 28 }).toString();

const phase = (name, behaviour) => ({ name, seconds: 86_400, behaviour });
const SCRIPT = [
  phase('healthy', { kind: 'ok', latency_ms: 0 }),
  phase('errors', { kind: 'error', status: 503 }),
  phase('missing', { kind: 'error', status: 404 }),
  phase('busy', { kind: 'error', status: 429 }),
  phase('slow', { kind: 'slow', latency_ms: 3_000 }),
];

let program;
function build() {
  if (program === undefined) {
    cargo('build', '--quiet', '--locked', '-p', 'fusewire-upstream');
    const { target_directory } = JSON.parse(cargo('metadata', '--no-deps', '--format-version', '1', '--locked'));
    program = join(target_directory, 'debug', 'fusewire-upstream');
  }
  return program;
}

/** `examples/upstream` in phases that last until another one is asked for; it ends with the tests. */
export async function startUpstream() {
  const folder = mkdtempSync(join(tmpdir(), 'fusewire-'));
  const script = join(folder, 'script.json');
  writeFileSync(script, JSON.stringify(SCRIPT));
  const child = spawn(build(), ['--until-eof', '--script', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(createInterface(child.stdout), 'line');
  rmSync(folder, { recursive: true });
  const origin = line.replace('listening on ', '');
  after(() => {
    child.kill();
  });
  const ask = async (path, method = 'GET') => {
    const answer = await fetch(origin + path, { method, headers: { connection: 'close' } });
    return answer.json();
  };
  return {
    origin,
    work: `${origin}/work`,
    phase: (name) => ask(`/phase/${name}`, 'POST'),
    /** How many calls have arrived. */
    total: async () => (await ask('/stats')).total,
  };
}

const arrivals = new EventEmitter();

/** Waits until a request of that path has arrived at a service of `startBodies`. */
export const arrival = (path) => once(arrivals, path, { signal: AbortSignal.timeout(10_000) });

/**
 * `/broken` closes the connection within the body, `/endless` stops there; `/whole` and `/items` end well; `/silent`
 * never answers.
 */
export async function startBodies() {
  const server = createServer((request, response) => {
    arrivals.emit(request.url);
    if (request.url === '/silent') return;
    if (request.url === '/whole') return response.end('first second');
    if (request.url === '/items') return response.end('[]');
    response.writeHead(200, { 'content-length': 100 });
    response.write('first', () => {
      if (request.url === '/broken') response.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

/** An origin where nobody listens. */
export async function nobody() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}
