#!/usr/bin/env bash
# The tests of the Rust crates: with default features, with all, and optimized those that try many cases.
# Costs: five minutes when nothing is built, two of them tests.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The examples turn features on, so the default ones are tested without them. Doctests are part of either run.
slow=(--skip the_breaker_does_what_the_model_does --skip a_breaker_tells_its_document)
cargo test --quiet --locked -p fusewire -p fusewire-tests -- "${slow[@]}"
cargo test --quiet --locked --workspace --all-features -- "${slow[@]}"
cargo_test_optimized -p fusewire --test props
