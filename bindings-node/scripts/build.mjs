// Builds the package: the native part into fusewire.<platform>.node, the TypeScript into dist, and beside each CommonJS
// entry an ES module that hands out the very same objects.

import { execFileSync } from 'node:child_process';
import {
  copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { platform } from './platform.mjs';
import { typeDefFile, typeDefs } from './types.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const run = (command, ...args) => execFileSync(command, args, { cwd: root, stdio: 'inherit' });

// Symbols are a sixth of the library, and nobody reads them.
const BUILD = 'build --release --locked -p fusewire-node --config profile.release.strip=true';

/** Whether the declarations are there, and of the sources as they are. */
function hasDeclarations() {
  if (!existsSync(typeDefFile)) return false;
  const written = statSync(typeDefFile).mtimeMs;
  const sources = readdirSync(join(root, 'src'), { recursive: true });
  return sources.every((name) => statSync(join(root, 'src', name)).mtimeMs <= written);
}

function buildNative() {
  mkdirSync(typeDefs, { recursive: true });
  // The macros write them when they run. A library that Cargo finds fresh would leave them out: one of another checkout's
  // folder `target`, or one that was built by hand.
  if (!hasDeclarations()) utimesSync(join(root, 'src/lib.rs'), new Date(), new Date());
  const output = execFileSync(
    'cargo',
    [...BUILD.split(' '), '--message-format', 'json-render-diagnostics'],
    {
      cwd: root,
      env: { ...process.env, NAPI_TYPE_DEF_TMP_FOLDER: typeDefs },
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: 1 << 28,
    },
  );
  const made = output.toString().trim().split('\n').map((line) => JSON.parse(line));
  const artifact = made.findLast((m) => m.reason === 'compiler-artifact' && m.target.name === 'fusewire_node');
  copyFileSync(artifact.filenames[0], join(root, `fusewire.${platform()}.node`));
  if (!existsSync(typeDefFile)) throw new Error(`the macros of napi-derive have not written ${typeDefFile}`);
}

function entries() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return Object.values(exports).flatMap((entry) => (entry.import ? [entry.import.default] : []));
}

function writeModules() {
  for (const module of entries()) {
    const file = join(root, module);
    const common = file.replace(/\.mjs$/, '.js');
    const name = `./${common.split('/').pop()}`;
    const names = Object.keys(require(common)).filter((n) => n !== '__esModule' && n !== 'default');
    writeFileSync(
      file,
      `import common from '${name}';\nexport const { ${names.join(', ')} } = common;\nexport default common;\n`,
    );
    writeFileSync(
      file.replace(/\.mjs$/, '.d.mts'),
      `import common from '${name}';\nexport * from '${name}';\nexport default common;\n`,
    );
  }
}

if (!process.argv.includes('--no-native')) buildNative();
// What is not built any more would be packed.
rmSync(join(root, 'dist'), { recursive: true, force: true });
run(process.execPath, join(dirname(require.resolve('typescript/package.json')), 'bin/tsc'), '-p', '.');
writeModules();
