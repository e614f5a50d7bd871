// Breakers by name.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, ConflictError, ManualClock, Registry, registry } from 'fusewire';
import { boom, fresh, require, root, thrownBy } from './support.mjs';

const { isolate } = require(`${root}/dist/host.js`);

test('asking again gives the same breaker', () => {
  const name = fresh();
  const breaker = registry.getOrCreate(name, { failureThreshold: 3 });
  assert.ok(breaker instanceof CircuitBreaker);
  assert.equal(registry.getOrCreate(name, { failureThreshold: 3 }), breaker);
  assert.equal(registry.get(name), breaker);
  assert.equal(registry.get(fresh()), undefined);
});

test('the same configuration in other words is no conflict', () => {
  const name = fresh();
  const breaker = registry.getOrCreate(name, { recoveryTimeout: 60_000 });
  assert.equal(registry.getOrCreate(name, { recoveryTimeout: '1m' }), breaker);
  assert.equal(registry.getOrCreate(name), breaker);
});

test('another configuration is a conflict that shows both', () => {
  const name = fresh();
  registry.getOrCreate(name, { failureThreshold: 3 });
  const error = thrownBy(() => registry.getOrCreate(name, { failureThreshold: 4 }));
  assert.ok(error instanceof ConflictError);
  assert.match(error.message, /"failure_threshold":3.*"failure_threshold":4/);
  assert.equal(registry.get(name).snapshot().state, 'closed');
});

test('after a reconfiguration the new rules are the ones to ask for', () => {
  const name = fresh();
  const breaker = registry.getOrCreate(name, { failureThreshold: 3 });
  breaker.reconfigure({ failureThreshold: 4 });
  assert.equal(registry.getOrCreate(name, { failureThreshold: 4 }), breaker);
});

test('wrong options and names are refused, and nothing is made', () => {
  const mine = new Registry(fresh());
  assert.equal(thrownBy(() => mine.getOrCreate('a', { failureThreshold: 0 })).key, 'failureThreshold');
  for (const options of [null, 5])
    assert.equal(thrownBy(() => mine.getOrCreate('a', options)).code, 'ERR_INVALID_ARG_TYPE');
  for (const name of [undefined, null, 5]) {
    for (const method of ['getOrCreate', 'get', 'has', 'reconfigure', 'remove']) {
      assert.equal(thrownBy(() => mine[method](name)).code, 'ERR_INVALID_ARG_TYPE', method);
    }
  }
  assert.equal(thrownBy(() => mine.getOrCreate('')).code, 'ERR_CIRCUIT_NAME');
  assert.equal(thrownBy(() => new Registry(5)).code, 'ERR_INVALID_ARG_TYPE');
  assert.deepEqual(mine.names(), []);
});

test('names are sorted, and registries do not see each other', () => {
  const [one, other] = [new Registry(fresh('registry')), new Registry(fresh('registry'))];
  for (const name of ['b', 'a', 'ä', 'B']) one.getOrCreate(name);
  other.getOrCreate('c');
  assert.deepEqual(one.names(), ['B', 'a', 'b', 'ä']);
  assert.deepEqual(other.names(), ['c']);
});

test('two registries of one name are the same', () => {
  const name = fresh('registry');
  const [one, other] = [new Registry(name), new Registry(name)];
  const breaker = one.getOrCreate('shared');
  breaker.trip();
  assert.equal(other.get('shared').state, 'open');
  assert.equal(other.getOrCreate('shared').snapshot().generation, 1);
});

test('metrics are of all breakers', () => {
  const mine = new Registry(fresh('registry'));
  mine.getOrCreate('one').executeSync(() => 1);
  mine.getOrCreate('two');
  const text = mine.metrics();
  assert.match(text, /requests_total\{service="one",status="success"\} 1\n/);
  assert.match(text, /requests_total\{service="two",status="success"\} 0\n/);
  assert.ok(text.endsWith('# EOF\n'));
  mine.remove('one');
  assert.doesNotMatch(mine.metrics(), /service="one"/);
});

test('what is removed is gone, and asking again makes a new one', () => {
  const mine = new Registry(fresh('registry'));
  const old = mine.getOrCreate('a', { failureThreshold: 3 });
  assert.equal(mine.remove('a'), true);
  assert.equal(mine.remove('a'), false);
  assert.equal(mine.get('a'), undefined);
  const made = mine.getOrCreate('a', { failureThreshold: 4 });
  assert.notEqual(made, old);
  old.trip();
  assert.equal(made.state, 'closed');
});

test('what another registry object removed or replaced is not given out', () => {
  const name = fresh('registry');
  const [one, other] = [new Registry(name), new Registry(name)];
  const old = one.getOrCreate('a');
  other.remove('a');
  assert.equal(one.get('a'), undefined);
  const made = other.getOrCreate('a');
  assert.notEqual(one.getOrCreate('a'), old);
  made.trip();
  assert.equal(one.get('a').state, 'open');
  assert.equal(one.get('a'), one.get('a'));
});

