#!/usr/bin/env bash
# build-example-c.sh PROGRAM FLAG...: the demo in C, against the fusewire, libcurl and jansson that pkg-config finds.
# Costs: a second.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$1
shift
# shellcheck disable=SC2046 # options
cc -std=c11 -D_POSIX_C_SOURCE=200809L -O2 "$@" examples/c/src/*.c $(pkg-config --cflags --libs fusewire libcurl jansson) \
    -pthread -lm -o "$program"
