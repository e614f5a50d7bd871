#!/usr/bin/env bash
# The tests of fusewire.hpp, with gcc and with clang where there is one: as C++17 and C++20, with and without exceptions and
# run-time type information, under AddressSanitizer and UBSan; what must not compile; the happy path's assembly; the
# examples in C and C++, and the code in their pages. `test-cpp.sh header` runs the first of them, up to the assembly.
# Costs: five minutes on two cores, two of them builds.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ci/build-c.sh
c=$root/build/c
out=$root/build/cpp
tests=bindings-c/tests/cpp
mkdir -p "$out"
warnings=(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
against=(-I"$c/include" -L"$c/lib" -Wl,-rpath,"$c/lib")
sanitized=(-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all)
export ASAN_OPTIONS=detect_leaks=1

compilers=()
for compiler in g++ clang++; do
    if command -v "$compiler" >/dev/null; then compilers+=("$compiler"); else say "$compiler: skipped: it is not here"; fi
done

# run NAME COMPILER FLAG...: builds the tests with these flags and runs them.
run() {
    local name=$1 compiler=$2 file folder=$out/$1
    shift 2
    rm -rf "$folder" && mkdir -p "$folder"
    for file in main values rules thrown; do
        "$compiler" "$@" "${warnings[@]}" "${sanitized[@]}" -pthread -I"$c/include" -c -o "$folder/$file.o" "$tests/$file.cpp"
    done
    "$compiler" "$@" "${sanitized[@]}" -pthread "$folder"/*.o "${against[@]}" -lfusewire -o "$folder/tests"
    "$folder/tests" >"$folder/log" || die "$name: failed"
    say "$name: $(cat "$folder/log")"
}

header() {
    local compiler standard
    for compiler in "${compilers[@]}"; do
        for standard in c++17 c++20; do
            run "$compiler $standard" "$compiler" -std=$standard
            run "$compiler $standard without exceptions and types" "$compiler" -std=$standard -fno-exceptions -fno-rtti
        done
        run "$compiler c++17 without types" "$compiler" -std=c++17 -fno-rtti
        mixed "$compiler"
        refused "$compiler"
        happy_path "$compiler"
    done
}

# Units that were compiled either way in one program.
mixed() {
    local flags=(-std=c++17 "${warnings[@]}" "${sanitized[@]}" -I"$c/include")
    "$1" "${flags[@]}" -fno-exceptions -fno-rtti -c -o "$out/mixed_plain.o" "$tests/mixed_plain.cpp"
    "$1" "${flags[@]}" "$out/mixed_plain.o" "$tests/mixed.cpp" "${against[@]}" -lfusewire -o "$out/mixed"
    "$out/mixed"
    say "$1: units with and without exceptions work together"
}

# What must not compile, and its twin that does.
refused() {
    local file count=0
    for file in "$tests"/refused/*.cpp; do
        "$1" -std=c++17 "${warnings[@]}" -I"$c/include" -fsyntax-only "$file" || die "$file does not compile"
        if "$1" -std=c++17 "${warnings[@]}" -I"$c/include" -fsyntax-only -DWRONG "$file" 2>/dev/null; then
            die "$file compiles with -DWRONG, which it must not"
        fi
        count=$((count + 1))
    done
    say "$1: $count mistakes do not compile"
}

# Up to the first return a call is to ask, call and settle, and nothing else.
happy_path() {
    local name expected="fusewire_breaker_acquire _Z4workv fusewire_permit_success" found
    "$1" -std=c++17 -O2 -S -I"$c/include" -o "$out/happy_path.s" "$tests/happy_path.cpp"
    for name in happy_call happy_try_call; do
        found=$(awk -v label="$name:" '$1 == label { inside = 1 } inside && /^\t(ret|b[[:space:]]*lr)/ { exit }
            inside && $1 ~ /^(callq?|bl)$/ { sub(/@PLT/, "", $2); printf "%s%s", sep, $2; sep = " " }' "$out/happy_path.s")
        [ "$found" = "$expected" ] || die "$1: $name calls $found; it should call $expected"
    done
    say "$1: the happy path is three calls"
}

header
[ "${1:-}" = header ] && exit
