"""The types, as mypy and pyright see them, and the stub of the native part against the module itself."""

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


def wrong_lines():
    lines = (HERE / "wrong.py").read_text().splitlines()
    return [number for number, line in enumerate(lines, 1) if line.endswith("# wrong")]


def run(*command):
    environment = dict(os.environ)
    if PACKAGE.parent.name != "site-packages":
        environment["MYPYPATH"] = str(PACKAGE.parent)
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)


def mypy(name, cache):
    found = run(
        sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), "--no-error-summary", str(HERE / name)
    )
    assert not found.stderr, found.stderr
    return re.findall(r"^(.*?):(\d+): error: (.*)$", found.stdout, re.M)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("mypy")


def test_mypy_finds_nothing_in_what_is_right(cache):
    assert mypy("right.py", cache) == []


def test_mypy_finds_everything_that_is_wrong(cache):
    assert sorted({int(line) for _, line, _ in mypy("wrong.py", cache)}) == wrong_lines()


def pyright(name, tmp_path):
    # It looks at nothing but what lies beside its settings.
    shutil.copy(HERE / name, tmp_path)
    settings = {
        "include": [name],
        "extraPaths": [str(PACKAGE.parent)],
        "typeCheckingMode": "strict",
        "pythonVersion": f"{sys.version_info.major}.{sys.version_info.minor}",
        # Matters of taste, not of types.
        "reportUnusedExpression": "none",
        "reportUnusedVariable": "none",
        "reportUnusedCoroutine": "none",
        "reportUnusedFunction": "none",
        "reportUnnecessaryComparison": "none",
        "reportMissingModuleSource": "none",
    }
    file = tmp_path / "pyrightconfig.json"
    file.write_text(json.dumps(settings))
    found = run(sys.executable, "-m", "pyright", "--project", str(file), "--outputjson", "--pythonpath", sys.executable)
    return [d for d in json.loads(found.stdout)["generalDiagnostics"] if d["severity"] == "error"]


def test_pyright_finds_nothing_in_what_is_right(tmp_path):
    assert [(d["range"]["start"]["line"] + 1, d["message"]) for d in pyright("right.py", tmp_path)] == []


def test_pyright_finds_everything_that_is_wrong(tmp_path):
    found = pyright("wrong.py", tmp_path)
    assert sorted({d["range"]["start"]["line"] + 1 for d in found}) == wrong_lines()


def test_the_package_itself_is_typed(cache):
    found = run(
        sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), "--no-error-summary", "-p", "fusewire"
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_stub_says_what_the_native_part_has(tmp_path):
    found = run(sys.executable, "-m", "mypy.stubtest", "fusewire._native", "--concise")
    assert found.returncode == 0, found.stdout + found.stderr


def test_options_are_the_keys_of_the_document():
    from fusewire import _options

    properties = json.loads(fusewire.schema())["properties"]
    assert set(_options.Document.__annotations__) == set(properties)
