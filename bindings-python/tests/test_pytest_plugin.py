"""The fixtures, as pytest gives them to a suite of a user's."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution

pytest_plugins = ["pytester"]

try:
    IS_INSTALLED = any(e.group == "pytest11" for e in distribution("fusewire").entry_points)
except PackageNotFoundError:
    IS_INSTALLED = False
#: An installed package is found by its entry point, as users have it; one that is only on the path is named.
PLUGIN = () if IS_INSTALLED else ("-p", "fusewire.pytest_plugin")

SERVICE = """
from fusewire import circuit_breaker

@circuit_breaker("payments", failure_threshold=2)
def pay(fails):
    if fails:
        raise OSError("down")
    return "paid"

@circuit_breaker("tried", mode="shadow")
def tried():
    pass
"""


def passed(pytester, suite, expected):
    """Runs a suite in a pytest of its own."""
    pytester.makepyfile(suite)
    pytester.runpytest_subprocess(*PLUGIN).assert_outcomes(passed=expected)


def test_circuit_breakers_is_a_registry_of_each_tests_own_on_the_manual_clock(pytester):
    passed(
        pytester,
        """
        import fusewire

        def test_first(circuit_breakers, manual_clock):
            breaker = circuit_breakers.get_or_create("payments", recovery_timeout=30)
            breaker.trip()
            manual_clock.advance(30)
            assert breaker.state == "half_open"
            assert circuit_breakers is not fusewire.registry

        def test_second(circuit_breakers):
            assert len(circuit_breakers) == 0

        def test_with_the_decorator(circuit_breakers, manual_clock):
            @fusewire.circuit_breaker("payments", registry=circuit_breakers, failure_threshold=1)
            def pay():
                raise OSError

            for kind in (OSError, fusewire.CircuitOpenError):
                try:
                    pay()
                except kind:
                    pass
            manual_clock.advance(60)
            assert pay.breaker.state == "half_open"
        """,
        3,
    )


def test_reset_circuit_breakers_keeps_tests_of_module_level_breakers_apart(pytester):
    pytester.makepyfile(service=SERVICE)
    passed(
        pytester,
        """
        import pytest
        from fusewire import CircuitOpenError, registry
        from service import pay, tried

        pytestmark = pytest.mark.usefixtures("reset_circuit_breakers")

        def fail_once():
            with pytest.raises(OSError):
                pay(True)

        def test_one_failure_does_not_open():
            fail_once()
            assert pay(False) == "paid"
            fail_once()

        def test_nor_does_one_of_another_test():
            fail_once()
            assert pay.breaker.state == "closed"

        def test_an_outage(reset_circuit_breakers):
            assert reset_circuit_breakers is registry
            fail_once()
            fail_once()
            with pytest.raises(CircuitOpenError):
                pay(False)
            tried.breaker.set_mode("forced_open")

        def test_is_over():
            assert pay(False) == "paid"
            assert tried.breaker.mode == "shadow"
        """,
        4,
    )


def test_the_fixtures_are_listed_with_what_they_do(pytester):
    result = pytester.runpytest_subprocess(*PLUGIN, "--fixtures")
    lines = result.stdout.str()
    for name in ("manual_clock", "circuit_breakers", "reset_circuit_breakers"):
        assert f"\n{name} -- " in lines
    assert "no docstring available" not in lines[lines.index("\nmanual_clock -- ") :]


def test_a_suite_that_uses_none_of_them_gets_nothing_but_the_package():
    program = (
        "import pytest, sys; before = set(sys.modules); import fusewire.pytest_plugin; "
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert [name for name in done.stdout.split() if not name.startswith("_")] == ["fusewire"]


def test_pytest_finds_it_by_itself_where_the_package_is_installed(pytester, tmp_path, monkeypatch):
    # The entry that a wheel has, beside a package that may be run from its sources.
    project = (pathlib.Path(__file__).parent.parent / "pyproject.toml").read_text()
    entry = re.search(r"^\[project\.entry-points\.pytest11\]\n(.+)\n", project, re.MULTILINE)[1].replace('"', "")
    info = tmp_path / "entry-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: entry\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[pytest11]\n{entry}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pytester.makepyfile("def test(circuit_breakers): assert len(circuit_breakers) == 0")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
