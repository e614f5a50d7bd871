"""Every line that ends in `# wrong` must be refused by a checker, and no other."""

# ruff: noqa: B018, F841
from __future__ import annotations

from fusewire import (
    AdvancedCircuitBreaker,
    CircuitBreaker,
    CircuitBreakerManager,
    CircuitOpenError,
    Registry,
    Transition,
    circuit_breaker,
)

breaker = CircuitBreaker("x")
CircuitBreaker(5)  # wrong
CircuitBreaker("x", failure_treshold=3)  # wrong
CircuitBreaker("x", failure_threshold="5")  # wrong
CircuitBreaker("x", recovery_timeout=[])  # wrong
CircuitBreaker("x", window={"kind": "tme"})  # wrong
CircuitBreaker("x", window={"kind": "time", "periods": 5})  # wrong
CircuitBreaker("x", ignore=5)  # wrong
CircuitBreaker("x", ignore=int)  # wrong
CircuitBreaker("x", fallback=5)  # wrong
CircuitBreaker("x", mode="on")  # wrong
CircuitBreaker("x", window={"size": 5})  # wrong
CircuitBreaker("x", backoff={"kind": "cubic"})  # wrong
CircuitBreaker("x", ramp=True)  # wrong
CircuitBreaker("x", error_type=5)  # wrong
CircuitBreaker("x", clock=5)  # wrong
CircuitBreaker.from_document("x", 5)  # wrong
CircuitBreaker.from_document("x", {}, failure_threshold=3)  # wrong


@circuit_breaker(breaker)
def sync(a: int) -> str:
    return str(a)


@circuit_breaker(breaker)
async def slow(a: int) -> str:
    return str(a)


class Service:
    @circuit_breaker()
    def method(self, a: int) -> str:
        return str(a)

    @circuit_breaker()
    @staticmethod
    def static(a: int) -> str:
        return str(a)

    @circuit_breaker()  # wrong
    @property
    def size(self) -> int:
        return 1


Service().method("1")  # wrong
Service.static("1")  # wrong
sync("1")  # wrong
sync()  # wrong
sync(1).nothing()  # wrong
_ = slow("1")  # wrong
circuit_breaker(5)  # wrong
circuit_breaker(sync)  # wrong
circuit_breaker("x")(5)  # wrong
circuit_breaker("x", registry="home")  # wrong
circuit_breaker("x", fallback=None, failure_result="bad")  # wrong
circuit_breaker("x", failure_treshold=3)  # wrong
breaker.call(sync, "1")  # wrong
breaker.call(sync)  # wrong
_ = breaker.call_async(sync, 1)  # wrong
breaker.trip([])  # wrong
breaker.reconfigure(failure_treshold=3)  # wrong
breaker.state = "open"  # wrong
breaker.snapshot().total  # wrong
breaker.acquire().failure(5)  # wrong
breaker.acquire().success(5)  # wrong
breaker.add_listener(5)  # wrong
breaker.set_mode("on")  # wrong
breaker.reconfigure(ignore=KeyError)  # wrong
breaker.record_failure(5)  # wrong
CircuitOpenError("x", "half_open", None)  # wrong
Registry().get_or_create("x", failure_treshold=3)  # wrong

AdvancedCircuitBreaker()  # wrong
AdvancedCircuitBreaker("x", strategy_type="dependency")  # wrong
AdvancedCircuitBreaker("x", recovery_timeout=5)  # wrong
CircuitBreakerManager(call_timeout=5)  # wrong
CircuitBreakerManager().get_breaker("x", call_timeout=5)  # wrong
CircuitBreakerManager(breaker_class=int)  # wrong
CircuitBreakerManager(breaker_class=AdvancedCircuitBreaker).get_breaker("x", strategy_type="none")  # wrong
CircuitBreakerManager().update_config("x", call_timeout=5)  # wrong
CircuitBreakerManager().update_config("x", ignore=KeyError)  # wrong

breaker.acquire(priority="urgent")  # wrong
breaker.acquire(cost="2")  # wrong
breaker.at("high").call(sync, "1")  # wrong
breaker.set_slots(reserved={"urgent": 2})  # wrong
breaker.add_policy_listener(5)  # wrong
circuit_breaker("x", priority={"minimum": "low"})  # wrong
CircuitBreaker(rate_limit={"algorithm": "no_bucket"})  # wrong


def heard(transition: Transition) -> None:
    transition.state  # wrong


async def never_awaited(transition: Transition) -> None: ...


breaker.add_listener(heard)
breaker.add_listener(never_awaited)  # wrong


async def main() -> None:
    AdvancedCircuitBreaker("x").record_success() + 1  # wrong
    number: int = await slow(1)  # wrong
    await sync(1)  # wrong
    async with breaker as permit:
        permit.nothing()  # wrong


try:
    sync(1)
except CircuitOpenError as error:
    error.retry_after + 1  # wrong

CircuitBreaker(retry={"max_attempt": 3})  # wrong
CircuitBreaker(retry={"on": ["timeouts"]})  # wrong
CircuitBreaker(features={"a": {"prio": 3}})  # wrong
circuit_breaker("x", idempotent="yes")  # wrong
breaker.attempts(methods="GET")  # wrong
