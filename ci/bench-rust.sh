#!/usr/bin/env bash
# fusewire and its peers side by side; arguments go to the program (`--help` lists them). Writes build/bench/rust.jsonl.
# Costs: a minute for the first build, then as long as the program says. Run it on a machine that is otherwise idle.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ci/setup.sh build
mkdir -p build/bench
exec cargo run --quiet --release --locked --manifest-path tests/peers/Cargo.toml --bin bench-rust -- "$@"
