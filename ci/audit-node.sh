#!/usr/bin/env bash
# Asks the npm registry whether something that bindings-node uses has a known weakness. Without an answer it says so and
# passes: a registry out of reach is no defect of the package.
# Costs: a second.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ci/setup.sh node
cd bindings-node
answer=$(npm audit --json --loglevel=silent) || true
printf '%s' "$answer" | node -e '
const text = require("node:fs").readFileSync(0, "utf8");
let answer = {};
try {
  answer = JSON.parse(text);
} catch {}
const found = answer.metadata?.vulnerabilities?.total;
if (found === undefined) {
  console.log(`npm audit: not checked, the registry does not answer (${answer.message ?? answer.error?.summary ?? "no answer"})`);
} else if (found === 0) {
  console.log(`npm audit: nothing known about ${answer.metadata.dependencies.total} packages`);
} else {
  for (const { name, severity, range } of Object.values(answer.vulnerabilities)) console.log(`npm audit: ${severity}: ${name} ${range}`);
  process.exitCode = 1;
}'
