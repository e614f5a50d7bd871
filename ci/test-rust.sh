#!/usr/bin/env bash
# The tests of the Rust crates, with default features and with all, doctests included.
# Costs: five minutes on two cores when nothing is built, one of them tests.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The examples turn features on, so what is tested with the default ones is named.
cargo test --quiet --locked -p fusewire -p fusewire-tests
# The rules are the same with all features: fewer random scenarios.
PROPTEST_CASES=300 cargo test --quiet --locked --workspace --all-features
