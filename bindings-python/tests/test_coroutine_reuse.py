"""Coroutines whose function is called later, and objects that are used again: what nobody may notice."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
import threading
import warnings
import weakref

import pytest

from fusewire import CircuitBreaker, CircuitOpenError, circuit_breaker

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 10),
    reason="Python 3.9 wraps coroutine functions in Python: nothing is put off or used again",
)


@pytest.fixture
def opened(clock):
    breaker = CircuitBreaker("put off", failure_threshold=1, recovery_timeout=5, clock=clock)
    breaker.trip()
    return breaker


@pytest.fixture
def put_off(opened):
    @circuit_breaker(opened)
    async def function(x, y=2, *, z=3):
        function.called = True
        return x, y, z

    function.called = False
    return function


@pytest.mark.parametrize(
    ("args", "kwargs", "result"),
    [
        ((1,), {}, (1, 2, 3)),
        ((1, 4), {}, (1, 4, 3)),
        ((1,), {"z": 5}, (1, 2, 5)),
        ((), {"x": 1, "y": 6, "z": 7}, (1, 6, 7)),
    ],
)
def test_a_call_begun_while_open_is_made_when_it_is_admitted(put_off, clock, args, kwargs, result):
    coroutine = put_off(*args, **kwargs)
    assert not put_off.called
    clock.advance(60)
    assert asyncio.run(coroutine) == result
    assert put_off.called


def test_what_was_turned_away_cannot_be_awaited_again(put_off):
    coroutine = put_off(1)
    with pytest.raises(CircuitOpenError):
        coroutine.send(None)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="already awaited"):
            coroutine.send(None)
    coroutine.close()


def test_wrong_arguments_are_told_when_there_is_a_permit(put_off, opened, clock, totals):
    with pytest.raises(CircuitOpenError):
        put_off().send(None)
    coroutine = put_off()
    clock.advance(60)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        coroutine.send(None)
    assert totals(opened) == {"ignored": 1, "rejected": 1}
    assert opened.snapshot().half_open.in_flight == 0


def test_the_first_thing_sent_is_none(put_off):
    coroutine = put_off(1)
    with pytest.raises(TypeError, match="just-started coroutine"):
        coroutine.send(5)
    with pytest.raises(CircuitOpenError):
        coroutine.send(None)


@pytest.mark.parametrize("how", ["throw", "close"])
def test_one_that_was_ended_takes_no_permit(put_off, opened, clock, how, totals):
    coroutine = put_off(1)
    if how == "throw":
        with pytest.raises(KeyError):
            coroutine.throw(KeyError("x"))
    else:
        coroutine.close()
    clock.advance(60)
    with pytest.raises(RuntimeError):
        coroutine.send(None)
    assert totals(opened) == {}


def test_one_that_was_put_off_answers_to_its_attributes(put_off):
    coroutine = put_off(1)
    assert coroutine.__qualname__ == put_off.__qualname__
    assert coroutine.cr_code is put_off.__code__
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
    coroutine.close()


def test_one_that_was_put_off_and_never_awaited_warns(put_off):
    with pytest.warns(RuntimeWarning, match="never awaited"):
        put_off(1)
        gc.collect()


@pytest.mark.parametrize("state", ["open", "closed"])
def test_a_coroutine_in_a_cycle_is_collected(put_off, opened, state):
    class Box:
        pass

    if state == "closed":
        opened.reset()
    box = Box()
    box.coroutine = put_off(box)
    alive = weakref.ref(box)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        del box
        gc.collect()
    assert alive() is None


def test_results_are_not_kept(breaker):
    class Big:
        pass

    @circuit_breaker(breaker)
    async def big():
        return Big()

    async def main():
        held = big()
        found = [await big(), await held, await asyncio.create_task(big())]
        refs = [weakref.ref(one) for one in found]
        del found
        # The loop lets go of the task.
        await asyncio.sleep(0)
        gc.collect()
        assert [one() for one in refs] == [None] * 3

    asyncio.run(main())


def test_a_stop_iteration_that_somebody_holds_keeps_its_value(breaker):
    @circuit_breaker(breaker)
    async def make(value):
        return value

    def stopped(value):
        iterator = make(value).__await__()
        with pytest.raises(StopIteration) as caught:
            next(iterator)
        return caught.value

    first = stopped("first")
    others = [stopped(n).value for n in range(1, 5)]
    assert (first.value, others) == ("first", [1, 2, 3, 4])


def test_a_thousand_at_once_and_threads_keep_theirs_apart(breaker):
    @circuit_breaker(breaker)
    async def echo(n):
        await asyncio.sleep(0)
        return n

    async def main():
        waiting = [echo(n) for n in range(1000)]
        assert [await one for one in waiting] == list(range(1000))
        assert await asyncio.gather(*(echo(n) for n in range(200))) == list(range(200))

    failed = []

    def work():
        try:
            asyncio.run(main())
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert breaker.snapshot().totals.success == 4 * 1200
