#!/usr/bin/env bash
# The tests of the npm package: on the Node that is installed, with lanes and without, and on Node 20, 22 and 24; then
# the conformance vectors. `test-node.sh events wrap` runs the tests of those names on the installed Node alone.
# Costs: six minutes on two cores, what ci/build-node.sh costs, and a quarter of one to install Node the first time.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
shopt -s nullglob

ci/build-node.sh

# Warnings are what many tests provoke; those that matter they look at.
export NODE_NO_WARNINGS=1
mkdir -p build

count() { sed -n "s/^[^a-z]*$1 \([0-9]*\)\$/\1/p" "$2"; }

# run NAME NODE FILE...: runs tests, and tells more of them only when they fail.
run() {
    local name=$1 node=$2 log="build/test-node-$1.log"
    shift 2
    if ! "$node" --test --test-reporter=spec "$@" >"$log" 2>&1; then
        if grep -q 'failing tests' "$log"; then sed -n '/failing tests/,$p' "$log" >&2; else tail -n 50 "$log" >&2; fi
        die "node $name: failed; all of it is in $log"
    fi
    say "node $name: $(count pass "$log") passed, $(count skipped "$log") skipped"
}

all=(bindings-node/test/*.test.mjs bindings-node/test/*/*.test.mjs)
if [ "$#" -gt 0 ]; then
    chosen=()
    for name in "$@"; do chosen+=(bindings-node/test/"$name".test.mjs); done
    run chosen node "${chosen[@]}"
    exit
fi

# What the compiler says does not depend on who runs it.
running=()
# What is about lanes has nothing to say without them.
laneless=()
for file in "${all[@]}"; do
    case $file in
    */declarations.test.mjs | */types.test.mjs) ;;
    */lane.test.mjs | */workers.test.mjs | */many.test.mjs) running+=("$file") ;;
    *)
        running+=("$file")
        laneless+=("$file")
        ;;
    esac
done

installed=$(node --version)
run "$installed" node "${all[@]}"
FUSEWIRE_LANE=off run "$installed-without-lanes" node "${laneless[@]}"
for major in 20 22 24; do
    [[ $installed != "v$major."* ]] || continue
    binary=$(node_tool "$major")
    run "$major" "$binary" "${running[@]}"
done

if [ -d tests/node ]; then
    tests/run-vectors --lang node
fi
