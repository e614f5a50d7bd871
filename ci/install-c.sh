#!/usr/bin/env bash
# install-c.sh BUILT PREFIX DESTDIR [LIBDIR [INCLUDEDIR]]: puts what cargo has built in BUILT to where C programs find it,
# LIBDIR and INCLUDEDIR (below PREFIX, lib and include) staged below DESTDIR.
# Costs: a second.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

built=$1 prefix=$2 libdir=${4:-$2/lib} includedir=${5:-$2/include}
lib=$3$libdir include=$3$includedir
for folder in "$prefix" "$libdir" "$includedir"; do
    case $folder in /*) ;; *) die "install-c.sh: $folder must begin with a slash" ;; esac
done
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
soname=$(objdump -p "$built/libfusewire_c.so" | awk '$1 == "SONAME" { print $2 }')

install -d "$include/fusewire" "$lib/pkgconfig" "$lib/cmake/fusewire"
install -m 644 bindings-c/include/fusewire.h bindings-c/include/fusewire.hpp "$include/"
install -m 644 bindings-c/include/fusewire/*.hpp "$include/fusewire/"
install -m 755 "$built/libfusewire_c.so" "$lib/$soname"
ln -sf "$soname" "$lib/libfusewire.so"

# Rust's archive has all of its standard library, with symbols that another Rust archive has, too. One object with
# what the header names, and nothing else that anybody could link to, goes along with everything.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mapfile -t names < <(nm -D --defined-only "$built/libfusewire_c.so" | awk '{ print $3 }')
ld -r --force-group-allocation --gc-sections "${names[@]/#/--undefined=}" -o "$work/all.o" "$built/libfusewire_c.a"
objcopy --wildcard --keep-global-symbol='fusewire_*' --strip-unneeded \
    --remove-section=.llvmbc --remove-section=.llvmcmd "$work/all.o" "$work/fusewire.o"
rm -f "$lib/libfusewire.a"
ar rcs "$lib/libfusewire.a" "$work/fusewire.o"
chmod 644 "$lib/libfusewire.a"

# Relative to the prefix where they are below it: pkg-config's --define-prefix moves them along.
sed -e "s|@PREFIX@|$prefix|g" -e "s|@VERSION@|$version|g" \
    -e "s|@INCLUDEDIR@|${includedir/#"$prefix"\//\${prefix\}/}|g" -e "s|@LIBDIR@|${libdir/#"$prefix"\//\${prefix\}/}|g" \
    bindings-c/fusewire.pc.in >"$lib/pkgconfig/fusewire.pc"
pointer=4
case $(objdump -f "$built/libfusewire_c.so") in *elf64*) pointer=8 ;; esac
to_include=$(realpath -m --relative-to="$libdir" "$includedir")
for file in bindings-c/cmake/*.in; do
    name=$(basename "$file" .in)
    sed -e "s|@VERSION@|$version|g" -e "s|@SONAME@|$soname|g" -e "s|@TO_INCLUDE@|$to_include|g" -e "s|@POINTER@|$pointer|g" \
        "$file" >"$lib/cmake/fusewire/$name"
done
