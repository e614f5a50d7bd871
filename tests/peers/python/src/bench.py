"""Benchmarks of fusewire beside its peers: one process, interleaved, one table. See `--help`."""

import sys
import warnings

from args import parse


def main():
    text, effort = parse()
    # Peers use what later Pythons warn of.
    warnings.simplefilter("ignore")
    import cases
    import gates
    import measure
    import memory
    import recovering
    import rows
    import table
    import targets
    import threads
    from peers import installed

    found = []
    groups = [*cases.groups(), *gates.groups(), *recovering.groups()]
    groups = [group for group in groups if _wants(text, group.name, *(s.case for s in group.subjects))]
    for group, samples in zip(groups, measure.timed(groups, effort)):
        found += rows.compared(group, samples)
    if _wants(text, threads.CASE):
        for peer, ns in threads.elapsed(installed()).items():
            found.append(rows.Row(peer, threads.CASE, ns=ns, ns_min=ns, ns_total=ns, threads=threads.THREADS))
    if _wants(text, memory.GROWTH):
        for peer, (count, sync, in_async) in memory.growth(installed(), effort.rejections).items():
            for case, bytes in ((memory.GROWTH, sync), (f"async_{memory.GROWTH}", in_async)):
                if bytes is not None:
                    found.append(rows.Row(peer, case, bytes=bytes, note=f"RSS, over {count:,} rejections"))
    if _wants(text, memory.BYTES):
        for peer, (built, used) in memory.weights(installed()).items():
            found.append(rows.Row(peer, memory.BYTES, bytes=used, note="RSS, called once"))
            line = f"{memory.BYTES}, built"
            found.append(rows.Row(peer, memory.BYTES, bytes=built, note="RSS, built and never called", line=line))
    if not found:
        sys.exit("bench-python: no case has that text in its name")
    found.sort(key=lambda row: row.line == memory.BYTES)
    table.show(found)
    targets.show(found)
    rows.write(found)


def _wants(text, *names):
    return any(text in name for name in names if name)


if __name__ == "__main__":
    main()
