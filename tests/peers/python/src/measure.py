"""Interleaved timing: every subject of a group takes its turn in every round."""

import asyncio
import gc
import statistics
import sys
from dataclasses import replace
from time import perf_counter_ns

#: Long enough for the interpreter to specialize what it runs.
WARM_NS = 50_000_000


def timed(groups, effort):
    """Each group's samples, pooled over the passes: a machine's moods last seconds."""
    pools = [[[] for _ in group.subjects] for group in groups]
    for turn in range(1, effort.passes + 1):
        for group, pool in zip(groups, pools):
            print(f"measuring {group.name} ({turn} of {effort.passes})", file=sys.stderr)
            loops = [subject.make() for subject in group.subjects]
            measure = _measure_async if group.is_async else _measure_sync
            turn_ms = min(effort.turn_ms, group.longest_turn_ms)
            for figures, more in zip(pool, measure(loops, replace(effort, turn_ms=turn_ms))):
                figures += more
            del loops
            gc.collect()
    return [[_sample(figures) for figures in pool] for pool in pools]


def _sample(figures):
    return statistics.median(figures), min(figures)


def _warm(effort):
    """Takes turns for as long as it warms, told what each cost; answers how many calls a turn shall have."""
    best, calls, start = float("inf"), 100, perf_counter_ns()
    while perf_counter_ns() - start < WARM_NS:
        best = min(best, (yield calls) / calls)
        calls = min(calls * 2, 10_000)
    return max(1, round(effort.turn_ms * 1e6 / best))


def _measure_sync(loops, effort):
    calls = []
    for run in loops:
        warming = _warm(effort)
        wanted = next(warming)
        try:
            while True:
                wanted = warming.send(run(wanted))
        except StopIteration as done:
            calls.append(done.value)
    figures = [[] for _ in loops]
    for _ in range(effort.rounds):
        for run, n, own in zip(loops, calls, figures):
            own.append(run(n) / n)
    return figures


def _measure_async(loops, effort):
    return asyncio.run(_measure_in_loop(loops, effort))


async def _measure_in_loop(loops, effort):
    calls = []
    for run in loops:
        warming = _warm(effort)
        wanted = next(warming)
        try:
            while True:
                wanted = warming.send(await run(wanted))
        except StopIteration as done:
            calls.append(done.value)
    figures = [[] for _ in loops]
    for _ in range(effort.rounds):
        for run, n, own in zip(loops, calls, figures):
            own.append(await run(n) / n)
            # What a peer left for the event loop is done outside.
            await asyncio.sleep(0)
    return figures
