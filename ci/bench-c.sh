#!/usr/bin/env bash
# The C library beside the Rust crate, then the example in Go beside gobreaker; arguments go to the program (`--help` lists them). Writes build/bench/{c,go}.jsonl.
# Costs: a minute for the first build, then two minutes. Run it on a machine that is otherwise idle.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ci/build-c.sh
mkdir -p build/bench
cc -std=c11 -Wall -Wextra -Werror -O2 -fPIC -shared -Ibuild/c/include tests/peers/c/loops.c -o build/bench/libloops.so \
    -Lbuild/c/lib -lfusewire -Wl,-rpath,"$root/build/c/lib"
export FUSEWIRE_LOOPS="$root/build/bench/libloops.so"
cargo run --quiet --release --locked --manifest-path tests/peers/Cargo.toml --bin bench-c -- "$@"
say "" "==== Go"
ci/bench-go.sh "$@"
