#!/usr/bin/env bash
# Loom's models (core/tests/loom): every interleaving of a few threads, with what the memory model lets them see.
# `loom.sh BOUND FILTER...` takes another bound of preemptions, `loom.sh deep` one more than usual.
# Costs: four and a half minutes on two cores, and half a one to build; deep an hour.
#
# The usual bound is two, and one more or less where a model is small or large. Two show every error in which a thread
# is interrupted between two of its steps by one that is interrupted itself; what is left needs three threads' turns to
# fit exactly.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

bound=${1:-2}
[ "$bound" != deep ] || bound=3
shift || true

export RUSTFLAGS="${RUSTFLAGS:-} --cfg loom" CARGO_TARGET_DIR="$root/target/loom" LOOM_MAX_PREEMPTIONS="$bound"
cargo_test_optimized -p fusewire --lib -- "${@:-models::}"
