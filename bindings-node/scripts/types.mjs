// Declarations as they are committed: of the native part, from what its macros write while it is built, and of the
// package, from what the compiler makes of `lib`. `test/declarations.test.mjs` compares them.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Where the macros of `napi-derive` write, one JSON object a line; Cargo does not know of it. */
export const typeDefs = join(root, '..', 'build', 'napi-types');
export const typeDefFile = join(typeDefs, 'fusewire-node');

const indented = (text) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .map((line) => (line.startsWith('*') ? `   ${line}` : `  ${line}`))
    .join('\n');

/** `native.d.ts`. */
export function nativeDeclarations() {
  const items = readFileSync(typeDefFile, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  // The methods of a class may stand in several files.
  const methodsOf = (name) => items.flatMap((item) => (item.kind === 'impl' && item.name === name ? [item.def] : []));
  const written = items.flatMap(({ kind, name, js_doc: doc, def }) => {
    if (kind === 'impl') return [];
    if (kind === 'struct') return [`${doc}export declare class ${name} {\n${indented(methodsOf(name).join('\n'))}\n}`];
    if (kind === 'const') return [`${doc}export declare ${def.replace(/^(export )?/, '')}`];
    if (kind === 'fn') return [`${doc}export declare ${def}`];
    throw new Error(`no rule for ${kind} ${name}`);
  });
  return `// Made from the Rust sources; FUSEWIRE_BLESS=1 with the tests writes it anew.\n\n${written.join('\n\n')}\n`;
}

/** The declarations that the entries of a folder reach, by file name. */
export function reachable(folder, entries) {
  const found = new Map();
  const visit = (name) => {
    if (found.has(name)) return;
    const text = readFileSync(join(folder, name), 'utf8');
    found.set(name, text);
    for (const [, path] of text.matchAll(/(?:from |import\()'(\.{1,2}\/[^']+)'/g)) {
      const file = join(dirname(name), path.replace(/\.js$/, ''));
      visit(
        [`${file}.d.ts`, join(file, 'index.d.ts')].find((candidate) => existsSync(join(folder, candidate))) ??
          `${file}.d.ts`,
      );
    }
  };
  entries.forEach(visit);
  return found;
}

/** The entries of the package, as names of declaration files in `dist`. */
export function entries() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return Object.values(exports).flatMap((entry) => (entry.require ? [entry.require.types.replace('./dist/', '')] : []));
}
