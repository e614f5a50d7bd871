#!/usr/bin/env bash
# Format, lints and documentation, warnings denied: of Rust, Python and the scripts.
# Costs: two minutes when nothing is built.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. ci/lib-python.sh

cargo fmt --all --check
for workspace in "${workspaces[@]}"; do
    cargo fmt --check --manifest-path "$workspace/Cargo.toml"
done

cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
cargo clippy --quiet --locked --workspace --all-targets --all-features -- -D warnings
for workspace in "${workspaces[@]}"; do
    cargo clippy --quiet --locked --all-targets --manifest-path "$workspace/Cargo.toml" -- -D warnings
done

RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --workspace --no-deps --all-features

ruff format --quiet --diff
ruff check --quiet

for script in ci/*.sh .ci/run tests/run-vectors tests/run-differential; do
    bash -n "$script"
done
if command -v shellcheck >/dev/null 2>&1; then
    shellcheck -x -P ci ci/*.sh .ci/run tests/run-vectors tests/run-differential
fi
