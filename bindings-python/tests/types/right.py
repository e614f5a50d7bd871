"""Everything here is right: a checker finds nothing, and every revealed type is the one asserted."""

# ruff: noqa: UP007
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from datetime import timedelta
from functools import partial
from typing import Any, Optional, TypeVar, Union, overload

from typing_extensions import assert_type

from fusewire import (
    AdvancedCircuitBreaker,
    CircuitBreaker,
    CircuitBreakerManager,
    CircuitOpenError,
    CircuitState,
    ConfigError,
    Mode,
    Permit,
    PolicyEvent,
    Priority,
    PriorityConfig,
    RateLimitAlgorithm,
    RateLimitConfig,
    RateLimitedError,
    Registry,
    RequestError,
    RequestPriority,
    Snapshot,
    Transition,
    circuit_breaker,
    registry,
)
from fusewire.testing import ManualClock, forced_open

T = TypeVar("T")

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
CircuitBreaker("absent", failure_threshold=None, window=None, ignore=[KeyError, OSError])
CircuitBreaker.from_document("x", '{"failure_threshold": 3}', ignore=KeyError)
CircuitBreaker.from_document("x", {"failure_threshold": 3})


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


@circuit_breaker()
def generic(of: T) -> list[T]:
    return [of]


@overload
def either(a: int) -> int: ...
@overload
def either(a: str) -> str: ...
@circuit_breaker()
def either(a: Union[int, str]) -> Union[int, str]:
    return a


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

    @circuit_breaker(breaker)
    @classmethod
    def outside_of_class(cls, a: int) -> Service:
        return cls()

    @circuit_breaker(breaker)
    @staticmethod
    def outside_static(a: int) -> bytes:
        return bytes(a)

    @property
    @circuit_breaker(breaker)
    def size(self) -> int:
        return 1


assert_type(sync(1, b="y"), list[str])
assert_type(Service().method(1), str)
assert_type(Service.of_class(1), Service)
assert_type(Service.static(1), bytes)
assert_type(Service.outside_of_class(1), Service)
assert_type(Service.outside_static(1), bytes)
assert_type(Service().size, int)
assert_type(generic("a"), list[str])
assert_type(either(1), int)
assert_type(either("a"), str)
assert_type(circuit_breaker("partial")(partial(sync, 1))(b="x"), list[str])
assert_type(breaker.call(sync, 1, b="z"), list[str])
assert_type(breaker.call(len, "z"), int)
handed_on: Callable[[int], Coroutine[Any, Any, str]] = slow


async def main() -> None:
    assert_type(await slow(1), str)
    assert_type(await Service().amethod(1), str)
    assert_type(await breaker.call_async(slow, 1), str)
    assert_type(list(stream(3)), list[int])
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
assert_type(breaker.can_execute(), bool)
breaker.record_failure(OSError)
assert_type(breaker.reconfigure(failure_threshold=4, actor="me"), bool)
breaker.trip(5, actor="me", reason="a test")
breaker.set_mode("shadow")
breaker.set_mode(Mode.AUTO)
with forced_open(breaker) as forced:
    assert_type(forced, CircuitBreaker)
with forced_open(sync):
    pass

# States and modes are the enums, and may be compared with their names.
assert_type(breaker.state, CircuitState)
assert_type(breaker.mode, Mode)
is_open: bool = breaker.state == "open"
is_half_open: bool = breaker.state is CircuitState.HALF_OPEN
is_shadow: bool = breaker.mode == "shadow"

snapshot = breaker.snapshot()
assert_type(snapshot, Snapshot)
assert_type(snapshot.state, CircuitState)
assert_type(snapshot.totals.success, int)
assert_type(snapshot.totals.rejected.half_open_full, int)
assert_type(snapshot.retry_after, Optional[float])
assert_type(snapshot.durations.by_outcome.success.counts, list[int])
if snapshot.window is not None:
    assert_type(snapshot.window.failure_rate, Optional[float])
if snapshot.last is not None:
    assert_type(snapshot.last.to_state, CircuitState)


@breaker.add_listener
def heard(transition: Transition) -> None:
    assert_type(transition.to_state, CircuitState)
    assert_type(transition.actor, Optional[str])


seen: list[Transition] = []
breaker.add_listener(seen.append)
breaker.remove_listener(heard)
with breaker.events() as events:
    assert_type(events.drain(), list[Transition])
    assert_type(next(events), Transition)

