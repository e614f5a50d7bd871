#!/usr/bin/env bash
# The tests of the C library: the header alone with gcc and clang, the exported symbols, and the programs in
# bindings-c/tests/c against the shared library, its debug build and the static one, under AddressSanitizer with UBSan and
# under valgrind; then the installed tree. `test-c.sh NAME...` runs those parts alone.
# Costs: three minutes on two cores, and what ci/build-c.sh costs, twice.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ci/setup.sh c-test
c=$root/build/c
debug=$root/build/c-debug
tests=bindings-c/tests/c
out=$root/build/c-tests
mkdir -p "$out"
warnings=(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wmissing-field-initializers -Werror)
export FUSEWIRE_VECTORS=$root/tests/vectors

# `memory` and `fork` need a process without other hands in its memory.
programs=(build options call outcome function exceptions operate read events wait registry metrics clock errors names
    misuse null permits aborts threads hands admission queue slots attempts steps caches)
alone=(memory fork)

# ---- the header alone ----

# compiles COMPILER LANGUAGE STANDARD: the header and the layout; prints nothing when the compiler knows no such standard.
compiles() {
    local compiler=$1 language=$2 standard=$3 file
    echo | "$compiler" -x "$language" -std="$standard" -fsyntax-only - 2>/dev/null || return 0
    for file in header layout; do
        "$compiler" -x "$language" -std="$standard" "${warnings[@]}" -I"$c/include" -fsyntax-only "$tests/$file.c" ||
            die "$file.c: not with $compiler -std=$standard"
    done
    "$compiler" -x "$language" -std="$standard" -I"$c/include" "$tests/header.c" -L"$c/lib" -Wl,-rpath,"$c/lib" -lfusewire \
        -o "$out/header"
    "$out/header" || die "header.c: $compiler -std=$standard: ends with $?"
    printf ' %s' "$compiler $standard"
}

header() {
    local compiler standard done=
    for compiler in gcc clang; do
        for standard in c11 c17 c2x gnu11; do done+=,$(compiles $compiler c $standard); done
    done
    for compiler in g++ clang++; do
        for standard in c++17 c++20 c++2b; do done+=,$(compiles $compiler c++ $standard); done
    done
    say "header: alone and twice, with$(sed -E 's/,+/,/g; s/^,//; s/,$//' <<<"$done")"
}

# ---- symbols ----

