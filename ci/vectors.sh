#!/usr/bin/env bash
# The conformance vectors, in every language that is there; then, unless only some are asked for, the same files with
# expectations that are written wrong, each of which every runner must find.
# Costs: a minute, and three and a half for the first builds.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ci/build-node.sh
ci/build-python.sh
if [ "$#" -gt 0 ]; then
    exec tests/run-vectors --lang all "$@"
fi

folders=(tests/vectors tests/vectors/admission tests/vectors/recovery)
for folder in "${folders[@]}"; do
    tests/run-vectors --lang all --vectors "$folder"
done

# That of Rust is asked by tests/rust/wrong_vectors.rs.
cargo build --quiet --locked -p fusewire-tests --bin wrong-vectors
for folder in "${folders[@]}"; do
    for language in c node python; do
        printf '%s, %s: ' "$language" "$folder"
        "${CARGO_TARGET_DIR:-target}/debug/wrong-vectors" --vectors "$folder" tests/run-vectors --lang "$language"
    done
done
