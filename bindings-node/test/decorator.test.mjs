// The standard decorator, and `using`, as TypeScript compiles them.

import assert from 'node:assert/strict';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CircuitBreaker, isCircuitOpenError } from 'fusewire';
import { fresh, project, require, root, thrownBy, tsc } from './support.mjs';

const folder = project();
let fixture;

before(async () => {
  copyFileSync(join(root, 'test/fixtures/decorated.ts'), join(folder, 'decorated.ts'));
  const options = [
    '--target',
    'ES2022',
    '--module',
    'node16',
    '--lib',
    'ES2022,ESNext.Disposable',
    '--types',
    'node',
    '--strict',
  ];
  assert.equal(tsc(folder, ...options, 'decorated.ts'), '');
  fixture = require(join(folder, 'decorated.js'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('a decorated method keeps this, name and length', async () => {
  const client = new fixture.Client();
  assert.equal(await client.load('a'), 'https://a');
  assert.equal(client.calls, 1);
  assert.equal(fixture.Client.prototype.load.name, 'load');
  assert.equal(await client.plain(), client);
});

test('all instances share the breaker', async () => {
  const [one, other] = [new fixture.Client(), new fixture.Client()];
  await assert.rejects(one.load('a', true), /boom/);
  await assert.rejects(other.load('a', true), /boom/);
  const error = await one.load('a').catch((e) => e);
  assert.ok(isCircuitOpenError(error));
  assert.equal(error.breaker, 'client.load');
  assert.equal(one.calls, 1);
});

test('static and private methods, under a breaker that is given', async () => {
  assert.equal(await fixture.Client.of(), 'Client');
  assert.equal(await new fixture.Client().hidden(), 0);
  assert.equal(fixture.shared.snapshot().totals.success, 2);
});

test('a decorated method may say what its signal is, and its fallback gets the arguments', async () => {
  const client = new fixture.Client();
  const reason = new Error('enough');
  await assert.rejects(client.slow('a', AbortSignal.abort(reason)), (error) => error === reason);
  fixture.Client.prototype.slow.breaker.trip();
  assert.equal(await client.slow('b'), 'instead of b');
});

test('what is no method, and what is no standard decorator, is refused', () => {
  const decorate = CircuitBreaker();
  assert.throws(() => decorate(class {}, { kind: 'class', name: 'C' }), /must be on a method/);
  assert.throws(() => decorate({}, 'load', { value: () => 1 }), /must be on a method, as a standard decorator/);
  assert.throws(() => CircuitBreaker(() => 1, { kind: 'method', name: 'load' }), /@CircuitBreaker\(\).*parentheses/);
  assert.equal(
    thrownBy(() => CircuitBreaker({ retries: 1 })(() => 1, { kind: 'method', name: 'load' })).key,
    'retries',
  );
});

test('using settles what was not settled', () => {
  const breaker = new CircuitBreaker(fresh());
  assert.equal(fixture.settled(breaker), breaker.name);
  fixture.settled(breaker, 'success');
  const { success, ignored } = breaker.snapshot().totals;
  assert.deepEqual([success, ignored], [1, 1]);
});