symbols() {
    local golden=bindings-c/tests/golden/symbols.txt needed size
    nm -D --defined-only "$c/lib/libfusewire.so.1" | awk '{ print $3 }' | sort | diff "$golden" - ||
        die "libfusewire.so exports other symbols than $golden says"
    nm -g --defined-only "$c/lib/libfusewire.a" | awk 'NF == 3 { print $3 }' | sort | diff "$golden" - ||
        die "libfusewire.a has other global symbols than $golden says"
    needed=$(readelf -d "$c/lib/libfusewire.so.1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    if grep -vxE 'libc\.so\.6|libm\.so\.6|libgcc_s\.so\.1|ld-linux-.*' <<<"$needed"; then
        die "libfusewire.so needs more than libc, libm and libgcc_s"
    fi
    readelf -d "$c/lib/libfusewire.so.1" | grep -q 'soname: \[libfusewire\.so\.1\]' || die "the soname is not libfusewire.so.1"
    cp "$c/lib/libfusewire.so.1" "$out/stripped"
    strip "$out/stripped"
    size=$(stat -c %s "$out/stripped")
    [ "$size" -le 1700000 ] || die "libfusewire.so has $size bytes, stripped; 1700000 are allowed"
    say "symbols: $(wc -l <"$golden"); needs $(tr '\n' ' ' <<<"$needed")and $size bytes, stripped"
}

# ---- the programs ----

# build KIND PROGRAM FLAG...: one program of that kind.
build() {
    local kind=$1 program=$2 compiler=(gcc -std=c11 -x c) source=$tests/$2.c
    shift 2
    if [ -f "$tests/$program.cpp" ]; then compiler=(g++ -std=c++17 -x c++) source=$tests/$program.cpp; fi
    "${compiler[@]}" "$source" -x none "${warnings[@]}" -D_GNU_SOURCE -g -O1 -pthread -I"$c/include" \
        -o "$out/$kind/$program" "$@" -lcmocka -ljansson -lm || die "$kind: $program does not build"
}

# build_all KIND FLAG... -- PROGRAM...: as many at a time as there are processors.
build_all() {
    local kind=$1 flags=() program failed=
    shift
    while [ "$1" != -- ]; do
        flags+=("$1")
        shift
    done
    shift
    rm -rf "${out:?}/$kind"
    mkdir -p "$out/$kind"
    for program in "$@"; do
        while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n || failed=1; done
        build "$kind" "$program" "${flags[@]}" &
    done
    while [ -n "$(jobs -p)" ]; do wait -n || failed=1; done
    [ -z "$failed" ] || die "$kind: does not build"
}

# run KIND FOLDER PROGRAM... [-- COMMAND...]: runs what was built in FOLDER, each below COMMAND.
run() {
    local kind=$1 folder=$2 listed=() program log code counted passed=0
    shift 2
    while [ "$#" -gt 0 ] && [ "$1" != -- ]; do
        listed+=("$1")
        shift
    done
    if [ "$#" -gt 0 ]; then shift; fi
    for program in "${listed[@]}"; do
        log=$out/$kind-$program.log code=0
        "$@" "$out/$folder/$program" >"$log" 2>&1 || code=$?
        [ "$code" = 0 ] || die "$(tail -n 40 "$log")" "$kind: $program ends with $code; all of it is in $log"
        # `fork` is one test by itself.
        counted=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log")
        passed=$((passed + ${counted:-1}))
    done
    say "$kind: ${#listed[@]} programs, $passed tests"
}

# What `shared` and `under_valgrind` run, built once.
build_shared() {
    [ -z "${shared_is_built:-}" ] || return 0
    build_all shared -L"$c/lib" -lfusewire -- "${programs[@]}" "${alone[@]}"
    shared_is_built=1
}

shared() {
    build_shared
    LD_LIBRARY_PATH=$c/lib run shared shared "${programs[@]}" "${alone[@]}"
    say "shared: $(cat "$out/shared-fork.log")"
    # The same programs, so that no more than the library differs.
    LD_LIBRARY_PATH=$debug/lib FUSEWIRE_FORKS=200 FUSEWIRE_ROUNDS=4000 run "debug assertions" shared "${programs[@]}" "${alone[@]}"
}

static() {
    build_all static "$c/lib/libfusewire.a" -- "${programs[@]}" "${alone[@]}"
    FUSEWIRE_FORKS=200 run static static "${programs[@]}" "${alone[@]}"
}

sanitized() {
    build_all sanitized -fsanitize=address,undefined -fno-sanitize-recover=all "$debug/lib/libfusewire.a" -- "${programs[@]}"
    ASAN_OPTIONS=detect_leaks=1 FUSEWIRE_ROUNDS=2000 run sanitized sanitized "${programs[@]}"
    skipped sanitized AddressSanitizer
}

under_valgrind() {
    build_shared
    LD_LIBRARY_PATH=$c/lib FUSEWIRE_ROUNDS=160 run valgrind shared "${programs[@]}" -- \
        valgrind --quiet --child-silent-after-fork=yes --error-exitcode=99 --suppressions="$tests/valgrind.supp" \
        --leak-check=full --show-leak-kinds=definite,possible --errors-for-leak-kinds=definite,possible
    skipped valgrind valgrind
}

skipped() {
    say "$1: memory: skipped: it has an allocator of its own, and so has $2" \
        "$1: fork: skipped: the locks that $2 itself holds at a fork are not the library's to give back"
}

# ---- all of it ----

if [ "$#" -eq 0 ]; then set -- header symbols shared static sanitized valgrind installed; fi
ci/build-c.sh
ci/build-c.sh --debug
for part in "$@"; do
    case $part in
    header | symbols | shared | static | sanitized) $part ;;
    valgrind) under_valgrind ;;
    installed) ci/test-c-install.sh ;;
    *) die "test-c.sh: there is no part $part" ;;
    esac
done
