"""Coroutine functions: one call from the first step to the last, however it ends."""

from __future__ import annotations

import asyncio
import collections.abc
import gc
import inspect
import sys
import warnings

import pytest

from fusewire import CircuitBreaker, CircuitOpenError, circuit_breaker

native = pytest.mark.skipif(sys.version_info < (3, 10), reason="Python 3.9 wraps coroutine functions in Python")


@pytest.fixture
def guarded(breaker):
    return circuit_breaker(breaker)


async def echo(value):
    await asyncio.sleep(0)
    return value


async def fail(error):
    await asyncio.sleep(0)
    raise error


@pytest.mark.parametrize("value", [None, 5, (1, 2), ValueError("a value"), StopIteration(3), [], asyncio.sleep])
def test_any_result_comes_back(guarded, breaker, totals, value):
    async def main():
        assert await guarded(echo)(value) is value
        assert await asyncio.create_task(guarded(echo)(value)) is value
        assert await asyncio.wait_for(guarded(echo)(value), 60) is value
        assert (await asyncio.gather(*[guarded(echo)(value) for _ in range(3)])) == [value] * 3

    asyncio.run(main())
    assert totals(breaker) == {"success": 6}


def test_an_exception_comes_back_unchanged(guarded, breaker, totals):
    error = KeyError("own")

    async def main():
        with pytest.raises(KeyError) as raised:
            await guarded(fail)(error)
        assert raised.value is error and error.__context__ is None

    asyncio.run(main())
    assert totals(breaker) == {"failure": 1}


def test_it_asks_when_it_is_awaited(guarded, breaker, totals):
    async def main():
        waiting = guarded(echo)(1)
        breaker.trip()
        with pytest.raises(CircuitOpenError):
            await waiting

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(main())
        gc.collect()
    assert totals(breaker) == {"rejected": 1}


def test_it_warns_when_it_was_never_awaited(guarded, breaker, totals):
    with pytest.warns(RuntimeWarning, match="never awaited"):
        guarded(echo)(1)
        gc.collect()
    assert totals(breaker) == {}


def test_it_cannot_be_awaited_twice(guarded, breaker, totals):
    async def main():
        once = guarded(echo)(1)
        await once
        with pytest.raises(RuntimeError, match="already awaited"):
            await once

    asyncio.run(main())
    assert totals(breaker) == {"success": 1}


def test_a_cancelled_task_is_ignored(guarded, breaker, totals):
    async def main():
        started = asyncio.Event()

        @guarded
        async def hang():
            started.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(hang())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert totals(breaker) == {"ignored": 1}


