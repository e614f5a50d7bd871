"""Resident bytes: of one breaker, and of one rejection that should leave nothing. Each in a fresh process."""

import asyncio
import gc
import json
import subprocess
import sys

from peers import PEERS

BYTES = "bytes_per_breaker"
GROWTH = "growth_per_rejection"
BREAKERS = 100_000


def resident():
    gc.collect()
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * 4096


def weights(peers):
    """Bytes of a breaker as the package's defaults make it, by package: (built, called once)."""
    return {peer: _in_child("weigh", peer, BREAKERS) for peer in peers}


def growth(peers, rejections):
    """Bytes that stay of a rejection, by package: (rejections, bytes of functions, bytes of coroutine functions)."""
    # Peers that leak a kilobyte each would need gigabytes.
    return {p: _in_child("grow", p, rejections if p == "fusewire" else min(rejections, 100_000)) for p in peers}


def _in_child(what, peer, count):
    """Of three runs the one in the middle, figure by figure."""
    print(f"measuring {what} of {peer}", file=sys.stderr)
    command = [sys.executable, __file__, what, peer, str(count)]
    runs = [json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout) for _ in range(3)]
    return [None if None in figures else sorted(figures)[1] for figures in zip(*runs)]


def weigh(peer, count):
    """What many breakers add, built, and after each was called once: by a function they guard, which is let go."""
    is_async = PEERS[peer]("default", False) is None
    call = (lambda guard: asyncio.run(guard(1))) if is_async else (lambda guard: guard(1))
    from work import work_async, work_sync

    work = work_async if is_async else work_sync
    build = BUILDERS.get(peer, lambda i: PEERS[peer]("default", is_async, f"service-{i}").decorate)
    warm = build(-1)
    for _ in range(100):
        call(warm(work))
    kept = [None] * count
    before = resident()
    for i in range(count):
        kept[i] = build(i)
    built = resident()
    if is_async:
        asyncio.run(_call_each(kept, work))
    else:
        for decorate in kept:
            decorate(work)(1)
    used = resident()
    return [round((bytes - before) / count) for bytes in (built, used)]


async def _call_each(kept, work):
    for decorate in kept:
        await decorate(work)(1)


def _fusewire(i):
    from fusewire import CircuitBreaker

    return Called(CircuitBreaker(f"service-{i}"))


class Called:
    """A breaker that makes its one call by itself, as ``decorate(work)(1)`` would."""

    __slots__ = ("breaker",)

    def __init__(self, breaker):
        self.breaker = breaker

    def __call__(self, work):
        return lambda request: self.breaker.call(work, request)


#: Packages of which the decorator is not the breaker.
BUILDERS = {"fusewire": _fusewire}


def grow(peer, count):
    return [count, _grow(peer, count, False), _grow(peer, count, True)]


def _grow(peer, count, is_async):
    from cases import open_it
    from work import loop, work_async, work_sync

    offer = PEERS[peer]("consecutive", is_async)
    if offer is None:
        return None
    guard = offer.decorate(work_async if is_async else work_sync)
    open_it(guard, offer.rejection, is_async)
    run = loop("rejected", is_async, guard, offer.rejection)
    go = (lambda n: asyncio.run(run(n))) if is_async else run
    # What the first ones leave is no growth: caches, and the allocator's own.
    go(5000)
    before = resident()
    go(count)
    return round((resident() - before) / count, 3)


if __name__ == "__main__":
    print(json.dumps({"weigh": weigh, "grow": grow}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))))
