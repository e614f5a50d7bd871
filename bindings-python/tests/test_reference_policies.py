"""The reference's names for rate limits and priorities."""

from __future__ import annotations

import asyncio
import json

import pytest

import fusewire
import fusewire.testing
from fusewire import AdvancedCircuitBreaker, ConfigError


def advanced(**options):
    return AdvancedCircuitBreaker("case", **options)


def document(breaker):
    return json.loads(breaker.document())


def test_the_configs_are_the_cores_tables():
    breaker = AdvancedCircuitBreaker(
        "case",
        rate_limit_config=fusewire.RateLimitConfig(fusewire.RateLimitAlgorithm.LEAKY_BUCKET, rate=5, max_wait="2s"),
        priority_config=fusewire.PriorityConfig(
            min_priority=fusewire.RequestPriority.LOW,
            half_open_min_priority="high",
            bypass_priority=100,
            max_concurrent=5,
            reserved={fusewire.RequestPriority.HIGH: 2},
            max_queue=7,
            queue_timeout={"low": "1s"},
        ),
    )
    told = document(breaker)
    assert (told["rate_limit"]["algorithm"], told["rate_limit"]["rate"]) == ("leaky_bucket", 5)
    assert told["priority"] == {"min": "low", "half_open_min": "high", "open_bypass": "critical"}
    assert (told["bulkhead"]["max_concurrent"], told["bulkhead"]["reserved"]["high"]) == (5, 2)
    assert told["bulkhead"]["max_queue"] == 7


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"rate_limit_config": fusewire.RateLimitConfig(rate=0)}, "rate_limit_config.rate"),
        ({"priority_config": fusewire.PriorityConfig(max_concurrent=0)}, "priority_config.max_concurrent"),
        ({"priority_config": fusewire.PriorityConfig(min_priority="urgent")}, "priority_config.min_priority"),
        ({"priority_config": {"min": "low"}}, "priority_config"),
        ({"rate_limit_config": fusewire.RateLimitConfig(), "rate_limit": {}}, "rate_limit_config"),
    ],
)
def test_a_wrong_config_is_told_by_its_argument(arguments, key):
    with pytest.raises(ConfigError) as wrong:
        advanced(**arguments)
    assert wrong.value.key == key


def test_a_config_is_taken_by_reconfigure_too():
    breaker = advanced()
    assert breaker.reconfigure(priority_config=fusewire.PriorityConfig(min_priority="high"))
    assert document(breaker)["priority"]["min"] == "high"


def test_the_algorithms_are_those_of_the_core():
    schema = json.loads(fusewire.schema())["properties"]["rate_limit"]["oneOf"]
    names = {one["properties"]["algorithm"]["const"] for one in schema}
    assert {algorithm.value for algorithm in fusewire.RateLimitAlgorithm} == names


def test_a_rate_limiting_strategy_admits_as_many_as_its_rate():
    clock = fusewire.testing.ManualClock()
    config = fusewire.RateLimitConfig("token_bucket", rate=2, burst=3)
    strategy = fusewire.RateLimitingStrategy("case", config, clock=clock)

    async def asked():
        return [await strategy.should_allow_request(cost=1) for _ in range(4)]

    assert asyncio.run(asked()) == [True, True, True, False]
    clock.advance(0.5)
    assert asyncio.run(asked()) == [True, False, False, False]
    assert strategy.rate == 2


def test_a_priority_manager_gives_slots_by_level():
    config = fusewire.PriorityConfig(min_priority="low", max_concurrent=2, reserved={"critical": 1})
    manager = fusewire.PriorityManager("case", config)
    normal = manager.acquire()
    with pytest.raises(fusewire.BulkheadFullError):
        manager.acquire("high")
    with manager.acquire(fusewire.RequestPriority.CRITICAL):
        pass
    assert manager.set_min_priority("high", actor="me")
    with pytest.raises(fusewire.ShedError):
        manager.acquire()
    assert manager.reserve({})
    normal.success()
    # Its machine turns nobody away.
    for _ in range(10):
        with pytest.raises(OSError), manager.acquire("high"):
            raise OSError