try:
    breaker.acquire().failure(OSError())
except CircuitOpenError as error:
    assert_type(error.name, str)
    assert_type(error.retry_after, Optional[float])
except ConfigError as error:
    assert_type(error.key, str)
CircuitOpenError("payments", "open", 1.5)

home = Registry(duration_bounds=[0.1, timedelta(seconds=1)])
assert_type(home.get_or_create("a", failure_threshold=3), CircuitBreaker)
assert_type(home.get("a"), Optional[CircuitBreaker])
assert_type(registry["a"], CircuitBreaker)
assert_type(list(home), list[CircuitBreaker])

advanced = AdvancedCircuitBreaker(
    service_id="x",
    strategy_type="adaptive",
    failure_threshold=5,
    success_threshold=3,
    timeout=30.0,
    half_open_timeout=5.0,
    window={"failure_rate": 0.3},
    ignore=KeyError,
)
advanced.reconfigure(timeout=5, strategy_type="gradual", ramp={"step": 0.2})


@circuit_breaker(advanced)
async def by_strategy() -> int:
    return 1


async def reference() -> None:
    if await advanced.should_allow_request():
        await advanced.record_success()
        await advanced.record_failure(OSError())
    assert_type(await advanced.get_metrics(), dict[str, Any])
    assert_type(await by_strategy(), int)
    async for transition in advanced.events():
        assert_type(transition, Transition)


manager = CircuitBreakerManager(failure_threshold=3)
assert_type(manager.get_breaker("a", recovery_timeout=10), CircuitBreaker)
manager.update_config("a", failure_threshold=8, actor="me")
managed = CircuitBreakerManager(registry, breaker_class=AdvancedCircuitBreaker, timeout=5)
assert_type(managed.get_breaker("b", strategy_type="gradual"), AdvancedCircuitBreaker)
managed.update_config("b", timeout=8)
whose: CircuitBreakerManager[AdvancedCircuitBreaker] = managed


# ---- priorities, slots, rates ----

gated = CircuitBreaker(
    "gated",
    rate_limit={"algorithm": "token_bucket", "rate": 10, "burst": 5, "reserve": {"high": 1}},
    priority={"min": "low", "open_bypass": "critical"},
    bulkhead={"max_concurrent": 5, "reserved": {"high": 1}, "max_queue": 10, "queue_timeout": {"low": "1s"}},
)
CircuitBreaker("limit", concurrency_limit={"kind": "gradient", "initial": 20, "queue_timeout": 1})


@circuit_breaker(gated, priority="high", cost=2)
def constant(a: int) -> str:
    return str(a)


def level_of(a: int) -> Priority:
    return Priority.LOW if a > 100 else Priority.HIGH


@circuit_breaker(gated, priority=level_of, cost=lambda *_: 3)
async def by_arguments(a: int) -> str:
    return str(a)


circuit_breaker("named", priority={"min": "low"})
assert_type(constant(1), str)
assert_type(gated.at("high", cost=2).call(constant, 1), str)
assert_type(gated.try_acquire(priority=50), Optional[Permit])
assert_type(gated.set_slots(8, reserved={Priority.HIGH: 2, "low": 1}, actor="me"), bool)
assert_type(gated.set_min_priority("low"), bool)
assert_type(gated.close(reason="over"), bool)
with gated.acquire(priority=Priority.HIGH, cost=2, deadline=3.5) as taken:
    assert_type(taken, Permit)
    assert_type(taken.wait, float)
    taken.raise_priority(100)


async def waits() -> None:
    assert_type(await gated.acquire(priority="high"), Permit)
    async with gated.acquire() as given:
        assert_type(given, Permit)
    assert_type(await gated.at("low").call_async(by_arguments, 1), str)
    async for event in gated.policy_events():
        assert_type(event, PolicyEvent)
        assert_type(event.sequence, int)


def on_change(event: PolicyEvent) -> None: ...


gated.add_policy_listener(on_change)
by_names = AdvancedCircuitBreaker(
    "x",
    rate_limit_config=RateLimitConfig(RateLimitAlgorithm.LEAKY_BUCKET, rate=5),
    priority_config=PriorityConfig(min_priority=RequestPriority.LOW, max_concurrent=5),
)
try:
    gated.call(constant, 1)
except RateLimitedError as error:
    assert_type(error.retry_after, Optional[float])
except RequestError as error:
    assert_type(error.field, str)
