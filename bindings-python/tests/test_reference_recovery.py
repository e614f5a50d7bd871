"""The reference's names for recovery."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from fusewire import (
    AdaptiveBackoff,
    AdaptiveTimeout,
    AdvancedCircuitBreaker,
    BackoffConfig,
    BackoffStrategy,
    CallTimeoutError,
    CircuitBreaker,
    CircuitOpenError,
    ConfigError,
    ContextRetryManager,
    ExponentialBackoffPattern,
    FallbackChain,
    FeatureConfig,
    PartialRecoveryManager,
    PartialRecoveryPattern,
    schema,
)


def failing(times, error=TimeoutError):
    def function(*args):
        function.calls += 1
        if function.calls <= times:
            raise error(f"no {function.calls}")
        return function.calls

    function.calls = 0
    return function


@pytest.fixture
def waits(monkeypatch, clock):
    waited = []

    def sleep(seconds):
        waited.append(round(seconds, 9))
        clock.advance(seconds)

    monkeypatch.setattr(time, "sleep", sleep)
    return waited


def test_the_strategies_are_those_of_the_core():
    kinds = json.loads(schema())["properties"]["retry"]["properties"]["backoff"]["properties"]["kind"]["enum"]
    assert [strategy.value for strategy in BackoffStrategy] == kinds
    assert BackoffStrategy.FIXED == f"{BackoffStrategy.FIXED}" == "fixed"


def test_the_references_example_makes_features():
    recovery = PartialRecoveryPattern(feature_priorities={"critical_feature": 100, "optional_feature": 50})
    breaker = AdvancedCircuitBreaker("shop", recovery_pattern=recovery)
    features = json.loads(breaker.document())["features"]
    assert {name: of["priority"] for name, of in features.items()} == {"critical_feature": 100, "optional_feature": 50}


def test_patterns_and_configs_are_the_documents_tables():
    breaker = AdvancedCircuitBreaker(
        "shop",
        call_timeout="1s",
        retry={"max_attempts": 4},
        backoff_config=BackoffConfig(BackoffStrategy.LINEAR, base=0.2),
        recovery_pattern=[ExponentialBackoffPattern(7, max=70, jitter=0.1), FallbackChain(len, "cache")],
        cache={"mode": "read_through"},
    )
    document = json.loads(breaker.document())
    assert (document["timeout"], document["recovery_timeout"], document["fallback"]) == ("1s", "7s", ["len", "cache"])
    assert (document["retry"]["max_attempts"], document["retry"]["backoff"]["kind"]) == (4, "linear")
    assert (document["backoff"]["kind"], document["backoff"]["max"]) == ("exponential", "70s")


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"recovery_pattern": 5}, "recovery_pattern"),
        ({"backoff_config": {"base": 1}}, "backoff_config"),
        ({"backoff_config": BackoffConfig(), "retry": {"backoff": {}}}, "backoff_config"),
        ({"recovery_pattern": FallbackChain(1), "fallback": [2]}, "recovery_pattern"),
        ({"backoff_config": BackoffConfig(base=0)}, "retry.backoff.base"),
        ({"call_timeout": 0}, "call_timeout"),
    ],
)
def test_what_is_wrong_is_told(options, key):
    with pytest.raises(ConfigError) as raised:
        AdvancedCircuitBreaker("shop", **options)
    assert raised.value.key == key


def test_a_chain_calls_by_itself():
    def rung(*args):
        raise LookupError

    chain = FallbackChain(rung, 7)
    assert (chain.call(failing(9), 1), repr(chain).endswith(", 7)")) == (7, True)
    result = chain.result(failing(9))
    assert (result.value, result.degraded, result.rung, [name for name, _ in result.errors]) == (
        7,
        True,
        "constant",
        ["rung"],
    )
    assert chain.result(failing(0)).degraded is False

    async def bad():
        raise KeyError

    assert asyncio.run(chain.call_async(bad)) == 7
    assert asyncio.run(chain.result_async(bad)).degraded


def test_a_manager_of_features_turns_one_off_and_leaves_the_rest(clock):
    manager = PartialRecoveryManager(
        "shop",
        {"pay": FeatureConfig(priority=100), "tips": FeatureConfig(min_calls=1)},
        failure_threshold=99,
        clock=clock,
    )
    assert manager.call("pay", failing(0)) == 1
    with pytest.raises(TimeoutError):
        manager.call("tips", failing(9))
    assert (manager.states(), manager.is_enabled("tips"), manager.health("pay")) == (
        {"pay": "enabled", "tips": "disabled"},
        False,
        1.0,
    )
    with pytest.raises(CircuitOpenError):
        manager.acquire("tips")

    async def pay():
        return "paid"

    assert asyncio.run(manager.call_async("pay", pay)) == "paid"


def test_a_backoff_by_itself_grows_until_a_success():
    backoff = AdaptiveBackoff(BackoffConfig("exponential", base=0.1, max=1, jitter=0))
    assert [backoff.next_delay() for _ in range(5)] == [0.1, 0.2, 0.4, 0.8, 1.0]
    backoff.success()
    backoff.success()
    assert (backoff.next_delay(), backoff.scores) == (0.1, None)
    for _ in range(250):
        assert 0.1 <= backoff.next_delay() <= 1.0


def test_an_adaptive_backoff_learns():
    backoff = AdaptiveBackoff(BackoffConfig("adaptive", base=0.1, max=1, jitter=0), seed=1)
    assert backoff.scores == {"exponential": 1.0, "fibonacci": 1.0, "decorrelated_jitter": 1.0}
    backoff.next_delay()
    backoff.next_delay()
    assert backoff.scores["exponential"] == 0.8


def test_a_resource_sensitive_one_hears_of_the_utilisation():
    backoff = AdaptiveBackoff(BackoffConfig("resource_sensitive", base=0.1, jitter=0))
    backoff.set_utilisation(1.0)
    assert backoff.next_delay() == 0.2


def test_a_timeout_by_itself_learns_from_durations():
    timeout = AdaptiveTimeout("percentile", percentile=0.5, factor=2, min="1ms", initial=3)
    assert timeout.timeout == 3.0
    for _ in range(10):
        timeout.record(0.25)
    assert timeout.timeout == 0.5
    for _ in range(20):
        timeout.record_timeout()
    assert timeout.timeout == 1.0


def test_a_timeout_by_itself_cuts_off():
    timeout = AdaptiveTimeout(initial="10ms", min="1ms")
    with pytest.raises(CallTimeoutError):
        asyncio.run(timeout.run(asyncio.sleep, 60))
    assert asyncio.run(timeout.run(asyncio.sleep, 0, "answer")) == "answer"


def test_a_block_is_retried(waits, clock):
    breaker = CircuitBreaker(
        "case",
        retry={"backoff": {"base": 0.1, "jitter": 0}, "budget": False},
        timeout=2,
        failure_threshold=99,
        clock=clock,
    )
    function, seen = failing(2), []
    for attempt in ContextRetryManager(breaker):
        with attempt:
            seen.append((attempt.number, attempt.timeout))
            answer = function()
    assert (answer, seen, waits) == (3, [(1, 2.0), (2, 2.0), (3, 2.0)], [0.1, 0.2])
    with pytest.raises(TimeoutError, match="no 3"):
        function = failing(9)
        for attempt in ContextRetryManager(breaker):
            with attempt:
                function()
    with pytest.raises(KeyError):
        for attempt in ContextRetryManager(breaker):
            with attempt:
                raise KeyError
    breaker.trip()
    with pytest.raises(CircuitOpenError):
        for attempt in ContextRetryManager(breaker):
            with attempt:
                pass


def test_a_block_is_retried_in_a_loop():
    async def main():
        function = failing(2)
        async for attempt in ContextRetryManager(backoff={"base": "1ms"}):
            with attempt:
                await asyncio.sleep(0)
                answer = function()
        return answer

    assert asyncio.run(main()) == 3


def test_an_attempt_that_is_not_made_is_told():
    with pytest.raises(RuntimeError, match="with attempt"):
        for _ in ContextRetryManager():
            pass
    with pytest.raises(TypeError, match="retry is the breaker's"):
        ContextRetryManager(CircuitBreaker("x"), max_attempts=5)


def test_a_break_out_of_the_loop_keeps_the_permit_of_nobody(totals):
    breaker = CircuitBreaker("case", bulkhead={"max_concurrent": 1}, retry={})
    for attempt in ContextRetryManager(breaker):
        with attempt:
            break
    assert (breaker.snapshot().bulkhead.in_flight, totals(breaker)) == (0, {"success": 1})
