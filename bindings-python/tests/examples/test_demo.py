"""The example, shortened: it ends by itself, and what it claims holds. Its upstream is built by cargo, unless
``FUSEWIRE_UPSTREAM`` names a command that serves it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# The example needs them: better missed here than in a process of its own.
import fastapi  # noqa: F401
import httpx  # noqa: F401
import pytest
import uvicorn  # noqa: F401

DEMO = Path(__file__).resolve().parents[3] / "examples" / "python" / "demo.py"


def demo(*args):
    return subprocess.run([sys.executable, str(DEMO), *args], capture_output=True, text=True)


def test_both_runs_end_and_the_breakers_keep_their_promises():
    done = demo("--seconds", "10", "--check")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    for phase in ("healthy", "errors", "slow", "flapping", "recovered", "jobs", "all"):
        for run in ("unprotected", "protected"):
            assert done.stdout.count(f"\n{phase:9}  {run:11}  ") == 1, done.stdout
    for service in ("upstream", "upstream-jobs"):
        assert f" {service}: closed -> open (failure_threshold)" in done.stdout
        assert f" {service}: half_open -> closed (probes_succeeded)" in done.stdout
    assert "# EOF" in done.stdout
    assert done.stdout.count("check: ok: ") == 12, done.stdout


def test_the_check_fails_when_nothing_is_rejected():
    done = demo("--seconds", "9", "--check", "--shadow")
    assert done.returncode == 1, f"{done.stdout}\n{done.stderr}"
    assert "check: BROKEN: upstream: the upstream received no call that was made while open" in done.stdout


@pytest.mark.parametrize(
    ("argument", "words"),
    [("--seconds=1", "--seconds: 1: allowed are 9 to 900"), ("--second-thoughts", "unrecognized arguments")],
)
def test_a_wrong_option_is_named_with_what_is_allowed(argument, words):
    done = demo(argument)
    assert done.returncode == 2
    assert "usage: demo.py" in done.stderr and words in done.stderr