def test_a_call_that_is_cut_off_after_too_long_is_a_failure(clock, totals):
    breaker = CircuitBreaker("slow", slow_call_duration=1, clock=clock)

    async def main():
        started = asyncio.Event()

        @circuit_breaker(breaker)
        async def hang():
            started.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(hang())
        await started.wait()
        clock.advance(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert totals(breaker) == {"failure": 1, "slow": 1}
    assert breaker.snapshot().last_failure.error_type == "timeout"


def test_a_cancellation_that_is_caught_inside_is_a_success(guarded, breaker, totals):
    async def main():
        started = asyncio.Event()

        @guarded
        async def stubborn():
            started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return "cleaned up"

        task = asyncio.create_task(stubborn())
        await started.wait()
        task.cancel()
        assert await task == "cleaned up"

    asyncio.run(main())
    assert totals(breaker) == {"success": 1}


def test_a_task_that_is_cancelled_before_its_first_step_asks_nothing(guarded, breaker, totals):
    async def main():
        task = asyncio.create_task(guarded(echo)(1))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert totals(breaker) == {}


@pytest.mark.parametrize("end", ["close", "drop", "throw"])
def test_a_coroutine_that_is_ended_by_hand_is_a_dropped_permit(guarded, breaker, totals, end):
    class Pause:
        def __await__(self):
            yield "paused"

    async def pauses():
        await Pause()

    coroutine = guarded(pauses)()
    assert coroutine.send(None) == "paused"
    if end == "close":
        coroutine.close()
        coroutine.close()
    elif end == "drop":
        del coroutine
        gc.collect()
    else:
        with pytest.raises(GeneratorExit):
            coroutine.throw(GeneratorExit)
    assert totals(breaker) == {"ignored": 1}


def test_throw_reaches_the_function(guarded, breaker, totals):
    class Pause:
        def __await__(self):
            yield "paused"

    async def pauses():
        try:
            await Pause()
        except OSError:
            await Pause()
            return "survived"

    coroutine = guarded(pauses)()
    coroutine.send(None)
    assert coroutine.throw(OSError()) == "paused"
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(None)
    assert stopped.value.value == "survived"
    assert totals(breaker) == {"success": 1}


def test_closing_one_that_never_ran_asks_nothing_and_warns_nobody(guarded, breaker, totals):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        guarded(echo)(1).close()
        gc.collect()
    assert totals(breaker) == {}


@native
def test_what_runs_cannot_be_resumed_in_the_middle(guarded, breaker, totals):
    async def itself():
        with pytest.raises(ValueError, match="already executing"):
            own.send(None)
        with pytest.raises(ValueError, match="already executing"):
            own.close()
        return 1

    own = guarded(itself)()
    with pytest.raises(StopIteration):
        own.send(None)
    assert totals(breaker) == {"success": 1}


def test_it_is_a_coroutine(guarded):
    function = guarded(echo)
    coroutine = function(1)
    assert isinstance(coroutine, collections.abc.Coroutine)
    assert inspect.isawaitable(coroutine) and asyncio.iscoroutine(coroutine)
    assert (coroutine.__name__, coroutine.__qualname__) == ("echo", "echo")
    assert coroutine.cr_frame is not None and coroutine.cr_running is False and coroutine.cr_code is echo.__code__
    coroutine.close()


def test_call_async(breaker, totals):
    async def main():
        assert await breaker.call_async(echo, 5) == 5
        assert await breaker.call_async(echo, value=5) == 5
        with pytest.raises(KeyError):
            await breaker.call_async(fail, KeyError())
        with pytest.raises(TypeError, match=r"breaker\.call\(function"):
            await breaker.call_async(len, "")
        with pytest.raises(TypeError, match=r"await breaker\.call_async"):
            breaker.call(echo, 5)

    asyncio.run(main())
    assert totals(breaker)["success"] == 2


def test_a_fallback_may_be_plain_or_a_coroutine_function(breaker, totals):
    async def slowly(value, *, more=0):
        await asyncio.sleep(0)
        return "slowly", value, more

    async def main():
        breaker.trip()
        assert await circuit_breaker(breaker, fallback=lambda value: ("at once", value))(echo)(1) == ("at once", 1)
        assert await circuit_breaker(breaker, fallback=slowly)(echo)(2, more=3) == ("slowly", 2, 3)
        with pytest.raises(KeyError):
            await circuit_breaker(breaker, fallback=fail)(echo)(KeyError())

    async def echo(value, *, more=0):
        raise AssertionError("it ran")

    asyncio.run(main())
    assert totals(breaker) == {"rejected": 3}


def test_async_with_is_one_call(breaker, totals):
    async def main():
        async with breaker:
            await asyncio.sleep(0)
        with pytest.raises(OSError):
            async with breaker:
                raise OSError

    asyncio.run(main())
    assert totals(breaker) == {"success": 1, "failure": 1}


def test_tasks_that_cross_settle_their_own(clock, totals):
    breaker = CircuitBreaker("crossing", ignore=KeyError, failure_threshold=1_000, clock=clock)

    async def one(n):
        async with breaker:
            for _ in range(n % 7):
                await asyncio.sleep(0)
            if n % 3 == 1:
                raise OSError
            if n % 3 == 2:
                raise KeyError

    async def main():
        await asyncio.gather(*[one(n) for n in range(300)], return_exceptions=True)

    asyncio.run(main())
    assert totals(breaker) == {"success": 100, "failure": 100, "ignored": 100}


def test_references_are_balanced(breaker):
    guarded = circuit_breaker(breaker)

    class Marked:
        pass

    value = Marked()

    @guarded
    async def give(what):
        return value

    async def main():
        for _ in range(100):
            assert await give(value) is value
            assert await asyncio.create_task(give(value)) is value

    asyncio.run(main())
    gc.collect()
    before = sys.getrefcount(value), sys.getrefcount(give), sys.getrefcount(breaker)
    asyncio.run(main())
    gc.collect()
    assert (sys.getrefcount(value), sys.getrefcount(give), sys.getrefcount(breaker)) == before


def test_trio(guarded, breaker, totals):
    import trio

    async def pause(value):
        await trio.lowlevel.checkpoint()
        return value

    async def main():
        assert await guarded(pause)(5) == 5
        with pytest.raises(KeyError):
            await guarded(fails)(1)
        async with trio.open_nursery() as nursery:
            started = trio.Event()

            async def hang():
                started.set()
                await trio.sleep_forever()

            nursery.start_soon(guarded(hang))
            await started.wait()
            nursery.cancel_scope.cancel()

    async def fails(_):
        await trio.lowlevel.checkpoint()
        raise KeyError

    trio.run(main)
    assert totals(breaker) == {"success": 1, "failure": 1, "ignored": 1}


def test_uvloop(guarded, breaker, totals):
    import uvloop

    async def main():
        assert await guarded(echo)(5) == 5
        assert await asyncio.create_task(guarded(echo)(6)) == 6

    loop = uvloop.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
    assert totals(breaker) == {"success": 2}
