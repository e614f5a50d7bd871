#!/usr/bin/env bash
# The tests of the Python package: the wheel of each Python that this machine has, installed and tested; then the
# conformance vectors, on the python3 of this machine. `test-python.sh 3.12` tests that one alone, and what follows a
# version goes to pytest: `test-python.sh 3.12 -k streams`.
# The machine's own runs every test; the oldest, the newest and those without an interpreter lock all but the type checkers
# and the example, which are the same for all; the others those that lie in no folder of their own.
# Costs: on two cores a minute to build the core, twenty seconds to build each wheel, and a minute for the tests of one.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. ci/lib-python.sh

ci/setup.sh python
mkdir -p build/python
own=$(version_of python3)
tests=$root/bindings-python/tests
without_folders=()
for folder in "$tests"/*/; do without_folders+=(--ignore "$folder"); done

# What adapters and the example call.
cargo build --quiet --locked -p fusewire-upstream
FUSEWIRE_UPSTREAM=${CARGO_TARGET_DIR:-$root/target}/debug/fusewire-upstream
export FUSEWIRE_UPSTREAM

# run VERSION PYTHON ARGUMENT...: runs pytest against the installed wheel, and tells more of it only when it fails.
run() {
    local version=$1 log="$root/build/test-python-$1.log" wheel python
    wheel=$(wheel_of "$1" "$2")
    python=$(environment_of test "$1" "$2" bindings-python/requirements-test.txt)
    shift 2
    # From elsewhere, and without what lies in the checkout: the wheel is what is tested.
    if ! (cd build/python && FUSEWIRE_WHEEL=$wheel "$python" -m pytest -p no:cacheprovider -q -rs \
        "$@" "$tests") >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        die "python $version: failed; all of it is in $log"
    fi
    grep -E '^SKIPPED' "$log" || true
    say "python $version: $(sed -n 's/^=* *\([0-9]* passed.*\) in .*/\1/p' "$log")"
}

if [ "$#" -gt 0 ]; then
    version=$1
    shift
    python=$(python_of "$version") || die "python $version: there is none on this machine"
    run "$version" "$python" "$@"
    exit
fi

declare -A pythons=()
there=()
for version in "${python_versions[@]}"; do
    if python=$(python_of "$version"); then
        pythons[$version]=$python
        there+=("$version")
    else
        say "python $version: skipped: there is none on this machine"
    fi
done

# What is built once is tested with the machine's own.
sdist=$root/build/python/sdist
rm -rf "$sdist"
maturin sdist --manifest-path bindings-python/Cargo.toml -o "$sdist" >build/python/sdist.log 2>&1 || die "$(cat build/python/sdist.log)"

for version in "${there[@]}"; do
    python=${pythons[$version]}
    case $version in
    "$own") FUSEWIRE_SDIST=$(printf '%s' "$sdist"/*.tar.gz) run "$version" "$python" ;;
    *t | "${there[0]}" | "${there[-1]}") run "$version" "$python" --ignore "$tests/types" --ignore "$tests/examples" ;;
    *) run "$version" "$python" "${without_folders[@]}" ;;
    esac
done

ci/build-python.sh
tests/run-vectors --lang python