test('a permit of a breaker that was removed settles harmlessly', async () => {
  const mine = new Registry(fresh('registry'));
  const breaker = mine.getOrCreate('a', { failureThreshold: 1 });
  const [first, second, third] = [breaker.acquire(), breaker.acquire(), breaker.acquire()];
  let finish;
  const running = breaker.execute(() => new Promise((resolve) => (finish = resolve)));
  mine.remove('a');
  assert.equal(first.success(), 'ok');
  finish(5);
  assert.equal(await running, 5);
  assert.equal(second.failure(), 'ok');
  assert.equal(third.failure(), 'late');
  assert.equal(breaker.state, 'open');
  assert.equal(breaker.snapshot().totals.success, 2);
  await assert.rejects(breaker.execute(boom), { code: 'ERR_CIRCUIT_OPEN' });
});

test('the first to ask gives what classifies and the clock', () => {
  const [mine, clock] = [new Registry(fresh('registry')), new ManualClock()];
  const breaker = mine.getOrCreate('a', { failureThreshold: 1, ignore: () => true, clock });
  mine.getOrCreate('a', { failureThreshold: 1 });
  assert.throws(() => breaker.executeSync(boom));
  assert.equal(breaker.snapshot().totals.ignored, 1);
  breaker.trip(1000);
  clock.advance(1000);
  assert.equal(mine.get('a').state, 'half_open');
});

test('it tells how many there are and which, and gives them in the order of their names', () => {
  const mine = new Registry(fresh('registry'));
  assert.deepEqual([mine.size, [...mine]], [0, []]);
  const [b, a, A] = ['b', 'ä', 'A'].map((name) => mine.getOrCreate(name));
  assert.equal(mine.size, 3);
  assert.deepEqual([...mine], [A, b, a]);
  assert.deepEqual([...mine].map(({ name }) => name), mine.names());
  assert.deepEqual([mine.has('b'), mine.has('c'), mine.has('')], [true, false, false]);
  mine.remove('b');
  assert.deepEqual([mine.size, mine.has('b'), [...mine]], [2, false, [A, a]]);
});

test('what was made through another registry object is there, too', () => {
  const name = fresh('registry');
  const [one, other] = [new Registry(name), new Registry(name)];
  // As another isolate makes it, which this one has no object of.
  isolate.release(isolate.create('theirs', '{"failure_threshold": 7}', undefined, name));
  const mine = one.getOrCreate('mine');
  assert.deepEqual([other.size, other.has('theirs')], [2, true]);
  const [first, second] = other;
  assert.equal(first, mine);
  assert.match(second.document(), /"failure_threshold":7/);
  assert.equal(one.get('theirs'), second);
});

test('a breaker that is removed while one goes through is left out', () => {
  const mine = new Registry(fresh('registry'));
  for (const name of ['a', 'b', 'c']) mine.getOrCreate(name);
  const seen = [];
  for (const { name } of mine) {
    seen.push(name);
    mine.remove('b');
  }
  assert.deepEqual(seen, ['a', 'c']);
});

test('reconfigure swaps the rules of the breaker of that name, and tells of it', () => {
  const mine = new Registry(fresh('registry'));
  const breaker = mine.getOrCreate('a', { failureThreshold: 3 });
  const told = [];
  breaker.on('stateChange', ({ cause, actor, reason }) => told.push([cause, actor, reason]));
  assert.equal(mine.reconfigure('a', { failureThreshold: 3 }), false);
  assert.equal(mine.reconfigure('a', { failureThreshold: 1 }, { actor: 'me', reason: 'a test' }), true);
  assert.deepEqual(told, [['reconfigured', 'me', 'a test']]);
  assert.throws(() => breaker.executeSync(boom), /boom/);
  assert.equal(breaker.state, 'open');
  assert.equal(mine.getOrCreate('a', { failureThreshold: 1 }), breaker);
});

test('reconfigure refuses what there is not and what is wrong, and changes nothing', () => {
  const mine = new Registry(fresh('registry'));
  const missing = thrownBy(() => mine.reconfigure('a', { failureThreshold: 3 }));
  assert.ok(missing instanceof RangeError);
  assert.equal(missing.code, 'ERR_CIRCUIT_UNKNOWN');
  assert.equal(missing.message, "there is no circuit breaker 'a'");
  const breaker = mine.getOrCreate('a');
  assert.equal(thrownBy(() => mine.reconfigure('a', { failureThreshold: 0 })).key, 'failureThreshold');
  assert.equal(thrownBy(() => mine.reconfigure('a', null)).code, 'ERR_INVALID_ARG_TYPE');
  assert.equal(thrownBy(() => mine.reconfigure('a', {}, 'me')).code, 'ERR_INVALID_ARG_TYPE');
  assert.equal(thrownBy(() => mine.reconfigure('a', { isFailure: true })).code, 'ERR_INVALID_ARG_TYPE');
  assert.equal(breaker.snapshot().generation, 0);
});
