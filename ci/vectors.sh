#!/usr/bin/env bash
# The conformance vectors, in every language that is there.
# Costs: seconds, and three minutes for the first builds.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ci/build-node.sh
ci/build-python.sh
tests/run-vectors --lang all "$@"
