// The package as others get it: packed, installed into an empty folder without a network, and run there.
//
// After a change of the files that is meant, `FUSEWIRE_BLESS=1 node --test test/package.test.mjs` writes the list anew.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { platform } from '../scripts/platform.mjs';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const GOLDEN = fileURLToPath(new URL('golden/files.txt', import.meta.url));
const TWO_MB = 2_000_000;
const LIBRARY = `fusewire.${platform()}.node`;

const USE = `
async function main({ CircuitBreaker, CircuitOpenError, ManualClock, registry, version }) {
  const breaker = new CircuitBreaker('payments', { failureThreshold: 2 });
  const tell = [await breaker.execute(async () => 42), breaker.executeSync(() => 'sync')];
  breaker.trip(60_000, { actor: 'somebody' });
  try {
    await breaker.execute(() => 'never');
  } catch (error) {
    tell.push(error instanceof CircuitOpenError, error.code, error.retryAfter > 0, breaker.state);
  }
  registry.getOrCreate('search').executeSync(() => 1);
  tell.push(/circuit_breaker_requests_total\\{service="search",status="success"\\} 1/.test(registry.metrics()));
  new ManualClock().advance(1);
  console.log(JSON.stringify([...tell, version]));
}`;

let home;
let tarball;
let packed;

/** npm, with settings and a cache of its own, and nothing that the runner of this test sets. */
function npm(cwd, ...args) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  // A test that runs in a test would report to the outer one.
  delete env.NODE_TEST_CONTEXT;
  const quiet = ['--loglevel', 'error', '--no-audit', '--no-fund', '--no-update-notifier'];
  return execFileSync('npm', [...args, '--cache', join(home, 'cache'), ...quiet], { cwd, env, encoding: 'utf8' });
}

const json = (file) => JSON.parse(readFileSync(file, 'utf8'));
const run = (cwd, ...args) => execFileSync(process.execPath, args, { cwd, encoding: 'utf8', stdio: 'pipe' });
const installed = (...path) => join(home, 'node_modules', 'fusewire', ...path);

before(() => {
  home = mkdtempSync(join(tmpdir(), 'fusewire-package-'));
  [packed] = JSON.parse(npm(PACKAGE, 'pack', '--json', '--pack-destination', home));
  tarball = join(home, packed.filename);
  writeFileSync(join(home, 'package.json'), '{"name": "empty", "private": true}');
  npm(home, 'install', '--offline', tarball);
});

after(() => rmSync(home, { recursive: true, force: true }));

test('it holds these files and no others', () => {
  const files = packed.files.map(({ path }) => path).sort();
  const text = `${files.join('\n').replace(LIBRARY, 'fusewire.<platform>.node')}\n`;
  if (process.env.FUSEWIRE_BLESS) writeFileSync(GOLDEN, text);
  assert.equal(text, readFileSync(GOLDEN, 'utf8'));
  const isSource = (path) => /^(lib|src|test|scripts)\/|\.(map|rs)$|(?<!\.d)\.[cm]?ts$/.test(path);
  assert.deepEqual(files.filter(isSource), []);
});

test('it is under 2 MB packed, and under 2.5 MB installed', () => {
  assert.ok(packed.size < TWO_MB, `${packed.size} bytes packed`);
  assert.ok(packed.unpackedSize < 1.25 * TWO_MB, `${packed.unpackedSize} bytes installed`);
});

test('it runs nothing when it is installed, and needs nothing else', () => {
  const manifest = json(installed('package.json'));
  assert.deepEqual(
    Object.keys(manifest.scripts ?? {}).filter((name) => /^(pre|post)?install$|^prepare$/.test(name)),
    [],
  );
  for (const kind of ['dependencies', 'optionalDependencies', 'bundleDependencies']) {
    assert.equal(manifest[kind], undefined);
  }
  for (const [peer] of Object.entries(manifest.peerDependencies ?? {})) {
    assert.equal(manifest.peerDependenciesMeta?.[peer]?.optional, true, `${peer} must be optional`);
  }
  const tree = JSON.parse(npm(home, 'ls', '--omit=dev', '--all', '--json'));
  assert.deepEqual(Object.keys(tree.dependencies), ['fusewire']);
  // An optional peer that nobody has installed is listed, too, as nothing.
  for (const found of Object.values(tree.dependencies.fusewire.dependencies ?? {})) assert.deepEqual(found, {});
  assert.deepEqual(
    readdirSync(join(home, 'node_modules')).filter((name) => !name.startsWith('.')),
    ['fusewire'],
  );
});

test('README and licences are those of the checkout', () => {
  const read = (path) => readFileSync(path, 'utf8');
  for (const name of ['LICENSE-MIT', 'LICENSE-APACHE']) {
    assert.equal(read(installed(name)), read(join(PACKAGE, '..', name)));
  }
  assert.equal(read(installed('README.md')), read(join(PACKAGE, 'README.md')));
});

const PROGRAMS = {
  'esm.mjs': `import * as fusewire from 'fusewire';
import { countedByLanes } from 'fusewire/testing';
${USE}
countedByLanes();
await main(fusewire);`,
  'common.cjs': `const fusewire = require('fusewire');
const { countedByLanes } = require('fusewire/testing');
${USE}
countedByLanes();
main(fusewire);`,
};

for (const [name, text] of Object.entries(PROGRAMS)) {
  test(`${name} runs`, () => {
    writeFileSync(join(home, name), text);
    const told = JSON.parse(run(home, name));
    assert.deepEqual(told, [42, 'sync', true, 'ERR_CIRCUIT_OPEN', true, 'open', true, packed.version]);
  });
}

