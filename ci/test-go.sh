#!/usr/bin/env bash
# The example in Go: its package's tests under the race detector, and its client going through an outage of the upstream.
# Says `skipped: go (why)` when this machine lacks what it takes.
# Costs: a minute on two cores when nothing is built, then some ten seconds.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. ci/lib-go.sh

if reason=$(no_go); then
    say "skipped: go ($reason)"
    exit
fi

ci/build-c.sh
cargo build --quiet --locked -p fusewire-upstream
FUSEWIRE_UPSTREAM=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/fusewire-upstream
export FUSEWIRE_UPSTREAM
use_built_library

for module in examples/go tests/peers/go; do
    unformatted=$(gofmt -l "$module")
    [ -z "$unformatted" ] || die "not formatted by gofmt:" "$unformatted"
    (cd "$module" && go vet ./...)
done
cd examples/go
# What Go remembers of a run does not know of the library.
go test -race -count=1 ./fusewire
log=$root/build/test-go.log
go run -race ./client >"$log" 2>&1 || die "$(cat "$log")"
say "go: the client lived through an outage"
