// The package, through its exports as everybody finds them.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const home = new URL('../../bindings-node/', import.meta.url);
if (!existsSync(new URL('dist/index.js', home))) {
  console.error(
    `run-vectors: ${fileURLToPath(home)} is not built; type \`make build-node\`, ` +
      'or `cd bindings-node && npm install && npm run build`',
  );
  process.exit(2);
}
const require = createRequire(new URL('package.json', home));

export const { CircuitBreaker, ConfigError, RequestError, isCircuitOpenError } = require('fusewire');
export const { ManualClock, allowLanes, countedByLanes } = require('fusewire/testing');

/** `recovery_timeout` as `recoveryTimeout`. */
export const camel = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());
