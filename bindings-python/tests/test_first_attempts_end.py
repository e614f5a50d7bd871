"""First attempts of coroutine functions: how long they may take, and their end wherever they wait."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest
import trio
from first_attempts import NATIVE, POLICIES, RETRY, Pause, Timers, in_flight, make

from fusewire import CallTimeoutError, circuit_breaker


@pytest.fixture
def timers():
    loop = Timers()
    yield loop
    loop.close()


# ---- how long it may take ----


def test_a_call_that_is_suspended_has_one_timer_that_is_cancelled_at_its_end(timers):
    breaker = make(timeout="10s", retry=RETRY)

    @circuit_breaker(breaker)
    async def call(fails=False):
        for _ in range(3):
            await asyncio.sleep(0)
        if fails:
            raise KeyError("told to")

    async def main():
        await call()
        with pytest.raises(KeyError):
            await call(fails=True)

    timers.run_until_complete(main())
    assert len(timers.timers) == 2
    assert all(timer.cancelled() for _, timer in timers.timers)


@NATIVE
def test_what_it_took_before_it_was_suspended_counts(clock, totals):
    breaker = make(timeout="10s", clock=clock)

    @circuit_breaker(breaker)
    async def call():
        clock.advance(10)
        await asyncio.sleep(60)

    with pytest.raises(CallTimeoutError) as raised:
        asyncio.run(call())
    assert raised.value.limit == 10.0
    assert totals(breaker) == {"failure": 1}


@NATIVE
def test_what_is_left_of_the_time_is_what_the_timer_is_set_for(clock, timers):
    breaker = make(timeout="100s", clock=clock)

    @circuit_breaker(breaker)
    async def call():
        clock.advance(40)
        await asyncio.sleep(0)

    timers.run_until_complete(call())
    ((left, timer),) = timers.timers
    assert 0 < left <= 60 and timer.cancelled()


def test_one_that_took_too_long_without_being_suspended_is_a_failure_and_its_result_is_passed_on(clock, totals):
    breaker = make(timeout="10s", clock=clock, retry=RETRY)

    @circuit_breaker(breaker)
    async def call():
        clock.advance(11)
        return "late"

    assert asyncio.run(call()) == "late"
    assert totals(breaker) == {"failure": 1}
    assert breaker.snapshot().last_failure.error_type == "timeout"


def test_a_timer_is_cancelled_when_the_call_is_closed_or_let_go(timers, totals):
    breaker = make(timeout="10s", bulkhead={"max_concurrent": 5}, retry=RETRY)

    @circuit_breaker(breaker)
    async def call():
        await Pause()

    async def main():
        closed, dropped = call(), call()
        for coroutine in (closed, dropped):
            assert coroutine.send(None) == "paused"
        assert len(timers.timers) == 2 and in_flight(breaker) == 2
        closed.close()
        del coroutine, dropped
        gc.collect()

    timers.run_until_complete(main())
    assert all(timer.cancelled() for _, timer in timers.timers)
    assert (totals(breaker), in_flight(breaker)) == ({"ignored": 2}, 0)


@NATIVE
@pytest.mark.parametrize("options", [{}, {"retry": RETRY}])
def test_what_knows_no_timers_is_told_so_and_the_permit_goes_back(options, totals):
    breaker, ended = make(timeout="10s", bulkhead={"max_concurrent": 1}, **options), []

    @circuit_breaker(breaker)
    async def call():
        try:
            await Pause()
        finally:
            ended.append(True)

    with pytest.raises(RuntimeError, match="no running event loop"):
        call().send(None)
    assert (totals(breaker), in_flight(breaker), ended) == ({"ignored": 1}, 0, [True])


def test_a_cancellation_that_comes_with_the_end_of_the_time_is_no_timeout():
    if not hasattr(asyncio.Task, "uncancel"):
        pytest.skip("before 3.11 nobody counts cancellations")
    breaker = make(timeout="1ms", retry=RETRY)

    @circuit_breaker(breaker)
    async def call():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            asyncio.current_task().cancel()
            raise

    async def main():
        task = asyncio.ensure_future(call())
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_trio_ends_what_takes_too_long_also_where_it_has_scopes_of_its_own(totals):
    breaker = make(timeout="10ms")

    @circuit_breaker(breaker)
    async def call():
        with trio.CancelScope() as scope:
            await trio.sleep(60)
        return scope.cancelled_caught

    with pytest.raises(CallTimeoutError):
        trio.run(call)
    assert totals(breaker) == {"failure": 1}


# ---- cancellation ----


def scene(policy):
    """A call that waits twice in each of two attempts, between them and in a rung."""
    options = POLICIES[policy]
    if "retry" in options:
        options = {**options, "retry": {**RETRY, "max_attempts": 2}}
    breaker = make(**options)

    @circuit_breaker(breaker)
    async def call():
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        raise ConnectionError("no")

    return breaker, call


@pytest.mark.parametrize("policy", sorted(POLICIES))
@pytest.mark.parametrize("how", ["throw", "close", "drop"])
def test_ended_at_every_point_where_it_waits_it_settles_what_was_admitted_once(policy, how, timers):
    async def ended_after(turns):
        """Runs it by hand for so many turns, then ends it; whether it was still going on, and how many attempts it made."""
        breaker, call = scene(policy)
        coroutine = call()
        goes_on = True
        for _ in range(turns):
            try:
                waits_for = coroutine.send(None)
            except (ConnectionError, StopIteration):
                goes_on = False
                break
            if waits_for is not None:
                # A future of the loop's: it is waited for as a task would.
                waits_for._asyncio_future_blocking = False
                await waits_for
        if goes_on and how == "throw":
            with pytest.raises(asyncio.CancelledError):
                coroutine.throw(asyncio.CancelledError())
        elif how == "close":
            coroutine.close()
        del coroutine, call
        gc.collect()
        return goes_on, breaker

    seen = []
    for turns in range(1, 50):
        goes_on, breaker = timers.run_until_complete(ended_after(turns))
        counted = breaker.snapshot().totals
        assert in_flight(breaker) == 0
        assert (counted.success, counted.late) == (0, 0)
        if not goes_on:
            assert (counted.failure, counted.ignored) == (2 if "retry" in POLICIES[policy] else 1, 0)
            break
        seen.append((counted.failure, counted.ignored))
    else:
        raise AssertionError("it never ended")
    # The first attempt at each of its waits; then, where it retries, the wait and the second attempt.
    assert seen[:2] == [(0, 1)] * 2
    assert set(seen[2:]) == ({(1, 0), (1, 1)} if "retry" in POLICIES[policy] else set())
    assert all(timer.cancelled() or left <= 1 for left, timer in timers.timers)


def test_a_suspended_call_in_a_cycle_is_collected():
    breaker = make(bulkhead={"max_concurrent": 1}, retry=RETRY)

    class Holder:
        pass

    @circuit_breaker(breaker)
    async def call(holder):
        await Pause()

    holder = Holder()
    holder.coroutine = call(holder)
    holder.coroutine.send(None)
    gone = weakref.ref(holder)
    del holder
    gc.collect()
    assert gone() is None
    assert in_flight(breaker) == 0
