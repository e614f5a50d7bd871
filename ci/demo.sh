#!/usr/bin/env bash
# Builds and runs the demos, that of Rust and then that of Node; arguments go to the one of Rust (`--help` lists them).
# They check what the breaker promises.
# Costs: 90 s for Rust and 45 s for Node; three minutes and a half more for the first build.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ci/setup.sh build
mkdir -p build
others=yes
case " $* " in
*" upstream "* | *" --help "* | *" -h "* | *" --version "* | *" -V "*) others= ;;
*" --check "*) ;;
*) set -- --check "$@" ;;
esac
cargo run --quiet --release --locked -p fusewire-example-rust --bin demo -- "$@"
[ -n "$others" ] || exit 0

say "" "==== Node" ""
if ! missing=$(ci/setup.sh node 2>&1); then
    say "left out. $missing"
    exit 0
fi
ci/build-node.sh
cd examples/node
npm install --offline --loglevel=error >/dev/null
# The program of the demo before carries the upstream along.
FUSEWIRE_UPSTREAM="${CARGO_TARGET_DIR:-target}/release/demo upstream" node src/demo.mjs --seconds 40 --check
