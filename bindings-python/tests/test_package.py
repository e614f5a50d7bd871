"""The package as others get it: what it loads, what a wheel and a source distribution hold, and that both work elsewhere.

ci/test-python.sh names what it built: ``FUSEWIRE_WHEEL``, and ``FUSEWIRE_SDIST`` where the minute that a build of it
takes is to be spent.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import fusewire

HERE = Path(__file__).resolve().parent.parent
ROOT = HERE.parent
TWO_MB = 2_000_000
THREE_MB = 3 * TWO_MB // 2

USE = """
import asyncio, fusewire
from fusewire.testing import ManualClock

clock = ManualClock()
breaker = fusewire.CircuitBreaker("payments", failure_threshold=1, recovery_timeout=30, clock=clock)

@fusewire.circuit_breaker(breaker)
def pay(fails=False):
    return 1 / (not fails)

@fusewire.circuit_breaker(breaker)
async def pay_soon():
    await asyncio.sleep(0)
    return "soon"

tell = [pay(), asyncio.run(pay_soon())]
try:
    pay(fails=True)
except ZeroDivisionError:
    tell.append(breaker.state)
try:
    pay()
except fusewire.CircuitOpenError as error:
    tell.append(error.retry_after)
clock.advance(30)
print(*tell, breaker.state, fusewire.__version__)
"""

#: Of the standard library, and no more: what enumerations need anyway.
LOADS = "import __future__, _contextvars, _thread, _weakref, enum, functools"
LOADED_BY = "import sys; before = set(sys.modules); %s; print(*(set(sys.modules) - before))"


def run(python, *args, cwd=None, **environment):
    """What a process says, without what this one has set for Python."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(python), *map(str, args)], cwd=cwd, env={**env, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{args}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def built(name):
    """A file that ci built, and names."""
    path = os.environ.get(name)
    if not path:
        pytest.skip(f"{name} is not set: ci/test-python.sh sets it, the source distribution for one Python alone")
    return Path(path).resolve()


@pytest.fixture
def empty(tmp_path):
    """The Python of an environment in which nothing is installed, not even pip."""
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "empty")
    return tmp_path / "empty" / "bin" / "python"


def install(python, what, *options, cwd=None, **environment):
    pip = ["-m", "pip", "--disable-pip-version-check", "--python", python, "install", "--quiet", *options]
    return run(sys.executable, *pip, what, cwd=cwd, **environment)


def assert_it_works(python, cwd):
    assert run(python, "-c", USE, cwd=cwd) == f"1.0 soon open 30.0 half_open {fusewire.__version__}"


# ---- what is installed ----


def test_importing_it_loads_nothing_heavy():
    def loaded(by):
        return set(run(sys.executable, "-I", "-c", LOADED_BY % by).split())

    own = {name for name in loaded("import fusewire") if name.split(".")[0] == "fusewire"}
    assert loaded("import fusewire") - own - loaded(LOADS) == set()
    # Of ours, adapters and what is for tests wait until they are named.
    assert {name for name in own if not name.startswith("fusewire._")} == {"fusewire"}


def test_its_version_is_that_of_the_workspace():
    manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    version = re.search(r'^\[workspace\.package\]\nversion = "(.+)"$', manifest, re.M).group(1)
    assert (fusewire.__version__, metadata.version("fusewire")) == (version, version)


def test_it_needs_nothing_else():
    needed = metadata.requires("fusewire") or []
    assert [one for one in needed if "extra ==" not in one] == []


def test_what_it_registers_with_other_packages_is_there():
    for point in metadata.distribution("fusewire").entry_points:
        point.load()


def test_a_process_ends_well_whatever_its_modules_still_hold():
    begin = "import asyncio, fusewire, sys; f = fusewire.circuit_breaker('a')(len); f('')"
    held = "p = f.breaker.acquire(); c = f.breaker.call_async(asyncio.sleep, 0); f.breaker.add_listener(print)"
    for rest in (held, f"{held}; sys.here = [f, p, c]", f"{held}; c.send(None)"):
        run(sys.executable, "-W", "ignore", "-c", f"{begin}; {rest}")


# ---- a wheel ----


def test_a_wheel_holds_the_package_and_nothing_else():
    with zipfile.ZipFile(built("FUSEWIRE_WHEEL")) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    package = HERE / "python"
    sources = {path for path in package.rglob("*") if path.suffix in (".py", ".pyi") or path.name == "py.typed"}
    native = {name for name in names if re.fullmatch(r"fusewire/_native\.[\w.-]+\.so", name)}
    assert len(native) == 1
    assert names - native == {path.relative_to(package).as_posix() for path in sources}


def test_a_wheel_is_under_2_mb_packed_and_3_installed():
    wheel = built("FUSEWIRE_WHEEL")
    with zipfile.ZipFile(wheel) as opened:
        installed = sum(file.file_size for file in opened.infolist())
    assert (wheel.stat().st_size < TWO_MB, installed < THREE_MB) == (True, True)


def test_a_wheel_works_in_an_empty_environment_without_a_network(empty, tmp_path):
    install(empty, built("FUSEWIRE_WHEEL"), "--no-index")
    assert_it_works(empty, tmp_path)


# ---- from source ----


def test_a_source_distribution_holds_the_core_and_both_licences():
    with tarfile.open(built("FUSEWIRE_SDIST")) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    for needed in ("core/src/lib.rs", "bindings-python/src/lib.rs", "python/fusewire/__init__.py", "Cargo.lock"):
        assert needed in names
    assert {"LICENSE-APACHE", "LICENSE-MIT"} <= {name.rsplit("/", 1)[-1] for name in names}
    assert [name for name in names if name.endswith((".so", ".pyc"))] == []


def test_a_source_distribution_builds_and_works_elsewhere(empty, tmp_path):
    # Its files all have one old date: beside another version's they would be taken for built.
    install(empty, built("FUSEWIRE_SDIST"), cwd=tmp_path, CARGO_TARGET_DIR=str(tmp_path / "target"))
    assert_it_works(empty, tmp_path)


def test_the_checkout_installs_by_pip(empty, tmp_path):
    built("FUSEWIRE_SDIST")
    install(empty, "./bindings-python", cwd=ROOT)
    assert_it_works(empty, tmp_path)
