"""The reference's names where a dict goes, and what is told to who writes them wrong."""

from __future__ import annotations

import asyncio
import json

import pytest

from fusewire import (
    AdaptiveBackoff,
    AdvancedCircuitBreaker,
    BackoffConfig,
    CircuitBreaker,
    ConfigError,
    Constant,
    ContextRetryManager,
    FallbackChain,
    FeatureConfig,
    PartialRecoveryManager,
    PartialRecoveryPattern,
    RateLimitConfig,
)


def failing(*_args):
    raise OSError("away")


def document(breaker):
    return json.loads(breaker.document())


def test_what_makes_a_table_may_stand_in_its_place():
    breaker = CircuitBreaker(
        "case",
        retry={"backoff": BackoffConfig("fixed", base=0.01)},
        features={"pay": FeatureConfig(priority=100), "tips": {"requires": ["pay"]}},
        rate_limit=RateLimitConfig(rate=7),
    )
    found = document(breaker)
    assert (found["retry"]["backoff"]["kind"], found["features"]["pay"]["priority"], found["rate_limit"]["rate"]) == (
        "fixed",
        100,
        7.0,
    )
    breaker.policy(retry={"backoff": BackoffConfig("linear")})
    assert document(breaker)["retry"]["backoff"]["kind"] == "linear"
    breaker.reconfigure(features={"pay": FeatureConfig(priority=5)})
    assert document(breaker)["features"]["pay"]["priority"] == 5
    assert document(AdvancedCircuitBreaker("case", retry={"backoff": BackoffConfig("linear")}))["retry"] is not None
    with pytest.raises(ConfigError, match=r"retry\.backoff\.base"):
        ContextRetryManager(backoff=BackoffConfig(base=0))


def test_the_manual_idiom_says_of_which_feature_a_call_is():
    breaker = AdvancedCircuitBreaker(
        "shop", recovery_pattern=PartialRecoveryPattern(features={"tips": {"min_calls": 1}, "pay": FeatureConfig()})
    )

    async def main():
        assert await breaker.should_allow_request(feature="tips")
        await breaker.record_failure(OSError())
        return await breaker.should_allow_request(feature="tips"), await breaker.should_allow_request(feature="pay")

    assert asyncio.run(main()) == (False, True)
    plain = CircuitBreaker("shop", priority={"min": "high"}, features={"pay": {}})
    assert (plain.can_execute("low"), plain.can_execute("high", cost=1, feature="pay")) == (False, True)


def test_a_chain_by_itself_goes_past_the_rung_of_kept_values():
    chain = FallbackChain(failing, "cache", Constant("none"))
    assert (chain.call(failing, 1), chain.result(failing).rung) == ("none", "constant")
    with pytest.raises(OSError, match="away"):
        FallbackChain("cache").call(failing)


def test_a_chain_may_be_made_of_a_list():
    assert FallbackChain([failing, len]) == FallbackChain(failing, len)
    # One that holds nothing to be called is an answer.
    assert FallbackChain([1, 2]).call(failing) == [1, 2]


def test_a_function_may_be_called_as_the_rung_of_kept_values_is():
    def cache(*_args):
        return "mine"

    for options in ({}, {"cache": {"mode": "read_through"}}):
        assert CircuitBreaker("case", fallback=[cache], **options).call(failing) == "mine"


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: AdaptiveBackoff({"kind": "fixed"}), ConfigError, "allowed is a fusewire.BackoffConfig"),
        (lambda: PartialRecoveryPattern(["a"]), ConfigError, "a dict by the names of features"),
        (lambda: PartialRecoveryPattern(features=["a"]), ConfigError, "a dict by the names of features"),
        (lambda: PartialRecoveryManager("x", {"a": 100}), ConfigError, r"features\.a: 100 is not allowed"),
        (lambda: FeatureConfig(requires="ab"), ConfigError, r"requires=\['ab'\]"),
        (lambda: ContextRetryManager(3), TypeError, r"ContextRetryManager\(max_attempts=3\)"),
        (lambda: PartialRecoveryManager("x", {"a": {}}).call(len, "a"), TypeError, "the name of a feature comes first"),
    ],
)
def test_what_is_written_wrong_is_told_with_what_to_write(make, error, text):
    with pytest.raises(error, match=text):
        make()
