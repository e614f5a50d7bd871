#!/usr/bin/env bash
# Builds and runs the demo; arguments go to it (`--help` lists them). It checks what the breaker promises.
# Costs: 90 s, and a minute and a half for the first build.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ci/setup.sh build
mkdir -p build
case " $* " in
*" --check "* | *" upstream "*) ;;
*) set -- --check "$@" ;;
esac
exec cargo run --quiet --release --locked -p fusewire-example-rust --bin demo -- "$@"
