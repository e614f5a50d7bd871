#!/usr/bin/env bash
# Random schedules of whole breakers (core/tests/shuttle.rs); `shuttle.sh deep` thirty times as many, or
# `shuttle.sh ROUNDS FILTER...`. A schedule that fails is printed, to be run again by `shuttle::replay`.
# Costs: half a minute on two cores, and half a one to build; deep half an hour.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

rounds=${1:-3000}
[ "$rounds" != deep ] || rounds=100000
shift || true

export RUSTFLAGS="${RUSTFLAGS:-} --cfg shuttle" CARGO_TARGET_DIR="$root/target/shuttle"
# Every access is one of the sequentially consistent ones here; the models of loom see the others.
export SHUTTLE_SILENCE_WARNINGS=1 FUSEWIRE_SHUTTLE_ROUNDS="$rounds"
cargo_test_optimized -p fusewire --test shuttle -- "$@"
