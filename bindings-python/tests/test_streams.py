"""Generators and async generators: one call each, from the first step to the end."""

from __future__ import annotations

import asyncio
import gc
import inspect

import pytest

from fusewire import CircuitOpenError, circuit_breaker


@pytest.fixture
def guarded(breaker):
    return circuit_breaker(breaker)


def count(n, error=None):
    for i in range(n):
        yield i
    if error is not None:
        raise error
    return "end"


async def acount(n, error=None):
    for i in range(n):
        await asyncio.sleep(0)
        yield i
    if error is not None:
        raise error


async def collect(stream):
    return [value async for value in stream]


def test_a_generator_is_one_call(guarded, breaker, totals):
    stream = guarded(count)(3)
    assert totals(breaker) == {}
    assert next(stream) == 0
    assert totals(breaker) == {}
    assert list(stream) == [1, 2]
    assert totals(breaker) == {"success": 1}


def test_a_generator_keeps_its_result_and_what_is_sent(guarded, breaker, totals):
    @guarded
    def echo():
        got = []
        while len(got) < 2:
            try:
                got.append((yield len(got)))
            except KeyError as error:
                got.append(error.args[0])
        return got

    stream = echo()
    assert next(stream) == 0
    assert stream.send("a") == 1
    with pytest.raises(StopIteration) as stopped:
        stream.throw(KeyError("b"))
    assert stopped.value.value == ["a", "b"]
    assert totals(breaker) == {"success": 1}


def test_an_error_in_a_generator_is_a_failure(guarded, breaker, totals):
    error = OSError()
    with pytest.raises(OSError) as raised:
        list(guarded(count)(2, error))
    assert raised.value is error
    assert totals(breaker) == {"failure": 1}


@pytest.mark.parametrize("end", ["close", "drop"])
def test_a_generator_that_is_left_is_a_dropped_permit(guarded, breaker, totals, end):
    stream = guarded(count)(3)
    next(stream)
    if end == "close":
        stream.close()
    del stream
    gc.collect()
    assert totals(breaker) == {"ignored": 1}


def test_a_generator_is_turned_away_at_its_first_step(guarded, breaker):
    stream = guarded(count)(3)
    breaker.trip()
    with pytest.raises(CircuitOpenError):
        next(stream)


def test_a_fallback_stands_in_for_a_generator(breaker):
    breaker.trip()
    assert list(circuit_breaker(breaker, fallback=lambda n: iter("ab"))(count)(3)) == ["a", "b"]


def test_rules_hold_for_generators(breaker, totals):
    with pytest.raises(OSError):
        list(circuit_breaker(breaker, ignore=OSError)(count)(1, OSError()))
    assert totals(breaker) == {"ignored": 1}


def test_an_async_generator_is_one_call(guarded, breaker, totals):
    assert asyncio.run(collect(guarded(acount)(3))) == [0, 1, 2]
    assert totals(breaker) == {"success": 1}


def test_an_error_in_an_async_generator_is_a_failure(guarded, breaker, totals):
    error = OSError()
    with pytest.raises(OSError) as raised:
        asyncio.run(collect(guarded(acount)(2, error)))
    assert raised.value is error
    assert totals(breaker) == {"failure": 1}


def test_an_async_generator_takes_what_is_sent_and_thrown(guarded, breaker, totals):
    @guarded
    async def echo():
        got = []
        while len(got) < 3:
            try:
                got.append((yield list(got)))
            except KeyError as error:
                got.append(error.args[0])

    async def main():
        stream = echo()
        assert await stream.__anext__() == []
        assert await stream.asend("a") == ["a"]
        assert await stream.athrow(KeyError("b")) == ["a", "b"]
        with pytest.raises(StopAsyncIteration):
            await stream.asend("c")

    asyncio.run(main())
    assert totals(breaker) == {"success": 1}


def test_an_async_generator_that_is_left_is_a_dropped_permit(guarded, breaker, totals):
    left = []

    @guarded
    async def stream():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            left.append(True)

    async def main():
        async for _ in stream():
            break
        running = stream()
        await running.__anext__()
        await running.aclose()
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(main())
    assert left == [True, True]
    assert totals(breaker) == {"ignored": 2}


def test_an_async_generator_is_turned_away_at_its_first_step(guarded, breaker):
    async def main():
        stream = guarded(acount)(3)
        breaker.trip()
        with pytest.raises(CircuitOpenError):
            await stream.__anext__()
        assert await collect(circuit_breaker(breaker, fallback=acount)(acount)(2)) == [0, 1]

    asyncio.run(main())


def test_they_stay_what_they_are(guarded):
    assert inspect.isgeneratorfunction(guarded(count)) and not inspect.iscoroutinefunction(guarded(count))
    assert inspect.isasyncgenfunction(guarded(acount)) and not inspect.iscoroutinefunction(guarded(acount))
    assert guarded(count).__name__ == "count" and guarded(count).__wrapped__ is count
