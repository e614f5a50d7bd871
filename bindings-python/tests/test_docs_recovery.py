"""The examples of ``docs/python-recovery.md`` run as they are written, one after the other."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "python-recovery.md"


def test_the_examples_run():
    names = {"__name__": "example"}
    for example in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(example, str(PAGE), "exec"), names)


def test_the_page_names_every_policy_around_the_call():
    from fusewire._policy import KEYS

    text = PAGE.read_text(encoding="utf-8")
    assert [key for key in KEYS if f"`{key}`" not in text] == []
