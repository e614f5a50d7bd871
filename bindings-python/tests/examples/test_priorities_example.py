"""The example of priorities ends by itself, and who matters most is served."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[3] / "examples" / "python" / "priorities.py"


def test_who_matters_most_is_served_and_who_matters_least_is_not():
    done = subprocess.run([sys.executable, str(PROGRAM)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = {row.split()[0]: row.split()[1:] for row in done.stdout.splitlines()[1:]}
    assert set(rows) == {"critical", "high", "normal", "low", "bulk"}
    assert int(rows["critical"][0]) > 0 and int(rows["critical"][1]) == 0
    assert int(rows["bulk"][1]) > 0
