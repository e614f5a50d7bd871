"""Attempts beside one that takes long, in asyncio and in trio."""

from __future__ import annotations

import asyncio

import pytest
import trio
import trio.testing

from fusewire import CallTimeoutError, CircuitBreaker, circuit_breaker

HEDGE = {"after": "5ms"}


@pytest.fixture(params=["asyncio", "trio"])
def loop(request):
    """Runs a coroutine function, and the sleep of that loop."""
    if request.param == "asyncio":
        return (lambda function: asyncio.run(function())), asyncio.sleep
    return trio.run, trio.sleep


def make(**options):
    return CircuitBreaker("case", **{"failure_threshold": 100, "hedge": HEDGE, **options})


def scripted(sleep, *script):
    """A function whose calls each sleep so long, and answer or raise."""

    async def function():
        number = len(function.begun)
        seconds, outcome = script[number]
        function.begun.append(number)
        try:
            if seconds is None:
                # Until there is one beside it.
                while len(function.begun) == number + 1:
                    await sleep(0.001)
                seconds = 0.02
            await sleep(seconds)
        except BaseException:
            function.cancelled.append(number)
            raise
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    function.begun, function.cancelled = [], []
    return function


def test_the_first_success_is_the_answer_and_the_loser_is_cancelled(loop, totals):
    run, sleep = loop
    breaker, function = make(bulkhead={"max_concurrent": 5}), scripted(sleep, (60, "slow"), (0, "quick"))
    assert run(circuit_breaker(breaker)(function)) == "quick"
    assert (function.begun, function.cancelled) == ([0, 1], [0])
    snapshot = breaker.snapshot()
    assert (snapshot.hedge.begun, snapshot.hedge.won, snapshot.bulkhead.in_flight) == (1, 1, 0)
    assert totals(breaker) == {"success": 1, "ignored": 1}


def test_a_primary_that_answers_after_all_wins(loop, totals):
    run, sleep = loop
    breaker, function = make(bulkhead={"max_concurrent": 5}), scripted(sleep, (None, "first"), (60, "second"))
    assert run(circuit_breaker(breaker)(function)) == "first"
    assert (function.cancelled, breaker.snapshot().hedge.won, breaker.snapshot().bulkhead.in_flight) == ([1], 0, 0)
    assert totals(breaker) == {"success": 1, "ignored": 1}


def test_one_that_fails_does_not_put_off_the_next():
    begun = []

    async def function():
        begun.append(round(trio.current_time(), 3))
        if len(begun) == 2:
            await trio.sleep(0.06)
            raise KeyError("second")
        await trio.sleep(60 if len(begun) == 1 else 0)
        return "answer"

    guarded = circuit_breaker(make(hedge={"after": "100ms", "max": 2}))(function)
    assert trio.run(guarded, clock=trio.testing.MockClock(autojump_threshold=0)) == "answer"
    assert begun == [0, 0.1, 0.2]


def test_one_that_answers_in_time_has_none_beside_it(loop, totals):
    run, sleep = loop
    breaker, function = make(hedge={"after": "10s"}), scripted(sleep, (0, "answer"))
    assert (run(circuit_breaker(breaker)(function)), function.begun) == ("answer", [0])
    assert totals(breaker) == {"success": 1}


def test_a_primary_that_fails_in_time_starts_none(loop, totals):
    run, sleep = loop
    breaker, function = make(hedge={"after": "10s"}), scripted(sleep, (0, KeyError("no")))
    with pytest.raises(KeyError):
        run(circuit_breaker(breaker)(function))
    assert (function.begun, totals(breaker)) == ([0], {"failure": 1})


def test_when_all_fail_the_error_of_the_primary_is_raised(loop, totals):
    run, sleep = loop
    breaker, error = make(), KeyError("first")
    function = scripted(sleep, (None, error), (0, ValueError("second")))
    with pytest.raises(KeyError) as raised:
        run(circuit_breaker(breaker)(function))
    assert raised.value is error
    assert totals(breaker) == {"failure": 2}


def test_a_hedge_answers_for_a_primary_that_fails_meanwhile(loop):
    run, sleep = loop
    function = scripted(sleep, (None, KeyError("first")), (0.1, "second"))
    assert run(circuit_breaker(make())(function)) == "second"


def test_a_primary_that_has_failed_is_settled_as_that(loop, totals):
    run, sleep = loop
    breaker, function = make(), scripted(sleep, (None, KeyError("first")), (0.1, "second"))
    assert run(circuit_breaker(breaker)(function)) == "second"
    assert totals(breaker) == {"success": 1, "failure": 1}


def test_a_primary_that_times_out_is_settled_as_that(loop, totals):
    run, sleep = loop
    function = scripted(sleep, (60, "first"), (0.6, "second"))
    breaker = make(timeout="1s", hedge={"after": "500ms"})
    assert run(circuit_breaker(breaker)(function)) == "second"
    assert totals(breaker) == {"success": 1, "failure": 1}


def test_what_is_no_failure_of_the_primary_decides_the_call(loop, totals):
    run, sleep = loop
    breaker, function = make(), scripted(sleep, (None, KeyError("first")), (60, "second"))
    with pytest.raises(KeyError):
        run(circuit_breaker(breaker, ignore=KeyError)(function))
    assert (function.cancelled, totals(breaker)) == ([1], {"ignored": 2})


def test_each_has_its_timeout(loop, totals):
    run, sleep = loop
    breaker, function = make(timeout="1s"), scripted(sleep, (60, 1), (60, 2))
    with pytest.raises(CallTimeoutError):
        run(circuit_breaker(breaker)(function))
    assert (function.begun, totals(breaker)) == ([0, 1], {"failure": 2})


def test_a_method_that_may_not_be_retried_has_none(loop):
    run, sleep = loop
    function = scripted(sleep, (0.03, "only"))
    assert run(circuit_breaker(make(), method="POST")(function)) == "only"


def test_who_is_cancelled_leaves_nothing_behind(totals):
    breaker, function = make(bulkhead={"max_concurrent": 5}), scripted(asyncio.sleep, (60, 1), (60, 2))

    async def main():
        task = asyncio.ensure_future(circuit_breaker(breaker)(function)())
        while len(function.begun) < 2:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert (sorted(function.cancelled), breaker.snapshot().bulkhead.in_flight) == ([0, 1], 0)
    assert totals(breaker) == {"ignored": 2}


def test_a_scope_of_trio_that_ends_leaves_nothing_behind(totals):
    breaker, function = make(bulkhead={"max_concurrent": 5}), scripted(trio.sleep, (60, 1), (60, 2))

    async def main():
        with trio.CancelScope() as scope:

            async def cancel():
                while len(function.begun) < 2:
                    await trio.sleep(0.001)
                scope.cancel()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(cancel)
                await circuit_breaker(breaker)(function)()
        assert scope.cancelled_caught

    trio.run(main)
    assert (sorted(function.cancelled), breaker.snapshot().bulkhead.in_flight) == ([0, 1], 0)
    assert totals(breaker) == {"ignored": 2}
