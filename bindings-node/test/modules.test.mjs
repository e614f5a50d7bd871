// One package for ES modules and CommonJS.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fusewire from 'fusewire';
import * as testing from 'fusewire/testing';
import { require, root, run } from './support.mjs';

const manifest = require('fusewire/package.json');

test('import and require give the same objects', () => {
  for (const [module, common] of [
    [fusewire, require('fusewire')],
    [testing, require('fusewire/testing')],
  ]) {
    const names = Object.keys(common).filter((name) => name !== '__esModule');
    assert.deepEqual(
      Object.keys(module)
        .filter((name) => name !== 'default')
        .sort(),
      names.sort(),
    );
    for (const name of names) assert.equal(module[name], common[name], name);
    assert.equal(module.default, common);
  }
});

test('what is shown is what is meant to be', () => {
  assert.deepEqual(Object.keys(fusewire).sort(), [
    'CircuitBreaker',
    'CircuitBreakerError',
    'CircuitOpenError',
    'ConfigError',
    'ConflictError',
    'ManualClock',
    'Registry',
    'RequestError',
    'TimeoutError',
    'captureStacks',
    'circuitBreaker',
    'contentType',
    'default',
    'isCircuitBreakerError',
    'isCircuitOpenError',
    'isConfigError',
    'isConflictError',
    'isRequestError',
    'isTimeoutError',
    'recoveryOf',
    'registry',
    'requestPriority',
    'schema',
    'version',
  ]);
  assert.equal(fusewire.ManualClock, testing.ManualClock);
});

test('the version is that of the package', () => {
  assert.equal(fusewire.version, manifest.version);
  assert.match(readFileSync(join(root, '..', 'Cargo.toml'), 'utf8'), new RegExp(`\nversion = "${manifest.version}"\n`));
});

test('every file that the manifest names is there', () => {
  const files = [manifest.main, manifest.types];
  (function collect(entry) {
    if (typeof entry === 'string') files.push(entry);
    else Object.values(entry).forEach(collect);
  })(manifest.exports);
  for (const file of files) assert.ok(existsSync(join(root, file)), file);
});

test('nothing else can be reached', () => {
  for (const path of ['fusewire/dist/host.js', 'fusewire/lib/host', 'fusewire/native']) {
    assert.throws(() => require(path), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' });
  }
});

test('the schema is an object of its own', () => {
  const one = fusewire.schema();
  one.properties = {};
  assert.ok(Object.keys(fusewire.schema().properties).length > 10);
});

test('loading it costs nobody a global', async () => {
  const names = await run(`
    const before = new Set(Reflect.ownKeys(globalThis));
    await import('fusewire');
    console.log(JSON.stringify(Reflect.ownKeys(globalThis).filter((key) => !before.has(key)).map(String)));
  `);
  assert.deepEqual(JSON.parse(names), []);
});
