#!/usr/bin/env bash
# fusewire and gobreaker side by side in Go; arguments go to the program (`--help` lists them). Writes
# build/bench/go.jsonl. Says `skipped: go (why)` when this machine lacks what it takes.
# Costs: a minute for the first build, then two, or ten seconds with --quick. Run it on a machine that is otherwise idle.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. ci/lib-go.sh

if reason=$(no_go); then
    say "skipped: go ($reason)"
    exit
fi
ci/build-c.sh
use_built_library
mkdir -p build/bench
go build -C tests/peers/go -o "$root/build/bench/bench-go" .
exec build/bench/bench-go "$@"
