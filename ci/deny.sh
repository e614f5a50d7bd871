#!/usr/bin/env bash
# Licences, bans and sources of every dependency, against deny.toml, off-line once the crates are fetched. With
# `deny.sh advisories` the known weaknesses too, whose database comes from the net.
# Costs: a second; two minutes on two cores to build cargo-deny the first time.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cargo_tool cargo-deny 0.20.2

# deny MANIFEST WHAT...
deny() {
    local manifest=$1
    shift
    cargo fetch --quiet --locked --manifest-path "$manifest"
    cargo deny --offline --locked --log-level error --config deny.toml --manifest-path "$manifest" --all-features \
        check --hide-inclusion-graph "$@"
}

deny Cargo.toml bans licenses sources
# What is here used and not passed on may have other licences.
for workspace in "${workspaces[@]}"; do
    deny "$workspace/Cargo.toml" bans sources
done
if [ "${1:-}" = advisories ]; then
    cargo deny --locked --log-level error --config deny.toml --all-features check advisories
fi
