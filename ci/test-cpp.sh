#!/usr/bin/env bash
# The tests of fusewire.hpp, with gcc and with clang where there is one: as C++17 and C++20, with and without exceptions and
# run-time type information, under AddressSanitizer and UBSan; what must not compile; the happy path's assembly; the
# examples in C and C++, and the code in their pages. `test-cpp.sh header` runs the first of them, up to the assembly.
# Costs: three minutes on two cores, and what ci/build-c.sh costs.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ci/build-c.sh
c=$root/build/c
out=$root/build/cpp
tests=bindings-c/tests/cpp
mkdir -p "$out"
warnings=(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
against=(-I"$c/include" -L"$c/lib" -Wl,-rpath,"$c/lib")
sanitized=(-g1 -fsanitize=address,undefined -fno-sanitize-recover=all)
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
    local running=()
    for file in main values rules admission recovery thrown; do
        "$compiler" "$@" "${warnings[@]}" "${sanitized[@]}" -pthread -I"$c/include" -c -o "$folder/$file.o" "$tests/$file.cpp" &
        running+=($!)
    done
    for file in "${running[@]}"; do wait "$file" || die "$name: does not compile"; done
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
        alone "$compiler"
        mixed "$compiler"
        refused "$compiler"
        happy_path "$compiler"
    done
}

# Each header includes what it needs.
alone() {
    local file
    for file in "$c"/include/fusewire.hpp "$c"/include/fusewire/*.hpp; do
        printf '#include "%s"\n#include "%s"\n' "$file" "$file" |
            "$1" -std=c++17 "${warnings[@]}" -I"$c/include" -fsyntax-only -x c++ - || die "$file does not stand alone"
    done
    say "$1: each header stands alone, and twice"
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
    local name expected="fusewire_breaker_acquire_turn _Z4workv fusewire_permit_success" found
    "$1" -std=c++17 -O2 -S -I"$c/include" -o "$out/happy_path.s" "$tests/happy_path.cpp"
    for name in happy_call happy_try_call; do
        found=$(awk -v label="$name:" '$1 == label { inside = 1 } inside && /^\t(ret|b[[:space:]]*lr)/ { exit }
            inside && $1 ~ /^(callq?|bl)$/ { sub(/@PLT/, "", $2); printf "%s%s", sep, $2; sep = " " }' "$out/happy_path.s")
        [ "$found" = "$expected" ] || die "$1: $name calls $found; it should call $expected"
    done
    say "$1: the happy path is three calls"
}

# The upstream of the examples, as a command and as a process that listens.
upstream() {
    cargo build --quiet --locked -p fusewire-upstream
    FUSEWIRE_UPSTREAM=${CARGO_TARGET_DIR:-$root/target}/debug/fusewire-upstream
    export FUSEWIRE_UPSTREAM
}

# The demo in C, shortened: it ends by itself, and what it claims holds.
example_c() {
    local demo=$out/demo-c log=$out/demo-c.log phase run code=0
    ci/build-example-c.sh "$demo" -Wall -Wextra -Wpedantic -Werror "${sanitized[@]}"
    "$demo" --seconds 10 --check >"$log" 2>&1 || die "examples/c: $(cat "$log")"
    for phase in healthy errors slow flapping recovered all; do
        for run in unprotected protected; do
            [ "$(grep -c "^$(printf '%-9s  %-11s  ' $phase $run)" "$log")" = 1 ] || die "examples/c: no row of $phase, $run in $log"
        done
    done
    for phase in 'closed -> open (failure_threshold)' 'half_open -> closed (probes_succeeded)' '# EOF'; do
        grep -qF -- "$phase" "$log" || die "examples/c: no $phase in $log"
    done
    [ "$(grep -c '^check: ok: ' "$log")" = 7 ] || die "examples/c: not seven promises in $log"

    "$demo" --seconds 9 --check --shadow >"$log" 2>&1 || code=$?
    if [ "$code" != 1 ] || ! grep -q '^check: BROKEN: the upstream received no call that was made while open' "$log"; then
        die "examples/c: --check does not find out that nothing is rejected: $log"
    fi
    for phase in '--seconds 1' '--second-thoughts'; do
        code=0
        # shellcheck disable=SC2086 # an option and its value
        "$demo" $phase >/dev/null 2>"$log" || code=$?
        if [ "$code" != 2 ] || ! grep -qF -- "$phase" "$log" || ! grep -q '^usage:' "$log"; then
            die "examples/c: $phase: $(cat "$log")"
        fi
    done
    say "examples/c: keeps its promises, and --check finds out when it does not"
}

example_cpp() {
    local client=$out/client-cpp address
    # shellcheck disable=SC2046 # options
    g++ -std=c++17 "${warnings[@]}" -O2 examples/cpp/client.cpp $(pkg-config --cflags --libs fusewire libcurl) -o "$client"
    coproc upstream_process { exec $FUSEWIRE_UPSTREAM --until-eof; }
    # shellcheck disable=SC2154 # coproc sets it
    read -r _ _ address <&"${upstream_process[0]}"
    "$client" "$address" >"$out/client-cpp.log" || die "examples/cpp: failed"
    exec {upstream_process[1]}>&-
    wait "$upstream_process_PID"
    diff examples/cpp/expected.txt "$out/client-cpp.log" || die "examples/cpp: it told something else"
    say "examples/cpp: tells what is expected"
}

# page FILE: the programs in a page, each named by its first line, and the lines of its console that build and run them.
page() {
    local folder=$out/pages/$1 line count=0
    rm -rf "$folder" && mkdir -p "$folder"
    awk -v folder="$folder" '/^```/ { file = ""; block = $0 != "```" && /^```(c|cpp|cmake)$/; next }
        block { file = folder "/" $2; block = 0 } file != "" { print >file }' "$1"
    while read -r line; do
        (cd "$folder" && eval "$line") </dev/null >"$folder/log" 2>&1 || die "$1: $line: $(cat "$folder/log")"
        count=$((count + 1))
    done < <(sed -nE 's/^\$ ((cc|c\+\+|cmake|\.\/).*)/\1/p' "$1")
    local programs=("$folder"/*.c "$folder"/*.cpp)
    for line in "$folder"/*.c; do builds_and_runs cc -std=c11 "$line"; done
    for line in "$folder"/*.cpp; do builds_and_runs c++ -std=c++17 "$line"; done
    say "$1: ${#programs[@]} programs and $count lines work"
}

builds_and_runs() {
    # shellcheck disable=SC2046 # options
    "$@" -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags --libs fusewire) -o "${!#}.out" || die "$*"
    "${!#}.out" >/dev/null || die "${!#}: failed"
}

# readme: the program in the README of the project.
readme() {
    awk '/^```/ { block = $0 == "```c"; next } block' README.md >"$out/readme.c"
    builds_and_runs cc -std=c11 "$out/readme.c"
    say "README.md: its program works"
}

case ${1:-all} in
header) header ;;
all)
    header
    export PKG_CONFIG_PATH=$c/lib/pkgconfig CMAKE_PREFIX_PATH=$c LD_LIBRARY_PATH=$c/lib
    ci/setup.sh c
    upstream
    example_c
    example_cpp
    page docs/c.md
    page bindings-c/README.md
    readme
    ;;
*) die "usage: test-cpp.sh [header]" ;;
esac
