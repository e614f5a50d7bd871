#!/usr/bin/env bash
# Fuzzes every target at once: `fuzz.sh [seconds] [target...]`, 60 seconds by default.
# Costs: as many seconds, and a minute on two cores for the first build.
#
# The engine is libFuzzer with coverage feedback, for which stable Rust and a C++ compiler are enough; without a C++
# compiler a driver mutates the corpus blindly. FUZZ_ENGINE=libfuzzer, asan or driver decides otherwise; asan is
# libFuzzer with the address sanitizer and needs a nightly toolchain.
#
# What libFuzzer finds interesting is kept in build/fuzz/<target> and is where the next run begins. To fold that into
# fuzz/corpus: build/fuzz/bin/<target> -merge=1 fuzz/corpus/<target> build/fuzz/<target>
# An input that fails is written to fuzz/artifacts/<target>; to run it again give it to build/fuzz/bin/<target>.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

seconds=${1:-60}
shift || true
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || targets=(document operations)

engine=${FUZZ_ENGINE:-}
if [ -z "$engine" ]; then
    engine=driver
    if printf 'int main(){return 0;}\n' | c++ -x c++ - -o /dev/null 2>/dev/null; then engine=libfuzzer; fi
fi
say "fuzzing ${targets[*]} for $seconds s, engine $engine"

target_dir=$root/fuzz/target
bin=$root/build/fuzz/bin
mkdir -p "$bin"

# The instrumentation that cargo-fuzz asks for; all but the sanitizer is stable.
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"

# build [+toolchain] [flags...]
build() {
    local toolchain=()
    case ${1:-} in +*) toolchain=("$1") && shift ;; esac
    cargo "${toolchain[@]}" build --quiet --locked --release --manifest-path fuzz/Cargo.toml --target-dir "$target_dir" "$@"
}

host=$(rustc -vV | sed -n 's/^host: //p')
case $engine in
driver)
    build --bin driver
    cp "$target_dir/release/driver" "$bin/driver"
    ;;
libfuzzer | asan)
    toolchain=()
    [ "$engine" = libfuzzer ] || {
        toolchain=(+nightly)
        coverage+=" -Zsanitizer=address"
        target_dir+=/asan
    }
    # With --target the flags are for the crates alone, not for build scripts.
    RUSTFLAGS=$coverage build "${toolchain[@]}" --features libfuzzer --target "$host" "${targets[@]/#/--bin=}"
    for target in "${targets[@]}"; do
        cp "$target_dir/$host/release/$target" "$bin/$target"
    done
    ;;
*) die "FUZZ_ENGINE is $engine; it can be libfuzzer, asan or driver" ;;
esac

# fuzz TARGET
fuzz() {
    local target=$1 kept=build/fuzz/$1 artifacts=fuzz/artifacts/$1 dict=()
    mkdir -p "$kept" "$artifacts"
    [ ! -e "fuzz/$target.dict" ] || dict=("fuzz/$target.dict")
    if [ "$engine" = driver ]; then
        "$bin/driver" "$target" --seconds "$seconds" ${dict[@]:+--dict "${dict[0]}"} --artifacts "$artifacts" \
            "fuzz/corpus/$target" "$kept"
    else
        "$bin/$target" -max_total_time="$seconds" -timeout=20 -max_len=4096 -print_final_stats=1 \
            ${dict[@]:+-dict="${dict[0]}"} -artifact_prefix="$artifacts/" "$kept" "fuzz/corpus/$target"
    fi
}

running=()
for target in "${targets[@]}"; do
    fuzz "$target" >"build/fuzz/$target.log" 2>&1 &
    running+=("$!")
done

failed=()
for i in "${!targets[@]}"; do
    target=${targets[$i]}
    if wait "${running[$i]}"; then
        say "$target: $(grep -E '^Done |runs in ' "build/fuzz/$target.log" | tail -n 1)"
    else
        failed+=("$target")
        tail -n 60 "build/fuzz/$target.log"
    fi
done
[ "${#failed[@]}" -eq 0 ] || die "failed: ${failed[*]}; the input is in fuzz/artifacts, all of it in build/fuzz/*.log"
