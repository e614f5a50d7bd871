// What the pages show runs: each block of JavaScript is a program of its own, and must end by itself without an error.
// Blocks of TypeScript are held against the types, too.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const ROOT = join(PACKAGE, '..');
const HERE = 'https://github.com/fusewire/fusewire/blob/main/';
const PAGES = ['README.md', 'bindings-node/README.md', 'docs/node-recovery.md'];
const read = (page) => readFileSync(join(ROOT, page), 'utf8');

let folder;

// Within the package: what lies here finds it by its name.
before(() => {
  mkdirSync(join(PACKAGE, 'build'), { recursive: true });
  folder = mkdtempSync(join(PACKAGE, 'build', 'docs-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function* blocks(page) {
  const text = read(page);
  for (const match of text.matchAll(/^```(js|ts)\n([^]*?)^```$/gm)) {
    yield { kind: match[1], code: match[2], line: text.slice(0, match.index).split('\n').length };
  }
}

function compiled(file) {
  const options = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
    lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts', 'lib.esnext.decorators.d.ts', 'lib.dom.d.ts'],
    types: ['node'],
    typeRoots: [join(ROOT, 'bindings-node/node_modules/@types')],
    strict: true,
    skipLibCheck: true,
  };
  const program = ts.createProgram([file], options);
  const { diagnostics } = program.emit();
  const all = [...ts.getPreEmitDiagnostics(program), ...diagnostics];
  assert.deepEqual(all.map((d) => ts.flattenDiagnosticMessageText(d.messageText, '\n')), []);
  return file.replace(/\.mts$/, '.mjs');
}

for (const page of PAGES) {
  for (const { kind, code, line } of blocks(page)) {
    test(`${page}:${line} runs`, () => {
      const file = join(folder, `${page.replace(/\W/g, '-')}-${line}.${kind === 'ts' ? 'mts' : 'mjs'}`);
      writeFileSync(file, code);
      const program = kind === 'ts' ? compiled(file) : file;
      const options = { cwd: folder, encoding: 'utf8', timeout: 60_000 };
      const { status, stderr } = spawnSync(process.execPath, [program], options);
      assert.equal(status, 0, stderr);
      assert.equal(stderr, '');
    });
  }
}

test('the pages about Node have programs', () => {
  for (const page of ['README.md', 'bindings-node/README.md']) assert.ok([...blocks(page)].length > 0, page);
});

test('links between pages lead somewhere', () => {
  for (const page of PAGES) {
    for (const [, target, anchor] of read(page).matchAll(/\]\(([^)#\s]+)(?:#([^)]*))?\)/g)) {
      // npm shows its page elsewhere than beside the others.
      const isOurs = target.startsWith(HERE);
      if (!isOurs && /^https?:/.test(target)) continue;
      const path = isOurs ? join(ROOT, target.slice(HERE.length)) : resolve(ROOT, dirname(page), target);
      assert.ok(existsSync(path), `${page} links to ${relative(ROOT, path)}`);
      if (anchor === undefined) continue;
      assert.match(readFileSync(path, 'utf8').toLowerCase(), new RegExp(`^#+ ${anchor.replaceAll('-', '[ -]')}$`, 'm'), `${page}: #${anchor}`);
    }
  }
});
