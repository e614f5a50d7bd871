"""The pages do what they show."""

from __future__ import annotations

import re
import subprocess
import sys

from services import ROOT

PAGE = ROOT / "docs" / "python-adapters.md"


def test_what_the_page_of_the_adapters_shows_runs(bodies):
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    assert len(blocks) == 4
    for block in blocks:
        program = block.replace("https://api.example.com", bodies.origin)
        run = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
        assert (run.returncode, run.stdout, run.stderr) == (0, "", ""), block
