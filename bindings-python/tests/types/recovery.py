"""What is right of calls that recover: a checker finds nothing, and every revealed type is the one asserted."""

from __future__ import annotations

from typing import Optional, Union

from typing_extensions import assert_type

from fusewire import (
    AdaptiveBackoff,
    AdaptiveTimeout,
    AdvancedCircuitBreaker,
    Attached,
    BackoffConfig,
    BackoffStrategy,
    Call,
    CallTimeoutError,
    CircuitBreaker,
    CircuitOpenError,
    Constant,
    ContextRetryManager,
    Done,
    FallbackChain,
    FallbackResult,
    FeatureConfig,
    PartialRecoveryManager,
    PartialRecoveryPattern,
    Permit,
    Policy,
    Use,
    Wait,
    attached,
    circuit_breaker,
)

breaker = CircuitBreaker(
    "x",
    timeout={"kind": "percentile", "percentile": 0.9},
    retry={"max_attempts": 3, "backoff": {"kind": "fixed", "base": "10ms"}, "on": ["timeout"], "budget": False},
    fallback=[len, "cache", Constant("none"), 7],
    fall_back_on=(TimeoutError, OSError),
    rungs={"known": 5},
    cache={"mode": "read_through", "ttl": 5},
    hedge={"after": "p95"},
    features={"search": {"priority": 100}, "tips": {"requires": ["search"]}},
)


@circuit_breaker("y", timeout="1s", retry={}, method="GET", idempotent=True, key=lambda *_: "x", feature=None)
def find(text: str) -> list[str]:
    return [text]


assert_type(find("a"), list[str])


@circuit_breaker(breaker, feature=lambda *_: "search", rungs={"known": 1})
async def later(text: str) -> int:
    return len(text)


policy = breaker.policy(retry={"max_attempts": 2}, fallback=[find], key=str)
assert_type(policy, Policy)
assert_type(policy.call(find, "a"), list[str])
assert_type(policy.result(find, "a"), FallbackResult)
assert_type(policy(find)("a"), list[str])


async def waits() -> None:
    assert_type(await later("a"), int)
    assert_type(await policy.call_async(later, "a"), int)
    assert_type((await policy.result_async(later, "a")).degraded, bool)
    async for attempt in ContextRetryManager(breaker):
        with attempt:
            assert_type(attempt.number, int)


with breaker.attempts(method="GET", key="a") as attempts:
    step = attempts.next()
    assert_type(step, Union[Call, Wait, Use, Done])
    if isinstance(step, Call):
        assert_type(step.timeout, Optional[float])
        attempts.failure("timeout", status=503, retry_after=1.5)
    elif isinstance(step, Done):
        assert_type(step.attempts, int)
assert_type(breaker.acquire(feature="search", method="GET", idempotent=True, key="x"), Permit)
assert_type(breaker.acquire().timeout, Optional[float])
breaker.at("high", feature="search").call(find, "a")
breaker.set_utilisation(0.5)
try:
    find("a")
except CallTimeoutError as error:
    assert_type(error.limit, float)
    told = attached(error)
    assert_type(told, Optional[Attached])
    if told is not None:
        assert_type(told.rejection, Optional[CircuitOpenError])

AdvancedCircuitBreaker(
    "z",
    call_timeout="1s",
    backoff_config=BackoffConfig(BackoffStrategy.ADAPTIVE, base=0.1),
    recovery_pattern=[PartialRecoveryPattern(feature_priorities={"a": 1}), FallbackChain(find, None)],
)
manager = PartialRecoveryManager("shop", {"pay": FeatureConfig(priority=100)})
assert_type(manager.call("pay", find, "a"), list[str])
assert_type(AdaptiveBackoff().next_delay(), float)
assert_type(AdaptiveTimeout("hybrid").timeout, float)
assert_type(FallbackChain(find).call(find, "a"), list[str])
