#!/usr/bin/env bash
# The installed C library, used from a folder of its own: through pkg-config and CMake, shared and static, staged and not,
# with the folders of a distribution, and after it was moved.
# Costs: ten seconds on two cores, and what ci/build-c.sh costs.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ci/setup.sh c
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
expected="installed is open"

# runs WHAT LIBRARY PROGRAM: it finds the library there and does what it should.
runs() {
    local told
    told=$(LD_LIBRARY_PATH=$2 "$3") || die "$1: ends with $?"
    [ "$told" = "$expected" ] || die "$1: says $told, not $expected"
}

# needs_library PROGRAM: whether the shared library is among what it is linked with.
needs_library() { readelf -d "$1" | grep -q 'NEEDED.*libfusewire\.so\.1'; }

# by_pkg_config NAME LIBDIR OPTION...: builds and runs with what pkg-config says.
by_pkg_config() {
    local name=$1 lib=$2 flags folder="$work/$1-pkg-config"
    shift 2
    mkdir "$folder" && cp bindings-c/tests/installed/main.c "$folder"
    flags=$(PKG_CONFIG_PATH=$lib/pkgconfig pkg-config "$@" --cflags --libs 'fusewire >= 0.1')
    # shellcheck disable=SC2086 # options
    (cd "$folder" && cc -Wall -Wextra -Werror main.c $flags -o shared) || die "$name: $flags: does not build"
    runs "$name by pkg-config" "$lib" "$folder/shared"
    needs_library "$folder/shared" || die "$name: $flags: did not link with the shared library"
    # Where the archive alone is found it is linked, with what it needs itself.
    mkdir "$folder/archive" && cp "$lib/libfusewire.a" "$folder/archive"
    flags=$(PKG_CONFIG_PATH=$lib/pkgconfig pkg-config "$@" --static --cflags --libs fusewire)
    # shellcheck disable=SC2086
    (cd "$folder" && cc main.c -Larchive ${flags/-lfusewire/-l:libfusewire.a} -o static) || die "$name: $flags: does not build"
    runs "$name by pkg-config, static" /nowhere "$folder/static"
    if needs_library "$folder/static"; then die "$name: $flags: links with the shared library"; fi
}

# by_cmake NAME LIBDIR: builds and runs with find_package.
by_cmake() {
    local name=$1 lib=$2 folder="$work/$1-cmake" version
    mkdir "$folder" && cp bindings-c/tests/installed/* "$folder"
    cmake -S "$folder" -B "$folder/build" -DWANTED=0.1 -Dfusewire_DIR="$lib/cmake/fusewire" >"$folder/log" 2>&1 &&
        cmake --build "$folder/build" >>"$folder/log" 2>&1 || die "$name by CMake: $(cat "$folder/log")"
    runs "$name by CMake" "$lib" "$folder/build/shared"
    needs_library "$folder/build/shared" || die "$name by CMake: fusewire::fusewire is not the shared library"
    runs "$name by CMake, static" /nowhere "$folder/build/static"
    if needs_library "$folder/build/static"; then die "$name by CMake: fusewire::static is the shared library"; fi
    for version in 9.9 0.2 0.0.9 1; do
        if cmake -S "$folder" -B "$folder/refused" -DWANTED=$version -Dfusewire_DIR="$lib/cmake/fusewire" >"$folder/log" 2>&1; then
            die "$name by CMake: find_package(fusewire $version) finds $(sed -n 's/^Version: //p' "$lib/pkgconfig/fusewire.pc")"
        fi
        grep -q "compatible with requested version \"$version\"" "$folder/log" || die "$name by CMake: $(cat "$folder/log")"
        rm -rf "$folder/refused"
    done
}

# Where it is meant to be.
prefix=$work/here
make --no-print-directory install PREFIX="$prefix"
by_pkg_config plain "$prefix/lib"
by_cmake plain "$prefix/lib"

# Staged: nothing in it knows of the stage.
make --no-print-directory install PREFIX=/usr DESTDIR="$work/stage"
if grep -rqF "$work" "$work/stage" --include='*.pc' --include='*.cmake'; then die "the staged tree names its stage"; fi
export PKG_CONFIG_SYSROOT_DIR=$work/stage
by_pkg_config staged "$work/stage/usr/lib"
unset PKG_CONFIG_SYSROOT_DIR
by_cmake staged "$work/stage/usr/lib"

# As distributions have it, with a space in the way.
make --no-print-directory install PREFIX=/usr LIBDIR=/usr/lib/x86_64-linux-gnu INCLUDEDIR=/usr/include/fuse DESTDIR="$work/a stage"
grep -qx 'libdir=${prefix}/lib/x86_64-linux-gnu' "$work/a stage/usr/lib/x86_64-linux-gnu/pkgconfig/fusewire.pc" ||
    die "LIBDIR is not in fusewire.pc"
by_cmake multiarch "$work/a stage/usr/lib/x86_64-linux-gnu"

# Moved.
mv "$prefix" "$work/there"
by_pkg_config moved "$work/there/lib" --define-prefix
by_cmake moved "$work/there/lib"

# What is installed, by name: nothing is missing, and nothing else is there.
listing() { (cd "$1" && find . ! -type d | LC_ALL=C sort); }
listing "$work/stage/usr" | grep -v '^\./include/fusewire/' | diff bindings-c/tests/golden/installed.txt - ||
    die "the installed files are others than bindings-c/tests/golden/installed.txt says"
say "installed: pkg-config and CMake find it, shared and static, staged, moved, and in a distribution's folders"
