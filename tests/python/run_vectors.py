"""Runs the conformance vectors against the Python package that is installed."""

import argparse
import json
import logging
import sys
from pathlib import Path

try:
    from case import run
    from ways import WAYS
except ImportError as error:
    print(f"run-vectors: {sys.executable}: {error}; type `make build-python`", file=sys.stderr)
    raise SystemExit(2) from None

OWN = Path(__file__).resolve().parent.parent / "vectors"


def refuse(why):
    """Ends the run: it could not be made."""
    print(f"run-vectors: {why}", file=sys.stderr)
    raise SystemExit(2)


def options():
    parser = argparse.ArgumentParser(
        prog="run_vectors.py",
        description="Runs the conformance vectors against the Python package.",
        epilog="--way both, the default, runs every case twice: its calls by permits, and by what users decorate and "
        "enter. A case is counted once, and passes if it passes in each run.",
    )
    parser.add_argument("--vectors", type=Path, default=OWN, metavar="DIR")
    parser.add_argument("--filter", default="", metavar="TEXT")
    parser.add_argument("--way", choices=[*WAYS, "both"], default="both")
    return parser.parse_args()


def read(file):
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        refuse(f"{file}: {error}")


def files_of(folder):
    """The files of a folder: those of its index, or all `.json` files when it has none."""
    index = folder / "index.json"
    if index.exists():
        listed = read(index)
        return listed["files"] if isinstance(listed, dict) else listed
    return sorted(file.name for file in folder.glob("*.json") if file.name != "schema.json")


def run_case(file, given, ways):
    """`passed`, `failed` or `skipped`."""
    name = given.get("name", "unnamed")
    reason = given.get("skip", {}).get("python")
    if reason is not None:
        print(f"skipped {file}: {name}: {reason}")
        return "skipped"
    for way in ways:
        wrong = run(given, way)
        if wrong is not None:
            print(f"FAILED {file}: {name}: {wrong} (by {way})")
            return "failed"
    return "passed"


def main():
    wanted = options()
    # Thousands of transitions, each of which would be a line.
    logging.getLogger("fusewire").setLevel(logging.CRITICAL + 1)
    ways = list(WAYS) if wanted.way == "both" else [wanted.way]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for file in files_of(wanted.vectors):
        topic = read(wanted.vectors / file)
        if not isinstance(topic, dict) or not isinstance(topic.get("cases"), list):
            refuse(f"{file}: no cases")
        for given in topic["cases"]:
            if any(wanted.filter in text for text in (file, topic.get("topic", ""), given.get("name", "unnamed"))):
                counts[run_case(file, given, ways)] += 1
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    return 1 if counts["failed"] or not counts["passed"] + counts["skipped"] else 0


if __name__ == "__main__":
    sys.exit(main())
