"""What the tests of first attempts share."""

from __future__ import annotations

import asyncio
import sys

import pytest

from fusewire import CircuitBreaker

RETRY = {"backoff": {"base": "1ms", "jitter": 0, "kind": "fixed"}, "budget": False}

#: Policies with which nobody waits before the first attempt.
POLICIES = {
    "timeout": {"timeout": "10s"},
    "retry": {"retry": RETRY},
    "all": {"timeout": "10s", "retry": RETRY, "fallback": [None]},
    "rate": {"rate_limit": {"rate": 1000, "burst": 1000}},
    "slots": {"bulkhead": {"max_concurrent": 3}},
    "queue": {"bulkhead": {"max_concurrent": 3, "max_queue": 3}, "retry": RETRY, "timeout": "10s"},
}
NATIVE = pytest.mark.skipif(
    sys.version_info < (3, 10), reason="Python 3.9 makes every call of a coroutine function itself"
)


def make(**options):
    return CircuitBreaker("case", **{"failure_threshold": 100, **options})


class Timers(asyncio.SelectorEventLoop):
    """asyncio's own loop, which remembers the timers that it was asked for."""

    def __init__(self):
        super().__init__()
        self.timers = []

    def call_at(self, when, *args, **kwargs):
        timer = super().call_at(when, *args, **kwargs)
        self.timers.append((when - self.time(), timer))
        return timer


class Pause:
    """What a coroutine yields that is run by hand."""

    def __await__(self):
        return (yield "paused")


def in_flight(breaker):
    bulkhead = breaker.snapshot().bulkhead
    return 0 if bulkhead is None else bulkhead.in_flight + bulkhead.queued
