// The declarations, as a user's compiler reads them.

import assert from 'node:assert/strict';
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CircuitBreaker, ManualClock, schema } from 'fusewire';
import { boom, project, require, root, tsc } from './support.mjs';

const folder = project();

before(() => {
  for (const name of ['positive', 'negative']) {
    for (const kind of ['mts', 'cts'])
      copyFileSync(join(root, 'test/types', `${name}.ts`), join(folder, `${name}.${kind}`));
  }
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Compiles a folder's files as one program, the declarations of the package checked as well. */
function compile(...files) {
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        strict: true,
        noEmit: true,
        target: 'ES2022',
        module: 'nodenext',
        esModuleInterop: true,
        lib: ['ES2022', 'ESNext.Disposable'],
        types: ['node'],
        exactOptionalPropertyTypes: false,
        noUncheckedIndexedAccess: true,
        skipLibCheck: false,
      },
      files,
    }),
  );
  return tsc(folder, '-p', '.');
}

const camel = (key) => key.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

/** TypeScript that says that the keys of the options are those of the schema. */
function keysOfSchema() {
  const { properties } = schema();
  const lines = [
    `import type { AdaptiveRate, AdaptiveWindow, Backoff, Bulkhead, CallOptions, CircuitBreakerOptions, ConcurrencyLimit, CountWindow, DocumentOptions, LeakyBucket, PriorityRules, Ramp, TimeWindow, TokenBucket, WindowLimit } from 'fusewire';`,
    `type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;`,
    `const keys: [${'true, '.repeat(14)}] = [${'true, '.repeat(14)}] satisfies [`,
  ];
  const union = (table) =>
    Object.keys(table.properties)
      .map((key) => `'${camel(key)}'`)
      .join(' | ');
  const rate = (algorithm) =>
    properties.rate_limit.oneOf.find(({ properties: { algorithm: a } }) => [a.const, ...(a.enum ?? [])].includes(algorithm));
  const limits = properties.concurrency_limit.oneOf.map((form) => form.properties);
  const of = (kind) => properties.window.oneOf.find((form) => form.properties.kind.const === kind);
  for (const [type, table] of [
    ['DocumentOptions', { properties }],
    ['CountWindow', of('count')],
    ['TimeWindow', of('time')],
    ['AdaptiveWindow', of('adaptive')],
    ['Backoff', properties.backoff],
    ['Ramp', properties.ramp],
    ['TokenBucket', rate('token_bucket')],
    ['LeakyBucket', rate('leaky_bucket')],
    ['WindowLimit', rate('sliding_window')],
    ['AdaptiveRate', rate('leaky_bucket').properties.adaptive],
    ['PriorityRules', properties.priority],
    ['Bulkhead', properties.bulkhead],
    ['ConcurrencyLimit', { properties: Object.assign({}, ...limits) }],
  ]) {
    lines.push(`  Same<keyof ${type}, ${union(table)}>,`);
  }
  lines.push(
    '  Same<keyof CircuitBreakerOptions, keyof DocumentOptions | keyof CallOptions>,',
    '];',
    'export { keys };',
  );
  return lines.join('\n');
}

/** Snapshots and events as the package gives them, to be what the declarations say and nothing more. */
function readings() {
  const clock = new ManualClock();
  const snapshots = [];
  const events = [];
  const policies = [];
  for (const options of [
    { failureThreshold: 1 },
    { window: { kind: 'count', minCalls: 1 } },
    { window: { kind: 'time', minCalls: 1, slowCallRate: 0.5 }, slowCallDuration: 10 },
    { window: { kind: 'adaptive', minCalls: 1 } },
    { ramp: {}, halfOpenMaxCalls: 1 },
    { priority: {}, rateLimit: { rate: 50 }, bulkhead: { maxConcurrent: 5 } },
    { rateLimit: { algorithm: 'leaky_bucket' }, concurrencyLimit: {} },
  ]) {
    const breaker = new CircuitBreaker('read', { ...options, clock });
    breaker.on('stateChange', (event) => events.push(event));
    breaker.on('policy', (event) => policies.push(event));
    if (options.priority) breaker.setMinPriority('low', { actor: 'a' });
    if (options.bulkhead) breaker.setSlots({ reserved: { high: 1 } });
    if (options.rateLimit) breaker.setRate(20);
    const look = () => snapshots.push(breaker.snapshot());
    look();
    breaker.executeSync(() => 1);
    try {
      breaker.executeSync(boom);
    } catch {}
    look();
    breaker.trip(1000, { actor: 'a', reason: 'b' });
    look();
    breaker.halfOpen();
    breaker.executeSync(() => 1);
    look();
  }
  assert.ok(snapshots.some(({ ramp }) => ramp !== null));
  const list = (type, values) => `export const ${type}s: ${type}[] = ${JSON.stringify(values)};`;
  return `import type { PolicyEvent, Snapshot, TransitionEvent } from 'fusewire';\n${list('Snapshot', snapshots)}\n${list('TransitionEvent', events)}\n${list('PolicyEvent', policies)}\n`;
}

test('what has to compile compiles, what must not does not, for both kinds of modules', () => {
  writeFileSync(join(folder, 'keys.mts'), keysOfSchema());
  writeFileSync(join(folder, 'readings.cts'), readings());
  assert.equal(compile('positive.mts', 'positive.cts', 'negative.mts', 'negative.cts', 'keys.mts', 'readings.cts'), '');
});

test('the compiler looks at all of it', () => {
  writeFileSync(join(folder, 'wrong.mts'), `import { CircuitBreaker } from 'fusewire';\nnew CircuitBreaker(5);\n`);
  assert.match(compile('wrong.mts'), /wrong\.mts\(2,20\): error TS2345/);
});

test('the compiler is of the version that the lock file names', () => {
  const lock = require(join(root, 'package-lock.json'));
  assert.equal(require('typescript/package.json').version, lock.packages['node_modules/typescript'].version);
});
