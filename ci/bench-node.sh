#!/usr/bin/env bash
# fusewire and its peers side by side on Node; arguments go to the program (`--help` lists them). Writes
# build/bench/node.jsonl. With --all on Node 20 and then on Node 22 with the newest peers, which goes to
# build/bench/node-22.jsonl.
# Costs: two minutes for the first build, then two minutes with --quick, else some ten for each Node. Run it on a
# machine that is otherwise idle.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

all=
args=()
for arg in "$@"; do
    if [ "$arg" = --all ]; then all=yes; else args+=("$arg"); fi
done

if ! command -v npm >/dev/null || [ "$(node -p 'parseInt(process.versions.node)')" -lt 20 ]; then
    die "missing: Node 20 or later, with npm. See https://nodejs.org/en/download"
fi

# node_of VERSION: that Node, as npm has it, in the checkout; prints where it lies.
node_of() {
    local folder=$root/build/tools/node-$1
    [ -x "$folder/node_modules/node/bin/node" ] ||
        npm install --silent --no-audit --no-fund --no-save --prefix "$folder" "node@$1" >&2
    say "$folder/node_modules/node/bin/node"
}

ci/setup.sh build
for package in bindings-node tests/peers/node; do
    # Newer peers than an old Node takes are installed and not loaded: npm need not warn of them.
    npm ci --prefix "$package" --no-audit --no-fund --loglevel=error >&2
done
npm run --silent --prefix bindings-node build

bench() {
    "$1" --expose-gc tests/peers/node/src/bench.mjs "${args[@]}"
}

if [ -z "$all" ]; then
    bench node
else
    bench "$(node_of 20.20.2)"
    FUSEWIRE_BENCH_OUT=$root/build/bench/node-22.jsonl bench "$(node_of 22.23.3)"
fi
