#!/usr/bin/env bash
# Steppers and loops of all languages, led through the same random scripts: every step is the same.
# Costs: half a minute, and what building the packages costs.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ci/build-node.sh
ci/build-python.sh
exec tests/run-differential "$@"
