// The declarations that are committed are those that the sources give: a change of the interface shows in a review.
// After a change that is meant, `FUSEWIRE_BLESS=1 npm test` writes them anew.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { entries, nativeDeclarations, reachable, typeDefFile } from '../scripts/types.mjs';
import { root, tsc } from './support.mjs';

const bless = process.env.FUSEWIRE_BLESS === '1';

function compare(file, text) {
  const path = join(root, file);
  if (bless) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return;
  }
  const committed = existsSync(path) ? readFileSync(path, 'utf8') : '';
  assert.equal(
    text,
    committed,
    `${file} is not what the sources give; if the change is meant: FUSEWIRE_BLESS=1 npm test`,
  );
}

test('native.d.ts', () => {
  assert.ok(existsSync(typeDefFile), 'the native part was not built in this checkout: ci/build-node.sh');
  compare('native.d.ts', nativeDeclarations());
});

test('types', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fusewire-types-'));
  try {
    assert.equal(tsc(root, '-p', '.', '--emitDeclarationOnly', '--outDir', folder), '');
    const found = reachable(folder, entries());
    for (const [name, text] of found) compare(join('types', name), text);
    const committed = readdirSync(join(root, 'types'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(join(root, 'types'), join(entry.parentPath ?? entry.path, entry.name)));
    for (const name of committed.filter((name) => !found.has(name))) {
      if (bless) rmSync(join(root, 'types', name));
      else assert.fail(`types/${name} is reached by no entry any more`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
