"""Keys: whose they are, who waits for whom, and until when."""

from __future__ import annotations

import asyncio
import logging
import threading
import time

import pytest
import trio
import trio.testing

from fusewire import CallTimeoutError, CircuitBreaker, RequestError, attached, circuit_breaker

CACHE = {"mode": "read_through"}
SHARED = {**CACHE, "coalesce": True}


def make(**options):
    return CircuitBreaker("case", **{"failure_threshold": 100, "cache": CACHE, **options})


def test_functions_of_one_breaker_do_not_get_each_others_values():
    breaker = make()
    double = circuit_breaker(breaker, key=str)(lambda number: 2 * number)
    square = circuit_breaker(breaker, key=str)(lambda number: number * number)
    assert (double(3), square(3), double(3), breaker.snapshot().cache.entries) == (6, 9, 6, 2)


def test_so_do_coroutine_functions_and_a_constant_key():
    breaker = make()

    async def one():
        return 1

    async def two():
        return 2

    first, second = (circuit_breaker(breaker, key="all")(function) for function in (one, two))

    async def main():
        return await first(), await second(), await first()

    assert asyncio.run(main()) == (1, 2, 1)


def test_a_function_that_is_decorated_anew_keeps_its_values():
    breaker, calls = make(), []

    def load(name):
        calls.append(name)
        return name

    for _ in range(3):
        assert breaker.policy(key=str)(load)("a") == "a"
    assert calls == ["a"]


def test_a_key_that_is_said_at_the_call_is_the_key_whatever_is_called():
    breaker = make()
    assert breaker.at(key="k").call(lambda: "first") == "first"
    assert breaker.at(key="k").call(lambda: "second") == "first"
    assert breaker.policy(key="k").call(lambda: "third") == "first"
    # A decorated function's keys are its own.
    assert circuit_breaker(breaker, key="k")(lambda: "fourth")() == "fourth"


def test_objects_share_what_a_method_keeps_unless_the_key_tells_them_apart():
    class Account:
        def __init__(self, name):
            self.name = name

        @circuit_breaker("accounts-together", cache=CACHE, key=lambda self, day: day)
        def together(self, day):
            return self.name

        @circuit_breaker("accounts-apart", cache=CACHE, key=lambda self, day: f"{self.name} {day}")
        def apart(self, day):
            return self.name

    a, b = Account("a"), Account("b")
    assert (a.together("mon"), b.together("mon")) == ("a", "a")
    assert (a.apart("mon"), b.apart("mon")) == ("a", "b")


def test_the_key_of_attempts_and_of_errors_is_the_one_that_was_said():
    load = circuit_breaker(make(cache={}), key="k")(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError) as raised:
        load()
    ((rung, error),) = attached(raised.value).rungs
    assert (rung, str(error)) == ("cache", "there is no value of the key 'k' that is young enough")


@pytest.mark.parametrize("field", ["method", "idempotent", "key"])
def test_what_is_only_for_policies_and_cannot_be_told_is_logged_and_the_call_is_made_once(field, caplog):
    breaker = make(retry={"backoff": {"base": "1ms"}})
    calls = []

    def wrong(*_args):
        raise LookupError("nobody knows")

    @circuit_breaker(breaker, **{"key": "k", "method": "POST", field: wrong})
    def load():
        calls.append(1)
        raise TimeoutError

    with caplog.at_level(logging.ERROR), pytest.raises(TimeoutError):
        load()
    assert calls == [1]
    assert [record.getMessage() for record in caplog.records] == [f"{field} of circuit breaker 'case' raised"]


def test_a_level_that_cannot_be_told_is_an_error():
    load = circuit_breaker(make(priority={}), priority=lambda: 1 / 0)(lambda: 1)
    with pytest.raises(ZeroDivisionError):
        load()


# ---- calls of one key ----


def test_a_function_that_calls_itself_with_its_own_key_does_not_wait_for_itself():
    @circuit_breaker(make(cache=SHARED), key=lambda depth: "k")
    def dive(depth):
        return "ground" if depth == 0 else dive(depth - 1)

    assert dive(3) == "ground"


@pytest.mark.parametrize("run", [asyncio.run, lambda coroutine: trio.run(lambda: coroutine)], ids=["asyncio", "trio"])
def test_nor_does_a_coroutine_function(run):
    @circuit_breaker(make(cache=SHARED), key=lambda depth: "k")
    async def dive(depth):
        return "ground" if depth == 0 else await dive(depth - 1)

    assert run(dive(3)) == "ground"


