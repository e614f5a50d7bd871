"""What docs/python-observability.md shows runs: each block is a program of its own, and ends by itself."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import pytest

import fusewire
from fusewire._event_stream import CAPACITY

DOCS = pathlib.Path(__file__).parent.parent.parent / "docs"
PAGE = (DOCS / "python-observability.md").read_text()
BLOCKS = [
    pytest.param(match[1], id=f"line {PAGE[: match.start()].count(chr(10)) + 1}")
    for match in re.finditer(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
]


@pytest.mark.parametrize("program", BLOCKS)
def test_a_block_runs(program, tmp_path):
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr


def test_there_are_blocks():
    assert len(BLOCKS) >= 7


def test_the_table_of_fields_is_that_of_a_transition():
    breaker, told = fusewire.CircuitBreaker("x"), []
    breaker.add_listener(told.append)
    breaker.trip()
    table = PAGE[PAGE.index("## Transitions") : PAGE.index("A **listener**")]
    listed = [name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    assert listed == list(vars(told[0]))


def test_the_capacity_is_the_real_one():
    assert f"keeps {CAPACITY:,} transitions" in PAGE


def test_links_lead_somewhere():
    for target, anchor in re.findall(r"\]\(([^)#:]+)(?:#([^)]*))?\)", PAGE):
        page = (DOCS / target).read_text().lower()
        assert not anchor or re.search(rf"^#+ {anchor}$", page, re.MULTILINE), f"{target}#{anchor}"
