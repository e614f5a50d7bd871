// The native part, found and loaded. Nothing else names it.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type * as Native from '../native';

/** What the system that this process runs on is called in the names of prebuilt files. */
function platform(): string {
  const { platform, arch } = process;
  if (platform !== 'linux') return `${platform}-${arch}`;
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return `linux-${arch}-${report?.header?.glibcVersionRuntime === undefined ? 'musl' : 'gnu'}`;
}

function load(): typeof Native {
  const name = platform();
  const folder = join(__dirname, '..');
  const beside = join(folder, `fusewire.${name}.node`);
  const apart = `@fusewire/${name}`;
  const isBeside = existsSync(beside);
  try {
    return require(isBeside ? beside : apart) as typeof Native;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why =
      isBeside || code !== 'MODULE_NOT_FOUND'
        ? `its native part for ${name} does not load: ${message}`
        : `no native part for ${name}: there is no fusewire.${name}.node in ${folder} and no package ${apart}. ` +
          'Was node_modules copied from another system? Then install again on this one. ' +
          'Is it not prebuilt for this system? A checkout builds it: `npm ci && npm run build` in bindings-node';
    throw new Error(`fusewire: ${why}`, { cause });
  }
}

/** @internal */
export const native = load();

const LANE_VERSION = 1;
const LAYOUT_VERSION = 1;

if (native.LANE_VERSION !== LANE_VERSION || native.LAYOUT_VERSION !== LAYOUT_VERSION) {
  throw new Error(
    `fusewire: the native part speaks lane ${native.LANE_VERSION}, layout ${native.LAYOUT_VERSION}, ` +
      `this package ${LANE_VERSION}, ${LAYOUT_VERSION}: reinstall it`,
  );
}