def test_who_has_led_once_follows_again():
    breaker, calls = make(cache={**SHARED, "mode": "on_failure"}), []

    async def main():
        may_end = asyncio.Event()

        @circuit_breaker(breaker, key="k")
        async def load():
            calls.append(1)
            await may_end.wait()
            return len(calls)

        may_end.set()
        assert await load() == 1
        may_end.clear()
        both = asyncio.gather(load(), load())
        while len(calls) < 2:
            await asyncio.sleep(0)
        may_end.set()
        return await both

    assert asyncio.run(main()) == [2, 2]


def test_a_thread_that_follows_waits_no_longer_than_its_deadline():
    breaker, may_end, began = make(cache=SHARED), threading.Event(), threading.Event()

    def load():
        began.set()
        may_end.wait()
        return "value"

    leader = threading.Thread(target=lambda: breaker.at(key="k").call(load))
    leader.start()
    began.wait()
    try:
        with pytest.raises(CallTimeoutError) as raised:
            breaker.at(key="k", deadline=time.monotonic() + 0.02).call(load)
    finally:
        may_end.set()
        leader.join()
    assert 0 < raised.value.limit <= 0.02
    assert attached(raised.value).attempts == 0
    assert breaker.at(key="k").call(load) == "value"


@pytest.mark.parametrize("name", ["asyncio", "trio"])
def test_nor_does_a_task(name):
    breaker = make(cache=SHARED)

    async def follow(event_class):
        may_end = event_class()

        async def load():
            await may_end.wait()
            return "value"

        async def lead():
            found.append(await breaker.at(key="k").call_async(load))

        async def late():
            try:
                await breaker.at(key="k", deadline=time.monotonic() + 0.02).call_async(load)
            except CallTimeoutError as error:
                found.append(error)
            may_end.set()

        return lead, late

    found = []

    async def in_asyncio():
        lead, late = await follow(asyncio.Event)
        await asyncio.gather(lead(), late())

    async def in_trio():
        lead, late = await follow(trio.Event)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lead)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(late)

    if name == "asyncio":
        asyncio.run(in_asyncio())
    else:
        trio.run(in_trio)
    assert (type(found[0]), found[1]) == (CallTimeoutError, "value")


def test_who_follows_a_degraded_call_is_told_so_and_has_asked_for_nothing():
    breaker = make(cache=SHARED, fallback=["spare"], rungs={"spare": "kept"})
    policy = breaker.policy(key="k")

    async def main():
        may_end = asyncio.Event()

        async def load():
            await may_end.wait()
            raise OSError("away")

        both = asyncio.gather(policy.result_async(load), policy.result_async(load))
        for _ in range(5):
            await asyncio.sleep(0)
        may_end.set()
        return await both

    led, followed = asyncio.run(main())
    assert (led.value, led.degraded, led.rung, led.attempts) == ("kept", True, "spare", 1)
    assert (followed.value, followed.degraded, followed.rung, followed.attempts) == ("kept", True, "spare", 0)
    assert isinstance(followed.error, OSError)


def test_a_value_that_was_kept_has_asked_for_nothing():
    policy = make().policy(key="k")
    assert policy.result(lambda: 1).attempts == 1
    told = policy.result(lambda: 2)
    assert (told.value, told.degraded, told.attempts) == (1, False, 0)


# ---- deadlines ----


@pytest.mark.parametrize("options", [{}, {"retry": {}}, {"timeout": "5s"}, {"bulkhead": {"max_concurrent": 3}}])
def test_a_deadline_ends_a_coroutine_whatever_the_breaker_has(options, totals):
    breaker = CircuitBreaker("case", **options)

    async def forever():
        await asyncio.sleep(3600)

    with pytest.raises(CallTimeoutError):
        asyncio.run(breaker.at(deadline=time.monotonic() + 0.02).call_async(forever))
    assert totals(breaker) == {"failure": 1}


@pytest.mark.parametrize("options", [{}, {"retry": {"max_attempts": 1}}])
def test_a_plain_function_that_ends_after_its_deadline_counts_as_a_timeout_and_answers(options, clock, totals):
    breaker = CircuitBreaker("case", clock=clock, **options)

    def slow():
        clock.advance(2)
        return "late"

    assert breaker.at(deadline=clock.now() + 1).call(slow) == "late"
    assert (totals(breaker), breaker.snapshot().last_failure.error_type) == ({"failure": 1}, "timeout")


def test_a_deadline_is_no_length_of_time():
    from datetime import timedelta

    with pytest.raises(RequestError, match=r"time\.monotonic\(\) \+ 5"):
        CircuitBreaker("case").at(deadline=timedelta(seconds=5)).call(lambda: 1)
