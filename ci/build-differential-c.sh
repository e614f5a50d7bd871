#!/usr/bin/env bash
# Builds the C library, and with $CC what leads it through random scripts: build/c-tests/differential-c. Any warning is an
# error.
# Costs: a second, and what ci/build-c.sh costs.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ci/setup.sh c
ci/build-c.sh
mkdir -p build/c-tests
export PKG_CONFIG_PATH=$root/build/c/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
read -ra found <<<"$(pkg-config --cflags --libs fusewire jansson)"
# Written aside: another run may be using it.
"${CC:-cc}" -std=c11 -O1 -g -Wall -Wextra -Wpedantic -Wconversion -Werror tests/c/differential/*.c \
    "${found[@]}" -Wl,-rpath,"$root/build/c/lib" -o build/c-tests/differential-c.new
mv build/c-tests/differential-c.new build/c-tests/differential-c
