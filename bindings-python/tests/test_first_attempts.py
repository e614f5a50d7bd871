"""Coroutine functions of breakers with gates or policies around the call: the first attempt, which the native part makes from
its first step to its last, and what it leaves to Python."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import sys
import warnings

import pytest
from first_attempts import NATIVE, POLICIES, RETRY, Timers, in_flight, make

from fusewire import CircuitOpenError, circuit_breaker


@pytest.fixture(params=sorted(POLICIES))
def some(request):
    return make(**POLICIES[request.param])


@pytest.fixture
def timers():
    loop = Timers()
    yield loop
    loop.close()


# ---- what succeeds at once ----


@NATIVE
def test_a_call_that_is_never_suspended_sets_no_timer_and_needs_no_loop(some, totals, timers):
    @circuit_breaker(some)
    async def call(*args, **kwargs):
        return args, kwargs

    async def main():
        for _ in range(3):
            assert await call(1, 2, 3, of="them") == ((1, 2, 3), {"of": "them"})

    timers.run_until_complete(main())
    assert timers.timers == []
    with pytest.raises(StopIteration) as ended:
        call().send(None)
    assert ended.value.value == ((), {})
    assert totals(some) == {"success": 4}
    assert in_flight(some) == 0


@pytest.mark.parametrize("value", [None, (1, 2), ValueError("as a value"), StopIteration(3)])
def test_any_result_comes_back_also_after_it_was_suspended(some, value):
    @circuit_breaker(some)
    async def call(times):
        for _ in range(times):
            await asyncio.sleep(0)
        return value

    for times in range(3):
        assert asyncio.run(call(times)) is value


def test_the_function_runs_in_the_callers_task_and_context(some):
    variable = contextvars.ContextVar("variable", default="before")

    @circuit_breaker(some)
    async def call():
        before = asyncio.current_task(), variable.get()
        variable.set("inside")
        await asyncio.sleep(0)
        assert asyncio.current_task() is before[0]
        assert variable.get() == "inside"
        return before

    async def main():
        variable.set("outside")
        assert await call() == (asyncio.current_task(), "outside")
        assert variable.get() == "inside"

    asyncio.run(main())


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_references_are_balanced_and_nothing_is_kept(policy):
    some = make(**POLICIES[policy])

    class Marked:
        pass

    value = Marked()

    @circuit_breaker(some)
    async def call(what, times, fails=False):
        for _ in range(times):
            await asyncio.sleep(0)
        if fails:
            raise KeyError("told to")
        return value

    async def main():
        for times in (0, 0, 1, 2):
            assert await call(value, times) is value
            assert await asyncio.create_task(call(value, times)) is value
            with pytest.raises(KeyError) if policy != "all" else contextlib.nullcontext():
                await asyncio.wait_for(call(value, times, fails=True), 10)
        waiting = asyncio.create_task(call(value, 10_000))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        call(value, 1).close()

    asyncio.run(main())
    gc.collect()
    before = sys.getrefcount(value), sys.getrefcount(call), sys.getrefcount(some)
    asyncio.run(main())
    gc.collect()
    assert (sys.getrefcount(value), sys.getrefcount(call), sys.getrefcount(some)) == before
    assert in_flight(some) == 0


# ---- what the call asks for ----


@pytest.mark.parametrize("policy", ["rate", "slots", "queue", "retry"])
@pytest.mark.parametrize("given", [((1,), {}), ((1, 2, 3), {}), ((1,), {"of": 2}), ((), {"of": 2})])
def test_a_function_of_the_arguments_is_asked_once_a_call(policy, given):
    asked = []

    def priority(*args, **kwargs):
        asked.append((args, kwargs))
        return "high"

    breaker = make(**POLICIES[policy])

    @circuit_breaker(breaker, priority=priority)
    async def call(*args, **kwargs):
        await asyncio.sleep(0)
        if len(tries) < 1 and policy == "retry":
            tries.append(1)
            raise ConnectionError("once more")
        return args, kwargs

    tries = []
    args, kwargs = given
    assert asyncio.run(call(*args, **kwargs)) == given
    assert asked == [given]


def test_what_cannot_be_asked_for_is_raised_and_the_function_is_not_called(some, totals):
    def priority(*args):
        raise ArithmeticError("no level")

    @circuit_breaker(some, priority=priority)
    async def call():
        raise AssertionError("it was called")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ArithmeticError):
            asyncio.run(call())
    assert totals(some) == {}


def test_who_waits_in_the_queue_is_asked_for_once_and_comes_by_its_slot(totals):
    asked = []
    breaker = make(bulkhead={"max_concurrent": 1, "max_queue": 5}, retry=RETRY, timeout="10s")

    @circuit_breaker(breaker, priority=lambda n: asked.append(n) or ("high" if n == 2 else "low"))
    async def call(n):
        await asyncio.sleep(0)
        order.append(n)
        return n

    order = []

    async def main():
        return await asyncio.gather(*(call(n) for n in range(3)))

    assert asyncio.run(main()) == [0, 1, 2]
    assert (asked, order) == ([0, 1, 2], [0, 2, 1])
    assert totals(breaker) == {"success": 3}
    assert in_flight(breaker) == 0


def test_a_paced_call_with_retries_waits_for_its_turn(totals):
    breaker = make(rate_limit={"algorithm": "leaky_bucket", "rate": 1000}, retry=RETRY)

    @circuit_breaker(breaker)
    async def call(n):
        return n

    async def main():
        return await asyncio.gather(*(call(n) for n in range(5)))

    assert asyncio.run(main()) == [0, 1, 2, 3, 4]
    assert totals(breaker) == {"success": 5}


# ---- what fails ----


def test_arguments_that_do_not_fit_count_as_the_functions_failure(totals):
    breaker = make(bulkhead={"max_concurrent": 1})

    @circuit_breaker(breaker)
    async def call(one):
        return one

    with pytest.raises(TypeError, match="positional argument"):
        asyncio.run(call())
    assert (totals(breaker), in_flight(breaker)) == ({"failure": 1}, 0)


@pytest.mark.parametrize("turns", [0, 1])
def test_a_result_that_is_a_failure_is_tried_once_more(turns, totals):
    class Answer:
        def __init__(self, status_code):
            self.status_code = status_code

    breaker, answers = make(retry=RETRY, timeout="10s"), [Answer(503), Answer(200)]
    good = answers[1]

    @circuit_breaker(breaker, failure_result=lambda answer: answer.status_code >= 500, method="GET")
    async def call():
        for _ in range(turns):
            await asyncio.sleep(0)
        return answers.pop(0)

    assert asyncio.run(call()) is good
    assert totals(breaker) == {"success": 1, "failure": 1}


def test_a_call_that_is_turned_away_is_answered_by_a_rung(totals):
    breaker = make(fallback=[7], bulkhead={"max_concurrent": 1})
    held = breaker.acquire(wait=False)

    @circuit_breaker(breaker)
    async def call():
        raise AssertionError("it was called")

    assert asyncio.run(call()) == 7
    held.success()
    assert totals(breaker) == {"success": 1, "rejected": 1}


def test_a_call_that_a_gate_turns_away_is_not_made(totals):
    breaker = make(bulkhead={"max_concurrent": 1}, timeout="10s")
    held = breaker.acquire(wait=False)

    @circuit_breaker(breaker)
    async def call():
        raise AssertionError("it was called")

    with pytest.raises(CircuitOpenError):
        asyncio.run(call())
    held.success()
    assert totals(breaker) == {"success": 1, "rejected": 1}
