#!/usr/bin/env bash
# Builds the C library into build/c as it would be installed: include/, lib/ with libfusewire.so and libfusewire.a,
# pkg-config's and CMake's files. `--debug` builds it with debug assertions, into build/c-debug; `--install` puts it
# below $PREFIX, or into $LIBDIR and $INCLUDEDIR where they are set, staged below $DESTDIR.
# Costs: half a minute on two cores when nothing is built.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ci/setup.sh build
target=${CARGO_TARGET_DIR:-target}
folders=()
case ${1:-} in
--debug) profile=dev built=$target/debug prefix=$root/build/c-debug destdir= ;;
--install)
    profile=release built=$target/release prefix=$PREFIX destdir=$DESTDIR
    folders=("${LIBDIR:-$PREFIX/lib}" "${INCLUDEDIR:-$PREFIX/include}")
    ;;
*) profile=release built=$target/release prefix=$root/build/c destdir= ;;
esac
cargo build --quiet --locked --profile "$profile" -p fusewire-c
ci/install-c.sh "$built" "$prefix" "$destdir" "${folders[@]}"
