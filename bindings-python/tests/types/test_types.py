"""The types as mypy and pyright see them, and the stub of the native part against the module itself."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import fusewire

HERE = pathlib.Path(__file__).parent
PACKAGE = pathlib.Path(fusewire.__file__).parent

# The checkers need it, and check the package for older ones from there.
pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="mypy and pyright are run by Python 3.11 and later")


def run(*command, cwd=None):
    # It is by the path that pyright finds the environment whose packages it is to verify.
    env = {**os.environ, "PATH": f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    if PACKAGE.parent.name != "site-packages":
        env["MYPYPATH"] = str(PACKAGE.parent)
    return subprocess.run(
        [sys.executable, "-m", *map(str, command)], capture_output=True, text=True, env=env, cwd=cwd, timeout=600
    )


def wrong_lines():
    lines = (HERE / "wrong.py").read_text(encoding="utf-8").splitlines()
    return [number for number, line in enumerate(lines, 1) if line.endswith("# wrong")]


# ---- mypy ----


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("mypy")


def mypy(cache, *what):
    found = run("mypy", "--strict", "--cache-dir", cache, "--no-error-summary", *what)
    assert not found.stderr, found.stderr
    return found.stdout


@pytest.mark.parametrize("name", ["right.py", "recovery.py", "adapters.py"])
def test_mypy_finds_nothing_in_what_is_right(cache, name):
    assert mypy(cache, HERE / name) == ""


def test_mypy_finds_everything_that_is_wrong(cache):
    found = re.findall(r"wrong\.py:(\d+): error:", mypy(cache, HERE / "wrong.py"))
    assert sorted({int(line) for line in found}) == wrong_lines()


def test_mypy_finds_nothing_in_the_package_itself(cache):
    assert mypy(cache, "-p", "fusewire") == ""


def test_mypy_says_what_was_meant_by_a_misspelt_option(cache, tmp_path):
    misspelt = tmp_path / "misspelt.py"
    misspelt.write_text("from fusewire import circuit_breaker\ncircuit_breaker('x', failure_treshold=3)\n")
    assert 'did you mean "failure_threshold"?' in mypy(cache, misspelt)


def test_the_stub_says_what_the_native_part_has():
    found = run("mypy.stubtest", "fusewire._native", "--concise")
    assert (found.returncode, found.stdout) == (0, ""), found.stderr


# ---- pyright ----


def pyright(tmp_path, name, version=sys.version_info[:2]):
    """The lines with errors, in a project of a user who is strict."""
    shutil.copy(HERE / name, tmp_path)
    settings = {
        "include": [name],
        "extraPaths": [str(PACKAGE.parent)],
        "typeCheckingMode": "strict",
        "pythonVersion": "{}.{}".format(*version),
        # The examples of what is right and wrong are not used by anybody.
        "reportUnusedExpression": "none",
        "reportUnusedVariable": "none",
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    found = run("pyright", "--outputjson", "--pythonpath", sys.executable, cwd=tmp_path)
    told = json.loads(found.stdout)
    assert told["summary"]["filesAnalyzed"] == 1, found.stderr
    errors = [one for one in told["generalDiagnostics"] if one["severity"] == "error"]
    return {one["range"]["start"]["line"] + 1: one["message"] for one in errors}


@pytest.mark.parametrize("name", ["right.py", "recovery.py", "adapters.py"])
def test_pyright_finds_nothing_in_what_is_right(tmp_path, name):
    assert pyright(tmp_path, name) == {}


def test_pyright_finds_nothing_in_what_is_right_for_the_oldest_python(tmp_path):
    assert pyright(tmp_path, "right.py", (3, 9)) == {}


def test_pyright_finds_everything_that_is_wrong(tmp_path):
    assert sorted(pyright(tmp_path, "wrong.py")) == wrong_lines()


def test_everything_public_has_a_type_that_is_the_same_for_every_checker(tmp_path):
    found = run("pyright", "--verifytypes", "fusewire", "--ignoreexternal", "--outputjson", cwd=tmp_path)
    symbols = [one for one in json.loads(found.stdout)["typeCompleteness"]["symbols"] if one["isExported"]]
    unsure = {one["name"] for one in symbols if not one["isTypeKnown"] or one["isTypeAmbiguous"]}
    # What an `except` clause named is gone when it ends.
    assert {name for name in unsure if not name.endswith(".error")} == set()
    assert {"fusewire.CircuitBreaker", "fusewire.httpx.CircuitBreakerTransport"} <= {one["name"] for one in symbols}
