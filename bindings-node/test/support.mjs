// What the tests share.

import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
export const require = createRequire(import.meta.url);

let named = 0;
/** A name that no other test has. */
export const fresh = (prefix = 'breaker') => `${prefix}-${++named}`;

/** Fails like a dependency that is down. */
export const boom = () => {
  throw new Error('boom');
};

/** What `act` throws. */
export function thrownBy(act) {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** The warnings of the package that came while `act` ran, and what it answered. */
export async function warningsOf(act) {
  const warnings = [];
  const listener = (warning) => {
    if (warning.name === 'CircuitBreakerWarning') warnings.push(warning.message);
  };
  process.on('warning', listener);
  try {
    const answer = await act();
    await new Promise((resolve) => setImmediate(resolve));
    return { warnings, answer };
  } finally {
    process.off('warning', listener);
  }
}

/** Gives timers, promises and other threads a turn. */
export const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Runs a script in a process of its own, which has to end by itself; answers what it printed. */
export async function run(script, ...flags) {
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, '--input-type=module', '-e', script], {
    cwd: root,
    timeout: 30_000,
  });
  return stdout.trim();
}

/** A folder of a user who has the package installed; who asks for it removes it. */
export function project() {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'fusewire-user-')));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'fusewire'), 'dir');
  symlinkSync(join(root, 'node_modules', '@types'), join(folder, 'node_modules', '@types'), 'dir');
  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  return folder;
}

/** Runs the TypeScript compiler; answers what it complains about. */
export function tsc(cwd, ...args) {
  const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
  try {
    execFileSync(process.execPath, [compiler, ...args], { cwd, stdio: 'pipe' });
    return '';
  } catch (error) {
    return String(error.stdout);
  }
}

export { once };
