// The upstream: `examples/upstream` as a process of its own, on a free port of loopback.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const BUILD = 'cargo run --quiet --locked -p fusewire-upstream --';

/** Starts it. It ends with `stop()`, and by itself should this process die: its standard input is a pipe. */
export async function startUpstream(scale) {
  const [program, ...args] = (process.env.FUSEWIRE_UPSTREAM || BUILD).split(' ');
  const child = spawn(program, [...args, '--until-eof', '--scale', String(scale)], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.on('error', () => {});
  const ended = new Promise((resolve) => child.on('error', resolve).on('exit', resolve));
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([once(lines, 'line'), ended.then((why) => [why])]);
  const url = /^listening on (.+)$/.exec(first[0])?.[1];
  if (url === undefined) throw new Error(`the upstream did not say where it listens, but ${first[0]}`);

  const ask = async (path, method = 'GET') => {
    const response = await fetch(`${url}${path}`, { method });
    if (!response.ok) throw new Error(`${path}: status ${response.status}`);
    return response.json();
  };
  return {
    url,
    /** Begins the script again; tells how long it lasts, in milliseconds. */
    start: async () => (await ask('/start', 'POST')).script_remaining_ms,
    phase: () => ask('/phase'),
    stats: () => ask('/stats'),
    /** A call that counts, under this tag. Its body is read here: the connection is free again. */
    work: async (tag, signal) => {
      const response = await fetch(`${url}/work?tag=${tag}`, { signal });
      await response.arrayBuffer();
      return response;
    },
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
