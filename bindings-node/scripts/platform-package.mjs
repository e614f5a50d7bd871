// Makes the package that holds the native part of this system alone, such as `@fusewire/linux-x64-gnu`, in a folder of
// that name within the one that is given, or within npm/. None is published yet, so `fusewire` does not list it;
// `lib/native.ts` finds it where it is installed.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { platform, system } from './platform.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const name = platform();
const library = `fusewire.${name}.node`;
const folder = resolve(process.argv[2] ?? join(root, 'npm'), name);
const page = 'https://www.npmjs.com/package/fusewire';
const { version, license, repository, engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const manifest = {
  name: `@fusewire/${name}`,
  version,
  description: `The native part of fusewire for ${name}`,
  license,
  repository,
  engines,
  ...system(),
  main: library,
  files: [library, 'LICENSE-MIT', 'LICENSE-APACHE'],
};

mkdirSync(folder, { recursive: true });
copyFileSync(join(root, library), join(folder, library));
for (const licence of ['LICENSE-MIT', 'LICENSE-APACHE']) copyFileSync(join(root, '..', licence), join(folder, licence));
writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
writeFileSync(
  join(folder, 'README.md'),
  `# @fusewire/${name}\n\nThe native part of [fusewire](${page}) for ${name}. Install \`fusewire\`.\n`,
);
console.log(folder);
