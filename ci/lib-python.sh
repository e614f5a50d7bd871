# shellcheck shell=bash
# Sourced after lib.sh by the scripts that build and test the Python package. Everything lies in build/python, tools in
# build/tools.

# What fails in a command whose output is taken ends a script as well.
shopt -s inherit_errexit

# What the package supports.
# shellcheck disable=SC2034 # the scripts use it
python_versions=(3.9 3.10 3.11 3.12 3.13 3.13t 3.14 3.14t)

pip_quietly=(install --quiet --disable-pip-version-check --no-input --root-user-action ignore)

# python_tool NAME VERSION: prints where that tool is: the PyPI package of that name, in an environment of its own.
python_tool() {
    local name=$1 version=$2 folder="$root/build/tools/python/$1"
    if [ "$("$folder/bin/$name" --version 2>/dev/null)" != "$name $version" ]; then
        say "installing $name $version into build/tools" >&2
        rm -rf "$folder"
        python3 -m venv "$folder"
        "$folder/bin/pip" "${pip_quietly[@]}" "$name==$version" >&2
    fi
    printf '%s\n' "$folder/bin/$name"
}

maturin() { "$(python_tool maturin 1.16.0)" "$@"; }
ruff() { "$(python_tool ruff 0.17.6)" "$@"; }

# version_of PYTHON: prints its version as 3.12, or 3.13t where it has no interpreter lock; fails unless it runs and can
# make environments.
version_of() {
    "$1" -c 'import ensurepip, sys, sysconfig, venv
t = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
print("%d.%d%s" % (*sys.version_info[:2], t))' 2>/dev/null
}

# python_of VERSION: prints where a Python of that version is: the machine's own python3, one on the path, or one of
# pyenv's; fails where there is none.
python_of() {
    local python
    for python in python3 "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/${1%t}".*/bin/python3; do
        if [ "$(version_of "$python")" = "$1" ]; then
            "$python" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}

# wheel_of VERSION PYTHON: builds the wheel for that Python unless it is as the sources are; prints where it is.
wheel_of() {
    local version=$1 python=$2 folder="$root/build/python/wheels/$1" log="$root/build/python/wheel-$1.log" sources
    sources=$(find core/src core/Cargo.toml Cargo.toml Cargo.lock bindings-python -type f \
        ! -path '*/tests/*' ! -name '*.so' ! -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum | sha256sum)
    if [ "$(cat "$folder/.sources" 2>/dev/null)" != "$sources" ]; then
        rm -rf "$folder"
        mkdir -p "$folder"
        if ! maturin build --manifest-path bindings-python/Cargo.toml --release --locked -i "$python" -o "$folder" \
            >"$log" 2>&1 || grep -q '^warning: .*fusewire-python' "$log"; then
            cat "$log" >&2
            die "the wheel for Python $version does not build, or not without warnings"
        fi
        printf '%s\n' "$sources" >"$folder/.sources"
    fi
    printf '%s\n' "$folder"/*.whl
}

# environment_of NAME VERSION PYTHON REQUIREMENTS: an environment with what a file asks for, and the wheel anew; prints
# its Python.
environment_of() {
    local home=$root/build/python/$1-$2
    if ! cmp -s "$4" "$home/.installed"; then
        rm -rf "$home"
        "$3" -m venv "$home"
        "$home/bin/pip" "${pip_quietly[@]}" -r "$4" >&2
        cp "$4" "$home/.installed"
    fi
    "$home/bin/pip" "${pip_quietly[@]}" --no-index --no-deps --force-reinstall "$(wheel_of "$2" "$3")" >&2
    printf '%s\n' "$home/bin/python"
}
