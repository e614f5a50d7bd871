// The sub-entries as a user installs them.

import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { after, it } from 'node:test';
import { startBodies } from './upstream.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const ADAPTERS = ['fetch', 'undici', 'axios', 'express', 'fastify', 'prom-client', 'opentelemetry'];

/** A folder with the package in it and nothing else. */
const alone = mkdtempSync(join(tmpdir(), 'fusewire-'));
after(() => rmSync(alone, { recursive: true }));
const installed = join(alone, 'node_modules/fusewire');
mkdirSync(installed, { recursive: true });
for (const name of ['dist', 'package.json', ...readdirSync(root).filter((name) => name.endsWith('.node'))]) {
  cpSync(join(root, name), join(installed, name), { recursive: true });
}
const run = (kind, code) =>
  spawnSync(process.execPath, [`--input-type=${kind}`, '-e', code], { cwd: alone, encoding: 'utf8' });

it('comes as ES module and CommonJS with the same objects', async () => {
  for (const name of ADAPTERS) {
    const [module, common] = [await import(`fusewire/${name}`), require(`fusewire/${name}`)];
    assert.deepEqual(Object.keys(module).filter((key) => key !== 'default').sort(), Object.keys(common).sort());
    for (const [key, value] of Object.entries(common)) assert.equal(module[key], value);
  }
});

it('has no runtime dependency, and every package it can use is optional', () => {
  assert.equal(manifest.dependencies, undefined);
  const optional = Object.fromEntries(Object.keys(manifest.peerDependencies).map((name) => [name, { optional: true }]));
  assert.deepEqual(manifest.peerDependenciesMeta, optional);
});

it('loads what needs nothing without anything', () => {
  for (const name of ['fetch', 'undici', 'express', 'fastify', 'prom-client']) {
    assert.equal(run('commonjs', `require('fusewire/${name}')`).stderr, '');
    assert.equal(run('module', `import 'fusewire/${name}'`).stderr, '');
  }
});

it('says what to install when a package is missing', () => {
  for (const [name, needed] of [
    ['axios', 'axios'],
    ['opentelemetry', '@opentelemetry/api'],
  ]) {
    const text = `fusewire/${name} needs the package '${needed}'; install it with \`npm install ${needed}\``;
    assert.ok(run('commonjs', `require('fusewire/${name}')`).stderr.includes(text));
    assert.ok(run('module', `import 'fusewire/${name}'`).stderr.includes(text));
  }
});

it('does what docs/node-adapters.md shows', async () => {
  const page = readFileSync(join(root, '../docs/node-adapters.md'), 'utf8');
  const origin = await startBodies();
  const blocks = [...page.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, code]) => code);
  // One for each, and one for a service that passes a priority on.
  assert.equal(blocks.length, ADAPTERS.length + 1);
  for (const code of blocks) {
    const program = code.replaceAll('https://api.example.com', origin);
    const args = ['--input-type=module', '-e', program];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
    assert.ok(['', '[]\n'].includes(stdout), stdout);
  }
});

const USES = `
import { Registry } from 'fusewire';
import { circuitBreakerFetch, type FetchOptions } from 'fusewire/fetch';
import { circuitBreaker } from 'fusewire/undici';
import { attach } from 'fusewire/axios';
import { metricsHandler } from 'fusewire/express';
import { metricsPlugin } from 'fusewire/fastify';
import { collect } from 'fusewire/prom-client';
import { instrument } from 'fusewire/opentelemetry';
import { Agent } from 'undici';
import { Agent as Agent6 } from 'undici6';
import axios from 'axios';
import { createServer } from 'node:http';
import fastify from 'fastify';
import { Registry as Register, register } from 'prom-client';

const registry = new Registry('http');
const options: FetchOptions = {
  registry,
  breaker: (key) => ({ failureThreshold: key.length, ignore: (error) => error === null }),
  key: ({ url, method }) => method + url.host,
  isFailureStatus: (status) => status > 500,
  wholeBody: true,
};
const send: typeof fetch = circuitBreakerFetch(options);
export const state: string | undefined = circuitBreakerFetch().breakers.get('x')?.state;
export const answer: Promise<Response> = send(new URL('http://a.test'), { signal: AbortSignal.timeout(1) });
new Agent().compose(circuitBreaker({ registry }));
new Agent6().compose(circuitBreaker() as never);
const detach = attach(axios.create(), { wholeBody: true });
attach(axios);
detach();
createServer(metricsHandler(registry));
void fastify().register(metricsPlugin, { registry, path: '/metrics' });
collect(register)();
collect(new Register<typeof Register.OPENMETRICS_CONTENT_TYPE>(), registry);
instrument({ registry })();

// @ts-expect-error an option of a breaker stands in 'breaker'
circuitBreakerFetch({ failureThreshold: 3 });
// @ts-expect-error a status decides
circuitBreakerFetch({ breaker: { isFailureResult: () => true } });
// @ts-expect-error a key is a text
circuitBreaker({ key: () => 1 });
// @ts-expect-error not an instance
attach({});
// @ts-expect-error not a registry
metricsHandler('http');
// @ts-expect-error not a path
void fastify().register(metricsPlugin, { path: 1 });
`;

it('has types that fit the packages, in both kinds of modules', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fusewire-types-'));
  after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'node_modules'));
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  }
  symlinkSync(root, join(folder, 'node_modules/fusewire'));
  writeFileSync(join(folder, 'module.mts'), USES);
  writeFileSync(join(folder, 'common.cts'), USES);
  const options = {
    compilerOptions: {
      strict: true,
      noEmit: true,
      module: 'node16',
      target: 'es2022',
      lib: ['ES2022', 'ESNext.Disposable', 'DOM'],
      types: ['node'],
      skipLibCheck: true,
      preserveSymlinks: true,
    },
    include: ['*.mts', '*.cts'],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options));
  try {
    execFileSync(process.execPath, [require.resolve('typescript/lib/tsc.js'), '-p', folder], { encoding: 'utf8' });
  } catch (error) {
    assert.fail(error.stdout);
  }
});
