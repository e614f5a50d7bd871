# shellcheck shell=bash
# Sourced by the scripts beside it. They run from the root of the checkout, and what they install stays in build/tools.
set -euo pipefail
# Names that are looked up elsewhere, and texts sorted otherwise, are not worth finding out about.
unset CDPATH
export LC_ALL=C

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# The workspaces beside the main one: never dependencies of the product.
# shellcheck disable=SC2034 # the scripts use it
workspaces=(fuzz tests/peers)

say() { printf '%s\n' "$@"; }

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# cargo_tool NAME VERSION: installs a cargo subcommand into the checkout, unless that version is there, and puts it on
# the path. Built with few optimizations: they cost more than such a tool's short runs give back.
cargo_tool() {
    local name=$1 version=$2
    export PATH="$root/build/tools/bin:$PATH"
    if [ "$("$root/build/tools/bin/$name" "${name#cargo-}" --version 2>/dev/null)" = "$name $version" ]; then
        return
    fi
    say "installing $name $version into build/tools"
    env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS \
        CARGO_TARGET_DIR="$root/build/tools/target" CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0 \
        cargo install --quiet --locked --force --root "$root/build/tools" --version "$version" "$name"
    rm -rf "$root/build/tools/target"
}

# node_tool MAJOR: prints where the binary of that Node is: the npm package `node`, in the checkout.
node_tool() {
    local version folder="$root/build/tools/node/$1"
    case $1 in
    20) version=20.20.2 ;;
    22) version=22.23.3 ;;
    24) version=24.21.0 ;;
    *) die "no version of Node $1 is known here" ;;
    esac
    local binary="$folder/node_modules/node/bin/node"
    if [ "$("$binary" --version 2>/dev/null)" != "v$version" ]; then
        say "installing Node $version into build/tools" >&2
        rm -rf "$folder"
        mkdir -p "$folder"
        # The package takes the binary in its own script.
        npm install --prefix "$folder" --no-save --no-package-lock --no-audit --no-fund --ignore-scripts=false \
            --loglevel error "node@$version" >&2
        [ "$("$binary" --version)" = "v$version" ] || die "Node $version does not run here"
    fi
    printf '%s\n' "$binary"
}

# cargo_test_optimized ARGS...: `cargo test` in a profile that is fast to run without being slow to build.
cargo_test_optimized() {
    cargo test --quiet --locked --profile optimized --config 'profile.optimized.inherits="release"' \
        --config 'profile.optimized.lto="off"' --config 'profile.optimized.codegen-units=16' \
        --config 'profile.optimized.debug-assertions=true' --config 'profile.optimized.overflow-checks=true' "$@"
}
