"""The targets, each with the figure that was measured."""

from gates import WITHOUT
from memory import BYTES, GROWTH
from recovering import CASE as RECOVERING
from threads import CASE as THREADS


class Found:
    """The figures, by medians and by minima, which a busy machine disturbs less."""

    def __init__(self, rows):
        self.rows = {(row.line, row.column): row for row in rows}

    def _of(self, line, peer, figure):
        row = self.rows.get((line, peer))
        return None if row is None else getattr(row, figure)

    def ratio(self, line, peer):
        """fusewire's cost over that of another."""
        return [_divided(self._of(line, "fusewire", f), self._of(line, peer, f)) for f in ("ns", "ns_min")]

    def ratio_of_more(self, line, column, peer):
        """What fusewire costs over a column of its own, over the cost of another."""
        answers = []
        for figure in ("ns", "ns_min"):
            ours, own = self._of(line, "fusewire", figure), self._of(line, column, figure)
            more = None if ours is None or own is None else ours - own
            answers.append(_divided(more, self._of(line, peer, figure)))
        return answers

    def ratio_to_fastest(self, line):
        """fusewire's cost over that of the fastest peer."""
        answers = []
        for figure in ("ns", "ns_min"):
            costs = [self._of(at, peer, figure) for at, peer in self.rows if at == line and peer not in OURS]
            answers.append(_divided(self._of(line, "fusewire", figure), min(costs, default=None)))
        return answers

    def bytes(self, line):
        return [self._of(line, "fusewire", "bytes")]

    def seconds(self, line):
        ns = self._of(line, "fusewire", "ns")
        return [None if ns is None else ns / 1e9]


OURS = ("fusewire", WITHOUT, "bare", "noop")


def _divided(a, b):
    return None if a is None or not b else a / b


def show(rows):
    found = Found(rows)
    targets = []
    for prefix, kind in (("", "sync"), ("async_", "async")):
        for case in ("closed_default", "closed_consecutive"):
            line = prefix + case
            targets.append((f"{kind}, {case}, of an empty decorator's", 1, found.ratio(line, "noop")))
            targets.append((f"{kind}, {case}, of the fastest peer's", 1 / 8, found.ratio_to_fastest(line)))
        line = f"{prefix}open_rejected"
        targets.append((f"{kind} rejection, of a bare raise and catch", 1.5, found.ratio(line, "bare")))
        targets.append((f"{kind} rejection, of an exception out of a call", 1.5, found.ratio(line, "noop")))
        targets.append((f"{kind} rejection, of the fastest peer's", 0.5, found.ratio_to_fastest(line)))
        line = prefix + RECOVERING
        more = found.ratio_of_more(line, WITHOUT, "noop")
        targets.append((f"{kind}, timeout, retry and fallback, of an empty decorator's", 1, more))
        targets.append((f"{kind}, the same, of the fastest peer's", 1, found.ratio_to_fastest(line)))
    targets += [
        ("bytes of each of 100,000 breakers, called once", 1024, found.bytes(BYTES)),
        ("bytes that a rejection leaves", 0.5, found.bytes(GROWTH)),
        ("bytes that an async rejection leaves", 0.5, found.bytes(f"async_{GROWTH}")),
        ("four threads around a sleep of 0.2 s, seconds", 0.3, found.seconds(THREADS)),
    ]
    print("\nTargets, by medians (by minima)")
    for what, limit, (figure, *least) in targets:
        verdict = "not measured" if figure is None else "met" if figure <= limit else "missed"
        text = "-" if figure is None else f"{figure:.3f}" + "".join(f" ({f:.3f})" for f in least)
        print(f"  {what.ljust(58)}{f'at most {limit:g}':>14}{text:>18}  {verdict}")
