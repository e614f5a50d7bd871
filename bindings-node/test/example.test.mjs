// The example, shortened: it ends by itself, and what it claims holds. Its upstream is built by cargo, unless
// FUSEWIRE_UPSTREAM names a command that serves it.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const EXAMPLE = fileURLToPath(new URL('../../examples/node', import.meta.url));
const isOwn = ([name]) => !/^npm_|^NODE_TEST_CONTEXT$/i.test(name);
const env = Object.fromEntries(Object.entries(process.env).filter(isOwn));

// A build of the upstream may come first.
const demo = (...args) =>
  spawnSync(process.execPath, ['src/demo.mjs', ...args], { cwd: EXAMPLE, env, encoding: 'utf8', timeout: 600_000 });

before(() => execFileSync('npm', ['install', '--offline', '--loglevel', 'error'], { cwd: EXAMPLE, env }));

test('both runs end and the breaker keeps its promises', () => {
  const { status, stdout, stderr } = demo('--seconds', '10', '--check');
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  for (const phase of ['healthy', 'errors', 'slow', 'flapping', 'recovered', 'all']) {
    for (const run of ['unprotected', 'protected']) {
      const row = `\n${phase.padEnd(9)}  ${run.padEnd(11)}  `;
      assert.equal(stdout.split(row).length, 2, `${row} in ${stdout}`);
    }
  }
  assert.match(stdout, /closed -> open \(failure_threshold\)/);
  assert.match(stdout, /half_open -> closed \(probes_succeeded\)/);
  assert.match(stdout, /# EOF/);
  assert.equal(stdout.match(/check: ok: /g).length, 7, stdout);
});

test('the check fails when nothing is rejected', () => {
  const { status, stdout, stderr } = demo('--seconds', '9', '--check', '--shadow');
  assert.equal(status, 1, `${stdout}\n${stderr}`);
  assert.match(stdout, /check: BROKEN: the upstream received no call that was made while open/);
});

test('of more than can be done, what matters most is done', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['src/priorities.mjs'], { cwd: EXAMPLE, env, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const rows = [...stdout.matchAll(/│ +(\w+) +│ +(\d+) +│ +(\d+) +│ +(\d+) +│/g)].map(([, level, ...n]) => [level, n.map(Number)]);
  assert.equal(rows.length, 10, stdout);
  const of = (level, run) => rows.filter(([name]) => name === level)[run][1];
  assert.deepEqual(of('critical', 0).slice(0, 2), [20, 0]);
  assert.ok(of('bulk', 0)[1] > 0, 'the least important gave way');
  for (const run of [0, 1]) assert.deepEqual(of('critical', run).slice(0, 2), [20, 0], stdout);
  for (const level of ['low', 'bulk']) assert.deepEqual(of(level, 1).slice(0, 2), [0, 20], stdout);
  assert.match(stdout, /min_priority: bulk -> normal, by operator/);
});

test('a wrong option is named with what is allowed', () => {
  for (const [args, words] of [
    [['--seconds', '1'], /--seconds 1: allowed are 9 to 900/],
    [['--second', '10'], /'--second'[^]*usage: /],
  ]) {
    const { status, stderr } = demo(...args);
    assert.equal(status, 2);
    assert.match(stderr, words);
  }
});
