#!/usr/bin/env bash
# fusewire and its peers side by side on Python; arguments go to the program (`--help` lists them). Writes
# build/bench/python.jsonl. With --all on each Python from 3.11 on that is here (commands on the path, and those of
# pyenv), which goes to build/bench/python-3.11.jsonl and so on. FUSEWIRE_PYTHON names the Python for one run.
# Costs: two minutes for each Python's build, then three minutes with --quick, else some ten for each Python. Run it on a
# machine that is otherwise idle.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

all=
args=()
for arg in "$@"; do
    if [ "$arg" = --all ]; then all=yes; else args+=("$arg"); fi
done

# python_of MINOR: the command of Python 3.MINOR; nothing if there is none.
python_of() {
    local found
    for found in "$(command -v "python3.$1" || true)" "$HOME/.pyenv/versions/3.$1".*/bin/python; do
        if [ -x "$found" ] && "$found" -c "import sys, venv; sys.exit(sys.version_info[:2] != (3, $1))" 2>/dev/null; then
            say "$found"
            return
        fi
    done
}

# bench PYTHON MINOR: in an environment of its own, with the package as it is installed.
bench() {
    local folder=$root/build/python/bench-3.$2
    [ -x "$folder/bin/python" ] || "$1" -m venv "$folder"
    local pip=("$folder/bin/python" -m pip --quiet --disable-pip-version-check)
    "${pip[@]}" install --requirement tests/peers/python/requirements.txt >&2
    "${pip[@]}" install --force-reinstall --no-deps ./bindings-python >&2
    "$folder/bin/python" tests/peers/python/src/bench.py "${args[@]}"
}

ci/setup.sh build
if [ -z "$all" ]; then
    python=${FUSEWIRE_PYTHON:-$(command -v python3 || true)}
    [ -n "$python" ] || die "missing: Python 3.9 or later. See https://www.python.org/downloads/"
    bench "$python" "$("$python" -c 'import sys; print(sys.version_info[1])')"
else
    ran=
    for minor in 11 12 13 14; do
        python=$(python_of "$minor")
        if [ -n "$python" ]; then
            FUSEWIRE_BENCH_OUT=$root/build/bench/python-3.$minor.jsonl bench "$python" "$minor"
            ran=yes
        else
            say "Python 3.$minor is not here" >&2
        fi
    done
    [ -n "$ran" ] || die "missing: Python 3.11 or later. See https://www.python.org/downloads/"
fi