test('its types are found from ES modules and from CommonJS', () => {
  const typescript = join(PACKAGE, 'node_modules', 'typescript', 'bin', 'tsc');
  const program = `import { CircuitBreaker } from 'fusewire';
import { ManualClock } from 'fusewire/testing';
const breaker = new CircuitBreaker('payments', { clock: new ManualClock(), recoveryTimeout: 30_000 });
export const amount: Promise<number> = breaker.execute(async () => 42);
`;
  for (const name of ['typed.mts', 'typed.cts']) writeFileSync(join(home, name), program);
  const options = '--noEmit --strict --target es2022 --module node16 --lib es2022,esnext.disposable,dom';
  const types = ['--types', 'node', '--typeRoots', join(PACKAGE, 'node_modules', '@types')];
  execFileSync(process.execPath, [typescript, ...options.split(' '), ...types, 'typed.mts', 'typed.cts'], {
    cwd: home,
    encoding: 'utf8',
  });
});

/** Runs `act` while the installed package has no native part. */
function withoutNative(act) {
  const away = join(home, LIBRARY);
  renameSync(installed(LIBRARY), away);
  try {
    act();
  } finally {
    renameSync(away, installed(LIBRARY));
  }
}

test('where the native part is missing the error says what to do', () => {
  const programs = { 'missing.mjs': "import 'fusewire';", 'missing.cjs': "require('fusewire');" };
  withoutNative(() => {
    for (const [name, program] of Object.entries(programs)) {
      writeFileSync(join(home, name), program);
      const { status, stderr } = spawnSync(process.execPath, [name], { cwd: home, encoding: 'utf8' });
      assert.equal(status, 1);
      const why = `^Error: fusewire: no native part for ${platform()}: there is no ${LIBRARY} in .*`;
      const what = `and no package @fusewire/${platform()}\\. .*npm run build`;
      assert.match(stderr, new RegExp(why + what, 'm'));
    }
  });
});

test('where the native part does not load the error says why', () => {
  withoutNative(() => {
    writeFileSync(installed(LIBRARY), 'no library');
    writeFileSync(join(home, 'broken.cjs'), "try { require('fusewire') } catch (error) { console.log(error.message) }");
    const why = `^fusewire: its native part for ${platform()} does not load: .*${LIBRARY}`;
    assert.match(run(home, 'broken.cjs'), new RegExp(why));
    rmSync(installed(LIBRARY));
  });
});

test('a native part of another version is told at once, and what to do about it', () => {
  const manifest = readFileSync(installed('package.json'), 'utf8');
  writeFileSync(installed('package.json'), manifest.replace(`"version": "${packed.version}"`, '"version": "99.1.2"'));
  try {
    writeFileSync(join(home, 'stale.cjs'), "try { require('fusewire') } catch (error) { console.log(error.message) }");
    const told = run(home, 'stale.cjs');
    assert.match(told, new RegExp(`^fusewire: the native part .*${LIBRARY} is of version ${packed.version.replaceAll('.', '\\.')} `));
    assert.match(told, /the package of 99\.1\.2 .*remove node_modules and install again.*npm run build/);
  } finally {
    writeFileSync(installed('package.json'), manifest);
  }
  assert.equal(json(join(PACKAGE, 'package.json')).version, /^version = "(.*)"/m.exec(workspace())[1]);
});

/** The manifest that gives the native part its version. */
const workspace = () => readFileSync(join(PACKAGE, '..', 'Cargo.toml'), 'utf8').replace(/^[^]*\[workspace\.package\]/, '');

/** Of another C library. */
const OTHER = LIBRARY.includes('-gnu.') ? LIBRARY.replace('-gnu.', '-musl.') : LIBRARY.replace('-musl.', '-gnu.');

test('the system is not asked what it is when there is one native part alone', () => {
  writeFileSync(
    join(home, 'asked.cjs'),
    `let asked = 0;
    const { getReport } = process.report;
    process.report.getReport = () => (asked++, getReport.call(process.report));
    let error;
    try { require('fusewire') } catch (thrown) { error = thrown }
    console.log(asked, error?.message ?? 'loaded');`,
  );
  assert.equal(run(home, 'asked.cjs'), '0 loaded\n');
  if (OTHER === LIBRARY) return;
  writeFileSync(installed(OTHER), 'no library');
  try {
    assert.equal(run(home, 'asked.cjs'), '1 loaded\n');
    withoutNative(() => {
      assert.match(run(home, 'asked.cjs'), new RegExp(`^1 fusewire: no native part for ${platform()}: there is no ${LIBRARY}`));
    });
  } finally {
    rmSync(installed(OTHER));
  }
});

test("a platform's package takes the place of the native part inside", () => {
  const folder = run(PACKAGE, 'scripts/platform-package.mjs', join(home, 'npm')).trim();
  const manifest = json(join(folder, 'package.json'));
  assert.equal(manifest.name, `@fusewire/${platform()}`);
  assert.equal(manifest.version, packed.version);
  assert.deepEqual([manifest.os, manifest.cpu], [[process.platform], [process.arch]]);
  const [{ filename, files }] = JSON.parse(npm(folder, 'pack', '--json', '--pack-destination', home));
  assert.deepEqual(
    files.map(({ path }) => path).sort(),
    ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', LIBRARY, 'package.json'],
  );
  npm(home, 'install', '--offline', join(home, filename));
  writeFileSync(join(home, 'apart.mjs'), "import { version } from 'fusewire';\nconsole.log(version);");
  withoutNative(() => assert.equal(run(home, 'apart.mjs').trim(), packed.version));
});
