"""Leads the Python package through the scripts of tests/run-differential, by its stepper and by its loops, and prints what
happened: ``python tests/python/differential SCRIPTS``."""

import json
import logging
import sys
from pathlib import Path

try:
    import loops
    from bench import Bench
    from stepped import stepped
except ImportError as error:
    print(f"differential: {sys.executable}: {error}; type `make build-python`", file=sys.stderr)
    raise SystemExit(2) from None

WAYS = [
    ("stepper", "thread", "steps", stepped),
    ("stepper", "task", "steps", stepped),
    ("call", "thread", "waits", loops.called),
    ("result", "thread", "waits", loops.resulted),
    ("call_async, asyncio", "task", "times", loops.awaited_in_asyncio),
    ("result_async, asyncio", "task", "times", loops.resulted_in_asyncio),
]


def run(number, script):
    for way, host, sees, lead in WAYS:
        bench = Bench(script["document"], host)
        for call in script["calls"]:
            bench.begin(call)
            lead(bench)
            bench.end()
            for step in call["then"]:
                bench.take(step)
        print(json.dumps({"script": number, "way": way, "host": host, "sees": sees, "steps": bench.steps}))


def main():
    if len(sys.argv) != 2:
        print("usage: python tests/python/differential SCRIPTS", file=sys.stderr)
        return 2
    # Thousands of transitions, each of which would be a line.
    logging.getLogger("fusewire").setLevel(logging.CRITICAL + 1)
    for number, line in enumerate(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()):
        run(number, json.loads(line))
    return 0


if __name__ == "__main__":
    sys.exit(main())
