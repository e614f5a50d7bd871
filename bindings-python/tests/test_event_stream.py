"""``breaker.events()``: transitions for a reader who comes when it likes."""

from __future__ import annotations

import asyncio
import os
import queue
import threading

import pytest
import trio
import uvloop

from fusewire import CircuitBreaker
from fusewire._event_stream import CAPACITY


def made(name="streamed"):
    return CircuitBreaker(name)


def flip(breaker, times):
    for at in range(times):
        breaker.reset() if at % 2 else breaker.trip()


def in_thread(act, *args):
    thread = threading.Thread(target=act, args=args)
    thread.start()
    return thread


def until(is_so):
    """Lets other threads run until something is so."""
    while not is_so():
        os.sched_yield()


def in_asyncio(main):
    asyncio.run(main())


def in_uvloop(main):
    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()


def in_trio(main):
    trio.run(main)


loops = pytest.mark.parametrize("run", [in_asyncio, in_uvloop, in_trio])


def test_it_begins_where_it_is_asked_for_and_keeps_order():
    breaker = made()
    flip(breaker, 2)
    events = breaker.events()
    flip(breaker, 3)
    assert [(event.generation, event.to_state, event.missed) for event in events.drain()] == [
        (3, "open", 0),
        (4, "closed", 0),
        (5, "open", 0),
    ]
    assert events.drain() == []


@loops
def test_a_loop_reads_what_it_makes_itself(run):
    breaker, read = made(), []

    async def main():
        events = breaker.events()
        flip(breaker, 3)
        async for event in events:
            read.append(event.generation)
            if event.generation == 3:
                break

    run(main)
    assert read == [1, 2, 3]


@loops
def test_a_loop_is_woken_by_other_threads(run):
    breaker, read = made(), []

    async def main():
        events = breaker.events()
        # A thread that goes on only when the reader has read what came before: the reader waits each time.
        turn = queue.Queue()

        def act():
            for _ in range(50):
                until(lambda: events._feed.wakers)
                flip(breaker, 1)
                breaker.reset()
                turn.get()

        thread = in_thread(act)
        async for event in events:
            read.append(event.generation)
            if len(read) % 2 == 0:
                turn.put(None)
            if len(read) == 100:
                break
        thread.join()

    run(main)
    assert read == list(range(1, 101))


@loops
def test_of_four_threads_nothing_is_lost_untold(run):
    breaker, read = made(), []

    def act():
        threads = [in_thread(flip, breaker, 200) for _ in range(4)]
        for thread in threads:
            thread.join()
        breaker.reset(reason="the last")

    async def main():
        with breaker.events() as events:
            thread = in_thread(act)
            async for event in events:
                read.append(event)
                if event.reason == "the last":
                    break
            thread.join()

    run(main)
    # The core keeps 32 transitions for a deliverer whom the interpreter has put aside, and counts the rest.
    generations = [event.generation for event in read]
    assert generations == sorted(set(generations))
    assert generations[-1] == 801
    assert len(read) + sum(event.missed for event in read) == 801


@loops
def test_closing_ends_the_waiting(run):
    breaker, ended = made(), []

    async def main():
        events = breaker.events()

        def close():
            until(lambda: events._feed.wakers)
            events.close()

        thread = in_thread(close)
        ended.append([event async for event in events])
        thread.join()

    run(main)
    assert ended == [[]]


def test_a_wait_that_is_cancelled_leaves_nothing_and_loses_nothing():
    breaker = made()

    async def main():
        events = breaker.events()
        for _ in range(3):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(events.__anext__(), 0.001)
        assert events._feed.wakers == []
        reader = asyncio.ensure_future(events.__anext__())
        await asyncio.sleep(0)
        breaker.trip()
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        assert (await events.__anext__()).generation == 1

    asyncio.run(main())


def test_a_wait_that_trio_cancels_leaves_nothing_and_loses_nothing():
    breaker = made()

    async def main():
        events = breaker.events()
        with trio.move_on_after(0) as scope:
            await events.__anext__()
        assert scope.cancelled_caught
        assert events._feed.wakers == []
        breaker.trip()
        assert (await events.__anext__()).generation == 1

    trio.run(main)


def test_readers_that_share_a_stream_share_its_transitions():
    breaker, read = made(), []

    async def main():
        events = breaker.events()

        async def reader():
            async for event in events:
                read.append(event.generation)
                if len(read) == 100:
                    events.close()

        readers = [asyncio.ensure_future(reader()) for _ in range(3)]
        for _ in range(100):
            flip(breaker, 1)
            await asyncio.sleep(0)
        await asyncio.gather(*readers)

    asyncio.run(main())
    assert sorted(read) == list(range(1, 101))


@pytest.mark.parametrize("run", [in_asyncio, in_trio])
def test_a_loop_that_went_away_is_no_error(run, caplog):
    breaker = made()
    events = breaker.events()
    wakers = []

    async def main():
        waiting = events.__anext__()
        step = waiting.__await__()
        step.send(None)
        wakers.extend(events._feed.wakers)
        # Kept beyond the loop's end, as a task is that nobody cancelled.
        left.append((waiting, step))

    left = []
    run(main)
    assert len(wakers) == 1
    breaker.trip()
    assert events._feed.wakers == []
    assert [event.generation for event in events.drain()] == [1]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    with pytest.raises(RuntimeError):
        left[0][1].throw(RuntimeError())


def test_a_thread_reads_until_the_stream_is_closed():
    breaker, read = made(), []
    events = breaker.events()
    reader = in_thread(lambda: read.extend(event.generation for event in events))
    for at in range(20):
        flip(breaker, 1)
        until(lambda at=at: len(read) == at + 1 or not events._feed.waiting)
    until(lambda: events._feed.wakers)
    events.close()
    reader.join()
    assert read == list(range(1, 21))


def test_what_a_slow_reader_missed_the_next_transition_tells():
    breaker = made()
    events = breaker.events()
    flip(breaker, CAPACITY + 10)
    assert repr(events) == "<EventStream of 'streamed', 1024 waiting>"
    first = events.drain()
    assert [first[0].generation, first[-1].generation, len(first)] == [1, CAPACITY, CAPACITY]
    assert {event.missed for event in first} == {0}
    other = breaker.events()
    flip(breaker, 2)
    assert [(event.generation, event.missed) for event in events.drain()] == [(CAPACITY + 11, 10), (CAPACITY + 12, 0)]
    assert [event.missed for event in other.drain()] == [0, 0]


def test_without_a_loop_asyncio_says_so():
    step = made().events().__anext__()
    with pytest.raises(RuntimeError, match="no running event loop"):
        step.send(None)
