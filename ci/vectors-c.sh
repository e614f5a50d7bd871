#!/usr/bin/env bash
# The conformance vectors through the C header, with each compiler that is there, also with its sanitizers for addresses
# and undefined behaviour; and under valgrind, where nothing may leak.
# Costs: half a minute, and what ci/build-c.sh costs.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

compilers=()
for compiler in gcc clang; do
    if command -v "$compiler" >/dev/null; then
        compilers+=("$compiler")
    else
        say "vectors in C, $compiler: skipped: it is not there"
    fi
done
[ "${#compilers[@]}" -gt 0 ] || die "vectors in C: neither gcc nor clang is there"

# run NAME COMMAND...: runs the vectors, and tells what with.
run() {
    local name=$1
    shift
    for folder in tests/vectors tests/vectors/admission tests/vectors/recovery; do
        printf 'vectors in C, %s, %s: ' "$name" "$folder"
        "$@" --vectors "$folder"
    done
}

for compiler in "${compilers[@]}"; do
    CC=$compiler ci/build-vectors-c.sh "run-vectors-$compiler"
    run "$compiler" "build/c-tests/run-vectors-$compiler"
    CC=$compiler ci/build-vectors-c.sh "run-vectors-$compiler-sanitized" \
        -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
    run "$compiler with sanitizers" "build/c-tests/run-vectors-$compiler-sanitized"
done

if command -v valgrind >/dev/null; then
    run valgrind valgrind -q --suppressions=bindings-c/tests/c/valgrind.supp --leak-check=full --errors-for-leak-kinds=definite,possible --error-exitcode=9 \
        "build/c-tests/run-vectors-${compilers[0]}"
else
    say "vectors in C, valgrind: skipped: it is not there"
fi
