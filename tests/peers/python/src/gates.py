"""Gates before the machine: rate limits, slots, a limit that finds itself; fusewire beside itself without the gate, and
beside packages that have such a gate.

A gate that turns calls away would be measured at something else, and nothing fills a bucket as fast as a loop empties it:
so turns are short, and guards take over from each other before one is full.
"""

import asyncio
import importlib.metadata
import threading

from cases import Group, Subject
from work import Refused, loop, work_async, work_sync

#: Tokens a second, and tokens that a bucket holds: the most that fusewire allows.
RATE = BURST = 1_000_000
#: Calls in a window of a second.
WINDOW_LIMIT = 65_536
#: Calls that may be made at once.
SLOTS = 100
#: The capacity of a peer's bucket, which may be more.
PLENTY = 1_000_000_000

#: Milliseconds that a turn lasts at most.
TURN_MS = 1.0
#: How many guards take over from each other, and after how many calls.
GUARDS = 32
EACH = WINDOW_LIMIT // 2

WITHOUT = "without"

#: The keys of fusewire's gates, by case.
KEYS = {
    "rate_token": {"rate_limit": {"algorithm": "token_bucket", "rate": RATE, "burst": BURST}},
    "rate_sliding": {"rate_limit": {"algorithm": "sliding_window", "limit": WINDOW_LIMIT, "window": "1s"}},
    "bulkhead": {"bulkhead": {"max_concurrent": SLOTS}},
    "aimd": {"concurrency_limit": {"kind": "aimd"}},
}


def _fusewire(keys, work):
    from fusewire import CircuitBreaker, circuit_breaker

    return circuit_breaker(CircuitBreaker("bench", sample_durations_every=0, **keys))(work)


def _token_bucket(work):
    import token_bucket

    limiter = token_bucket.Limiter(RATE, PLENTY, token_bucket.MemoryStorage())

    def guard(request):
        if not limiter.consume("bench"):
            raise Refused("rate limited")
        return work(request)

    return guard


def _limits(work):
    from limits import RateLimitItemPerSecond
    from limits.storage import MemoryStorage
    from limits.strategies import MovingWindowRateLimiter

    limiter, item = MovingWindowRateLimiter(MemoryStorage()), RateLimitItemPerSecond(WINDOW_LIMIT)

    def guard(request):
        if not limiter.hit(item):
            raise Refused("rate limited")
        return work(request)

    return guard


def _aiolimiter(work):
    from aiolimiter import AsyncLimiter

    limiter = AsyncLimiter(PLENTY, 1)

    async def guard(request):
        async with limiter:
            return await work(request)

    return guard


def _semaphore(work):
    semaphore = threading.Semaphore(SLOTS)

    def guard(request):
        with semaphore:
            return work(request)

    return guard


def _async_semaphore(work):
    semaphore = asyncio.Semaphore(SLOTS)

    async def guard(request):
        async with semaphore:
            return await work(request)

    return guard


def _hyx(work):
    from hyx.bulkhead import bulkhead

    return bulkhead(max_concurrency=SLOTS, max_capacity=SLOTS)(work)


#: By case, for functions and for coroutine functions: package, how it guards a function, and a remark.
PEERS = {
    ("rate_token", False): [("token-bucket", _token_bucket, "")],
    ("rate_token", True): [("aiolimiter", _aiolimiter, "a leaky bucket as a meter")],
    ("rate_sliding", False): [("limits", _limits, "MovingWindowRateLimiter in memory, of the same limit")],
    ("bulkhead", False): [("semaphore", _semaphore, "threading.Semaphore")],
    ("bulkhead", True): [("semaphore", _async_semaphore, "asyncio.Semaphore"), ("hyx", _hyx, "its bulkhead")],
    ("aimd", False): [("semaphore", _semaphore, "a fixed number of slots")],
    ("aimd", True): [("semaphore", _async_semaphore, "a fixed number of slots")],
}

#: Columns of the gates' table.
COLUMNS = ["fusewire", WITHOUT, "token-bucket", "aiolimiter", "limits", "semaphore", "hyx", "bare"]


def groups():
    return [_group(name, is_async) for is_async in (False, True) for name in KEYS]


def has(case):
    """Whether a case is one of these, which have a table of their own."""
    return case.removeprefix("async_") in KEYS


def _group(name, is_async):
    work = work_async if is_async else work_sync

    def subject(peer, guard, note="", column="", guards=GUARDS):
        def make():
            return loop("success", is_async, Turns([guard() for _ in range(guards)]), Refused, takes_turns=True)

        return Subject(peer, make, note, column=column)

    subjects = [
        subject("bare", lambda: work, guards=1),
        subject("fusewire", lambda: _fusewire({}, work), "the same call without the gate", WITHOUT),
        subject("fusewire", lambda: _fusewire(KEYS[name], work)),
    ]
    for peer, guard, note in PEERS.get((name, is_async), []):
        if is_installed(peer):
            subjects.append(subject(peer, lambda guard=guard: guard(work), note))
    return Group(("async_" if is_async else "") + name, is_async, subjects, TURN_MS)


def is_installed(peer):
    if peer == "semaphore":
        return True
    try:
        return bool(importlib.metadata.version(peer))
    except importlib.metadata.PackageNotFoundError:
        return False


class Turns:
    """Says whose turn it is: each guard has so many calls, then the next one."""

    def __init__(self, guards):
        self.guards = guards
        self.made = 0

    def __call__(self, calls):
        guard = self.guards[self.made // EACH % len(self.guards)]
        self.made += calls
        return guard
