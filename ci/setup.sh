#!/usr/bin/env bash
# Sees to what the other scripts need; what is missing it installs when run as root, else it prints the line to type.
# `setup.sh build` is enough to build the Rust crates, `setup.sh node` for the npm package as well, `setup.sh python` for
# the Python package, `setup.sh c` for the programs in C and C++, `setup.sh c-test` for the C library's tests, and
# `setup.sh test` for everything. Never sudo.
# Costs: a second, when nothing is missing.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

has() { command -v "$1" >/dev/null 2>&1; }

compiles() { printf '#include <stdio.h>\nint main(void){return 0;}\n' | cc -x c - -o /dev/null 2>/dev/null; }

sanitizes() { printf 'int main(void){return 0;}\n' | clang -fsanitize=address,undefined -x c - -o /dev/null 2>/dev/null; }

makes_venvs() { python3 -c 'import ensurepip, venv' 2>/dev/null; }

# ---- what the system's packages give ----

wanted=()
compiles || wanted+=(gcc libc6-dev)
has git || wanted+=(git)
case ${1:-test} in
node | test)
    has node || wanted+=(nodejs)
    has npm || wanted+=(npm)
    ;;
esac
case ${1:-test} in
python | test)
    # Debian packs what makes environments by itself.
    if ! has python3; then wanted+=(python3 python3-venv); elif ! makes_venvs; then wanted+=(python3-venv); fi
    ;;
esac
case ${1:-test} in
c | c-test | test)
    has c++ || wanted+=(g++)
    has pkg-config || wanted+=(pkg-config)
    for library in libcurl:libcurl4-openssl-dev jansson:libjansson-dev; do
        pkg-config --exists "${library%%:*}" 2>/dev/null || wanted+=("${library#*:}")
    done
    has cmake || wanted+=(cmake)
    ;;
esac
case ${1:-test} in
c-test | test)
    has clang++ || wanted+=(clang)
    # Only recommended by the package of clang.
    sanitizes || wanted+=(libclang-rt-dev)
    has valgrind || wanted+=(valgrind)
    pkg-config --exists cmocka 2>/dev/null || wanted+=(libcmocka-dev)
    ;;
esac

if [ "${#wanted[@]}" -gt 0 ]; then
    line="apt-get install -y --no-install-recommends ${wanted[*]}"
    if [ "$(id -u)" -ne 0 ] || ! has apt-get; then
        die "missing: ${wanted[*]}. Install them as root, on Debian and its kin with:
    $line
Elsewhere: a C compiler with its headers, git, for the npm package Node 20 or later with npm, for the Python package
Python 3.9 or later with its module venv, for the programs in C and C++ pkg-config, CMake, libcurl and jansson, and for
their tests clang, valgrind and cmocka."
    fi
    say "installing ${wanted[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $line
fi

# ---- what comes with Rust ----

needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
if ! has cargo || ! has rustc; then
    die "missing: Rust $needed or later. To install it for this user alone:
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal -c rustfmt -c clippy"
fi
found=$(rustc --version | sed 's/^rustc \([0-9.]*\).*/\1/')
if [ "$(printf '%s\n%s\n' "$needed" "$found" | sort -V | head -n 1)" != "$needed" ]; then
    die "Rust $found is too old, $needed is needed:
    rustup update stable"
fi
if [ "${1:-test}" = test ]; then
    for tool in fmt clippy; do
        cargo "$tool" --version >/dev/null 2>&1 || die "missing: rustfmt or clippy.
    rustup component add rustfmt clippy"
    done
fi
case ${1:-test} in
node | test)
    needed=$(sed -n 's/.*"node": ">=\([0-9]*\)".*/\1/p' bindings-node/package.json)
    if ! has node || ! has npm || [ "$(node -p 'process.versions.node.split(".")[0]')" -lt "$needed" ]; then
        die "missing: Node $needed or later, with npm: https://nodejs.org/en/download"
    fi
    ;;
esac
case ${1:-test} in
python | test)
    needed=$(sed -n 's/^requires-python = ">=\(.*\)"/\1/p' bindings-python/pyproject.toml)
    python3 -c "import sys; sys.exit(sys.version_info < tuple(map(int, '$needed'.split('.'))))" ||
        die "missing: Python $needed or later as python3: https://www.python.org/downloads"
    makes_venvs || die "missing: the module venv of $(command -v python3)"
    ;;
esac
