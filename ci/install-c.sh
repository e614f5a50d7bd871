#!/usr/bin/env bash
# install-c.sh BUILT PREFIX DESTDIR: puts what cargo has built in BUILT to where C programs find it, below DESTDIR PREFIX.
# Costs: a second.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

built=$1 prefix=$2 to=$3$2
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
soname=$(objdump -p "$built/libfusewire_c.so" | awk '$1 == "SONAME" { print $2 }')

install -d "$to/include/fusewire" "$to/lib/pkgconfig" "$to/lib/cmake/fusewire"
install -m 644 bindings-c/include/fusewire.h bindings-c/include/fusewire.hpp "$to/include/"
install -m 644 bindings-c/include/fusewire/*.hpp "$to/include/fusewire/"
install -m 755 "$built/libfusewire_c.so" "$to/lib/$soname"
ln -sf "$soname" "$to/lib/libfusewire.so"

# Rust's archive has all of its standard library, with symbols that another Rust archive has, too. One object with
# what the header names, and nothing else that anybody could link to, goes along with everything.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mapfile -t names < <(nm -D --defined-only "$built/libfusewire_c.so" | awk '{ print $3 }')
ld -r --force-group-allocation --gc-sections "${names[@]/#/--undefined=}" -o "$work/all.o" "$built/libfusewire_c.a"
objcopy --wildcard --keep-global-symbol='fusewire_*' --strip-unneeded \
    --remove-section=.llvmbc --remove-section=.llvmcmd "$work/all.o" "$work/fusewire.o"
rm -f "$to/lib/libfusewire.a"
ar rcs "$to/lib/libfusewire.a" "$work/fusewire.o"
chmod 644 "$to/lib/libfusewire.a"

sed -e "s|@PREFIX@|$prefix|g" -e "s|@VERSION@|$version|g" bindings-c/fusewire.pc.in >"$to/lib/pkgconfig/fusewire.pc"
for file in bindings-c/cmake/*.in; do
    name=$(basename "$file" .in)
    sed -e "s|@VERSION@|$version|g" -e "s|@SONAME@|$soname|g" "$file" >"$to/lib/cmake/fusewire/$name"
done
