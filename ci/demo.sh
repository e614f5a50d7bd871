#!/usr/bin/env bash
# Builds and runs the demos, those of Rust, Node, Python and C; arguments go to the one of Rust (`--help` lists them).
# They check what the breaker promises.
# Costs: two and a half minutes for Rust, 45 s each for Node, Python and C; five minutes more for the first build.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. ci/lib-python.sh

ci/setup.sh build
mkdir -p build
others=yes
case " $* " in
*" upstream "* | *" overload "* | *" retries "* | *" features "* | *" --help "* | *" -h "* | *" --version "* | *" -V "*) others= ;;
*" --check "*) ;;
*) set -- --check "$@" ;;
esac
cargo run --quiet --release --locked -p fusewire-example-rust --bin demo -- "$@"
[ -n "$others" ] || exit 0

say "" "==== Rust: three times more calls than the upstream can answer" ""
cargo run --quiet --release --locked -p fusewire-example-rust --bin demo -- overload --check --plot build/overload.svg
say "" "==== Rust: a brown-out, with naive retries, with a budget, and with a breaker" ""
cargo run --quiet --release --locked -p fusewire-example-rust --bin demo -- retries --check --plot build/retries.svg
say "" "==== Rust: a service recovers feature by feature" ""
cargo run --quiet --release --locked -p fusewire-example-rust --bin demo -- features --check --plot build/features.svg

# The program of the first demo carries the upstream along.
export FUSEWIRE_UPSTREAM="${CARGO_TARGET_DIR:-target}/release/demo upstream"

# face NAME PART FUNCTION: another language's face of it, where what PART needs is there.
face() {
    local missing
    say "" "==== $1" ""
    if missing=$(ci/setup.sh "$2" 2>&1); then "$3"; else say "left out. $missing"; fi
}

# shellcheck disable=SC2329 # called by name
in_node() {
    ci/build-node.sh
    (
        cd examples/node
        npm install --offline --loglevel=error >/dev/null
        node src/demo.mjs --seconds 40 --check
    )
}

# shellcheck disable=SC2329
in_python() {
    local version python
    version=$(version_of python3)
    python=$(environment_of demo "$version" python3 examples/python/requirements.txt)
    "$python" examples/python/demo.py --seconds 40 --check
}

# shellcheck disable=SC2329
in_c() {
    ci/build-c.sh
    PKG_CONFIG_PATH=$root/build/c/lib/pkgconfig ci/build-example-c.sh build/demo-c -Wl,-rpath,"$root/build/c/lib"
    build/demo-c --seconds 40 --check
}

face Node node in_node
face Python python in_python
face C c in_c
