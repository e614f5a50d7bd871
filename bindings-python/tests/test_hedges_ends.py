"""What becomes of attempts beside each other: which answers, what each counts as, and what is left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import signal

import pytest
import trio

from fusewire import CircuitBreaker, circuit_breaker

HEDGE = {"after": "5ms"}


@pytest.fixture(params=["asyncio", "trio"])
def loop(request):
    """Runs a coroutine function; the sleep and the event of that loop."""
    if request.param == "asyncio":
        return (lambda function: asyncio.run(function())), asyncio.sleep, asyncio.Event
    return trio.run, trio.sleep, trio.Event


def make(**options):
    return CircuitBreaker("case", **{"failure_threshold": 100, "hedge": HEDGE, **options})


def beside(event_class, first, second):
    """A function whose second attempt waits until the first has begun, and which ends as these say."""
    begun = []

    async def function():
        begun.append(event_class())
        if len(begun) == 1:
            return await first(begun[0])
        return await second(begun[0])

    function.begun = begun
    return function


def test_a_hedge_whose_result_is_a_failure_has_failed(loop, totals):
    run, sleep, event_class = loop

    async def first(seen):
        await seen.wait()
        for _ in range(20):
            await sleep(0)
        return 200

    async def second(seen):
        seen.set()
        return 503

    breaker = make(failure_result=lambda status: status == 503)
    assert run(circuit_breaker(breaker)(beside(event_class, first, second))) == 200
    assert totals(breaker) == {"success": 1, "failure": 1}


def test_a_first_attempt_whose_result_is_a_failure_leaves_the_answer_to_the_hedge(loop, totals):
    run, sleep, event_class = loop
    ended = []

    async def first(seen):
        await seen.wait()
        ended.append(1)
        return 503

    async def second(seen):
        seen.set()
        while not ended:
            await sleep(0.001)
        for _ in range(20):
            await sleep(0)
        return 200

    breaker = make(failure_result=lambda status: status == 503)
    assert run(circuit_breaker(breaker)(beside(event_class, first, second))) == 200
    assert totals(breaker) == {"success": 1, "failure": 1}


def test_when_all_results_are_failures_that_of_the_first_is_the_answer_and_each_is_judged_once(loop, totals):
    run, _, event_class = loop
    judged = []

    async def first(seen):
        await seen.wait()
        return "first"

    async def second(seen):
        seen.set()
        return "second"

    breaker = make(failure_result=lambda result: judged.append(result) or True, fallback=["none"], rungs={"none": 0})
    found = []

    async def main():
        found.append(await breaker.policy().result_async(beside(event_class, first, second)))

    run(main)
    assert (found[0].value, found[0].rung, sorted(judged)) == (0, "none", ["first", "second"])
    assert totals(breaker) == {"failure": 2}


def test_what_is_ignored_of_the_first_decides_at_once(loop, totals):
    run, sleep, event_class = loop
    error = KeyError("no such thing")

    async def first(seen):
        await seen.wait()
        raise error

    async def second(seen):
        seen.set()
        await sleep(3600)

    breaker = make(ignore=KeyError, bulkhead={"max_concurrent": 5})
    with pytest.raises(KeyError) as raised:
        run(circuit_breaker(breaker)(beside(event_class, first, second)))
    assert raised.value is error
    assert (totals(breaker), breaker.snapshot().bulkhead.in_flight) == ({"ignored": 2}, 0)


@pytest.mark.parametrize("how", ["wait_for", "gather"])
def test_who_keeps_the_error_of_a_cancelled_call_keeps_no_slot(how, totals):
    breaker = make(bulkhead={"max_concurrent": 10})

    async def forever():
        await asyncio.sleep(3600)

    async def main():
        call = asyncio.wait_for(breaker.call_async(forever), 0.05)
        if how == "gather":
            return await asyncio.gather(call, return_exceptions=True)
        try:
            await call
        except asyncio.TimeoutError as error:
            return [error]

    gc.disable()
    try:
        kept = asyncio.run(main())
        assert breaker.snapshot().bulkhead.in_flight == 0
    finally:
        gc.enable()
    assert isinstance(kept[0], asyncio.TimeoutError)
    assert totals(breaker) == {"ignored": 2}


def test_a_nursery_that_fails_leaves_no_slot_taken(totals):
    breaker = make(bulkhead={"max_concurrent": 10})
    begun = []

    async def forever():
        begun.append(1)
        await trio.sleep_forever()

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(breaker.call_async, forever)
            while len(begun) < 2:
                await trio.sleep(0.001)
            raise RuntimeError("outside")

    gc.disable()
    try:
        with pytest.raises(BaseException) as raised:
            trio.run(main)
        assert breaker.snapshot().bulkhead.in_flight == 0
    finally:
        gc.enable()
    assert raised.value is not None
    assert totals(breaker) == {"ignored": 2}


@pytest.mark.parametrize("ends", [ValueError("mine"), SystemExit(3)])
def test_the_own_exception_of_a_function_under_trio_is_in_no_group(ends):
    breaker = make()

    async def function():
        while len(begun) < 2:
            begun.append(1)
            await trio.sleep(0.02)
        raise ends

    begun = []
    with pytest.raises(type(ends)) as raised:
        trio.run(breaker.call_async, function)
    assert raised.value is ends


def test_an_interrupt_while_attempts_run_beside_each_other_is_in_no_group(totals):
    breaker, begun = make(bulkhead={"max_concurrent": 5}), []

    async def function():
        begun.append(1)
        if len(begun) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        await trio.sleep_forever()

    with pytest.raises(KeyboardInterrupt):
        trio.run(breaker.call_async, function)
    assert (breaker.snapshot().bulkhead.in_flight, totals(breaker)) == (0, {"ignored": 2})


def test_an_answer_does_not_wait_for_a_loser_that_cleans_up():
    breaker, told = make(bulkhead={"max_concurrent": 5}), []

    async def main():
        may_end, ends = asyncio.Event(), asyncio.Event()
        begun = []

        async def function():
            begun.append(1)
            if len(begun) == 2:
                return "hedge"
            try:
                await asyncio.sleep(3600)
            finally:
                # It takes as long as whoever waits for the answer likes.
                await may_end.wait()
                ends.set()
                raise KeyError("while it cleaned up")

        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
        assert await breaker.call_async(function) == "hedge"
        may_end.set()
        await ends.wait()
        await asyncio.sleep(0)

    asyncio.run(main())
    gc.collect()
    assert (told, breaker.snapshot().bulkhead.in_flight) == ([], 0)


def test_a_hedge_that_lost_gives_its_slot_back_when_it_has_ended():
    breaker, begun = make(bulkhead={"max_concurrent": 5}), []

    async def main():
        may_end, seen = asyncio.Event(), asyncio.Event()

        async def function():
            begun.append(1)
            if len(begun) == 1:
                await seen.wait()
                return "first"
            seen.set()
            try:
                await asyncio.sleep(3600)
            finally:
                await may_end.wait()

        assert await breaker.call_async(function) == "first"
        assert breaker.snapshot().bulkhead.in_flight == 1
        may_end.set()
        while breaker.snapshot().bulkhead.in_flight:
            await asyncio.sleep(0)

    asyncio.run(main())


def test_a_hedged_function_that_is_no_coroutine_function_is_told_so(loop):
    run, _, _ = loop
    breaker = make()
    with pytest.raises(TypeError, match="no coroutine function, it returned int"):
        run(lambda: breaker.call_async(lambda: 5))
