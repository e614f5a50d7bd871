#!/usr/bin/env bash
# Formats the sources.
# Costs: a second.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. ci/lib-python.sh

cargo fmt --all
for workspace in "${workspaces[@]}"; do
    cargo fmt --manifest-path "$workspace/Cargo.toml"
done
ruff format --quiet
# Imports in order.
ruff check --quiet --select I --fix
