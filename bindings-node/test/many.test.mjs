// A hundred thousand breakers in one process.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const COUNT = 100_000;

const BODY = `
  const { CircuitBreaker } = require('fusewire');
  const { countedByLanes } = require('fusewire/testing');
  const breakers = [];
  const more = (count) => {
    for (let i = 0; i < count; i++) {
      const breaker = new CircuitBreaker('breaker-' + breakers.length, { failureThreshold: 5, recoveryTimeout: 30_000 });
      breaker.executeSync(() => {});
      breakers.push(breaker);
    }
    globalThis.gc();
    return process.memoryUsage.rss();
  };
  // V8's room for what is young, and for code, grows to its full size with the first ones: it belongs to no breaker.
  const before = more(${COUNT} / 2);
  const bytes = (more(${COUNT}) - before) / ${COUNT};
  const last = breakers.at(-1);
  last.executeSync(() => {});
  last.trip();
  const { success } = last.snapshot().totals;
  console.log(JSON.stringify({ bytes, alone: countedByLanes(), success, state: last.state }));`;

test(`${COUNT} breakers are made and used, take little memory each, and let the process go`, (t) => {
  // Else V8 also widens its room for what is young while it is measured, by 300 bytes a breaker in Node 24.
  const young = ['--min-semi-space-size=16', '--max-semi-space-size=16'];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', ...young, '-e', BODY], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    encoding: 'utf8',
    timeout: 120_000,
  });
  assert.deepEqual({ status, signal, stderr }, { status: 0, signal: null, stderr: '' });
  const { bytes, ...rest } = JSON.parse(stdout);
  t.diagnostic(`${Math.round(bytes)} bytes of resident memory per breaker`);
  assert.deepEqual(rest, { alone: 1, success: 2, state: 'open' });
  assert.ok(bytes < 1_500, `${bytes} bytes per breaker`);
});
