"""Everything here is right: a checker finds nothing, and every revealed type is the one asserted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from datetime import timedelta
from typing import Any, Optional

from typing_extensions import assert_type

from fusewire import (
    CircuitBreaker,
    CircuitOpenError,
    CircuitState,
    ConfigError,
    Mode,
    Permit,
    Registry,
    Snapshot,
    Transition,
    circuit_breaker,
    registry,
)
from fusewire.testing import ManualClock

breaker = CircuitBreaker("payments", failure_threshold=3, recovery_timeout=timedelta(seconds=5), clock=ManualClock())
CircuitBreaker(
    "windows",
    window={"kind": "time", "period": 30, "failure_rate": 0.25},
    backoff={"kind": "exponential", "jitter": 0.2},
    ramp={},
    mode=Mode.SHADOW,
    ignore=(KeyError, lambda error: "x" in str(error)),
    failure=OSError,
    failure_result=lambda result: result is None,
    error_type=lambda error: type(error).__name__,
    fallback=lambda *args, **kwargs: None,
)
CircuitBreaker.from_document("x", '{"failure_threshold": 3}', ignore=KeyError)


@circuit_breaker("sync", failure_threshold=3, ignore=KeyError)
def sync(a: int, *, b: str = "x") -> list[str]:
    return [b] * a


@circuit_breaker(breaker)
async def slow(a: int) -> str:
    return str(a)


@circuit_breaker(breaker)
def stream(n: int) -> Iterator[int]:
    yield n


@circuit_breaker(breaker)
async def astream(n: int) -> AsyncIterator[int]:
    yield n


class Service:
    @circuit_breaker(breaker)
    def method(self, a: int) -> str:
        return str(a)

    @circuit_breaker(breaker)
    async def amethod(self, a: int) -> str:
        return str(a)

    @classmethod
    @circuit_breaker(breaker)
    def of_class(cls, a: int) -> Service:
        return cls()

    @staticmethod
    @circuit_breaker(breaker)
    def static(a: int) -> bytes:
        return bytes(a)


assert_type(sync(1, b="y"), list[str])
assert_type(Service().method(1), str)
assert_type(Service.of_class(1), Service)
assert_type(Service.static(1), bytes)
assert_type(breaker.call(divmod, 7, 2), tuple[int, int])
assert_type(breaker.call(sync.__call__, 1, b="z"), list[str])
handed_on: Callable[[int], Coroutine[Any, Any, str]] = slow


async def main() -> None:
    assert_type(await slow(1), str)
    assert_type(await Service().amethod(1), str)
    assert_type(await breaker.call_async(slow, 1), str)
    assert_type([n for n in stream(3)], list[int])
    assert_type([n async for n in astream(3)], list[int])
    async with breaker as permit:
        assert_type(permit, Permit)
    task = asyncio.create_task(slow(1))
    assert_type(await task, str)


with breaker as entered:
    assert_type(entered, Permit)
with breaker.acquire() as acquired:
    acquired.success(duration=0.5)
assert_type(breaker.try_acquire(), Optional[Permit])
assert_type(breaker.state, CircuitState)
assert_type(breaker.snapshot(), Snapshot)
assert_type(breaker.snapshot().totals.success, int)
assert_type(breaker.snapshot().retry_after, Optional[float])
assert_type(breaker.reconfigure(failure_threshold=4, actor="me"), bool)
breaker.trip(5, actor="me", reason="a test")
breaker.set_mode("shadow")


@breaker.add_listener
def heard(transition: Transition) -> None:
    assert_type(transition.to_state, CircuitState)


try:
    breaker.acquire().failure(OSError())
except CircuitOpenError as error:
    assert_type(error.name, str)
    assert_type(error.retry_after, Optional[float])
except ConfigError as error:
    assert_type(error.key, str)

home = Registry(duration_bounds=[0.1, timedelta(seconds=1)])
assert_type(home.get_or_create("a", failure_threshold=3), CircuitBreaker)
assert_type(home.get("a"), Optional[CircuitBreaker])
assert_type(registry["a"], CircuitBreaker)
assert_type([b for b in home], list[CircuitBreaker])
