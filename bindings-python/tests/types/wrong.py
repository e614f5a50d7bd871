"""Every line that ends in `# wrong` must be refused by a checker, and no other."""

from __future__ import annotations

from fusewire import CircuitBreaker, CircuitOpenError, Registry, circuit_breaker

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


@circuit_breaker(breaker)
def sync(a: int) -> str:
    return str(a)


@circuit_breaker(breaker)
async def slow(a: int) -> str:
    return str(a)


sync("1")  # wrong
sync()  # wrong
sync(1).nothing()  # wrong
slow("1")  # wrong
circuit_breaker(5)  # wrong
circuit_breaker("x", failure_treshold=3)  # wrong
breaker.call(sync, "1")  # wrong
breaker.call(sync)  # wrong
breaker.call_async(sync, 1)  # wrong
breaker.trip([])  # wrong
breaker.reconfigure(failure_treshold=3)  # wrong
breaker.state = "open"  # wrong
breaker.snapshot().total  # wrong
breaker.acquire().failure(5)  # wrong
breaker.add_listener(5)  # wrong
Registry().get_or_create("x", failure_treshold=3)  # wrong


async def main() -> None:
    number: int = await slow(1)  # wrong
    await sync(1)  # wrong
    async with breaker as permit:
        permit.nothing()  # wrong


try:
    sync(1)
except CircuitOpenError as error:
    error.retry_after + 1  # wrong
