#!/usr/bin/env bash
# build-vectors-c.sh [NAME [FLAG...]]: builds the C library, and with $CC the runner of the vectors that goes through
# its header: build/c-tests/NAME, run-vectors-c unless given. Any warning is an error.
# Costs: two seconds, and what ci/build-c.sh costs.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ci/setup.sh c
ci/build-c.sh
mkdir -p build/c-tests
export PKG_CONFIG_PATH=$root/build/c/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
read -ra found <<<"$(pkg-config --cflags --libs fusewire jansson)"
name=${1:-run-vectors-c}
# Written aside: another run may be using it.
"${CC:-cc}" -std=c11 -O1 -g -Wall -Wextra -Wpedantic -Wconversion -Werror "${@:2}" tests/c/*.c \
    "${found[@]}" -lm -Wl,-rpath,"$root/build/c/lib" -o "build/c-tests/$name.new"
mv "build/c-tests/$name.new" "build/c-tests/$name"
