"""Calls that wait for a slot: in asyncio, uvloop and trio, and in threads."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest
import trio
import trio.testing
import uvloop
from queues import IN_ORDER, LEVELS, in_flight, in_thread, made, queued, until

from fusewire import (
    BulkheadFullError,
    CircuitBreaker,
    CircuitOpenError,
    Priority,
    QueueTimeoutError,
    circuit_breaker,
)


class Asyncio:
    def __init__(self, new_loop):
        self.new_loop = new_loop

    def run(self, main):
        loop = self.new_loop()
        try:
            return loop.run_until_complete(main(self))
        finally:
            loop.close()

    async def all(self, *calls):
        await asyncio.gather(*(call() for call in calls))

    async def pause(self):
        await asyncio.sleep(0)


class Trio:
    def run(self, main):
        return trio.run(main, self)

    async def all(self, *calls):
        async with trio.open_nursery() as nursery:
            for call in calls:
                nursery.start_soon(call)
                # Trio starts tasks in any order.
                await trio.testing.wait_all_tasks_blocked()

    async def pause(self):
        await trio.lowlevel.checkpoint()


loops = pytest.mark.parametrize(
    "loop", [Asyncio(asyncio.new_event_loop), Asyncio(uvloop.new_event_loop), Trio()], ids=["asyncio", "uvloop", "trio"]
)


@loops
def test_calls_wait_in_the_order_of_their_levels(loop):
    breaker, order = made(), []

    def call(number, level):
        async def run():
            async with breaker.acquire(priority=level) as permit:
                order.append(number)
                assert not permit.waiting

        return run

    async def main(loop):
        holder = await breaker.acquire()

        async def let_go():
            while queued(breaker) < len(LEVELS):
                await loop.pause()
            holder.success()

        await loop.all(*(call(at, level) for at, level in enumerate(LEVELS)), let_go)

    loop.run(main)
    assert order == IN_ORDER
    assert (queued(breaker), in_flight(breaker)) == (0, 0)


@loops
def test_a_decorated_coroutine_function_waits_with_the_priority_of_its_arguments(loop):
    breaker, order = made(), []

    @circuit_breaker(breaker, priority=lambda number, level: level, cost=lambda number, level: 1)
    async def call(number, level):
        order.append(number)
        await loop.pause()
        return number

    async def main(loop):
        holder = await breaker.acquire()

        async def let_go():
            while queued(breaker) < len(LEVELS):
                await loop.pause()
            holder.success()

        await loop.all(*((lambda at=at, level=level: call(at, level)) for at, level in enumerate(LEVELS)), let_go)

    loop.run(main)
    assert order == IN_ORDER
    assert breaker.snapshot().totals.success == len(LEVELS) + 1


@loops
def test_a_thread_wakes_the_loop_that_waits(loop):
    breaker = made()

    async def main(loop):
        holder = breaker.acquire(wait=False)
        threads = []

        def settle():
            until(lambda: queued(breaker) == 1)
            holder.success()

        threads.append(in_thread(settle))
        async with breaker.acquire():
            pass
        threads[0].join()

    loop.run(main)
    assert in_flight(breaker) == 0


@loops
def test_a_call_whose_time_is_over_is_turned_away(loop):
    # The system's clock: what is tested is the loop's own timer.
    breaker = CircuitBreaker("timeout", bulkhead={"max_concurrent": 1, "max_queue": 1, "queue_timeout": "1ms"})

    async def main(loop):
        async with breaker.acquire():
            with pytest.raises(QueueTimeoutError) as turned_away:
                async with breaker.acquire():
                    raise AssertionError("it has no slot")
        assert turned_away.value.reason == "queue_timeout"

    loop.run(main)
    assert breaker.snapshot().totals.rejected.queue_timeout == 1


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_ten_thousand_waiters_cost_no_thread_and_leave_nothing(new_loop):
    breaker, before, served = made(), threading.active_count(), []

    async def call(number):
        async with breaker.acquire():
            served.append(number)

    async def main():
        holder = await breaker.acquire()
        tasks = [asyncio.ensure_future(call(number)) for number in range(10_000)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert queued(breaker) == 10_000
        assert threading.active_count() == before
        holder.success()
        await asyncio.gather(*tasks)

    loop = new_loop()
    loop.run_until_complete(main())
    loop.close()
    assert served == list(range(10_000))
    assert (queued(breaker), in_flight(breaker)) == (0, 0)


def test_a_cancelled_task_leaves_nothing_behind():
    breaker = made()

    async def main():
        holder = await breaker.acquire()
        tasks = [asyncio.ensure_future(breaker.acquire()) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.gather(*tasks[:1], return_exceptions=True)
        assert queued(breaker) == 2
        # One that has its slot already, and does not know it yet.
        holder.success()
        tasks[1].cancel()
        permit = await tasks[2]
        assert tasks[1].cancelled()
        permit.success()

    asyncio.run(main())
    totals = breaker.snapshot().totals
    assert (queued(breaker), in_flight(breaker), sum(vars(totals.rejected).values())) == (0, 0, 0)


def test_a_cancelled_scope_of_trio_leaves_nothing_behind():
    breaker = made()

    async def main():
        holder = await breaker.acquire()
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:

                async def wait():
                    async with breaker.acquire():
                        raise AssertionError("it was cancelled")

                nursery.start_soon(wait)
                while queued(breaker) < 1:
                    await trio.lowlevel.checkpoint()
                scope.cancel()
        assert queued(breaker) == 0
        holder.success()

    trio.run(main)
    assert in_flight(breaker) == 0


def test_a_loop_that_is_gone_loses_no_slot():
    breaker = made()
    holder = breaker.acquire()

    async def wait():
        async with breaker.acquire():
            raise AssertionError("its loop is closed")

    gone = asyncio.new_event_loop()
    tasks = [gone.create_task(wait()) for _ in range(2_000)]
    gone.run_until_complete(asyncio.sleep(0))
    assert queued(breaker) == 2_000
    gone.close()
    # Each is granted the slot in its turn, and passes it on.
    holder.success()
    assert (queued(breaker), in_flight(breaker)) == (0, 0)
    for task in tasks:
        task._log_destroy_pending = False


@pytest.mark.filterwarnings("ignore:unclosed event loop:ResourceWarning")
def test_what_waits_in_a_loop_that_nobody_has_any_more_is_collected():
    breaker = made()
    holder = breaker.acquire()

    def leave_behind():
        loop = asyncio.new_event_loop()
        task = loop.create_task(wait())
        task._log_destroy_pending = False
        loop.run_until_complete(asyncio.sleep(0))
        assert queued(breaker) == 1
        return weakref.ref(loop)

    async def wait():
        async with breaker.acquire():
            raise AssertionError("its loop is gone")

    left = leave_behind()
    gc.collect()
    assert left() is None
    assert queued(breaker) == 0
    holder.success()
    assert in_flight(breaker) == 0


def test_a_permit_that_was_not_awaited_is_no_permit():
    breaker = made()

    async def main():
        permit = breaker.acquire()
        with pytest.raises(RuntimeError, match="await"):
            permit.success()
        del permit

    with pytest.warns(RuntimeWarning, match="never awaited"):
        asyncio.run(main())
    assert in_flight(breaker) == 0


def test_a_permit_is_awaited_once():
    breaker = made()

    async def main():
        permit = breaker.acquire()
        holder = breaker.acquire(wait=False)
        first = asyncio.ensure_future(permit)
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="ask for another"):
            await permit
        holder.success()
        (await first).success()

    asyncio.run(main())


def test_try_acquire_never_waits():
    breaker = made()
    permit = breaker.try_acquire(priority="low")
    assert breaker.try_acquire(priority="critical") is None
    with pytest.raises(BulkheadFullError):
        breaker.acquire(priority="critical", wait=False)
    permit.success()


def test_a_call_that_waits_may_be_raised():
    breaker, order = made(), []

    async def main():
        holder = breaker.acquire(wait=False)
        permits = {level: breaker.acquire(priority=level) for level in ("bulk", "high")}

        async def call(level):
            async with permits[level]:
                order.append(level)

        tasks = [asyncio.ensure_future(call(level)) for level in permits]
        await asyncio.sleep(0)
        permits["bulk"].raise_priority(Priority.CRITICAL)
        holder.success()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert order == ["bulk", "high"]


def test_an_opening_and_a_close_turn_away_who_waits():
    for act, reason in ((CircuitBreaker.trip, "open"), (CircuitBreaker.close, "closed")):
        breaker = made()

        async def main(breaker=breaker, act=act, reason=reason):
            holder = breaker.acquire(wait=False)
            task = asyncio.ensure_future(breaker.acquire())
            await asyncio.sleep(0)
            act(breaker)
            with pytest.raises(CircuitOpenError) as turned_away:
                await task
            assert turned_away.value.reason == reason
            holder.success()

        asyncio.run(main())


def test_waits_leak_nothing():
    breaker = made()

    async def main():
        for _ in range(50):
            holder = breaker.acquire(wait=False)
            task = asyncio.ensure_future(breaker.acquire())
            cancelled = asyncio.ensure_future(breaker.acquire())
            await asyncio.sleep(0)
            cancelled.cancel()
            holder.success()
            (await task).success()

    def objects():
        gc.collect()
        return len(gc.get_objects())

    asyncio.run(main())
    before = objects()
    for _ in range(3):
        asyncio.run(main())
    assert objects() - before < 50
