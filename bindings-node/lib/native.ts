// The native part, found and loaded. Nothing else names it.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type * as Native from '../native';

const folder = join(__dirname, '..');
const { platform, arch } = process;
const fileOf = (name: string): string => `fusewire.${name}.node`;
const packageOf = (name: string): string => `@fusewire/${name}`;

/** What systems like this one are called in the names of prebuilt files. */
const NAMES = platform === 'linux' ? [`linux-${arch}-gnu`, `linux-${arch}-musl`] : [`${platform}-${arch}`];

/** What this very system is called. To ask for its C library takes longer than to load everything else. */
function ownName(): string {
  if (platform !== 'linux') return NAMES[0];
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return NAMES[report?.header?.glibcVersionRuntime === undefined ? 1 : 0];
}

function isApart(name: string): boolean {
  try {
    return Boolean(require.resolve(packageOf(name)));
  } catch {
    return false;
  }
}

/** Which part is there, inside or in a package of its own. Where there is one alone, it is this system's. */
function find(): { name: string; isInside: boolean } {
  const inside = NAMES.filter((name) => existsSync(join(folder, fileOf(name))));
  if (inside.length === 1) return { name: inside[0], isInside: true };
  const apart = inside.length === 0 ? NAMES.filter(isApart) : [];
  const name = apart.length === 1 ? apart[0] : ownName();
  return { name, isInside: inside.includes(name) };
}

function load(): { native: typeof Native; file: string } {
  const { name, isInside } = find();
  const file = isInside ? join(folder, fileOf(name)) : packageOf(name);
  try {
    return { native: require(file) as typeof Native, file };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const own = ownName();
    const isThere = name === own && (isInside || code !== 'MODULE_NOT_FOUND');
    const why = isThere
      ? `its native part for ${own} does not load: ${message}`
      : `no native part for ${own}: there is no ${fileOf(own)} in ${folder} and no package ${packageOf(own)}. ` +
        'Was node_modules copied from another system? Then install again on this one. ' +
        'Is it not prebuilt for this system? A checkout builds it: `npm ci && npm run build` in bindings-node';
    throw new Error(`fusewire: ${why}`, { cause });
  }
}

const loaded = load();

/** @internal */
export const native = loaded.native;

const LANE_VERSION = 2;
const LAYOUT_VERSION = 1;

const wanted = (require('../package.json') as { version: string }).version;
const { VERSION, LANE_VERSION: lane, LAYOUT_VERSION: layout } = native;

// The versions of what both sides know tell of a build that was not made anew, as it happens while one works on it.
if (VERSION !== wanted || lane !== LANE_VERSION || layout !== LAYOUT_VERSION) {
  throw new Error(
    `fusewire: the native part ${loaded.file} is of version ${VERSION} (lane ${lane}, layout ${layout}), the package of ` +
      `${wanted} (${LANE_VERSION}, ${LAYOUT_VERSION}). Install both in the same version: remove node_modules and install ` +
      'again. In a checkout: `npm run build` in bindings-node',
  );
}
