#!/usr/bin/env bash
# Changes the rules (the machine, the detectors, recovery and backoff) in every way that cargo-mutants knows, one at a
# time, and sees whether a test notices. Arguments go to cargo-mutants: `mutants.sh --shard 0/8` runs an eighth.
# What to change and which tests to ask is in .cargo/mutants.toml. The result is in build/mutants.out.
# Costs: a minute and a half on two cores to build cargo-mutants the first time; then an hour and a half (583 mutants).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cargo_tool cargo-mutants 27.1.0
mkdir -p build
# Fewer cases for each mutant than for the code as it is: what the model notices it notices early.
PROPTEST_CASES=${PROPTEST_CASES:-600} cargo mutants --output build "$@"
