#!/usr/bin/env bash
# The conformance vectors, in every language that is there.
# Costs: seconds, and half a minute for the first build.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

tests/run-vectors --lang all "$@"
