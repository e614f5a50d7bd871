"""Breakers that fall back on each other: told where they are made, and else ended where a call would come back."""

from __future__ import annotations

import asyncio

import pytest
import trio

from fusewire import CircuitBreaker, ConfigError, attached, circuit_breaker, registry


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    for name in ("one", "two"):
        registry.remove(name)


def made(asks):
    """Two breakers of the registry that fall back on each other, and the functions that were called through them."""
    called = []

    rungs = {"breaker:two": asks("b", called)}
    one = registry.get_or_create("one", failure_threshold=100, fallback=["breaker:two"], rungs=rungs)
    two = registry.get_or_create("two", failure_threshold=100, rungs={"breaker:one": asks("a", called)})
    # By hand, where nobody sees both.
    registry.remove("two")
    two.reconfigure(failure_threshold=100, fallback=["breaker:one"])
    registry._breakers["two"] = two
    return one, two, called


def fails(name, called):
    def function():
        called.append(name)
        raise KeyError(name)

    return function


def fails_async(name, called):
    async def function():
        called.append(name)
        await asyncio.sleep(0)
        raise KeyError(name)

    return function


def is_told(error, called, one, two, totals):
    assert error.args == ("first",)
    ((rung, within),) = attached(error).rungs
    assert (rung, within.args) == ("breaker:two", ("b",))
    ((rung, cycle),) = attached(within).rungs
    assert (rung, type(cycle), cycle.key) == ("breaker:one", ConfigError, "fallback")
    assert "one -> two -> one" in str(cycle)
    assert called == ["first", "b"]
    assert (totals(one), totals(two)) == ({"failure": 1}, {"failure": 1})


def test_a_call_that_would_come_back_ends_there(totals):
    one, two, called = made(fails)
    with pytest.raises(KeyError) as raised:
        one.call(fails("first", called))
    is_told(raised.value, called, one, two, totals)


def test_an_awaited_call_that_would_come_back_ends_there(totals):
    one, two, called = made(fails_async)
    with pytest.raises(KeyError) as raised:
        asyncio.run(one.call_async(fails_async("first", called)))
    is_told(raised.value, called, one, two, totals)


def test_functions_that_are_each_others_rungs_end_too(totals):
    called = []

    @circuit_breaker(CircuitBreaker("one", fallback=["breaker:two"], rungs={"breaker:two": lambda: two()}))
    def one():
        called.append("one")
        raise KeyError("one")

    @circuit_breaker(CircuitBreaker("two", fallback=["by hand"], rungs={"by hand": lambda: one()}))
    def two():
        called.append("two")
        raise KeyError("two")

    registry._breakers["two"] = two.breaker
    with pytest.raises(KeyError) as raised:
        one()
    assert raised.value.args == ("one",)
    # Two is called twice: as the rung, and by what that calls. Each time its own rung leads back.
    assert called == ["one", "two", "one", "one"]


@pytest.mark.parametrize("run", [lambda function: asyncio.run(function()), trio.run])
def test_calls_beside_each_other_are_no_cycle(run):
    one, two, _ = made(lambda name, called: lambda: name)

    async def broken():
        raise KeyError("broken")

    async def main():
        # Each alone may fall back on the other.
        assert await one.call_async(broken) == "b"
        assert await two.call_async(broken) == "a"

    run(main)


def test_a_registry_tells_of_a_cycle_before_there_is_one():
    registry.get_or_create("one", fallback=["breaker:two"], rungs={"breaker:two": print})
    two = registry.get_or_create("two")
    for change in (two.reconfigure, lambda **options: registry.reconfigure("two", **options)):
        with pytest.raises(ConfigError, match="two -> one -> two"):
            change(fallback=["breaker:one"])
    with pytest.raises(ConfigError, match="two -> one -> two"):
        two.reconfigure_document({"fallback": ["breaker:one"]})
    registry.remove("one")
    assert two.reconfigure(fallback=["breaker:one"])
