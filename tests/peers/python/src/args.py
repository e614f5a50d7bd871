"""The command line."""

import argparse
from dataclasses import dataclass

DESCRIPTION = "What a call through a circuit breaker costs in Python, fusewire and its peers side by side."

EPILOG = """\
Prints one table of nanoseconds a call over the bare call (median, and minimum in brackets), then the targets. Writes
what it measured to build/bench/python.jsonl, or where FUSEWIRE_BENCH_OUT says. The exit code says that it ran, not
what it found."""


@dataclass(frozen=True)
class Effort:
    """How often the cases are gone through with new breakers, how many turns each subject takes, how many milliseconds
    a turn is (shorter than what a scheduler gives to others meanwhile), and how many rejections must not grow."""

    passes: int
    rounds: int
    turn_ms: float
    rejections: int


QUICK = Effort(passes=1, rounds=41, turn_ms=1, rejections=100_000)
WHOLE = Effort(passes=5, rounds=61, turn_ms=2, rejections=1_000_000)


def parse(words=None):
    parser = argparse.ArgumentParser(prog="bench-python", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: a first look, with more noise")
    parser.add_argument("--case", default="", metavar="TEXT", help="only the cases whose name contains TEXT")
    args = parser.parse_args(words)
    return args.case, QUICK if args.quick else WHOLE
