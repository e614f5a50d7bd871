"""How a stream of transitions ends, and what it leaves behind."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import weakref

from fusewire import CircuitBreaker


def made():
    return CircuitBreaker("streamed")


def test_a_closed_stream_is_over_for_everybody():
    breaker = made()
    with breaker.events() as events:
        breaker.trip()
    breaker.reset()
    assert events.drain() == []
    assert list(events) == []
    events.close()
    assert repr(events) == "<EventStream of 'streamed', closed>"

    async def rest():
        return [event async for event in events]

    assert asyncio.run(rest()) == []


def test_a_stream_that_nobody_has_leaves_nothing_behind():
    breaker = made()
    events = breaker.events()
    feed = weakref.ref(events._feed)
    gone = weakref.ref(events)
    del events
    gc.collect()
    assert gone() is None and feed() is None
    assert breaker._listeners.functions == []


def test_a_stream_keeps_its_breaker_and_both_go_together():
    breaker = made()
    gone = weakref.ref(breaker)
    events = breaker.events()
    del breaker
    gc.collect()
    assert gone() is not None
    del events
    gc.collect()
    assert gone() is None


def test_a_stream_made_before_a_fork_works_in_the_child():
    program = """
import os
from fusewire import CircuitBreaker

breaker = CircuitBreaker("forked")
events = breaker.events()
child = os.fork()
if child == 0:
    breaker.trip()
    os._exit(len(events.drain()))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(events.drain()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "1 0\n"
