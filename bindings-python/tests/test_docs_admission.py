"""The examples of ``docs/python-admission.md`` run as they are written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "python-admission.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(example):
    exec(compile(example, str(PAGE), "exec"), {"__name__": "example"})


def test_the_page_names_each_error_with_its_reason():
    from fusewire import CircuitOpenError

    text = PAGE.read_text(encoding="utf-8")
    for error in CircuitOpenError.__subclasses__():
        if error.__module__ == "fusewire._errors":
            reason = re.search(r'"(\w+)"', error.__doc__).group(1)
            assert f"| `{error.__name__}` | `{reason}` |" in text
