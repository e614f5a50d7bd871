# shellcheck shell=bash
# Sourced by the scripts that use Go.

# What is downloaded is what go.sum says, by the Go that is here, and nothing is asked of git.
export GOTOOLCHAIN=local GOFLAGS="-mod=readonly -buildvcs=false" CGO_ENABLED=1

# no_go: why Go cannot be used here; fails when it can.
no_go() {
    local needed found
    needed=$(sed -n 's/^go //p' examples/go/go.mod)
    if ! command -v go >/dev/null || ! command -v gofmt >/dev/null; then
        say "no toolchain"
    elif found=$(go env GOVERSION | sed 's/^go\([0-9.]*\).*/\1/') &&
        [ "$(printf '%s\n%s\n' "$needed" "$found" | sort -V | head -n 1)" != "$needed" ]; then
        say "Go $found, and $needed is needed"
    elif ! command -v pkg-config >/dev/null; then
        say "no pkg-config"
    else
        return 1
    fi
}

# use_built_library: lets programs be built with build/c, and find it when they run.
use_built_library() {
    export PKG_CONFIG_PATH=$root/build/c/lib/pkgconfig LD_LIBRARY_PATH=$root/build/c/lib
}
