"""What the tests of calls that wait for a slot begin with."""

from __future__ import annotations

import os
import threading

from fusewire import CircuitBreaker, Priority
from fusewire.testing import ManualClock

#: Levels of calls as they come, and the order in which they are given a slot.
LEVELS = ["bulk", Priority.CRITICAL, "normal", 75, "low"]
IN_ORDER = [1, 3, 2, 4, 0]


def made(slots=1, room=10_000, **more):
    more.setdefault("clock", ManualClock())
    return CircuitBreaker("queue", bulkhead={"max_concurrent": slots, "max_queue": room, "queue_timeout": "1h"}, **more)


def queued(breaker):
    return breaker.snapshot().bulkhead.queued


def in_flight(breaker):
    return breaker.snapshot().bulkhead.in_flight


def until(is_so):
    """Lets other threads run until something is so."""
    while not is_so():
        os.sched_yield()


def in_thread(act, *args):
    thread = threading.Thread(target=act, args=args)
    thread.start()
    return thread
