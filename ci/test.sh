#!/usr/bin/env bash
# All of `make test`: every test of every language, those first that answer fast. Stops at the first that fails.
# `test.sh NAME...` runs those steps alone.
# Costs: some 45 minutes on two cores when nothing is built; the summary says where they went.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# name, then the command
steps=(
    "setup      ci/setup.sh test"
    "lint       ci/lint.sh"
    "vectors    ci/vectors.sh"
    "vectors-c  ci/vectors-c.sh"
    "differential ci/differential.sh"
    "rust       ci/test-rust.sh"
    "node       ci/test-node.sh"
    "python     ci/test-python.sh"
    "c          ci/test-c.sh"
    "cpp        ci/test-cpp.sh"
    "go         ci/test-go.sh"
    "java       ci/test-java.sh"
    "loom       ci/loom.sh"
    "shuttle    ci/shuttle.sh"
    "fuzz       ci/fuzz.sh 60"
    "deny       ci/deny.sh"
)

summary=()
finish() {
    local code=$?
    say "" "---- summary ----" "${summary[@]}"
    if [ "$code" -eq 0 ]; then say "all passed in $SECONDS s"; else say "FAILED after $SECONDS s"; fi
}
trap finish EXIT

wanted=" $* "
for step in "${steps[@]}"; do
    read -r name command <<<"$step"
    if [ "$#" -gt 0 ] && [[ $wanted != *" $name "* ]]; then continue; fi
    say "" "==== $name: $command"
    began=$SECONDS
    summary+=("$(printf '%-12s failed' "$name")")
    # shellcheck disable=SC2086 # a command and its arguments
    $command
    unset 'summary[-1]'
    summary+=("$(printf '%-12s %5d s' "$name" "$((SECONDS - began))")")
    say "==== $name: $((SECONDS - began)) s"
done
