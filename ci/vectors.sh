#!/usr/bin/env bash
# The conformance vectors, in every language that is there; then, unless only some are asked for, the same files with
# expectations that are written wrong, each of which every runner must find.
# Costs: a minute, and three and a half for the first builds.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ci/build-node.sh
ci/build-python.sh
tests/run-vectors --lang all "$@"

if [ "$#" -eq 0 ]; then
    # That of Rust is asked by tests/rust/wrong_vectors.rs.
    cargo build --quiet --locked -p fusewire-tests --bin wrong-vectors
    for language in c node python; do
        printf '%s: ' "$language"
        "${CARGO_TARGET_DIR:-target}/debug/wrong-vectors" tests/run-vectors --lang "$language"
    done
fi
