#!/usr/bin/env bash
# Removes what was built and installed in this checkout: nothing that is committed.
# Costs: a second; the next `make test` builds everything anew.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

rm -rf build target mutants.out mutants.out.old
rm -rf bindings-node/{node_modules,dist,build,npm} bindings-node/*.{node,tgz} bindings-node/LICENSE-* examples/node/node_modules
for workspace in "${workspaces[@]}"; do
    rm -rf "${workspace:?}/target"
done
rm -rf tests/peers/node/node_modules
rm -f bindings-python/python/fusewire/*.so
find bindings-python examples/python tests -name __pycache__ -prune -exec rm -rf {} +
