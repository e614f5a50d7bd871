// Before the package is packed: the licences lie at the root of the checkout, and there must be something to pack.

import { copyFileSync, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { platform } from './platform.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

for (const needed of [`fusewire.${platform()}.node`, 'dist/index.js', 'dist/index.mjs', 'dist/index.d.ts']) {
  if (!existsSync(join(root, needed))) throw new Error(`${needed} is not built: npm run build`);
}
for (const licence of ['LICENSE-MIT', 'LICENSE-APACHE']) {
  copyFileSync(join(root, '..', licence), join(root, licence));
}
