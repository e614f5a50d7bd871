"""``with breaker:`` finds its own permit again, whoever resumes the block, and in whatever order blocks end."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading

import pytest

from fusewire import CircuitBreaker, CircuitOpenError
from fusewire._entered import _inside, _running


@pytest.fixture
def timed(clock):
    """A breaker that counts calls of a second and longer as slow."""
    return CircuitBreaker("timed", slow_call_duration=1, failure_threshold=1_000, clock=clock)


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    assert not _running
    assert not _inside.get()


def stream(breaker):
    with breaker:
        yield 1


def finish(generator):
    assert next(generator, None) is None


def test_a_generator_may_end_in_another_context(timed, totals):
    running = stream(timed)
    contextvars.copy_context().run(next, running)
    contextvars.copy_context().run(finish, running)
    assert totals(timed) == {"success": 1}


def test_a_generator_may_end_in_another_thread(timed, totals):
    running = stream(timed)
    for step in (next, finish):
        thread = threading.Thread(target=step, args=(running,))
        thread.start()
        thread.join()
    assert totals(timed) == {"success": 1}


def test_an_async_generator_may_end_in_another_task(timed, totals):
    async def chunks():
        async with timed:
            yield 1
            raise OSError

    async def main():
        running = chunks()
        assert await asyncio.create_task(running.__anext__()) == 1
        with pytest.raises(OSError):
            await asyncio.create_task(running.__anext__())

    asyncio.run(main())
    assert totals(timed) == {"failure": 1}


def test_the_loop_may_end_an_abandoned_async_generator(timed, totals):
    async def chunks():
        async with timed:
            yield 1

    async def main():
        async for _ in chunks():
            break

    asyncio.run(main())
    assert totals(timed) == {"ignored": 1}


def test_generators_that_interleave_settle_their_own(timed, clock):
    slow = stream(timed)
    next(slow)
    clock.advance(5)
    quick = stream(timed)
    next(quick)
    # The older one ends first.
    finish(slow)
    assert timed.snapshot().totals.slow == 1
    finish(quick)
    assert timed.snapshot().totals.slow == 1


def test_nested_blocks_end_from_the_inside(timed, clock):
    with timed:
        clock.advance(5)
        with timed, pytest.raises(OSError), timed:
            raise OSError
        assert vars(timed.snapshot().totals)["slow"] == 0
    assert (timed.snapshot().totals.slow, timed.snapshot().totals.failure) == (1, 1)


def test_an_exit_stack_enters_and_leaves(timed, totals):
    with contextlib.ExitStack() as stack:
        stack.enter_context(timed)
        with timed:
            stack.enter_context(timed)
    assert totals(timed) == {"success": 3}


def test_exit_stacks_of_threads_settle_their_own(timed):
    barrier = threading.Barrier(4)

    def work(n):
        for _ in range(50):
            barrier.wait()
            with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
                stack.enter_context(timed)
                if n % 2:
                    raise OSError

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (timed.snapshot().totals.success, timed.snapshot().totals.failure) == (100, 100)


def test_an_async_exit_stack_enters_and_leaves(timed, totals):
    async def main():
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(timed)
            await asyncio.sleep(0)

    asyncio.run(main())
    assert totals(timed) == {"success": 1}


def test_an_exit_stack_may_be_closed_by_another_function(timed, totals):
    def begin():
        stack = contextlib.ExitStack()
        stack.enter_context(timed)
        return stack

    begin().close()
    assert totals(timed) == {"success": 1}


def test_an_async_block_is_of_the_frame_that_wrote_it(timed, totals):
    async def main():
        # Entered and left by tasks of their own, with contexts of their own.
        await asyncio.create_task(timed.__aenter__())
        await asyncio.create_task(timed.__aexit__(None, None, None))

    asyncio.run(main())
    assert totals(timed) == {"success": 1}


def test_a_block_that_is_turned_away_leaves_nothing(timed):
    timed.trip()
    with pytest.raises(CircuitOpenError), timed:
        raise AssertionError("it ran")


def test_a_block_that_was_settled_inside_ends_quietly(timed, totals):
    with timed as permit:
        permit.failure("by hand")
    with contextlib.ExitStack() as stack:
        stack.enter_context(timed).success()
    assert totals(timed) == {"failure": 1, "success": 1}


def test_leaving_what_was_not_entered_is_told(timed):
    with pytest.raises(RuntimeError, match="with breaker"):
        timed.__exit__(None, None, None)
