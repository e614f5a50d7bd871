"""Calls that wait for a slot: in threads, with signals and forks."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest
from queues import IN_ORDER, LEVELS, in_flight, in_thread, made, queued, until

from fusewire import (
    BulkheadFullError,
    circuit_breaker,
)
from fusewire.testing import ManualClock


def test_threads_wait_in_the_queue_in_the_order_of_their_levels():
    breaker, order = made(), []
    holder, threads = breaker.acquire(), []

    def call(number, level):
        with breaker.acquire(priority=level):
            order.append(number)

    for at, level in enumerate(LEVELS):
        threads.append(in_thread(call, at, level))
        until(lambda n=at: queued(breaker) == n + 1)
    holder.success()
    for thread in threads:
        thread.join()
    assert order == IN_ORDER


@pytest.mark.parametrize("way", ["decorated", "call", "at", "with", "generator"])
def test_every_way_to_call_from_a_thread_waits(way):
    breaker, done = made(), []
    guard = circuit_breaker(breaker, priority="high")

    @guard
    def generator():
        yield done.append(way)

    def block():
        with breaker:
            done.append(way)

    ways = {
        "decorated": guard(lambda: done.append(way)),
        "call": lambda: breaker.call(done.append, way),
        "at": lambda: breaker.at("high").call(done.append, way),
        "with": block,
        "generator": lambda: list(generator()),
    }
    holder = breaker.acquire()
    thread = in_thread(ways[way])
    until(lambda: queued(breaker) == 1)
    assert done == []
    holder.success()
    thread.join()
    assert (done, in_flight(breaker)) == ([way], 0)


def test_a_thread_whose_time_is_over_is_turned_away_and_its_fallback_answers():
    clock = ManualClock()
    breaker = made(clock=clock)
    guarded = circuit_breaker(breaker, fallback=lambda: "fallback")(lambda: "called")
    holder, answers = breaker.acquire(), []
    thread = in_thread(lambda: answers.append(guarded()))
    until(lambda: queued(breaker) == 1)
    clock.advance(3_600)
    breaker.poll()
    thread.join()
    assert answers == ["fallback"]
    holder.success()


def test_a_thread_that_runs_a_loop_does_not_wait_by_a_form_that_blocks():
    breaker = made()
    guarded = circuit_breaker(breaker)(lambda: "called")

    async def main():
        async with breaker.acquire():
            with pytest.raises(BulkheadFullError):
                guarded()
            with pytest.raises(BulkheadFullError), breaker:
                pass
            with pytest.raises(BulkheadFullError), breaker.acquire(priority="critical"):
                pass
        assert guarded() == "called"

    asyncio.run(main())


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupt_ends_the_wait_of_the_main_thread():
    # A shell's background job has it ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    breaker = made()
    holder = breaker.acquire()

    def interrupt():
        until(lambda: queued(breaker) == 1)
        os.kill(os.getpid(), signal.SIGINT)

    thread = in_thread(interrupt)
    with pytest.raises(KeyboardInterrupt):
        breaker.acquire()
    thread.join()
    signal.signal(signal.SIGINT, before)
    assert queued(breaker) == 0
    holder.success()
    assert in_flight(breaker) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_of_a_fork_has_the_slots_and_not_the_waiters():
    breaker = made()
    holder = breaker.acquire()
    thread = in_thread(lambda: breaker.acquire().success())
    until(lambda: queued(breaker) == 1)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            assert queued(breaker) == 0
            holder.success()
            with breaker.acquire(priority="high"):
                code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    holder.success()
    thread.join()
    assert in_flight(breaker) == 0
