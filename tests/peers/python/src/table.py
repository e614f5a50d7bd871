"""The tables: a line for each case, a column for each peer."""

import platform

import gates
import recovering
from peers import PEERS, installed, version_of


def show(rows):
    columns = dict.fromkeys([*gates.COLUMNS, *recovering.COLUMNS])
    others = [column for column in columns if column not in PEERS and any(row.peer == column for row in rows)]
    named = [*installed(), *(column for column in others if column not in ("semaphore", "noop", "bare"))]
    print(f"Python {platform.python_version()}, " + ", ".join(f"{peer} {version_of(peer)}" for peer in named))
    left_out = [peer for peer in PEERS if peer not in installed()]
    if left_out:
        print(f"Not for this Python: {', '.join(left_out)}")
    print("Nanoseconds of a call over the bare call, median (minimum); bare calls and rejections whole")
    _grid(
        [row for row in rows if not (gates.has(row.case) or recovering.has(row.case))], [*installed(), "noop", "bare"]
    )
    of_gates = [row for row in rows if gates.has(row.case)]
    if of_gates:
        print("\nGates. without: the call through a breaker without the gate; peers: their gate around the bare call")
    _grid(of_gates, gates.COLUMNS)
    recovered = [row for row in rows if recovering.has(row.case)]
    if recovered:
        print(
            "\nTimeout, retry and fallback, of a call that succeeds. without: through a breaker without these policies"
        )
    _grid(recovered, recovering.COLUMNS)
    _notes(rows)


def _grid(rows, columns):
    if not rows:
        return
    lines = list(dict.fromkeys(row.line for row in rows))
    head = max(map(len, lines))
    cells = [[column, *(_cell(rows, line, column) for line in lines)] for column in columns]
    widths = [max(map(len, column)) + 2 for column in cells]
    print()
    for i, line in enumerate(["", *lines]):
        print(line.ljust(head) + "".join(column[i].rjust(width) for column, width in zip(cells, widths)))


def _cell(rows, line, column):
    row = next((row for row in rows if row.line == line and row.column == column), None)
    if row is None:
        return "-"
    if row.bytes is not None:
        return f"{row.bytes:g} B"
    if row.ns >= 1e6:
        return f"{row.ns / 1e6:.1f} ms"
    return f"{row.ns:.0f} ({row.ns_min:.0f})" if row.ns >= 1000 else f"{row.ns:.1f} ({row.ns_min:.1f})"


def _notes(rows):
    """What stands beside the figures, each remark once."""
    print("\nNotes")
    for peer, note in dict.fromkeys((row.peer, row.note) for row in rows if row.note):
        line = next(row.line for row in rows if row.peer == peer and row.note == note)
        print(f"  {peer}, {line}: {note}")
