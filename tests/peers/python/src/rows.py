"""One row for each figure, and the file they are written to."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Optional

from peers import version_of

PATH = Path(__file__).parents[4] / "build/bench/python.jsonl"


@dataclass
class Row:
    peer: str
    case: str
    ns: Optional[float] = None
    ns_min: Optional[float] = None
    ns_total: Optional[float] = None
    bytes: Optional[float] = None
    threads: int = 1
    note: str = ""
    #: Its line in the table, where that is not its case; not written.
    line: str = ""
    #: Its column, where that is not its peer; not written.
    column: str = ""

    def __post_init__(self):
        self.line = self.line or self.case
        self.column = self.column or self.peer

    def written(self):
        row = {"lang": "python", "peer": self.peer, "version": version_of(self.peer), **asdict(self)}
        del row["line"], row["column"]
        row["note"] = self.note or None
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}


def compared(group, samples):
    """A rejection never makes the bare call, so it is not compared with one."""
    bare = samples[0]
    is_whole = group.name.endswith("_rejected")
    for subject, (median, least) in zip(group.subjects, samples):
        whole = is_whole or subject.peer == "bare"
        case = (subject.case or group.name).replace(" (again)", "")
        yield Row(
            subject.peer,
            case,
            ns=median - (0 if whole else bare[0]),
            ns_min=least - (0 if whole else bare[1]),
            ns_total=median,
            note=subject.note,
            line=subject.case or group.name,
            column=subject.column,
        )


def write(rows):
    path = Path(os.environ.get("FUSEWIRE_BENCH_OUT") or PATH)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row.written()) + "\n" for row in rows))
