// The native part, found and loaded. Nothing else names it.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type * as Native from './native-types';

/** What the system that this process runs on is called in the names of prebuilt files. */
function platform(): string {
  const { platform, arch } = process;
  if (platform !== 'linux') return `${platform}-${arch}`;
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return `linux-${arch}-${report?.header?.glibcVersionRuntime === undefined ? 'musl' : 'gnu'}`;
}

function load(): typeof Native {
  const name = platform();
  const beside = join(__dirname, '..', `fusewire.${name}.node`);
  const wanted = existsSync(beside) ? beside : `@fusewire/${name}`;
  try {
    return require(wanted) as typeof Native;
  } catch (cause) {
    throw new Error(`fusewire has no native part for ${name}; build it with \`npm run build\` in bindings-node`, { cause });
  }
}

export const native = load();

const LANE_VERSION = 1;
const LAYOUT_VERSION = 1;

if (native.LANE_VERSION !== LANE_VERSION || native.LAYOUT_VERSION !== LAYOUT_VERSION) {
  throw new Error(
    `fusewire: the native part speaks lane ${native.LANE_VERSION}, layout ${native.LAYOUT_VERSION}, ` +
      `this package ${LANE_VERSION}, ${LAYOUT_VERSION}: reinstall it`,
  );
}
