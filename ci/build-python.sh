#!/usr/bin/env bash
# Builds the Python package in bindings-python for the python3 of this machine: a wheel in build/python/wheels, and in
# build/python/VERSION an environment in which the checkout itself is installed, so that what is edited runs at once.
# Costs: a minute on two cores when nothing is built; five seconds when nothing changed.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. ci/lib-python.sh

ci/setup.sh python
mkdir -p build/python

version=$(version_of python3)
home=$root/build/python/$version
wheel=$(wheel_of "$version" python3)

# The native part is in the wheel; where nothing of it changed, neither does the environment.
if ! cmp -s "$(dirname "$wheel")/.sources" "$home/.sources"; then
    [ -x "$home/bin/python" ] || python3 -m venv "$home"
    VIRTUAL_ENV=$home maturin develop --manifest-path bindings-python/Cargo.toml --release --locked \
        >build/python/develop.log 2>&1 || {
        cat build/python/develop.log >&2
        die "the package does not install into $home"
    }
    cp "$(dirname "$wheel")/.sources" "$home/.sources"
fi
say "${wheel#"$root"/}, and build/python/$version/bin/python has the checkout"
