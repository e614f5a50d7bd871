#!/usr/bin/env bash
# The example in Java: its package's tests, and its client going through an outage of the upstream. Says
# `skipped: java (no JDK 22 or later)` when this machine has none: under JAVA_HOME, on the path or in /usr/lib/jvm.
# Costs: ten seconds on two cores, when the C library and the upstream are built.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The first with java.lang.foreign as it is now.
needed=22

# jdk: where a JDK is that is new enough; fails when there is none.
jdk() {
    local folder major
    local folders=("${JAVA_HOME:-}" "$(dirname "$(dirname "$(realpath "$(command -v javac || say /)")")")")
    for folder in "${folders[@]}" /usr/lib/jvm/*; do
        [ -x "$folder/bin/javac" ] && [ -x "$folder/bin/java" ] || continue
        major=$("$folder/bin/javac" -version 2>&1 | sed -n 's/^javac \([0-9]*\).*/\1/p')
        if [ "${major:-0}" -ge "$needed" ]; then
            say "$folder"
            return
        fi
    done
    return 1
}

if ! java=$(jdk); then
    say "skipped: java (no JDK $needed or later)"
    exit
fi

ci/build-c.sh
cargo build --quiet --locked -p fusewire-upstream
FUSEWIRE_UPSTREAM=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/fusewire-upstream
export FUSEWIRE_UPSTREAM

out=$root/build/java
rm -rf "$out"
mkdir -p "$out/classes"
compile() { "$java/bin/javac" --release "$needed" -Xlint:all -Werror -cp "$out/classes" -d "$out/classes" "$@"; }
run() {
    "$java/bin/java" -Xcheck:jni -ea --enable-native-access=ALL-UNNAMED "-Djava.library.path=$root/build/c/lib" \
        -cp "$out/classes" "$@"
}
compile examples/java/src/fusewire/*.java
compile examples/java/test/*.java examples/java/client/*.java
# What the layouts are held against is what a C compiler makes of the header.
cc -std=c11 -I build/c/include examples/java/test/layouts.c -o "$out/layouts"
"$out/layouts" >"$out/layouts.txt"
run fusewire.Tests "$out/layouts.txt"
run Client >"$out/client.log" 2>&1 || die "$(cat "$out/client.log")"
say "java: the client lived through an outage"
